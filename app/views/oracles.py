"""What an N-best list is worth, given what was really said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from app.language import tr
from app.widgets.numbers import share
from engines.contract import NBest


def errors(lists: Sequence[NBest], shown: NBest, reference: str | None, language: str | None) -> tuple[float, ...]:
    """The error rate of each hypothesis of a list, ≥ 0; characters count in languages without spaces.

    Args:
        lists: those of all stretches of the speech.
        shown: the one on view.
        reference: of the whole speech.
        language: ISO 639-1 code of the hypotheses.

    Returns:
        nothing without a reference, or where the list is only a part of the speech that the reference stands for.
    """
    if reference is None or len(lists) != 1:
        return ()
    return _errors(tuple(h.text for h in shown.hypotheses), reference, language)


@lru_cache(maxsize=64)
def _errors(texts: tuple[str, ...], reference: str, language: str | None) -> tuple[float, ...]:
    from engines.evaluation import metrics

    rate = metrics.character_errors if metrics.is_unspaced(language) else metrics.word_errors
    return tuple(rate(reference, text, language).rate for text in texts)


def line(scores: Mapping[str, float]) -> str:
    """Both oracles in one line, as far as they have been scored; see :mod:`app.scoring`."""
    told = (("o_nb", tr("best choice from the list")), ("o_cp", tr("best of all its words")))
    return " · ".join(f"{key} {share(scores[key])} ({meaning})" for key, meaning in told if key in scores)
