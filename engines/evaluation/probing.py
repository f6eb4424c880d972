"""What can be told from what reaches a language model: one linear probe, the same for every kind of input.

A probe is asked only what a pair of recordings differs in (which of these two is the question?), so guessing is right
half of the time. It is a ridge classifier on features that are pooled alike whether the input is words, vectors or
units (Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes"), and never sees the
group it is asked about: another sentence, or another pair of voices.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RIDGE: Final = 1.0
"""Weight of the penalty, in units of the mean squared length of a feature vector."""
LEVEL: Final = 0.05


@dataclass(frozen=True)
class Pair:
    """Two recordings that differ in one thing.

    Attributes:
        group: what both share, and what is left out of training together.
        without: rows of the one that lacks it, ``(frames, width)``.
        having: rows of the one that has it.
    """

    group: Hashable
    without: NDArray[np.float32]
    having: NDArray[np.float32]


@dataclass(frozen=True)
class Told:
    """How often the probe was right.

    Attributes:
        right: pairs that were told rightly; a tie counts half.
        pairs: in all.
    """

    right: float
    pairs: int

    @property
    def share(self) -> float:
        """In [0, 1]; .5 is guessing."""
        return self.right / self.pairs

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % interval of the share (Wilson 1927)."""
        z, n, p = 1.959964, self.pairs, self.share
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        wide = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, centre - wide), min(1.0, centre + wide)

    @property
    def p(self) -> float:
        """Probability that guessing is right as often or more often (one-sided binomial)."""
        least = math.ceil(self.right - 1e-9)
        return sum(math.comb(self.pairs, number) for number in range(least, self.pairs + 1)) * 0.5**self.pairs

    @property
    def heard(self) -> bool:
        """Whether it is better than guessing."""
        return self.p < LEVEL


def pooled(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean, deviation, and mean of the last third of the rows, ``(3 · width,)``; zeros where there are no rows."""
    if not rows.shape[0]:
        return np.zeros(3 * rows.shape[1])
    last = rows[-max(1, rows.shape[0] // 3) :]
    return np.concatenate([rows.mean(0), rows.std(0), last.mean(0)]).astype(np.float64)


def one_hot(ids: Sequence[int], size: int) -> NDArray[np.float32]:
    """Rows ``(n, size)`` of discrete inputs, so that they can be pooled as vectors are."""
    rows = np.zeros((len(ids), size), np.float32)
    rows[np.arange(len(ids)), np.asarray(ids, np.int64)] = 1.0
    return rows


def tell(pairs: Sequence[Pair]) -> Told:
    """Trains on all groups but one and asks about that one, for every group.

    Raises:
        ValueError: there are fewer than two groups.
    """
    groups = list(dict.fromkeys(pair.group for pair in pairs))
    if len(groups) < 2:
        raise ValueError("a probe needs two groups, one to learn from and one to be asked about")
    one = np.stack([pooled(pair.without) for pair in pairs])
    two = np.stack([pooled(pair.having) for pair in pairs])
    belongs = np.array([groups.index(pair.group) for pair in pairs])
    right = 0.0
    for group in range(len(groups)):
        known, asked = belongs != group, belongs == group
        right += _right(fitted(one[known], two[known]), one[asked], two[asked])
    return Told(right, len(pairs))


def carried(pairs: Sequence[Pair], asked: Sequence[Pair]) -> Told:
    """Trains on pairs of one kind (synthetic) and asks about pairs of another (real).

    Raises:
        ValueError: one of them is empty.
    """
    if not pairs or not asked:
        raise ValueError("a probe needs pairs to learn from and pairs to be asked about")
    one, two = (
        np.stack([pooled(found) for found in side])
        for side in zip(*((p.without, p.having) for p in pairs), strict=True)
    )
    first, second = np.stack([pooled(p.without) for p in asked]), np.stack([pooled(p.having) for p in asked])
    return Told(_right(fitted(one, two), first, second), len(asked))


def fitted(without: NDArray[np.float64], having: NDArray[np.float64]) -> NDArray[np.float64]:
    """The direction ``(width,)`` in which having differs from lacking: ridge regression in its dual form."""
    rows = np.concatenate([without, having])
    deviation = rows.std(0)
    scale = np.where(deviation > 1e-9, 1.0 / np.maximum(deviation, 1e-9), 0.0)
    centred = (rows - rows.mean(0)) * scale
    labels = np.repeat([-1.0, 1.0], [without.shape[0], having.shape[0]])
    gram = centred @ centred.T
    penalty = RIDGE * max(float(np.trace(gram)) / gram.shape[0], 1e-9)
    weights = np.linalg.solve(gram + penalty * np.eye(gram.shape[0]), labels - labels.mean())
    return np.asarray((centred.T @ weights) * scale, np.float64)


def _right(direction: NDArray[np.float64], without: NDArray[np.float64], having: NDArray[np.float64]) -> float:
    margin = (having - without) @ direction
    return float((margin > 1e-9).sum() + 0.5 * (np.abs(margin) <= 1e-9).sum())
