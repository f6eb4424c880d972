"""CTC compression: its properties, whatever the posteriors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.latent.compression import MODES, compress, run_labels, run_means


def log_probs_of(labels: list[int], blank: list[float] | None = None, width: int = 5):
    """Posteriors whose likeliest columns are the given ones."""
    rows = np.full((len(labels), width), 0.02)
    rows[np.arange(len(labels)), labels] = 0.9
    if blank is not None:
        rows[:, 0] = blank
    return np.log(rows / rows.sum(1, keepdims=True)).astype(np.float32)


relaxed = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
posteriors = st.tuples(
    st.integers(1, 60), st.integers(2, 12), st.integers(0, 2**32 - 1), st.floats(0.1, 8), st.floats(-6, 12)
)


def made(size) -> np.ndarray:
    frames, columns, seed, scale, blank = size
    logits = np.random.default_rng(seed).normal(0, scale, (frames, columns))
    logits[:, 0] += blank
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)


@relaxed
@given(size=posteriors, mode=st.sampled_from(MODES), threshold=st.floats(0, 1))
def test_runs_are_ascending_disjoint_and_at_least_one(size, mode, threshold):
    log_probs = made(size)
    runs = compress(log_probs, mode, threshold)
    assert len(runs) >= 1
    assert (runs[:, 0] < runs[:, 1]).all()
    assert (runs[1:, 0] >= runs[:-1, 1]).all()
    assert runs[0, 0] >= 0
    assert runs[-1, 1] <= len(log_probs)


@relaxed
@given(size=posteriors)
def test_averaging_keeps_the_frames_that_blank_removal_keeps(size):
    log_probs = made(size)
    frames = {frame for begin, end in compress(log_probs, "average") for frame in range(begin, end)}
    single = compress(log_probs, "blank-removal")
    assert frames == set(single[:, 0].tolist())
    assert (single[:, 1] - single[:, 0] == 1).all()


@relaxed
@given(size=posteriors, low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_higher_threshold_drops_no_more_frames(size, low, high):
    low, high = sorted((low, high))
    kept = [(np.diff(compress(made(size), "threshold", value)).sum()) for value in (low, high)]
    assert kept[0] <= kept[1] or kept[0] == 1


@relaxed
@given(size=posteriors, mode=st.sampled_from(MODES))
def test_labels_and_means_of_runs(size, mode):
    log_probs = made(size)
    runs = compress(log_probs, mode)
    ids, weights = run_labels(log_probs, runs)
    assert ids.shape == weights.shape == (len(runs), 8)
    assert np.allclose(weights.sum(1), 1, atol=1e-4)
    assert ((ids >= 0) & (ids < log_probs.shape[1] - 1)).all()
    means = run_means(log_probs, runs)
    for mean, (begin, end) in zip(means, runs, strict=True):
        assert np.allclose(mean, log_probs[begin:end].mean(0), atol=1e-4)


def test_blank_divides_equal_labels():
    runs = compress(log_probs_of([0, 1, 1, 0, 1, 2, 2, 2, 0]))
    assert runs.tolist() == [[1, 3], [4, 5], [5, 8]]


def test_blank_alone_leaves_the_frame_that_is_least_surely_blank():
    runs = compress(log_probs_of([0, 0, 0], [9.0, 5.0, 9.0]))
    assert runs.tolist() == [[1, 2]]


def test_the_threshold_keeps_doubtful_frames():
    rows = np.log(np.array([[0.95, 0.03, 0.02], [0.6, 0.3, 0.1], [0.5, 0.1, 0.4]], np.float32))
    assert compress(rows, "average").tolist() == [[2, 3]]
    assert compress(rows, "threshold", 0.9).tolist() == [[1, 2], [2, 3]]
    assert compress(rows, "threshold", 1.0).tolist() == [[0, 2], [2, 3]]


def test_nothing_stays_nothing():
    assert compress(np.zeros((0, 4), np.float32)).shape == (0, 2)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="median"):
        compress(log_probs_of([1]), "median")
