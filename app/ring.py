"""A ring buffer between an audio callback and a thread, without locks and without allocation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Ring:
    """One writer, one reader, each in a thread of its own.

    Each side moves only its own counter, and moves it after the samples were copied, so that neither ever waits.

    Args:
        capacity: samples that fit.
        dtype: of the samples.
    """

    def __init__(self, capacity: int, dtype: DTypeLike) -> None:
        self._buffer: NDArray[Any] = np.zeros(capacity, dtype)
        self._capacity = capacity
        self._written = 0
        self._taken = 0

    @property
    def available(self) -> int:
        """Samples that can be taken."""
        return self._written - self._taken

    @property
    def written(self) -> int:
        """Samples that were written since the beginning."""
        return self._written

    @property
    def taken(self) -> int:
        """Samples that were taken since the beginning."""
        return self._taken

    @property
    def free(self) -> int:
        """Samples that can be written."""
        return self._capacity - self.available

    def write(self, samples: NDArray[Any]) -> int:
        """Copies as many samples ``(n,)`` as fit; returns how many did."""
        count = min(int(samples.shape[0]), self.free)
        at = self._written % self._capacity
        first = min(count, self._capacity - at)
        self._buffer[at : at + first] = samples[:first]
        self._buffer[: count - first] = samples[first:count]
        self._written += count
        return count

    def read_into(self, out: NDArray[Any]) -> int:
        """Fills ``out`` ``(n,)`` from its start with what is there; returns how many samples that were."""
        count = min(int(out.shape[0]), self.available)
        at = self._taken % self._capacity
        first = min(count, self._capacity - at)
        out[:first] = self._buffer[at : at + first]
        out[first:count] = self._buffer[: count - first]
        self._taken += count
        return count
