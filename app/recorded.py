"""Recordings on the disk: where they are, what they are called while they grow, and how they survive a killed process.

A growing recording is called after the process that writes it and locked by it. The system lets go of the lock when the
process ends, however it ends; clocks and reused process numbers play no part.
"""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from app.language import tr
from engines import paths
from engines.audio import wav
from engines.audio.cues import cue_chunks
from engines.audio.load import load
from engines.contract import Utterance
from engines.errors import TriptychError

_log = logging.getLogger(__name__)

_UNFINISHED = re.compile(r"(?P<stem>.+)\.unfinished-(?P<process>\d+)\.wav")


@dataclass(frozen=True)
class Recording:
    """What was recorded.

    Attributes:
        path: the WAV file, in the user's data folder.
        seconds: its length.
        source: what to call it.
        overflows: how often the system lost samples before they came here.
        dropped: samples that did not fit into the ring buffer.
        problem: why the recording ended by itself, if it did.
        silent: whether nothing but zeros came.
        gaps: where sound is missing, in seconds, ascending.
        notes: sentences on what else happened to it.
        cut_off: whether the process that recorded it was killed.
    """

    path: Path
    seconds: float
    source: str = "microphone"
    overflows: int = 0
    dropped: int = 0
    problem: TriptychError | None = None
    silent: bool = False
    gaps: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    cut_off: bool = False

    def utterance(self, *, language: str | None = None) -> Utterance:
        """The recording as an utterance; what went wrong stands in its notes.

        Raises:
            BadInput: nothing was recorded.
        """
        utterance = load(self.path, language=language, source=self.source)
        notes = [*utterance.notes, *self.notes]
        if self.problem is not None:
            notes.append(tr("{message} What was recorded until then is kept.").format(message=self.problem.message))
        lost = max(len(self.gaps), self.overflows + bool(self.dropped))
        if lost:
            times = tr("once") if lost == 1 else tr("{lost} times").format(lost=lost)
            notes.append(tr("Sound was lost {times} while recording; the waveform shows where.").format(times=times))
        if self.silent:
            notes.append(tr("Nothing but silence came; the microphone may be muted or forbidden to this program."))
        return replace(utterance, notes=tuple(notes), gaps=self.gaps or utterance.gaps)


def folder() -> Path:
    """Where recordings are kept. Created when missing."""
    path = paths.data() / "recordings"
    path.mkdir(parents=True, exist_ok=True)
    return path


class Growing:
    """A recording that is being written.

    Args:
        rate: samples per second.

    Raises:
        OSError: it cannot be begun.
    """

    def __init__(self, rate: int) -> None:
        place = folder()
        stem = datetime.now().astimezone().strftime("recording-%Y-%m-%d-%H%M%S")
        for number in count(1):  # a clock that was put back must not cost a recording
            self._stem = f"{stem}-{number}" if number > 1 else stem
            if not any(place.glob(f"{self._stem}.*")):
                break
        path = place / f"{self._stem}.unfinished-{psutil.Process().pid}.wav"
        self._lock = FileLock(_lock_of(path), timeout=0)
        try:
            with contextlib.suppress(NotImplementedError):  # a file system without locks
                self._lock.acquire()
            self.file = wav.GrowingWav(path, rate, new=True)
        except OSError:
            self._unlock()
            raise

    def keep(self, places: tuple[int, ...] = ()) -> Path:
        """Gives the closed file its final name, and marks samples at which sound was lost."""
        try:
            kept = _renamed(self.file.path, self._stem)
        except OSError:  # the folder went away: the file keeps its name
            kept = self.file.path
        else:
            self._mark(kept, places)
        self._unlock()
        return kept

    def _mark(self, path: Path, places: tuple[int, ...]) -> None:
        if places:
            try:
                wav.add_chunk(path, cue_chunks(places))
            except OSError as error:
                _log.warning("lost sound could not be marked in %s: %s", path, error)

    def discard(self) -> None:
        """Removes the closed file."""
        self.file.path.unlink(missing_ok=True)
        self._unlock()

    def _unlock(self) -> None:
        self._lock.release()
        with contextlib.suppress(OSError):
            Path(self._lock.lock_file).unlink()


def recover() -> tuple[Recording, ...]:
    """Takes over recordings of processes that were killed: mends their headers and gives them their final names.

    Returns:
        What was found, oldest first. Files of a process that still records are left alone; empty ones are removed.
    """
    found = []
    for path in sorted(folder().iterdir()):
        match = _UNFINISHED.fullmatch(path.name)
        if match is None:
            continue
        lock = FileLock(_lock_of(path), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        except (OSError, NotImplementedError):  # no locks here, or a folder that cannot be written to
            if psutil.pid_exists(int(match["process"])):
                continue
        with contextlib.suppress(OSError):
            seconds = wav.repair(path)
            if seconds:
                final = _renamed(path, match["stem"])
                found.append(Recording(final, seconds, final.stem, cut_off=True))
            else:
                path.unlink()
        lock.release()
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink()
    return tuple(found)


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _renamed(path: Path, stem: str) -> Path:
    """Gives a file the first name after ``stem`` that is free."""
    for number in count(1):
        final = path.with_name(f"{stem}-{number}.wav" if number > 1 else f"{stem}.wav")
        if not final.exists():
            return path.replace(final)
    raise AssertionError
