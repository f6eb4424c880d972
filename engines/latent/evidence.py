"""What the latent engines can show: posteriors, attention, nearest tokens, counts. All of one stretch of speech."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.contract import Attention, Evidence, Neighbours, Posteriors, SpeechTokens, TokenScores
from engines.latent.adapters import Adapted
from engines.models.pieces import MARK, Inventory
from engines.models.trunk import FRAME_SECONDS, Hidden
from engines.runtime.writing import WrittenToken
from engines.stages.stretches import Stretch

LIKELIEST = 5
NEAREST = 5

Nearest = Callable[[NDArray[np.float32], int], tuple[NDArray[np.int64], NDArray[np.float32]]]
"""Vectors ``(N, W)`` and k → token ids and cosines, ``(N, k)``, best first."""


@dataclass(frozen=True)
class Done:
    """What an engine did with one stretch.

    Attributes:
        stretch: the speech.
        hidden: of the trunk.
        adapted: what the language model read.
        tokens: what it wrote.
        attention: how much each token looked at each place of the model's input, ``(layers, heads, tokens, places)``.
        begin: place of the first vector in the input.
    """

    stretch: Stretch
    hidden: Hidden
    adapted: Adapted
    tokens: Sequence[WrittenToken]
    attention: NDArray[np.float32]
    begin: int = 1


def evidence(done: Done, inventory: Inventory, name: Callable[[int], str], nearest: Nearest) -> Iterator[Evidence]:
    """All evidence of a stretch.

    Args:
        done: the stretch.
        inventory: of the pieces.
        name: text of a token of the language model.
        nearest: see :data:`Nearest`.
    """
    segment, adapted = done.stretch.segment, done.adapted
    yield SpeechTokens(segment, len(adapted.vectors), done.stretch.seconds)
    words = tuple(readable(name(token.id)) for token in done.tokens)
    yield TokenScores(segment, words, tuple(min(0.0, token.log_probability) for token in done.tokens))
    yield posteriors(done.stretch, done.hidden, adapted, inventory)
    if done.tokens:
        yield token_attention(done, words)
    if adapted.attention is not None:
        yield query_attention(done.stretch, adapted)
    yield neighbours(done.stretch, adapted, name, nearest)


def posteriors(stretch: Stretch, hidden: Hidden, adapted: Adapted, inventory: Inventory) -> Posteriors:
    """What the trunk's CTC head takes every frame for, and the vector that every frame went into."""
    probabilities = np.exp(hidden.log_probs)
    count = min(LIKELIEST, probabilities.shape[1] - 1)
    best = np.argsort(-probabilities[:, 1:], axis=1, kind="stable")[:, :count]
    occurring, places = np.unique(best, return_inverse=True)
    return Posteriors(
        segment=stretch.segment,
        start=stretch.start,
        frame_seconds=FRAME_SECONDS,
        labels=tuple(readable(inventory.pieces[inventory.ctc[label]].text) for label in occurring),
        ids=places.reshape(best.shape).astype(np.int32),
        probabilities=np.clip(np.take_along_axis(probabilities[:, 1:], best, axis=1), 0, 1),
        blank=np.clip(probabilities[:, 0], 0, 1),
        vectors=adapted.of_frame,
    )


def token_attention(done: Done, words: tuple[str, ...]) -> Attention:
    """Where each written token looked in the speech: mean over layers and heads, handed on from vectors to frames."""
    count = len(done.adapted.vectors)
    looked = done.attention.mean(axis=(0, 1))[:, done.begin : done.begin + count]
    return Attention(
        labels=words,
        weights=np.asarray(looked @ done.adapted.shares, np.float32),
        start=done.stretch.start,
        frame_seconds=FRAME_SECONDS,
        segment=done.stretch.segment,
    )


def query_attention(stretch: Stretch, adapted: Adapted) -> Attention:
    """Where each query of a Q-Former looked."""
    assert adapted.attention is not None
    windows = np.unique(adapted.spans[:, 0], return_inverse=True)[1]
    orders = [index - int(np.searchsorted(windows, window)) for index, window in enumerate(windows)]
    starts = stretch.start + adapted.spans[:, 0] * FRAME_SECONDS
    return Attention(
        labels=tuple(f"{start:.2f} s, query {1 + order}" for start, order in zip(starts, orders, strict=True)),
        weights=adapted.attention,
        start=stretch.start,
        frame_seconds=FRAME_SECONDS,
        segment=stretch.segment,
        rows="queries",
    )


def neighbours(stretch: Stretch, adapted: Adapted, name: Callable[[int], str], nearest: Nearest) -> Neighbours:
    """The text tokens nearest to every vector (as in arXiv 2510.02569)."""
    ids, similarities = nearest(adapted.vectors, NEAREST)
    return Neighbours(
        segment=stretch.segment,
        spans=np.asarray(stretch.start + adapted.spans * FRAME_SECONDS, np.float32),
        tokens=tuple(tuple(readable(name(int(token))) for token in row) for row in ids),
        similarities=np.clip(similarities, -1, 1).astype(np.float32),
    )


def readable(piece: str) -> str:
    """A piece with its space as a space."""
    return piece.replace(MARK, " ")
