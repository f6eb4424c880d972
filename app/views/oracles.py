"""What an N-best list would allow at best, given what was really said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.widgets.numbers import share
from engines.contract import NBest
from engines.evaluation.metrics import character_errors, is_unspaced, oracle_compositional, oracle_nbest, word_errors

_MOST_TRIALS = 80
"""Choices that are tried at most on the window's thread; longer speech gets the compositional oracle alone."""


@dataclass(frozen=True)
class Judged:
    """Lists held against a reference.

    Attributes:
        errors: error rate of each hypothesis of the list shown; empty when it is a part of the speech only, since the
            reference is that of the whole.
        line: both oracles in one line.
    """

    errors: tuple[float, ...] = ()
    line: str = ""


def judge(lists: Sequence[NBest], shown: NBest, reference: str, language: str | None) -> Judged:
    """Holds lists against a reference.

    Args:
        lists: those of all stretches of the speech.
        shown: the one on view.
        reference: of the whole speech.
        language: ISO 639-1 code of the hypotheses.
    """
    texts = tuple(tuple(h.text for h in found.hypotheses) for found in lists)
    return _judged(texts, tuple(h.text for h in shown.hypotheses) if len(lists) == 1 else (), reference, language)


@lru_cache(maxsize=64)
def _judged(texts: tuple[tuple[str, ...], ...], shown: tuple[str, ...], reference: str, language: str | None) -> Judged:
    rate = character_errors if is_unspaced(language) else word_errors
    errors = tuple(rate(reference, text, language).rate for text in shown)
    parts = []
    if sum(len(hypotheses) for hypotheses in texts) <= _MOST_TRIALS:
        parts.append(f"o_nb {share(oracle_nbest(texts, reference, language).rate)} (best choice from the list)")
    parts.append(f"o_cp {share(oracle_compositional(texts, reference, language).rate)} (best of all its words)")
    return Judged(errors, " · ".join(parts))
