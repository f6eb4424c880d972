"""Word and character error rates, BLEU and chrF, and the two oracles of an N-best list.

Error rates are kept as counts, so that they can be added up over a corpus before they are divided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import jiwer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from engines.evaluation.normalisation import UNSPACED, normalise, units

_PASSES: Final = 3


@dataclass(frozen=True)
class Errors:
    """Edit counts between a hypothesis and its reference; add them up over a corpus.

    Attributes:
        hits: units that are right.
        substitutions: units that are another one.
        deletions: units of the reference that are missing.
        insertions: units that are too many.
    """

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def total(self) -> int:
        """All errors."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def length(self) -> int:
        """Units in the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float:
        """Errors per unit of the reference, ≥ 0; for an empty reference 0 if nothing was said, otherwise 1."""
        if self.length == 0:
            return float(self.insertions > 0)
        return self.total / self.length

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


@dataclass(frozen=True)
class Score:
    """A score from sacrebleu.

    Attributes:
        value: in [0, 100].
        signature: how it was computed, in sacrebleu's short form.
    """

    value: float
    signature: str


def word_errors(reference: str, hypothesis: str, language: str | None = "en") -> Errors:
    """Word errors after normalisation (Whisper's for English, its basic one for others).

    Args:
        reference: what was said.
        hypothesis: what was heard.
        language: ISO 639-1 code; None normalises as for any language but English. Words of languages that are written
            without spaces are their characters.
    """
    return count(units(normalise(reference, language), language), units(normalise(hypothesis, language), language))


def character_errors(reference: str, hypothesis: str, language: str | None = "en") -> Errors:
    """Character errors after the same normalisation, spaces left out."""
    return count(
        list(normalise(reference, language).replace(" ", "")), list(normalise(hypothesis, language).replace(" ", ""))
    )


def is_unspaced(language: str | None) -> bool:
    """Whether the error rate to show is that of characters, because the language is written without spaces."""
    return language in UNSPACED


def count(reference: Sequence[str], hypothesis: Sequence[str]) -> Errors:
    """Edit counts of the cheapest alignment of two sequences (Levenshtein)."""
    if not reference:
        return Errors(insertions=len(hypothesis))
    if not hypothesis:
        return Errors(deletions=len(reference))
    found = jiwer.process_words([" ".join(reference)], [" ".join(hypothesis)], _as_it_is(), _as_it_is())
    return Errors(found.hits, found.substitutions, found.deletions, found.insertions)


@cache
def _as_it_is() -> jiwer.Compose:
    return jiwer.Compose([jiwer.ReduceToListOfListOfWords()])


def bleu(references: Sequence[str], hypotheses: Sequence[str], language: str = "en") -> Score:
    """Corpus BLEU (Papineni et al. 2002) with sacrebleu's tokeniser for the language; one reference each.

    A single short sentence is scored with the effective order, so that it is not 0 for want of 4-grams.
    """
    tokeniser = {"zh": "zh", "ja": "char", "ko": "char", "th": "char"}.get(language, "13a")
    metric = BLEU(tokenize=tokeniser, effective_order=len(hypotheses) == 1)
    return _scored(metric, references, hypotheses)


def chrf(references: Sequence[str], hypotheses: Sequence[str]) -> Score:
    """Corpus chrF (Popović 2015); one reference each."""
    return _scored(CHRF(), references, hypotheses)


def _scored(metric: BLEU | CHRF, references: Sequence[str], hypotheses: Sequence[str]) -> Score:
    if len(references) != len(hypotheses):
        raise ValueError("as many references as hypotheses are needed")
    value = float(metric.corpus_score(list(hypotheses), [list(references)]).score)
    return Score(value, metric.get_signature().format(short=True))


def oracle_nbest(lists: Sequence[Sequence[str]], reference: str, language: str | None = "en") -> Errors:
    """o_nb of HyPoradise (Chen et al. 2023, §4.1): the errors of the best choice among the hypotheses.

    Args:
        lists: the N-best list of each stretch of speech, in order.
        reference: of the whole utterance.
        language: ISO 639-1 code.

    Returns:
        the exact minimum for one list; for several, what choosing stretch by stretch until nothing improves comes to.
    """
    chosen = [0] * len(lists)

    def errors() -> Errors:
        return word_errors(reference, _joined(lists, chosen, language), language)

    best = errors()
    for _ in range(_PASSES):
        before = best.total
        for index, hypotheses in enumerate(lists):
            kept = chosen[index]
            for candidate in range(len(hypotheses)):
                chosen[index] = candidate
                found = errors()
                if found.total < best.total:
                    best, kept = found, candidate
            chosen[index] = kept
        if best.total == before or len(lists) == 1:
            break
    return best


def oracle_compositional(lists: Iterable[Iterable[str]], reference: str, language: str | None = "en") -> Errors:
    """o_cp of HyPoradise (Chen et al. 2023, §4.1): the errors that are left when any word of the lists may be used.

    A word of the reference that no hypothesis contains cannot be had, and counts as a deletion.
    """
    known = {unit for hypotheses in lists for text in hypotheses for unit in units(normalise(text, language), language)}
    wanted = units(normalise(reference, language), language)
    hits = sum(unit in known for unit in wanted)
    return Errors(hits=hits, deletions=len(wanted) - hits)


def _joined(lists: Sequence[Sequence[str]], chosen: Sequence[int], language: str | None) -> str:
    join: Callable[[Iterable[str]], str] = ("" if is_unspaced(language) else " ").join
    return join(hypotheses[index] for hypotheses, index in zip(lists, chosen, strict=True) if hypotheses)
