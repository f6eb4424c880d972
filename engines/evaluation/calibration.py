"""Whether words that an engine is sure of are right: expected calibration error and the reliability diagram.

Guo et al. 2017, "On Calibration of Modern Neural Networks", §2, with ten bins of equal width. The confidence in a
word is the product of the probabilities of its tokens, in a text that the engine's own token scores spell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from engines.evaluation.alignment import outcomes
from engines.evaluation.normalisation import normalise, units
from engines.evidence import TokenScores

BINS: Final = 10


@dataclass(frozen=True)
class Bin:
    """Words of about the same confidence.

    Attributes:
        confidence: mean of it, in [0, 1].
        right: share of the words that are right.
        words: how many they are.
    """

    confidence: float
    right: float
    words: int


def judged(
    reference: str, written: str, scores: Sequence[TokenScores], language: str | None
) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    """The confidence in every word that was written, and whether the word is right.

    Args:
        reference: what was said.
        written: by the engine.
        scores: of its tokens, in order.
        language: ISO 639-1 code of both texts.

    Returns:
        as many of one as of the other; nothing where the tokens do not spell what was written (a text that another
        model chose or rewrote), or where words cannot be told apart after normalisation.
    """
    words = _words(scores)
    spelled = [units(normalise(word, language), language) for word, _ in words]
    wanted = units(normalise(written, language), language)
    if not wanted or [unit for parts in spelled for unit in parts] != wanted:
        return (), ()
    # Slots of the hypothesis: which of its words stand right in the cheapest alignment, seen from its side.
    wrong = outcomes(wanted, units(normalise(reference, language), language))[1::2]
    confidences, right, place = list[float](), list[bool](), 0
    for (_, probability), parts in zip(words, spelled, strict=True):
        if parts:
            confidences.append(round(probability, 4))
            right.append(not any(wrong[place : place + len(parts)]))
            place += len(parts)
    return tuple(confidences), tuple(right)


def _words(scores: Iterable[TokenScores]) -> list[tuple[str, float]]:
    """Words with the product of their tokens' probabilities; a token that begins with a space begins a word."""
    found: list[tuple[str, float]] = []
    for segment in scores:
        begins = True
        for token, value in zip(segment.tokens, segment.log_probabilities, strict=True):
            if not token:  # the end of the text is no part of a word
                continue
            probability = math.exp(min(0.0, value))
            if begins or token[:1].isspace() or not found:
                found.append((token.strip(), probability))
            else:
                word, before = found[-1]
                found[-1] = word + token, before * probability
            begins = False
    return found


def bins(confidences: Sequence[float], right: Sequence[bool], count: int = BINS) -> list[Bin]:
    """Words by confidence, least first; bins without words are left out.

    Raises:
        ValueError: not as many of both.
    """
    members: list[list[tuple[float, bool]]] = [[] for _ in range(count)]
    for confidence, good in zip(confidences, right, strict=True):
        members[min(count - 1, int(confidence * count))].append((confidence, good))
    return [
        Bin(sum(value for value, _ in own) / len(own), sum(good for _, good in own) / len(own), len(own))
        for own in members
        if own
    ]


def calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: mean distance of confidence from accuracy over the bins, by words; in [0, 1].

    Raises:
        ValueError: there are no words.
    """
    found = bins(confidences, right)
    if not found:
        raise ValueError("there are no words to be sure of")
    whole = sum(one.words for one in found)
    return sum(abs(one.confidence - one.right) * one.words for one in found) / whole
