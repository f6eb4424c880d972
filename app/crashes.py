"""The window's log, and whether the last window ended as it should. No Qt.

While a window is open, a note beside the log says where in the log it began; a process that is killed or crashes leaves
the note behind, and the next start finds it. The lock of the note is let go by the system with the process, so that a
second window that is open does not count as one that crashed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import psutil
from filelock import FileLock, Timeout

from engines import paths

_MOST: Final = 64_000
"""Characters of the log that are shown at most, the last ones."""
_LONGEST: Final = 4_000_000
"""Bytes after which the log begins anew; the last one is kept beside."""


@dataclass(frozen=True)
class Crash:
    """A window that did not end as it should.

    Attributes:
        began: when it was opened, seconds since the epoch.
        log: what it wrote; empty where it wrote nothing.
        file: the whole log.
    """

    began: float
    log: str
    file: Path


class CrashLog:
    """Writes what the window logs, and the stack of a crash, to a file beside the engines' log.

    Args:
        folder: of the log; the user's by default. Created when missing.

    Attributes:
        file: the log.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or paths.data() / "logs"
        self._folder.mkdir(parents=True, exist_ok=True)
        self.file = self._folder / "window.log"
        self._stream: TextIO | None = None
        self._handler: logging.Handler | None = None
        self._note = self._folder / f"window-{psutil.Process().pid}.open"
        self._lock = FileLock(_lock_of(self._note), timeout=0)

    def begin(self) -> Crash | None:
        """Begins to log; returns the last window that ended badly, if there is one."""
        crash = self._find()
        with contextlib.suppress(OSError):
            if crash is None and self.file.is_file() and self.file.stat().st_size > _LONGEST:
                self.file.replace(self.file.with_name("window.old.log"))
        self._stream = self.file.open("a", encoding="utf-8")
        self._handler = logging.StreamHandler(self._stream)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger("app").addHandler(self._handler)
        faulthandler.enable(self._stream)
        with contextlib.suppress(OSError, NotImplementedError):
            self._lock.acquire()
        with contextlib.suppress(OSError):
            said = {"began": time.time(), "at": self.file.stat().st_size}
            self._note.write_text(json.dumps(said), encoding="utf-8")
        return crash

    def end(self) -> None:
        """Tells the next start that all went well."""
        faulthandler.disable()
        if self._handler is not None:
            logging.getLogger("app").removeHandler(self._handler)
        if self._stream is not None:
            self._stream.close()
        _forget(self._note, self._lock)

    def _find(self) -> Crash | None:
        """The last window that left its note behind; all such notes are removed."""
        found = None
        for note in self._folder.glob("window-*.open"):
            lock = FileLock(_lock_of(note), timeout=0)
            try:
                lock.acquire()
            except (Timeout, OSError, NotImplementedError):
                continue
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
                said = json.loads(note.read_text(encoding="utf-8"))
                crash = Crash(float(said["began"]), self._since(int(said["at"])), self.file)
                if found is None or crash.began > found.began:
                    found = crash
            _forget(note, lock)
        return found

    def _since(self, at: int) -> str:
        with self.file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(min(at, size), size - _MOST))
            return stream.read().decode("utf-8", "replace").strip()


def _lock_of(note: Path) -> Path:
    return note.with_suffix(".lock")


def _forget(note: Path, lock: FileLock) -> None:
    with contextlib.suppress(OSError):
        note.unlink(missing_ok=True)
    lock.release()
    with contextlib.suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)
