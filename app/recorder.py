"""Recording first: samples go to a file on disk before anything looks at them.

The audio callback copies into a preallocated ring buffer; a thread moves what is there to a WAV file whose header is
true after every write. A killed process, a microphone that goes away or a full disk costs nothing that was said before.
No Qt here: callbacks come from the writing thread.
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from app.ring import Ring
from app.sources import Source
from engines import paths
from engines.audio import wav
from engines.audio.load import load
from engines.contract import Utterance
from engines.errors import DiskFull, MicrophoneUnavailable, TriptychError

_log = logging.getLogger(__name__)

_CAPACITY = 1 << 20  # 22 s at 48 kHz
_DRAIN_SECONDS = 0.05
_SYNC_SECONDS = 5.0
_STALLED_SECONDS = 3.0
_UNFINISHED = re.compile(r"(?P<stem>.+)\.unfinished-(?P<process>\d+)\.wav")


@dataclass(frozen=True)
class Level:
    """How loud the last twentieth of a second was, as fractions of full scale.

    Attributes:
        peak: largest magnitude, in [0, 1].
        rms: root mean square, in [0, 1].
    """

    peak: float = 0.0
    rms: float = 0.0


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
    """

    path: Path
    seconds: float
    source: str = "microphone"
    overflows: int = 0
    dropped: int = 0
    problem: TriptychError | None = None
    silent: bool = False

    def utterance(self, *, language: str | None = None) -> Utterance:
        """The recording as an utterance; what went wrong stands in its notes.

        Raises:
            BadInput: nothing was recorded.
        """
        utterance = load(self.path, language=language, source=self.source)
        notes = [*utterance.notes]
        if self.problem is not None:
            notes.append(f"{self.problem.message} What was recorded until then is kept.")
        if self.overflows or self.dropped:
            notes.append(f"Sound was lost while recording ({self.overflows + bool(self.dropped)} gaps).")
        if self.silent:
            notes.append("The microphone delivered nothing but silence; it may be muted or forbidden to this program.")
        return replace(utterance, notes=tuple(notes))


def folder() -> Path:
    """Where recordings are kept. Created when missing."""
    path = paths.data() / "recordings"
    path.mkdir(parents=True, exist_ok=True)
    return path


