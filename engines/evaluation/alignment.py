"""Which words of two texts correspond, for showing the differences."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal

import jiwer

from engines.evaluation.normalisation import UNSPACED, bare

Operation = Literal["equal", "substitute", "insert", "delete"]


@dataclass(frozen=True)
class WordPair:
    """One step of an alignment.

    Attributes:
        operation: ``insert`` has no reference word, ``delete`` no hypothesis word.
        reference: the word as the reference writes it, with its punctuation; empty for ``insert``.
        hypothesis: the word as the hypothesis writes it; empty for ``delete``.
    """

    operation: Operation
    reference: str
    hypothesis: str


def words_of(text: str, language: str | None = None) -> list[str]:
    """The words as they are written, with punctuation on the word before it; characters where there are no spaces."""
    if language in UNSPACED:
        return re.findall(r"[A-Za-z0-9]+[^\w\s]*|\w[^\w\s]*|[^\w\s]+", text)
    return text.split()


def align(reference: str, hypothesis: str, language: str | None = None) -> tuple[WordPair, ...]:
    """Aligns two texts word by word with the fewest edits; case and punctuation make no difference.

    Returns:
        pairs in the order of the texts: every word of both occurs once. Marks that stand alone are equal to nothing and
        are no difference either: they join the word before them.
    """
    ours, theirs = _visible(words_of(reference, language)), _visible(words_of(hypothesis, language))
    if not ours or not theirs:
        return tuple(
            [WordPair("delete", word, "") for word, _ in ours] + [WordPair("insert", "", word) for word, _ in theirs]
        )
    left, right = [key for _, key in ours], [key for _, key in theirs]
    if max(len(left), len(right)) > _LONG:
        chunks = _long_chunks(left, right)
    else:
        transform = jiwer.Compose([jiwer.ReduceToListOfListOfWords()])
        found = jiwer.process_words([" ".join(left)], [" ".join(right)], transform, transform)
        chunks = [
            (part.type, part.ref_start_idx, part.ref_end_idx, part.hyp_start_idx, part.hyp_end_idx)
            for part in found.alignments[0]
        ]
    pairs: list[WordPair] = []
    for kind, a, b, c, d in chunks:
        if kind in {"equal", "substitute"}:
            operation: Operation = "equal" if kind == "equal" else "substitute"
            pairs += [WordPair(operation, one, two) for (one, _), (two, _) in zip(ours[a:b], theirs[c:d], strict=True)]
        else:
            pairs += [WordPair("delete", word, "") for word, _ in ours[a:b]]
            pairs += [WordPair("insert", "", word) for word, _ in theirs[c:d]]
    return tuple(pairs)


_LONG = 5000


def _long_chunks(left: list[str], right: list[str]) -> list[tuple[str, int, int, int, int]]:
    """The same by longest common runs, which stays fast for the text of hours; not always the fewest edits."""
    codes = difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    return [("equal" if tag == "equal" else "replace", a, b, c, d) for tag, a, b, c, d in codes]


def _visible(words: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for word in words:
        key = bare(word)
        if key:
            found.append((word, key))
        elif found:
            found[-1] = (f"{found[-1][0]} {word}", found[-1][1])
    return found


def outcomes(reference: list[str], hypothesis: list[str]) -> list[int]:
    """Errors by their place, for tests that look at where systems err.

    Args:
        reference: normalised words, n of them.
        hypothesis: normalised words.

    Returns:
        ``2n + 1`` counts, of the gap before the first word, the first word, the gap behind it, and so on: a word
        counts 1 if it is missing or another one, a gap as many words as were inserted there.
    """
    found = [0] * (2 * len(reference) + 1)
    if not reference or not hypothesis:
        found[0] = len(hypothesis)
        found[1::2] = [1] * len(reference)
        return found
    transform = jiwer.Compose([jiwer.ReduceToListOfListOfWords()])
    whole = jiwer.process_words([" ".join(reference)], [" ".join(hypothesis)], transform, transform)
    for part in whole.alignments[0]:
        if part.type == "insert":
            found[2 * part.ref_start_idx] += part.hyp_end_idx - part.hyp_start_idx
        elif part.type != "equal":
            for word in range(part.ref_start_idx, part.ref_end_idx):
                found[2 * word + 1] = 1
    return found
