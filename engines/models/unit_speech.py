"""Speech made piece by piece from units at 25 Hz, with the result of the whole.

Latents depend on a bounded number of units on either side, samples on a bounded number of latents: a piece is computed
with as many neighbours as that and cut to size. Nothing is said before the units it depends on are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.contract import AudioChunk, Samples
from engines.runtime import cancellation

FRAMES_PER_SECOND: Final = 25.0
"""Of units."""
_FIRST_SECONDS: Final = 0.24
_GROWTH: Final = 2.0
_LONGEST_SECONDS: Final = 2.0
_KNEE: Final = 0.9


class LatentSource(Protocol):
    """What makes latents of units.

    Attributes:
        reach: frames on either side that a latent depends on, apart from those it lies between.
        fine_reach: latents on either side that a latent depends on.
    """

    @property
    def reach(self) -> int: ...  # noqa: D102 -- told above
    @property
    def fine_reach(self) -> int: ...  # noqa: D102 -- told above

    def latents(self, units: NDArray[np.int64], places: Places) -> NDArray[np.float32]:
        """``(T,)`` units and M places in them → ``(M, width)``."""
        ...


class SoundSource(Protocol):
    """What makes sound of latents; see :class:`engines.models.latent_decoder.LatentDecoder`."""

    rate: int
    hop: int
    context: int

    def whole(self, latents: NDArray[np.float32]) -> Samples:
        """``(T, width)`` → ``(T · hop,)``."""
        ...


@dataclass(frozen=True)
class Places:
    """Where latents lie among frames of units.

    Attributes:
        left: ``(M,)`` the frame before each.
        right: ``(M,)`` the frame behind each.
        mix: ``(M,)`` in [0, 1), how near each is to the frame behind it.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    mix: NDArray[np.float32]

    def within(self, first: int) -> Places:
        """The same among frames that are counted from ``first``."""
        return Places(self.left - first, self.right - first, self.mix)


def places(begin: int, end: int, ratio: float, frames: int) -> Places:
    """Places of latents ``begin`` … ``end`` - 1 among ``frames`` frames, ``ratio`` latents to a frame."""
    exact = np.clip((np.arange(begin, end) + 0.5) / ratio - 0.5, 0.0, frames - 1)
    left = np.floor(exact).astype(np.int64)
    return Places(left, np.minimum(left + 1, frames - 1), (exact - left).astype(np.float32))


def limited(samples: Samples) -> Samples:
    """Samples in [-1, 1]: what is louder than 0.9 is bent down smoothly, what is no number becomes silence."""
    found = np.nan_to_num(np.asarray(samples, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    size = np.abs(found)
    bent = _KNEE + (1 - _KNEE) * np.tanh((size - _KNEE) / (1 - _KNEE))
    return np.asarray(np.where(size > _KNEE, np.sign(found) * bent, found), np.float32)


class Speaking:
    """Takes frames of units as they come and gives sound as soon as it is settled.

    Args:
        latents: makes latents.
        sound: makes sound.
        pace: how fast it is said; 1 is as the durations say.
        pitch: by which pitch and vocal tract are raised together; 1 is the voice as it is.
        gain: by which the sound is made louder before it is limited.
    """

    def __init__(
        self, latents: LatentSource, sound: SoundSource, *, pace: float = 1.0, pitch: float = 1.0, gain: float = 1.0
    ) -> None:
        self._latents, self._sound, self._gain = latents, sound, gain
        # A voice is raised by playing it faster; so that it takes the same time, it is made slower first.
        self._ratio = sound.rate / sound.hop / FRAMES_PER_SECOND * pitch / pace
        self._resample = None
        if abs(pitch - 1) > 1e-6:
            self._resample = soxr.ResampleStream(sound.rate * pitch, sound.rate, 1, dtype="float32", quality="HQ")
        self._units = np.zeros(0, np.int64)
        self._before = 0
        """Frames that were let go."""
        self._said = 0
        """Latents whose sound was given."""
        self._next = _FIRST_SECONDS

    @property
    def frames(self) -> int:
        """Frames that were taken."""
        return self._before + self._units.size

    def push(self, units: NDArray[np.int64]) -> Iterator[AudioChunk]:
        """Takes frames ``(T,)``; yields what is settled by them in chunks, a short one first."""
        self._units = np.concatenate([self._units, units])
        while (end := self._said + self._size()) <= self._settled():
            yield from self._chunk(end, last=False)

    def finish(self) -> Iterator[AudioChunk]:
        """Yields the rest; nothing may be pushed afterwards."""
        total = round(self.frames * self._ratio)
        while self._said < total:
            end = min(total, self._said + self._size())
            yield from self._chunk(end, last=end == total)

    def _size(self) -> int:
        return max(1, round(self._next * self._sound.rate / self._sound.hop))

    def _settled(self) -> int:
        """Latents whose sound no further unit can change."""
        frames = self.frames - self._latents.reach - 1
        return int(np.floor((frames + 0.5) * self._ratio - 0.5)) - self._latents.fine_reach - self._sound.context

    def _chunk(self, end: int, *, last: bool) -> Iterator[AudioChunk]:
        cancellation.check()
        sound, fine = self._sound.context, self._latents.fine_reach
        total = round(self.frames * self._ratio)  # of all that is known; beyond `end` by the reach of everything
        low, high = max(0, self._said - sound), min(total, end + sound)
        begin, stop = max(0, low - fine), min(total, high + fine)
        where = places(begin, stop, self._ratio, self.frames)
        first = max(0, int(where.left[0]) - self._latents.reach)
        behind = min(self.frames, int(where.right[-1]) + self._latents.reach + 1)
        units = self._units[first - self._before : behind - self._before]
        latents = self._latents.latents(units, where.within(first))[low - begin : high - begin]
        samples = self._sound.whole(latents)[(self._said - low) * self._sound.hop : (end - low) * self._sound.hop]
        self._said, self._next = end, min(_LONGEST_SECONDS, self._next * _GROWTH)
        self._forget()
        if self._resample is not None:
            samples = np.asarray(self._resample.resample_chunk(np.ascontiguousarray(samples), last=last), np.float32)
        samples = limited(samples * np.float32(self._gain))
        if samples.size:
            yield AudioChunk(samples, self._sound.rate)

    def _forget(self) -> None:
        """Lets frames go that nothing depends on any more."""
        begin = max(0, self._said - self._sound.context - self._latents.fine_reach)
        keep = max(0, int((begin + 0.5) / self._ratio - 0.5) - self._latents.reach - 1)
        if keep > self._before:
            self._units, self._before = self._units[keep - self._before :], keep
