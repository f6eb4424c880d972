"""Key-value caches of decoder-only models: buffers that a graph writes in place, and a store of computed prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

_STEP = 128


@dataclass(frozen=True)
class CacheShape:
    """What one token occupies.

    Attributes:
        layers: number of layers.
        heads: key and value heads per layer.
        width: values per head.
    """

    layers: int
    heads: int
    width: int


class KeyValueCache:
    """The keys and values of a batch of equally long sequences.

    Every buffer is ``(batch, heads, capacity, width)`` float32, of which the first ``length`` places are filled. The
    graph reads and writes the same memory, so that a step copies nothing.

    Args:
        shape: of one token.
        batch: number of sequences.
        capacity: places to begin with; it grows as needed.
    """

    def __init__(self, shape: CacheShape, batch: int = 1, capacity: int = _STEP) -> None:
        self.shape = shape
        self.batch = batch
        self.length = 0
        self._hold([self._empty(_rounded(capacity)) for _ in range(2 * shape.layers)])

    def _empty(self, capacity: int) -> NDArray[np.float32]:
        # Zeros and not garbage: places beyond a row's length are masked, but a NaN would survive the mask.
        return np.zeros((self.batch, self.shape.heads, capacity, self.shape.width), np.float32)

    def _hold(self, arrays: list[NDArray[np.float32]]) -> None:
        self.arrays = arrays
        self.values = [ort.OrtValue.ortvalue_from_numpy(array) for array in arrays]

    @property
    def capacity(self) -> int:
        """Places per sequence."""
        return int(self.arrays[0].shape[2])

    @property
    def nbytes(self) -> int:
        """Memory that it occupies."""
        return sum(array.nbytes for array in self.arrays)

    def reserve(self, length: int) -> bool:
        """Makes room for ``length`` tokens and says whether the buffers moved."""
        if length <= self.capacity:
            return False
        arrays = [self._empty(_rounded(max(length, self.capacity * 3 // 2))) for _ in self.arrays]
        for new, old in zip(arrays, self.arrays, strict=True):
            new[:, :, : self.length] = old[:, :, : self.length]
        self._hold(arrays)
        return True

    def taken(self, length: int, batch: int = 1, capacity: int = 0) -> KeyValueCache:
        """A new cache of ``batch`` sequences that all begin with the first ``length`` tokens of the first one here."""
        other = KeyValueCache(self.shape, batch, max(length, capacity))
        for new, old in zip(other.arrays, self.arrays, strict=True):
            new[:, :, :length] = old[:1, :, :length]
        other.length = length
        return other

    def reorder(self, rows: Sequence[int] | NDArray[np.int64], start: int) -> None:
        """Sequence ``i`` continues what was ``rows[i]``; before place ``start`` all are alike and stay."""
        order = np.asarray(rows)
        if np.array_equal(order, np.arange(self.batch)):
            return
        for array in self.arrays:
            array[:, :, start : self.length] = array[order, :, start : self.length]


def _rounded(capacity: int) -> int:
    return max(1, -(-capacity // _STEP)) * _STEP


class PrefixStore:
    """Keeps the caches of the last prompts, so that what a new prompt shares with them is not computed again.

    Args:
        limit: bytes to keep at most.
    """

    _WORTH = 8
    """Fewer shared tokens than this are computed rather than copied."""

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._entries: list[tuple[tuple[int, ...], KeyValueCache, str]] = []

    def begin(self, tokens: Sequence[int], shape: CacheShape, weights: str = "") -> KeyValueCache:
        """A cache that holds as much of ``tokens`` as is known, never the last one.

        Args:
            tokens: the prompt.
            shape: of the cache.
            weights: with what adapter it is computed (its digest); caches of another one are never used.
        """
        best, shared = None, 0
        for entry in self._entries:
            if entry[2] != weights:
                continue
            count = min(common_prefix(entry[0], tokens), len(tokens) - 1)
            if count > shared:
                best, shared = entry, count
        if best is None or shared < self._WORTH:
            return KeyValueCache(shape, capacity=len(tokens) + 64)
        self._entries.remove(best)
        self._entries.append(best)
        return best[1].taken(shared, capacity=len(tokens) + 64)

    def keep(self, tokens: Sequence[int], cache: KeyValueCache, weights: str = "") -> None:
        """Keeps a copy of the first ``len(tokens)`` places.

        It takes the place of a prompt with which it shares its greater part: of prompts with the same examples the
        last one is enough.
        """
        new = tuple(tokens)
        if len(new) < self._WORTH:
            return
        for entry in self._entries:
            if entry[2] == weights and 2 * common_prefix(entry[0], new) > len(new):
                self._entries.remove(entry)
                break
        copy = cache.taken(len(new))
        self._entries.append((new, copy, weights))
        while sum(entry[1].nbytes for entry in self._entries) > self._limit:
            del self._entries[0]


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common."""
    for place, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return place
    return min(len(a), len(b))
