"""How a codec's codebooks are used: entropy, and codes that never occur."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class BookUse:
    """One codebook, counted over frames.

    Attributes:
        size: its entries.
        frames: that were counted, lost ones not.
        used: entries that occur.
        entropy: of the entries that occur, in bits; at most log2 of the size.
    """

    size: int
    frames: int
    used: int
    entropy: float

    @property
    def dead(self) -> int:
        """Entries that never occur; over few frames more than are dead in truth."""
        return self.size - self.used


def use(codes: NDArray[np.int32], size: int) -> tuple[BookUse, ...]:
    """The use of every codebook.

    Args:
        codes: ``(books, T)`` ids; -1 where a frame was lost.
        size: entries of each codebook.
    """
    found = []
    for row in codes:
        counts = np.bincount(row[row >= 0], minlength=size)
        total = int(counts.sum())
        shares = counts[counts > 0] / max(total, 1)
        found.append(BookUse(size, total, int((counts > 0).sum()), float(-(shares * np.log2(shares)).sum()) + 0.0))
    return tuple(found)
