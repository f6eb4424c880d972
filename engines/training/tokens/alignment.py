"""Where words are: forced alignment of a text with CTC posteriors (Viterbi over the blank-extended labels)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engines.models.trunk import Trunk
from engines.training.inventory import said


def align(log_probs: NDArray[np.float32], labels: Sequence[int]) -> NDArray[np.int64] | None:
    """The likeliest frames of labels.

    Args:
        log_probs: ``(T, 1 + P)``, column 0 the blank.
        labels: L columns, in order.

    Returns:
        ``(L, 2)``, first and last frame of each label; None where the text does not fit into the frames.
    """
    count = len(labels)
    extended = np.zeros(2 * count + 1, np.int64)
    extended[1::2] = labels
    frames, states = len(log_probs), len(extended)
    repeats = sum(a == b for a, b in itertools.pairwise(labels))
    if not count or frames < count + repeats:
        return None
    skips = np.zeros(states, np.bool_)
    skips[3::2] = extended[3::2] != extended[1:-2:2]
    scores = np.full(states, -np.inf)
    scores[:2] = log_probs[0, extended[:2]]
    back = np.zeros((frames, states), np.int8)
    for frame in range(1, frames):
        ways = np.full((3, states), -np.inf)
        ways[0] = scores
        ways[1, 1:] = scores[:-1]
        ways[2, 2:] = np.where(skips[2:], scores[:-2], -np.inf)
        best = ways.argmax(0)
        back[frame] = best
        scores = ways[best, np.arange(states)] + log_probs[frame, extended]
    state = states - 1 if scores[-1] >= scores[-2] else states - 2
    if not np.isfinite(scores[state]):
        return None
    spans = np.full((count, 2), -1, np.int64)
    for frame in range(frames - 1, -1, -1):
        if state % 2:
            label = state // 2
            spans[label, 0] = frame
            if spans[label, 1] < 0:
                spans[label, 1] = frame
        state -= int(back[frame, state])
    return spans


def words_of(trunk: Trunk, states: NDArray[np.float32], text: str, language: str) -> list[int] | None:
    """Where the words of a clip begin, in frames of 25 Hz, and where the last one ends.

    The border between two words is put in the middle between the last label of the one and the first of the other,
    since the labels of a CTC are short and stand somewhere inside of what they mean.

    Args:
        trunk: whose CTC hears the labels.
        states: of the encoder, ``(T, 512)`` at 50 Hz.
        text: N words, separated by spaces.
        language: ISO 639-1 code.

    Returns:
        N + 1 frames; None where a word cannot be spelled with the labels, or the text does not fit.
    """
    inventory = trunk.inventory
    columns = {int(place): column for column, place in enumerate(inventory.ctc.tolist(), 1)}
    labels: list[int] = []
    ends: list[int] = []
    for word in text.split():
        spoken = said(word, language)
        cut = inventory.cut_spoken(spoken) if spoken else []
        if cut is None:
            return None
        labels += [columns[place] for place in cut]
        ends.append(len(labels))
    hidden = trunk.run(states)
    spans = align(hidden.log_probs, labels)
    if spans is None:
        return None
    borders = [0]
    for end in ends[:-1]:
        if end == 0:
            borders.append(0)
        elif end == len(labels):
            borders.append(len(hidden.states))
        else:
            borders.append(int(spans[end - 1, 1] + spans[end, 0] + 1) // 2)
    return [*borders, len(hidden.states)]
