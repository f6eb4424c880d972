"""Which words of a text a model was unsure of, found by holding its scored tokens against the text. No Qt."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from app.widgets.differences import is_unspaced
from engines.contract import TokenScores

DOUBTFUL = 0.5
"""Probability under which a word is doubtful."""
_AHEAD = 24
"""Units of the text that may stand between the end of one stretch of speech and the words of the next."""


@dataclass(frozen=True)
class Doubt:
    """A word ``text[start:end]`` and its log-probability in nats: the sum over its tokens."""

    start: int
    end: int
    log_probability: float

    @property
    def probability(self) -> float:
        """In [0, 1]."""
        return math.exp(min(0.0, self.log_probability))


@dataclass(frozen=True)
class _Unit:
    """A word, or a character where a language is written without spaces."""

    plain: str
    start: int
    end: int


def doubts(text: str, scores: Sequence[TokenScores]) -> list[Doubt]:
    """The doubtful words of a text.

    A text may differ from what was scored, for example because another hypothesis was chosen: only words that stand in
    both, in the same order, are judged.

    Args:
        text: what is shown.
        scores: of the stretches of speech, in order.
    """
    unspaced = is_unspaced(text)
    shown = list(_units(text, unspaced=unspaced))
    found: list[Doubt] = []
    place = 0
    for part in scores:
        written = "".join(part.tokens).replace("▁", " ")
        values = _values(part)
        said = list(_units(written, unspaced=unspaced))
        some = shown[place : place + len(said) + _AHEAD]
        blocks = SequenceMatcher(
            None, [one.plain for one in said], [one.plain for one in some], autojunk=False
        ).get_matching_blocks()
        for block in blocks:
            for step in range(block.size):
                unit, word = some[block.b + step], said[block.a + step]
                tokens = {at for at in values[1][word.start : word.end] if at >= 0}
                value = sum(values[0][at] for at in tokens)
                if value < math.log(DOUBTFUL):
                    found.append(Doubt(unit.start, unit.end, value))
        if len(blocks) > 1:
            place += blocks[-2].b + blocks[-2].size
    return _joined(found) if unspaced else found


def _values(part: TokenScores) -> tuple[tuple[float, ...], list[int]]:
    """Log-probabilities, and for every character of the joined tokens the token that counts there, or -1."""
    at: list[int] = []
    for number, token in enumerate(part.tokens):
        counts = any(character.isalnum() for character in token)
        at += [number if counts else -1] * len(token)
    return part.log_probabilities, at


def _units(text: str, *, unspaced: bool) -> Iterator[_Unit]:
    for match in re.finditer(r"\w" if unspaced else r"\S+", text):
        word = match.group()
        plain = "".join(character for character in word.casefold() if character.isalnum())
        if plain:
            left = next(at for at, character in enumerate(word) if character.isalnum())
            right = next(at for at, character in enumerate(reversed(word)) if character.isalnum())
            yield _Unit(plain, match.start() + left, match.end() - right)


def _joined(found: list[Doubt]) -> list[Doubt]:
    """Neighbouring characters with one token's probability become one mark."""
    joined: list[Doubt] = []
    for doubt in found:
        last = joined[-1] if joined else None
        if last and last.end == doubt.start and last.log_probability == doubt.log_probability:
            joined[-1] = Doubt(last.start, doubt.end, doubt.log_probability)
        else:
            joined.append(doubt)
    return joined
