"""Recording first: samples go to a file on disk before anything looks at them.

The audio callback copies into a preallocated ring buffer; a thread moves what is there to a WAV file whose header is
true after every write. A killed process, a microphone that goes away or a full disk costs nothing that was said before.
Times are lengths of sound, or monotonic: a clock that is put forward or back changes nothing. No Qt here: callbacks
come from the writing thread.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.gaps import Gaps
from app.language import tr
from app.levels import Level, measure
from app.pace import Pace
from app.recorded import Growing, Recording, folder
from app.ring import Ring
from app.sources import Ended, Source
from app.splicing import Splice
from engines import paths
from engines.audio import wav
from engines.errors import DiskFull, MicrophoneUnavailable, TriptychError

_log = logging.getLogger(__name__)

_CAPACITY = 1 << 20  # 22 s at 48 kHz
_DRAIN_SECONDS = 0.05
_SYNC_SECONDS = 1.0
_STALLED_SECONDS = 3.0
_RETRY_SECONDS = (0.0, 0.3, 0.7, 1.5)
_LEAST_BYTES = 2_000_000
_WARN_SECONDS = 120

Successor: TypeAlias = Callable[[], Source]
"""A source to go on with when one went away; raises MicrophoneUnavailable where there is none."""


class Recorder:
    """Records once, from one source or from several after one another.

    Args:
        source: a microphone, or a file in its place.
        successor: what to go on with when the source goes away; without it the recording ends then.
        on_level: told about twenty times a second.
        on_note: told a sentence on what happened while the recording goes on.
        on_problem: told once when the recording ended by itself; :meth:`stop` still gives what was recorded.
        on_end: told once when the source is at its end (a file does that).
    """

    def __init__(
        self,
        source: Source,
        *,
        successor: Successor | None = None,
        on_level: Callable[[Level], None] | None = None,
        on_note: Callable[[str], None] | None = None,
        on_problem: Callable[[TriptychError], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self.level = Level()
        self.overflows = 0
        self.dropped = 0
        self.problem: TriptychError | None = None
        self._source = source
        self._successor = successor
        self._on_level, self._on_note, self._on_problem, self._on_end = on_level, on_note, on_problem, on_end
        self._ring = Ring(_CAPACITY, np.int16)
        self._block = np.empty(_CAPACITY, np.int16)
        self._gaps = Gaps()
        self._splice = Splice()
        self._pace = Pace(1)
        self._from = 0
        self._notes: list[str] = []
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._changing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._growing: Growing | None = None
        self._loudest = 0.0
        self._idle = 0.0
        self._warned = False

    @property
    def seconds(self) -> float:
        """Length of what is on the disk."""
        return self._growing.file.seconds if self._growing is not None else 0.0

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
            message = tr("A recorder records once; make another one.")
            raise RuntimeError(message)
        try:
            place = folder()
            _require_room(place)
            rate = self._source.start(self._take, self._ender(self._source))
            self._growing = Growing(rate)
        except OSError as error:
            self._source.stop()
            message = tr("No recording can be written to {data}: {strerror}.").format(
                data=paths.data(), strerror=error.strerror
            )
            raise DiskFull(message, tr("Make room on the disk, or choose another data folder.")) from error
        self._splice.begin(rate)
        self._pace = Pace(rate)
        self._thread = threading.Thread(target=self._write, args=(self._growing.file,), name="recorder", daemon=True)
        self._thread.start()

    def stop(self) -> Recording:
        """Ends the recording and gives what there is."""
        growing = self._finish()
        file = growing.file
        places = self._splice.places(self._gaps.places())
        silent = self._loudest == 0.0 and file.samples > file.rate
        return Recording(
            growing.keep(places),
            file.seconds,
            self._source.name,
            self.overflows,
            self.dropped,
            self.problem,
            silent,
            tuple(place / file.rate for place in places),
            tuple(self._notes),
        )

    def cancel(self) -> None:
        """Ends the recording and throws it away."""
        self._finish().discard()

    def note(self, sentence: str) -> None:
        """Adds what happened to the recording; it goes on."""
        self._notes.append(sentence)
        _tell(self._on_note, sentence)

    def _finish(self) -> Growing:
        if self._thread is None or self._growing is None:
            message = tr("The recorder was not started.")
            raise RuntimeError(message)
        with self._changing:
            self._source.stop()
            self._stop.set()
        self._thread.join()
        return self._growing

    # Called by the audio system: no waiting, no allocation of arrays.
    def _take(self, samples: NDArray[np.int16], lost: bool) -> None:
        if lost and self._ring.written:  # what came before the first block is no gap
            self.overflows += 1
            self._gaps.mark(self._ring.written)
        missing = samples.shape[0] - self._ring.write(samples)
        if missing:
            self.dropped += missing
            self._gaps.mark(self._ring.written)

    def _ender(self, source: Source) -> Ended:
        def ended(problem: MicrophoneUnavailable | None) -> None:
            if source is self._source:
                self.problem = self.problem or problem
                self._ended.set()

        return ended

    # Everything from here on runs in the writing thread.
    def _write(self, file: wav.GrowingWav) -> None:
        looked = synced = time.monotonic()
        told = False
        try:
            while not self._stop.wait(_DRAIN_SECONDS):
                now = time.monotonic()
                ended = self._ended.is_set()
                # a machine that slept, or a slow disk, is not the microphone's silence
                self._idle = 0.0 if self._drain(file) else self._idle + min(now - looked, 0.5)
                looked = now
                self._look_for_loss(now, file)
                if now - synced > _SYNC_SECONDS:
                    file.sync()
                    self._look_for_room(file)
                    synced = now
                if not ended and self._idle > _STALLED_SECONDS:
                    hint = tr("Plug it in again, or choose another microphone.")
                    self.problem = MicrophoneUnavailable(tr("The microphone delivers no sound any more."), hint)
                    self._ended.set()
                elif ended and not told and not self._go_on(file):
                    told = True
                    self._tell_end()
            self._drain(file)
            file.append(self._splice.rest())
            file.sync()
        except OSError as error:
            self.problem = _failure(error)
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
            block = self._splice.convert(self._block[:count])
            file.append(block)
            if block.shape[0]:
                self.level = measure(block, file.rate, len(self._gaps))
                self._loudest = max(self._loudest, self.level.peak)
                _tell(self._on_level, self.level)
        return count

    def _go_on(self, file: wav.GrowingWav) -> bool:
        """Goes on with another source where the last one failed; returns whether there is one."""
        problem = self.problem
        if self._successor is None or not isinstance(problem, MicrophoneUnavailable):
            return False
        self._source.stop()
        self._drain(file)
        began = time.monotonic()
        for wait in _RETRY_SECONDS:
            if self._stop.wait(wait):
                return False
            with self._changing:
                if self._stop.is_set():
                    return False
                try:
                    source = self._successor()
                    self._source, self.problem = source, None
                    self._ended.clear()
                    self._gaps.mark(self._ring.written)
                    at, taken = file.seconds, self._ring.written
                    rate = source.start(self._take, self._ender(source))
                    self._splice.change(rate, taken, file)
                    self._pace, self._from = Pace(rate), taken
                except TriptychError as error:
                    _log.info("no source to go on with: %s", error.message)
                    self.problem = problem
                    self._ended.set()
                    continue
            missing = time.monotonic() - began + self._idle
            self._idle = 0.0
            self.note(
                tr(
                    "{message} The recording went on at {clock} with {device}; about {max:.1f} s are missing there."
                ).format(message=problem.message, clock=_clock(at), device=source.device, max=max(0.1, missing))
            )
            return True
        return False

    def _look_for_loss(self, now: float, file: wav.GrowingWav) -> None:
        """Marks sound that never came where the system did not say so itself."""
        loss = self._pace.look(now, self._ring.taken - self._from)
        if loss is not None and self._gaps.find(loss.at + self._from, within=self._pace.rate):
            (place,) = self._splice.places([loss.at + self._from])
            self.note(
                tr("About {seconds:.1f} s of sound never arrived, at {clock}.").format(
                    seconds=loss.seconds, clock=_clock(place / file.rate)
                )
            )

    def _look_for_room(self, file: wav.GrowingWav) -> None:
        seconds = shutil.disk_usage(file.path.parent).free / (2 * file.rate)
        if seconds < _WARN_SECONDS and not self._warned:
            self._warned = True
            _tell(
                self._on_note,
                tr("The disk has room for {seconds:.0f} more seconds of this recording.").format(seconds=seconds),
            )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _require_room(place: Path) -> None:
    if shutil.disk_usage(place).free < _LEAST_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _failure(error: OSError) -> DiskFull:
    hint = tr("Make room on the disk. What was recorded until then is kept.")
    if error.errno == errno.ENOSPC:
        return DiskFull(tr("The disk is full, the recording cannot go on."), hint)
    return DiskFull(tr("The recording cannot go on: {strerror}.").format(strerror=error.strerror or error), hint)


def _tell(callback: Callable[..., None] | None, *arguments: object) -> None:
    """Calls back; a listener that fails must not end the recording."""
    if callback is not None:
        try:
            callback(*arguments)
        except Exception:  # noqa: BLE001  # whatever it is, it is logged and the recording goes on
            _log.exception("A listener of the recorder failed")
