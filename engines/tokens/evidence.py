"""What a token engine can show of one stretch of speech."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from engines.contract import Attention, Evidence, Neighbours, SpeechTokens, TokenScores
from engines.models.pieces import MARK
from engines.runtime.mixed import WrittenItem
from engines.tokens.reading import Heard, Reader

NEAREST = 5
FIRST = 2
"""Place of the first token in the model's input: behind the begin of the sequence and of speech."""

Nearest = Callable[[NDArray[np.float32], int], tuple[NDArray[np.int64], NDArray[np.float32]]]
"""Vectors ``(N, W)`` and k → token ids and cosines, ``(N, k)``, best first."""


def heard_evidence(heard: Heard, reader: Reader) -> Iterator[Evidence]:
    """The tokens themselves, what they mean, and how many places they take with the marks around them."""
    yield from reader.evidence(heard)
    yield SpeechTokens(heard.stretch.segment, len(heard.durations) + 2, heard.stretch.seconds)


def written_evidence(
    heard: Heard,
    items: Sequence[WrittenItem],
    attention: NDArray[np.float32],
    frame_seconds: float,
    name: Callable[[int], str],
) -> Iterator[Evidence]:
    """What every piece of a text was worth, and where it looked.

    Args:
        heard: what was read.
        items: of the text.
        attention: ``(layers, heads, items, places)``.
        frame_seconds: seconds per frame.
        name: text of a token of the language model.
    """
    words = tuple(name(item.id).replace(MARK, " ") for item in items)
    segment = heard.stretch.segment
    yield TokenScores(segment, words, tuple(min(0.0, item.log_probability) for item in items))
    if not items:
        return
    durations = heard.durations
    looked = attention.mean(axis=(0, 1))[:, FIRST : FIRST + len(durations)] / durations
    yield Attention(
        labels=words,
        weights=np.asarray(np.repeat(looked, durations, axis=1), np.float32),
        start=heard.stretch.start,
        frame_seconds=frame_seconds,
        segment=segment,
    )


def neighbours(heard: Heard, frame_seconds: float, name: Callable[[int], str], nearest: Nearest) -> Neighbours:
    """The text tokens whose embeddings are nearest to what stands at each place of the speech."""
    ids, similarities = nearest(heard.rows, NEAREST)
    which = heard.which
    ends = np.cumsum(heard.durations)
    spans = np.stack([ends - heard.durations, ends], axis=1)
    return Neighbours(
        segment=heard.stretch.segment,
        spans=np.asarray(heard.stretch.start + spans * frame_seconds, np.float32),
        tokens=tuple(tuple(name(int(token)).replace(MARK, " ") for token in ids[row]) for row in which),
        similarities=np.clip(similarities[which], -1, 1).astype(np.float32),
    )
