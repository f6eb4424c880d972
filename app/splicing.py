"""Puts sound of several sources after one another into one file: one rate, and places that mean the same in both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.audio.wav import GrowingWav


class Splice:
    """Converts what comes to the rate of the file, which is the rate of the first source."""

    def __init__(self) -> None:
        self._rate = 0
        self._parts: list[tuple[int, int, float]] = []
        self._stream: soxr.ResampleStream | None = None

    def begin(self, rate: int) -> None:
        """The first source delivers ``rate`` samples a second, and so will the file."""
        self._rate = rate
        self._parts = [(0, 0, 1.0)]

    def change(self, rate: int, taken: int, file: GrowingWav) -> None:
        """Another source delivers from now on.

        Args:
            rate: of its samples.
            taken: samples that came before it; the file holds all of them but for :meth:`rest`.
            file: what is written.

        Raises:
            OSError: the rest cannot be written.
        """
        file.append(self.rest())
        self._parts.append((taken, file.samples, self._rate / rate))
        if rate != self._rate:
            self._stream = soxr.ResampleStream(rate, self._rate, 1, dtype="int16", quality="HQ")

    def convert(self, block: NDArray[np.int16]) -> NDArray[np.int16]:
        """Samples ``(n,)`` at the rate of the file, ``(m,)``; m may be 0."""
        if self._stream is None:
            return block
        return np.asarray(self._stream.resample_chunk(block), np.int16)

    def rest(self) -> NDArray[np.int16]:
        """What the conversion still holds, ``(m,)``; to be asked for when a source has ended."""
        stream, self._stream = self._stream, None
        if stream is None:
            return np.zeros(0, np.int16)
        return np.asarray(stream.resample_chunk(np.zeros(0, np.int16), last=True), np.int16)

    def places(self, marks: Sequence[int]) -> tuple[int, ...]:
        """Indices in the file of indices of what came, ascending."""
        found = []
        for mark in marks:
            taken, written, ratio = next(part for part in reversed(self._parts) if part[0] <= mark)
            found.append(written + round((mark - taken) * ratio))
        return tuple(found)
