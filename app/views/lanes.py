"""How the rows of an attention matrix are laid out and shaded. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.contract import Attention

_NOTHING = 1e-6
"""Weights up to which a row is said not to look at a frame at all."""


@dataclass(frozen=True)
class Lanes:
    """A matrix with rows that never look at the same frames side by side in one lane.

    The queries of a window-level Q-Former each see one window: those of all windows share as many lanes as a window
    has queries. Rows that see everything have a lane each.

    Attributes:
        found: the evidence.
        lane: ``(rows,)``, the lane of every row.
        spans: ``(rows, 2)``, where a row looks most: the frames around its peak with at least half of its weight, in
            seconds.
        shades: ``(lanes, frames)`` in [0, 1]: the weights, as shares of their row's largest.
    """

    found: Attention
    lane: NDArray[np.int32]
    spans: NDArray[np.float64]
    shades: NDArray[np.float32]

    @property
    def count(self) -> int:
        """Number of lanes."""
        return int(self.shades.shape[0])

    @property
    def end(self) -> float:
        """Where the last frame ends, in seconds."""
        return self.found.start + int(self.shades.shape[1]) * self.found.frame_seconds

    def row_at(self, lane: int, frame: int) -> int | None:
        """The row that lies at a place; of several in a lane the one that looks at that frame, or the nearest to it."""
        rows = np.flatnonzero(self.lane == lane)
        if not rows.size:
            return None
        if rows.size == 1:
            return int(rows[0])
        weights = self.found.weights[rows, frame]
        if float(weights.max()) > _NOTHING:
            return int(rows[weights.argmax()])
        centres = (self.spans[rows].mean(axis=1) - self.found.start) / self.found.frame_seconds
        return int(rows[np.abs(centres - frame).argmin()])


def lay_out(found: Attention) -> Lanes:
    """Gives every row its lane, and finds where it looks most."""
    weights = np.nan_to_num(np.asarray(found.weights, np.float32))
    rows, frames = weights.shape
    seen = weights > _NOTHING
    some: NDArray[np.bool_] = np.asarray(seen.any(axis=1))
    first = np.where(some, seen.argmax(axis=1), 0)
    last = np.where(some, frames - seen[:, ::-1].argmax(axis=1), frames)
    lane = np.zeros(rows, np.int32)
    ends: list[int] = []
    for row in range(rows):
        narrow = bool(some[row]) and 2 * (last[row] - first[row]) <= frames
        free = next((at for at, end in enumerate(ends) if narrow and end <= first[row]), None)
        if free is None:
            free = len(ends)
            ends.append(0)
        lane[row] = free
        ends[free] = int(last[row]) if narrow else frames
    peaks = weights.max(axis=1, initial=0.0)
    shares = weights / np.maximum(peaks, 1e-12)[:, None]
    shades = np.zeros((len(ends), frames), np.float32)
    np.maximum.at(shades, lane, shares)
    spans = np.empty((rows, 2))
    for row in range(rows):
        begin, until = _around_peak(shares[row]) if some[row] else (0, frames)
        spans[row] = found.start + begin * found.frame_seconds, found.start + until * found.frame_seconds
    return Lanes(found, lane, spans, shades)


def _around_peak(shares: NDArray[np.float32]) -> tuple[int, int]:
    """The frames around the largest with at least half of it: from, to."""
    peak = int(shares.argmax())
    low = np.flatnonzero(shares < 0.5)
    before, after = low[low < peak], low[low > peak]
    return (int(before[-1]) + 1 if before.size else 0), (int(after[0]) if after.size else shares.shape[0])


def shrunk(shades: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """At most ``rows`` × ``columns`` of a picture ``(lanes, frames)``; what shares a pixel shows its strongest."""
    for axis, most in ((0, max(1, rows)), (1, max(1, columns))):
        size = shades.shape[axis]
        if size > most:
            cuts = np.arange(most) * size // most
            shades = np.maximum.reduceat(shades, cuts, axis=axis)
    return shades