class Recorder:
    """Records from one source, once.

    Args:
        source: a microphone, or a file in its place.
        on_level: told about twenty times a second.
        on_problem: told once when the recording ended by itself; :meth:`stop` still gives what was recorded.
        on_end: told once when the source is at its end (a file does that).
    """

    def __init__(
        self,
        source: Source,
        *,
        on_level: Callable[[Level], None] | None = None,
        on_problem: Callable[[TriptychError], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self.level = Level()
        self.overflows = 0
        self.dropped = 0
        self.problem: TriptychError | None = None
        self._source = source
        self._on_level = on_level
        self._on_problem = on_problem
        self._on_end = on_end
        self._ring = Ring(_CAPACITY, np.int16)
        self._block = np.empty(_CAPACITY, np.int16)
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._file: wav.GrowingWav | None = None
        self._loudest = 0.0

    @property
    def seconds(self) -> float:
        """Length of what is on the disk."""
        return self._file.seconds if self._file is not None else 0.0

    @property
    def recording(self) -> bool:
        """Whether samples are still coming in."""
        return self._thread is not None and not self._ended.is_set()

    def start(self) -> None:
        """Begins to record.

        Raises:
            MicrophoneUnavailable: there is no microphone, or it is busy.
            DiskFull: the file cannot be begun.
        """
        if self._thread is not None:
            message = "A recorder records once; make another one."
            raise RuntimeError(message)
        place = folder()
        rate = self._source.start(self._take, self._source_ended)
        stem = datetime.now().astimezone().strftime("recording-%Y-%m-%d-%H%M%S-%f")
        try:
            self._file = wav.GrowingWav(place / f"{stem}.unfinished-{psutil.Process().pid}.wav", rate)
        except OSError as error:
            self._source.stop()
            message = f"No recording can be written to {place}: {error.strerror}."
            raise DiskFull(message, "Make room on the disk, or choose another data folder.") from error
        self._thread = threading.Thread(target=self._write, args=(self._file,), name="recorder", daemon=True)
        self._thread.start()

    def stop(self) -> Recording:
        """Ends the recording and gives what there is."""
        file = self._finish()
        path = file.path.with_name(_UNFINISHED.sub(r"\g<stem>.wav", file.path.name))
        with contextlib.suppress(OSError):  # the folder went away: the file keeps its name
            file.path.replace(path)
        kept = path if path.exists() else file.path
        silent = self._loudest == 0.0 and file.samples > file.rate
        return Recording(kept, file.seconds, self._source.name, self.overflows, self.dropped, self.problem, silent)

    def cancel(self) -> None:
        """Ends the recording and throws it away."""
        self._finish().path.unlink(missing_ok=True)

    def _finish(self) -> wav.GrowingWav:
        if self._thread is None or self._file is None:
            message = "The recorder was not started."
            raise RuntimeError(message)
        self._source.stop()
        self._stop.set()
        self._thread.join()
        return self._file

    # Called by the audio system: no waiting, no allocation of arrays.
    def _take(self, samples: NDArray[np.int16], lost: bool) -> None:
        if lost:
            self.overflows += 1
        self.dropped += samples.shape[0] - self._ring.write(samples)

    def _source_ended(self, problem: MicrophoneUnavailable | None) -> None:
        self.problem = self.problem or problem
        self._ended.set()

    def _write(self, file: wav.GrowingWav) -> None:
        synced = heard = time.monotonic()
        told = False
        try:
            while not self._stop.wait(_DRAIN_SECONDS):
                now = time.monotonic()
                ended = self._ended.is_set()
                if self._drain(file):
                    heard = now
                if now - synced > _SYNC_SECONDS:
                    file.sync()
                    synced = now
                if not ended and now - heard > _STALLED_SECONDS:
                    hint = "Plug it in again, or choose another microphone."
                    self._source_ended(MicrophoneUnavailable("The microphone delivers no sound any more.", hint))
                elif ended and not told:
                    told = True
                    self._tell_end()
            self._drain(file)
            file.sync()
        except OSError as error:
            message = f"The recording cannot go on: {error.strerror or error}."
            self.problem = DiskFull(message, "Make room on the disk. What was recorded until then is kept.")
            self._ended.set()
            self._tell_end()
        finally:
            file.close()

    def _tell_end(self) -> None:
        if self.problem is None:
            _tell(self._on_end)
        else:
            _tell(self._on_problem, self.problem)

    def _drain(self, file: wav.GrowingWav) -> int:
        count = self._ring.read_into(self._block)
        if count:
            block = self._block[:count]
            file.append(block)
            recent = block[-max(1, file.rate // 20) :].astype(np.float32) / 32_768.0
            peak = float(np.abs(recent).max())
            self._loudest = max(self._loudest, float(block.max()), -float(block.min()))
            self.level = Level(peak, math.sqrt(float(np.mean(recent * recent))))
            _tell(self._on_level, self.level)
        return count


def _tell(callback: Callable[..., None] | None, *arguments: object) -> None:
    """Calls back; a listener that fails must not end the recording."""
    if callback is not None:
        try:
            callback(*arguments)
        except Exception:  # noqa: BLE001  # whatever it is, it is logged and the recording goes on
            _log.exception("A listener of the recorder failed")


def recover() -> tuple[Recording, ...]:
    """Takes over recordings of processes that were killed: mends their headers and gives them their final names.

    Returns:
        What was found, oldest first. Files of a process that still records are left alone; empty ones are removed.
    """
    found = []
    for path in sorted(folder().iterdir()):
        match = _UNFINISHED.fullmatch(path.name)
        if match is None or _in_use(path, int(match["process"])):
            continue
        with contextlib.suppress(OSError):
            seconds = wav.repair(path)
            if not seconds:
                path.unlink()
                continue
            final = path.with_name(f"{match['stem']}.wav")
            path.replace(final)
            found.append(Recording(final, seconds, final.stem))
    return tuple(found)


def _in_use(path: Path, process: int) -> bool:
    """Whether the process that wrote a file last is still there (and not another one with its number)."""
    try:
        return psutil.Process(process).create_time() <= path.stat().st_mtime
    except (psutil.Error, OSError):
        return False
