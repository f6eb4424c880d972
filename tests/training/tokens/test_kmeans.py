"""K-means: it finds what is there, again and again, and never loses a cluster."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import CorpusInvalid
from engines.training.tokens.kmeans import begin, fit, improve, statistics


def blobs(count=40, each=60, width=12, seed=3):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(count, width)) * 5
    points = np.repeat(centres, each, axis=0) + random.normal(size=(count * each, width)) * 0.2
    return points.astype(np.float32), np.repeat(np.arange(count), each)


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_clusters_are_found(metric):
    points, labels = blobs()
    found = fit(points, 40, metric=metric, steps=40, batch=512).assign(points)
    pairs = {(a, b) for a, b in zip(labels.tolist(), found.tolist(), strict=True)}
    assert len(set(found.tolist())) >= 37
    assert len(pairs) <= 46


def test_the_same_seed_gives_the_same_centroids():
    points, _ = blobs()
    one, same = fit(points, 30, steps=12, seed=4), fit(points, 30, steps=12, seed=4)
    other = fit(points, 30, steps=12, seed=5)
    assert (one.centroids == same.centroids).all()
    assert not np.array_equal(one.centroids, other.centroids)


def test_an_interrupted_run_comes_to_the_same():
    points, _ = blobs()
    mean, scale = statistics(points)
    rows = (points - mean) / scale
    whole = begin(rows, 20, "cosine", 1)
    for _ in improve(whole, rows, "cosine", steps=20, batch=128, seed=1):
        pass
    half = begin(rows, 20, "cosine", 1)
    for state in improve(half, rows, "cosine", steps=20, batch=128, seed=1):
        if state.step == 9:
            break
    for _ in improve(half, rows, "cosine", steps=20, batch=128, seed=1):
        pass
    assert (half.centroids == whole.centroids).all()


def test_the_distortion_falls():
    points, _ = blobs(count=200, each=20)
    told: list[float] = []
    fit(points, 50, metric="l2", steps=30, batch=1024, report=lambda state: told.append(state.distortion))
    assert len(told) == 30
    assert np.mean(told[-5:]) < np.mean(told[:5])


def test_a_dimension_of_large_values_does_not_decide():
    points, labels = blobs(count=10)
    wide = np.concatenate([points, np.random.default_rng(1).normal(size=(len(points), 1)) * 1e4], axis=1)
    found = fit(wide, 10, steps=30).assign(wide)
    pairs = np.zeros((10, 10))
    np.add.at(pairs, (found, labels), 1)
    assert pairs.max(1).sum() / len(points) > 0.7


def test_points_that_are_all_alike():
    assert fit(np.ones((50, 4)), 5, steps=3).assign(np.ones((2, 4))).tolist() == [0, 0]


def test_too_little_speech_is_refused():
    with pytest.raises(CorpusInvalid, match="3 frames"):
        fit(np.ones((3, 4)), 5)


def test_broken_features_are_refused():
    with pytest.raises(CorpusInvalid):
        fit(np.full((50, 4), np.nan), 5)
