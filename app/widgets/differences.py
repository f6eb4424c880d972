"""Where two texts differ, word by word, with places in the text as it is shown.

The alignment's library is loaded when the first text is compared, not when the window opens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from engines.evaluation.alignment import WordPair

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ffff]")

Kind: TypeAlias = Literal["substituted", "inserted", "deleted"]


@dataclass(frozen=True)
class Difference:
    """One place at which a text differs from another.

    Attributes:
        kind: ``inserted`` and ``substituted`` words are in the text, ``deleted`` ones only in the other.
        start: first character; for a deletion the place where the words are missing.
        end: one past the last character; the same as ``start`` for a deletion.
        other: what the other text has there; empty for an insertion.
    """

    kind: Kind
    start: int
    end: int
    other: str = ""


@lru_cache(maxsize=256)
def differences(text: str, other: str, language: str | None = None, *, complete: bool = True) -> tuple[Difference, ...]:
    """Where a text differs from another, in order of place; what is the same for error rates is no difference.

    Args:
        text: what is shown.
        other: what it is compared with.
        language: ISO 639-1 code; for English ``you're`` and ``you are`` are the same, and so are ``ten`` and ``10``.
        complete: whether the text is all there; if not, words that are missing at its end are no difference yet.
    """
    pairs = _equated(other, text, language)
    if not complete:
        while pairs and pairs[-1].operation == "delete":
            pairs.pop()
    return tuple(_merged(_differences(pairs, text)))


@lru_cache(maxsize=256)
def right_where_wrong(
    text: str, reference: str, rival: str, language: str | None = None
) -> tuple[tuple[int, int], ...]:
    """Places of the words of a text that the reference has and a rival text got wrong.

    Args:
        text: what is shown.
        reference: what was really said.
        rival: what another engine wrote.
        language: ISO 639-1 code.
    """
    rivals = [pair.operation == "equal" for pair in _equated(reference, rival, language) if pair.reference]
    found: list[tuple[int, int]] = []
    count = 0
    for pair, start, end in _placed(_equated(reference, text, language), text):
        if pair.operation == "equal" and pair.hypothesis and pair.reference and not rivals[count]:
            found.append((start, end))
        count += bool(pair.reference)
    return tuple(found)


def _equated(reference: str, text: str, language: str | None) -> list[WordPair]:
    """The alignment, with stretches that are the same after normalisation called equal."""
    from engines.evaluation.normalisation import normalise

    found: list[WordPair] = []
    writing = _writing(text, reference)
    for same, group in groupby(align(reference, text, writing), lambda pair: pair.operation == "equal"):
        pairs = list(group)
        if not same:
            one, two = (
                " ".join(filter(None, side)) for side in zip(*((p.reference, p.hypothesis) for p in pairs), strict=True)
            )
            if normalise(one, language) == normalise(two, language) and one and two:
                pairs = [replace(pair, operation="equal") for pair in pairs]
        found += pairs
    return found


def align(reference: str, hypothesis: str, language: str | None = None) -> tuple[WordPair, ...]:
    """See :func:`engines.evaluation.alignment.align`."""
    from engines.evaluation import alignment

    return alignment.align(reference, hypothesis, language)


def is_unspaced(text: str) -> bool:
    """Whether a text is in a script that is written without spaces."""
    return bool(_UNSPACED.search(text))


def _writing(*texts: str) -> str | None:
    """A language that is written as the texts are: one without spaces, or none in particular."""
    return "zh" if any(map(is_unspaced, texts)) else None


def _placed(pairs: Sequence[WordPair], text: str) -> Iterator[tuple[WordPair, int, int]]:
    """Every pair with the place of its word in the text, without the punctuation that clings to it."""
    place = 0
    for pair in pairs:
        if not pair.hypothesis:
            yield pair, place, place
            continue
        word = pair.hypothesis.split()[0]
        start = max(text.find(word, place), place)
        place = start + len(word)
        left = len(word) - len(word.lstrip("".join(mark for mark in word if not mark.isalnum())))
        right = len(word.rstrip("".join(mark for mark in word if not mark.isalnum())))
        yield pair, start + left, start + max(right, left + 1)


def _differences(pairs: Sequence[WordPair], text: str) -> Iterator[Difference]:
    for pair, start, end in _placed(pairs, text):
        if pair.operation == "delete":
            yield Difference("deleted", start, end, pair.reference)
        elif pair.operation == "insert":
            yield Difference("inserted", start, end)
        elif pair.operation == "substitute":
            yield Difference("substituted", start, end, pair.reference.strip(" .,;:!?…“”\"'«»¿¡"))


def _merged(found: Iterator[Difference]) -> Iterator[Difference]:
    """Deletions at one place become one mark."""
    last: Difference | None = None
    for difference in found:
        if last and last.kind == difference.kind == "deleted" and last.start == difference.start:
            last = Difference("deleted", last.start, last.end, f"{last.other} {difference.other}")
            continue
        if last:
            yield last
        last = difference
    if last:
        yield last
