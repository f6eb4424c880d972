"""CTC compression: which frames of a CTC head become one vector of the language model's input.

Blank removal keeps the frames that are not blank, one vector for each; averaging joins neighbours with the same label
into one (Wu et al., arXiv 2307.03917; Gaido et al., arXiv 2102.01578). Blanks are dropped in both: the labels between
them are what was said. The threshold drops only what is blank for sure, and joins the rest by likeliest label.
Pure functions: training builds its vectors with the same.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Mode = Literal["average", "blank-removal", "threshold"]
MODES: tuple[Mode, ...] = get_args(Mode)

TOP = 8
"""Labels whose embeddings make up a vector."""


def compress(log_probs: NDArray[np.float32], mode: Mode = "average", threshold: float = 0.9) -> NDArray[np.int64]:
    """The runs of frames that become vectors.

    Args:
        log_probs: ``(T, 1 + P)`` natural logarithms, column 0 the blank, T ≥ 0.
        mode: ``average``: neighbours with the same likeliest label, blanks dropped; ``blank-removal``: for itself every
            frame whose likeliest label is not the blank; ``threshold``: frames whose blank is likelier than
            ``threshold`` are dropped, of the others neighbours with the same likeliest label (the blank left aside)
            are joined.
        threshold: probability in [0, 1].

    Returns:
        ``(N, 2)``, first frame and the one behind the last of each run: ascending, disjoint, none empty. At least one
        where there is a frame: without any label it is the frame that is least surely blank.

    Raises:
        ValueError: there is no such mode.
    """
    if mode not in MODES:
        raise ValueError(f"there is no mode {mode!r}")
    if not len(log_probs):
        return np.zeros((0, 2), np.int64)
    if mode == "threshold":
        labels = 1 + log_probs[:, 1:].argmax(1)
        labels[np.exp(log_probs[:, 0].astype(np.float64)) > threshold] = 0
    else:
        labels = log_probs.argmax(1)
    if not labels.any():
        frame = int(log_probs[:, 0].argmin())
        return np.array([[frame, frame + 1]], np.int64)
    if mode == "blank-removal":
        frames = np.flatnonzero(labels)
        return np.stack([frames, frames + 1], axis=1).astype(np.int64)
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    ends = np.append(starts[1:], len(labels))
    kept = labels[starts] > 0
    return np.stack([starts[kept], ends[kept]], axis=1).astype(np.int64)


def run_means(values: NDArray[np.float32], runs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Means ``(N, d)`` of the rows ``(T, d)`` of each run."""
    sums = np.add.reduceat(np.concatenate([values, np.zeros_like(values[:1])]), runs.reshape(-1), axis=0)[::2]
    return np.asarray(sums / (runs[:, 1] - runs[:, 0])[:, None], np.float32)


def run_labels(
    log_probs: NDArray[np.float32], runs: NDArray[np.int64], top: int = TOP
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The likeliest labels of each run.

    Args:
        log_probs: ``(T, 1 + P)``, column 0 the blank.
        runs: ``(N, 2)``.
        top: labels per run.

    Returns:
        labels ``(N, top)`` from 0 (the blank is none), likeliest first, and their mean probabilities over the run,
        scaled to sum to 1.
    """
    means = run_means(np.exp(log_probs[:, 1:]), runs)
    count = min(top, means.shape[1])
    best = np.argpartition(-means, count - 1, axis=1)[:, :count]
    weights = np.take_along_axis(means, best, axis=1)
    order = np.argsort(-weights, axis=1, kind="stable")
    ids, weights = np.take_along_axis(best, order, axis=1), np.take_along_axis(weights, order, axis=1)
    missing = ((0, 0), (0, top - count))
    ids, weights = np.pad(ids, missing), np.pad(weights, missing)
    return ids.astype(np.int64), np.asarray(weights / np.maximum(weights.sum(1, keepdims=True), 1e-9), np.float32)
