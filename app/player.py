"""Plays a stretch of an utterance, or synthesised speech while it is still being made.

A thread reads the samples (which may be a mapped file of hours), resamples them to the output's rate and keeps a ring
buffer filled; the audio callback only copies. No Qt here: ``on_end`` comes from the audio system's thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import numpy as np
import soxr

from app.outputs import Loudspeaker, Output
from app.ring import Ring
from engines.audio.synthetic import Mark
from engines.contract import Samples
from engines.errors import SpeakerUnavailable

_log = logging.getLogger(__name__)

_RING_SECONDS = 0.5
_BLOCK = 4_096

Finished = Callable[[SpeakerUnavailable | None], None]


class Player:
    """Plays one thing at a time.

    Args:
        output: a loudspeaker, or a file in its place.
    """

    def __init__(self, output: Output | None = None) -> None:
        self._output = output or Loudspeaker()
        self._playing: _Playing | None = None

    @property
    def playing(self) -> bool:
        """Whether something is being played, or is paused."""
        return self._playing is not None and not self._playing.over.is_set()

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        return self.playing and self._playing is not None and self._playing.paused

    @property
    def position(self) -> float:
        """Seconds from the start of the samples to what is heard now; where it stopped, when it did."""
        return self._playing.position if self._playing is not None else 0.0

    def play(
        self,
        samples: Samples,
        rate: int,
        *,
        start: float = 0.0,
        end: float | None = None,
        growing: bool = False,
        mark: Mark | None = None,
        on_end: Finished | None = None,
    ) -> None:
        """Begins to play; what was playing stops.

        Args:
            samples: ``(n,)`` with full scale ±1; may be mapped.
            rate: samples per second.
            start: where to begin, in seconds.
            end: where to end, in seconds; None plays to the end.
            growing: more comes with :meth:`append` until :meth:`complete`; gaps are silent.
            mark: of synthesised speech, for an output that is a file.
            on_end: called once, when the end was heard (with None) or the loudspeaker went away (with the error);
                not after :meth:`stop`. It comes from another thread and must not call the player.

        Raises:
            SpeakerUnavailable: there is no loudspeaker, or it is busy.
        """
        self.stop()
        stretch = samples[round(max(0.0, start) * rate) : None if end is None else round(end * rate)]
        playing = _Playing(
            stretch, rate, self._output.open(rate, mark), max(0.0, start), growing=growing, on_end=on_end
        )
        self._playing = playing
        try:
            playing.latency = self._output.start(playing.pull, playing.finish)
        except SpeakerUnavailable:
            playing.close()
            raise

    def append(self, samples: Samples) -> None:
        """Adds samples ``(n,)`` of the same rate to what is played."""
        if self._playing is not None:
            self._playing.append(samples)

    def complete(self) -> None:
        """Says that nothing more is appended."""
        if self._playing is not None:
            self._playing.growing = False

    def pause(self) -> None:
        """Holds; the output stays open."""
        if self._playing is not None:
            self._playing.paused = True

    def resume(self) -> None:
        """Goes on where it was held."""
        if self._playing is not None:
            self._playing.paused = False

    def stop(self) -> None:
        """Stops at once; ``on_end`` is not called."""
        if self._playing is not None:
            self._playing.close()
            self._output.stop()


class _Playing:
    """One thing that is played."""

    def __init__(
        self, samples: Samples, rate: int, device_rate: int, start: float, *, growing: bool, on_end: Finished | None
    ) -> None:
        self.paused = False
        self.growing = growing
        self.latency = 0.0
        self.over = threading.Event()
        self._parts = [samples]
        self._rate = rate
        self._device_rate = device_rate
        self._start = start
        self._on_end = on_end
        self._ring = Ring(max(4 * _BLOCK, int(_RING_SECONDS * device_rate)), np.float32)
        self._played = 0
        self._fed = threading.Event()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._feeder = threading.Thread(target=self._feed, name="player", daemon=True)
        self._feeder.start()

    @property
    def position(self) -> float:
        """Seconds from the start of the samples to what is heard."""
        heard = self._played / self._device_rate
        return self._start + (heard if self.over.is_set() else max(0.0, heard - self.latency))

    def append(self, samples: Samples) -> None:
        """More to play."""
        with self._lock:
            self._parts.append(samples)

    def close(self) -> None:
        """Ends without a word."""
        self._closed.set()
        self.over.set()
        self._feeder.join()

    # Called by the audio system: no waiting, no allocation of arrays.
    def pull(self, out: Samples) -> bool:
        """Fills a block; false when there is nothing more."""
        fed = self._fed.is_set()
        count = 0 if self.paused else self._ring.read_into(out)
        out[count:] = 0
        self._played += count
        return not (fed and not self._ring.available)

    def finish(self, problem: SpeakerUnavailable | None) -> None:
        """The output ended by itself."""
        if self.over.is_set():
            return
        self._closed.set()
        self.over.set()
        if self._on_end is not None:
            try:
                self._on_end(problem)
            except Exception:  # noqa: BLE001  # whatever it is, it must not reach the audio system
                _log.exception("A listener of the player failed")

    def _feed(self) -> None:
        resampler = None
        if self._rate != self._device_rate:
            resampler = soxr.ResampleStream(self._rate, self._device_rate, 1, quality="HQ")
        while not self._closed.is_set():
            part = self._next_part()
            if part is None:
                self._closed.wait(0.01)
            elif not part.size:
                break
            else:
                for at in range(0, part.shape[0], _BLOCK):
                    block = np.ascontiguousarray(part[at : at + _BLOCK], dtype=np.float32)
                    self._put(block if resampler is None else resampler.resample_chunk(block))
        if resampler is not None:
            self._put(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        self._fed.set()

    def _next_part(self) -> Samples | None:
        """The next samples; none where more may come, an empty array at the end."""
        with self._lock:
            while self._parts:
                part = self._parts.pop(0)
                if part.size:
                    return part
            return None if self.growing else np.zeros(0, np.float32)

    def _put(self, block: Samples) -> None:
        while block.size and not self._closed.is_set():
            block = block[self._ring.write(block) :]
            if block.size:
                self._closed.wait(0.01)
