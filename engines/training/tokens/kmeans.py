"""K-means for speech units: k-means++ (Arthur and Vassilvitskii, 2007), then mini-batches (Sculley, 2010).

Seeded: the same states, settings and seed give the same centroids, interrupted or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.errors import CorpusInvalid
from engines.tokens.codebook import Codebook, Metric

_BEGINNERS = 8
"""States per centroid among which k-means++ looks for beginnings."""

_DEAD = 0.02
"""Of an even share of the frames that were seen: a centroid that got less begins anew elsewhere."""


@dataclass
class Clustering:
    """Centroids on their way; a checkpoint is these arrays.

    Attributes:
        centroids: ``(K, d)`` in standardised space.
        counts: ``(K,)`` frames that each centroid was moved by.
        step: mini-batches done.
        distortion: mean squared distance of the last mini-batch to its centroids; for cosine, 2 − 2·cos.
    """

    centroids: NDArray[np.float32]
    counts: NDArray[np.float64]
    step: int = 0
    distortion: float = float("nan")


def statistics(features: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation ``(d,)`` of ``(N, d)``; a dimension that never changes gets deviation 1."""
    values = np.asarray(features, np.float64)
    deviation = values.std(0)
    return values.mean(0).astype(np.float32), np.where(deviation > 1e-6, deviation, 1.0).astype(np.float32)


def begin(points: NDArray[np.float32], size: int, metric: Metric, seed: int) -> Clustering:
    """Chooses the first centroids with k-means++.

    Args:
        points: standardised states ``(N, d)``.
        size: K, at most N.
        metric: see :class:`Codebook`.
        seed: of the choice.

    Raises:
        CorpusInvalid: there are fewer states than centroids.
    """
    if len(points) < size:
        raise CorpusInvalid(
            f"There are {len(points)} frames of speech for {size} units.", "Give more speech, or fewer units."
        )
    random = np.random.default_rng((seed, 0))
    chosen = random.permutation(len(points))[: max(size, min(len(points), _BEGINNERS * size))]
    among = _on_sphere(points[np.sort(chosen)]) if metric == "cosine" else points[np.sort(chosen)]
    squares = (among**2).sum(1)
    centroids = np.empty((size, points.shape[1]), np.float32)
    centroids[0] = among[random.integers(len(among))]
    nearest = np.full(len(among), np.inf)
    for number in range(1, size):
        last = centroids[number - 1]
        away = np.maximum(squares - 2 * (among @ last) + float(last @ last), 0)
        nearest = np.minimum(nearest, away)
        total = nearest.sum()
        # All that is left may be copies of what was chosen: then any will do.
        at = (
            int(np.searchsorted(np.cumsum(nearest), random.random() * total))
            if total > 0
            else random.integers(len(among))
        )
        centroids[number] = among[min(int(at), len(among) - 1)]
    return Clustering(centroids, np.zeros(size))


def improve(
    found: Clustering, points: NDArray[np.float32], metric: Metric, *, steps: int, batch: int, seed: int
) -> Iterator[Clustering]:
    """Moves the centroids by mini-batches, from where they are.

    Args:
        found: is changed and yielded after every mini-batch.
        points: standardised states ``(N, d)``.
        metric: see :class:`Codebook`.
        steps: mini-batches in all.
        batch: states of one.
        seed: the batch of a step is drawn from it and from the step's number.
    """
    while found.step < steps:
        random = np.random.default_rng((seed, 1, found.step))
        rows = points[random.integers(len(points), size=min(batch, len(points)))]
        rows = _on_sphere(rows) if metric == "cosine" else rows
        nearest, away = _nearest(rows, found.centroids)
        order = np.argsort(nearest, kind="stable")
        hit, starts, counts = np.unique(nearest[order], return_index=True, return_counts=True)
        sums = np.add.reduceat(rows[order].astype(np.float64), starts, axis=0)
        found.counts[hit] += counts
        rate = (counts / found.counts[hit])[:, None]
        moved = (1 - rate) * found.centroids[hit] + rate * sums / counts[:, None]
        found.centroids[hit] = _on_sphere(moved.astype(np.float32)) if metric == "cosine" else moved
        found.step += 1
        found.distortion = float(away.mean())
        if found.step % 10 == 0 and found.step <= steps // 2:
            _revive(found, rows, away, random)
        yield found


def fit(
    features: NDArray[np.floating],
    size: int,
    *,
    metric: Metric = "cosine",
    seed: int = 1,
    steps: int = 100,
    batch: int = 8192,
    report: Callable[[Clustering], None] | None = None,
) -> Codebook:
    """Clusters states in one go.

    Args:
        features: states ``(N, d)``, N ≥ size.
        size: K.
        metric: see :class:`Codebook`.
        seed: of everything random.
        steps: mini-batches.
        batch: states of one.
        report: is told after every mini-batch.

    Raises:
        CorpusInvalid: there are fewer states than units, or some are no numbers.
    """
    mean, scale = statistics(features)
    if not (np.isfinite(mean).all() and np.isfinite(scale).all()):
        raise CorpusInvalid("The states to be clustered are no numbers.", "Make the features of the corpora anew.")
    points = ((np.asarray(features, np.float32) - mean) / scale).astype(np.float32)
    found = begin(points, size, metric, seed)
    for state in improve(found, points, metric, steps=steps, batch=batch, seed=seed):
        if report:
            report(state)
    return Codebook(found.centroids, mean, scale, metric)


def _nearest(
    rows: NDArray[np.float32], centroids: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Nearest centroid and squared distance to it of each row."""
    scores = rows @ centroids.T - 0.5 * (centroids**2).sum(1)
    nearest = scores.argmax(1)
    best = np.take_along_axis(scores, nearest[:, None], axis=1)[:, 0]
    return nearest, np.maximum((rows**2).sum(1) - 2 * best, 0)


def _revive(
    found: Clustering, rows: NDArray[np.float32], away: NDArray[np.float32], random: np.random.Generator
) -> None:
    """Centroids that hardly any frame came to begin anew at frames that are far from all."""
    dead = np.flatnonzero(found.counts < _DEAD * found.counts.mean())[: len(rows) // 4]
    if dead.size and away.sum() > 0:
        few = min(dead.size, int((away > 0).sum()))
        chosen = random.choice(len(rows), size=few, replace=False, p=away / away.sum(dtype=np.float64))
        found.centroids[dead[:few]] = rows[chosen]
        found.counts[dead[:few]] = found.counts.mean()


def _on_sphere(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-8), np.float32)
