"""Log-probabilities of given tokens, many continuations at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.runtime import cancellation
from engines.runtime.decoder import Decoder, Logits
from engines.runtime.kv_cache import KeyValueCache

_ROWS = 192
"""Logits of that many places are held at a time (a trimmed vocabulary makes that some 70 MB)."""


def score_continuations(
    decoder: Decoder, cache: KeyValueCache, continuations: Sequence[Sequence[int]]
) -> list[NDArray[np.float64]]:
    """Scores token sequences that all follow the last token of one prefix.

    Args:
        decoder: the model.
        cache: holds the prefix without its last token; it is not changed.
        continuations: each begins with the last token of the prefix, which is not scored itself.

    Returns:
        For each the log-probabilities in nats of its tokens from the second on.

    Raises:
        Cancelled: the work was cancelled.
    """
    results: list[NDArray[np.float64]] = [np.zeros(0)] * len(continuations)
    # Continuations of like length share a batch, so that little is padded.
    order = sorted(range(len(continuations)), key=lambda i: len(continuations[i]))
    while order:
        cancellation.check()
        longest = max(1, len(continuations[order[-1]]) - 1)
        size = max(1, _ROWS // longest)
        group, order = order[-size:], order[:-size]
        for i, scores in zip(group, _score_batch(decoder, cache, [continuations[i] for i in group]), strict=True):
            results[i] = scores
    return results


def _score_batch(decoder: Decoder, cache: KeyValueCache, batch: Sequence[Sequence[int]]) -> list[NDArray[np.float64]]:
    """One batch; a long single sequence goes piece by piece, so that its logits never stand in memory at once."""
    longest = max(len(tokens) for tokens in batch) - 1
    scores: list[list[NDArray[np.float64]]] = [[] for _ in batch]
    many = cache.taken(cache.length, len(batch), cache.length + longest)
    for begin in range(0, longest, _ROWS):
        cancellation.check()
        width = min(_ROWS, longest - begin)
        ids = np.zeros((len(batch), width), np.int64)  # padding on the right is never looked at
        rows, targets, owners = [], [], []
        for b, tokens in enumerate(batch):
            count = min(width, max(0, len(tokens) - 1 - begin))
            ids[b, :count] = tokens[begin : begin + count]
            rows += [b * width + place for place in range(count)]
            targets += list(tokens[begin + 1 : begin + 1 + count])
            owners += [b] * count
        logits = decoder.advance(many, ids, np.array(rows, np.int64))
        values = chosen_log_probabilities(logits, np.array(targets))
        for b in range(len(batch)):
            scores[b].append(values[np.array(owners) == b])
    return [np.concatenate(parts) if parts else np.zeros(0) for parts in scores]


def chosen_log_probabilities(logits: Logits, targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log-probability of one target per row.

    Args:
        logits: ``(R, V)``; overwritten.
        targets: ``(R,)``.
    """
    peak = logits.max(axis=1, keepdims=True)
    chosen = logits[np.arange(len(targets)), targets].astype(np.float64) - peak[:, 0]
    np.subtract(logits, peak, out=logits)
    np.exp(logits, out=logits)
    values: NDArray[np.float64] = chosen - np.log(logits.sum(axis=1, dtype=np.float64))
    return values
