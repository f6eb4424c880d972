"""Whether a difference between two systems is one: paired tests over the same utterances, and what many tests cost.

The bootstrap resamples utterances (Bisani & Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance
evaluation"); MAPSSWE compares stretches of errors (Gillick & Cox 1989, "Some statistical issues in the comparison of
speech recognition algorithms"; cut as in Pallett, Fisher & Fiscus 1990, "Tools for the analysis of benchmark speech
recognition tests"); BLEU is tested by sacrebleu's own paired bootstrap (Koehn 2004).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from engines.evaluation.alignment import outcomes
from engines.evaluation.metrics import Errors
from engines.evaluation.normalisation import normalise, units

RESAMPLES: Final = 10_000
_APART: Final = 2
"""So many words in a row that both systems have right end a stretch of errors (Pallett et al. 1990)."""

Key = TypeVar("Key", bound=Hashable)
Bounds = tuple[float, float]
"""Of a confidence interval, the lower one first."""


@dataclass(frozen=True)
class Difference:
    """How much two systems differ, the first minus the second.

    Attributes:
        value: on all utterances; of error rates in [-∞, ∞] as a share (0.05 are five points), of BLEU in points.
        low: lower bound of the 95 % confidence interval.
        high: its upper bound.
        p: two-sided probability of so large a difference if there were none, in (0, 1].
    """

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class MatchedPairs:
    """What MAPSSWE found.

    Attributes:
        segments: stretches in which at least one of the systems errs.
        mean: of the difference of their errors, the first minus the second.
        statistic: the mean by its standard error; 0 where all differences are 0.
        p: two-sided, by the normal distribution; coarse under some thirty segments.
    """

    segments: int
    mean: float
    statistic: float
    p: float


def bootstrap_error_rate(
    first: Sequence[Errors], second: Sequence[Errors], *, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Paired bootstrap of the difference of two corpus error rates.

    Args:
        first: counts of the first system, one per utterance.
        second: counts of the second one on the same utterances in the same order.
        resamples: how many corpora are drawn.
        seed: of the draws.

    Raises:
        ValueError: there are no utterances, or not as many of both, or the references differ in length.
    """
    ours, theirs = _counts(first), _counts(second)
    if not len(first) or ours.shape != theirs.shape or not (ours[:, 1] == theirs[:, 1]).all():
        raise ValueError("both systems need counts for the same utterances")
    if not ours[:, 1].sum():
        raise ValueError("the references hold no words")
    return _paired(np.stack([ours[:, 0], theirs[:, 0], ours[:, 1]], axis=1), resamples, seed)


def bootstrap_ratio(
    first: Sequence[float],
    second: Sequence[float],
    sizes: Sequence[float],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Paired bootstrap of the difference of two ratios of sums, such as words per minute.

    Args:
        first: values of the first system, one per utterance.
        second: values of the second one on the same utterances in the same order.
        sizes: what they are divided by, > 0.
        resamples: how many corpora are drawn.
        seed: of the draws.

    Raises:
        ValueError: there are no utterances, or not as many of everything.
    """
    if not first or not len(first) == len(second) == len(sizes):
        raise ValueError("both systems need values for the same utterances")
    return _paired(np.stack([np.asarray(one, np.float64) for one in (first, second, sizes)], axis=1), resamples, seed)


def _paired(pairs: NDArray[Any], resamples: int, seed: int) -> Difference:
    """Of ``(n, 3)`` values: of the first system, of the second, and what both are divided by."""
    sums = _resampled_sums(pairs, resamples, seed)
    drawn = (sums[:, 0] - sums[:, 1]) / np.where(sums[:, 2] > 0, sums[:, 2], 1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    whole = pairs.sum(axis=0)
    value = float((whole[0] - whole[1]) / whole[2])
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    p = min(1.0, 2.0 * (min(below, above) + 1) / (resamples + 1))
    return Difference(value, float(low), float(high), p)


def ratio_interval(
    values: Sequence[float], sizes: Sequence[float], *, resamples: int = RESAMPLES, seed: int = 0
) -> Bounds:
    """The 95 % confidence interval of a ratio of sums, by the bootstrap over utterances.

    Raises:
        ValueError: there are no utterances, or not as many of both.
    """
    if not values or len(values) != len(sizes):
        raise ValueError("every utterance needs a value and a size")
    pairs = np.stack([np.asarray(values, np.float64), np.asarray(sizes, np.float64)], axis=1)
    sums = _resampled_sums(pairs, resamples, seed)
    low, high = np.quantile(sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], 1), [0.025, 0.975])
    return float(low), float(high)


def error_rate_interval(errors: Sequence[Errors], *, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
    """The 95 % confidence interval of one system's corpus error rate, by the bootstrap over utterances.

    Raises:
        ValueError: there are no words in the references.
    """
    counts = _counts(errors)
    if not len(errors) or not counts[:, 1].sum():
        raise ValueError("the references hold no words")
    sums = _resampled_sums(counts, resamples, seed)
    low, high = np.quantile(sums[:, 0] / np.maximum(sums[:, 1], 1), [0.025, 0.975])
    return float(low), float(high)


def _counts(errors: Sequence[Errors]) -> NDArray[np.int64]:
    return np.array([(found.total, found.length) for found in errors], dtype=np.int64).reshape(-1, 2)


def _resampled_sums(values: NDArray[Any], resamples: int, seed: int) -> NDArray[Any]:
    """Sums over utterances drawn with replacement, ``(resamples, columns)``.

    How often each utterance is drawn follows the multinomial distribution, so no index is drawn at all.
    """
    number = values.shape[0]
    times = np.random.default_rng(seed).multinomial(number, np.full(number, 1.0 / number), size=resamples)
    sums: NDArray[Any] = times @ values
    return sums


def mapsswe(
    references: Sequence[str],
    first: Sequence[str],
    second: Sequence[str],
    language: str | Sequence[str] | None = "en",
) -> MatchedPairs:
    """The matched-pairs sentence-segment word-error test on normalised texts.

    Args:
        references: what was said.
        first: what the first system wrote.
        second: what the second one wrote.
        language: ISO 639-1 code, as for :func:`engines.evaluation.metrics.word_errors`; or one per utterance.

    Raises:
        ValueError: not as many texts of every kind.
    """
    spoken = [language] * len(references) if language is None or isinstance(language, str) else language
    differences: list[int] = []
    for reference, ours, theirs, of in zip(references, first, second, spoken, strict=True):
        words = units(normalise(reference, of), of)
        one = outcomes(words, units(normalise(ours, of), of))
        two = outcomes(words, units(normalise(theirs, of), of))
        differences += _segment_differences(one, two)
    return _matched_pairs(differences)


def _segment_differences(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """Errors of the first minus errors of the second in every stretch of errors of one utterance.

    Args:
        first: errors in every slot of the reference, ``2n + 1`` of them: gap, word, gap, word, …, gap.
        second: the same of the other system.
    """
    found: list[list[int]] = []
    right = _APART  # words in a row that both have right
    for slot, (ours, theirs) in enumerate(zip(first, second, strict=True)):
        if ours or theirs:
            if right >= _APART or not found:
                found.append([])
            found[-1].append(ours - theirs)
            right = 0
        elif slot % 2:
            right += 1
    return [sum(stretch) for stretch in found]


def _matched_pairs(differences: Sequence[int]) -> MatchedPairs:
    number = len(differences)
    if number == 0:
        return MatchedPairs(0, 0.0, 0.0, 1.0)
    mean = sum(differences) / number
    if not any(differences) or number == 1:
        return MatchedPairs(number, mean, 0.0, 1.0)
    variance = sum((value - mean) ** 2 for value in differences) / (number - 1)
    if variance == 0:
        return MatchedPairs(number, mean, math.copysign(math.inf, mean), 0.5 ** (number - 1))
    statistic = mean / math.sqrt(variance / number)
    return MatchedPairs(number, mean, statistic, math.erfc(abs(statistic) / math.sqrt(2)))


def bootstrap_bleu(
    references: Sequence[str],
    first: Sequence[str],
    second: Sequence[str],
    *,
    resamples: int = 1000,
    by: Literal["bleu", "chrf"] = "bleu",
) -> Difference:
    """Sacrebleu's paired bootstrap of the difference of two corpus scores (seeded by sacrebleu, 12345).

    The interval is not part of sacrebleu's test: it is the quantiles of the same resampled differences.

    Raises:
        ValueError: not as many texts of every kind, or none.
    """
    if not references or not len(references) == len(first) == len(second):
        raise ValueError("both systems need translations of the same utterances")
    if list(first) == list(second):
        return Difference(0.0, 0.0, 0.0, 1.0)  # where nothing differs, sacrebleu's p would be the smallest there is
    metric = BLEU(references=[list(references)]) if by == "bleu" else CHRF(references=[list(references)])
    systems: list[tuple[str, Sequence[str]]] = [("second", list(second)), ("first", list(first))]
    _, scores = PairedTest(systems, {"score": metric}, None, test_type="bs", n_samples=resamples)()
    base, other = cast(list[Any], next(found for name, found in scores.items() if name != "System"))
    low, high = _quantiles(metric, [first, second], lambda found: found[0] - found[1], resamples)
    return Difference(float(other.score - base.score), low, high, float(other.p_value))


def bleu_interval(references: Sequence[str], hypotheses: Sequence[str], *, resamples: int = 1000) -> Bounds:
    """The 95 % confidence interval of one system's corpus BLEU, by the bootstrap over utterances.

    Raises:
        ValueError: not as many texts of both, or none.
    """
    if not references or len(references) != len(hypotheses):
        raise ValueError("there must be as many translations as references")
    return _quantiles(BLEU(references=[list(references)]), [hypotheses], lambda scores: scores[0], resamples)


def chrf_interval(references: Sequence[str], hypotheses: Sequence[str], *, resamples: int = 1000) -> Bounds:
    """The same of chrF.

    Raises:
        ValueError: not as many texts of both, or none.
    """
    if not references or len(references) != len(hypotheses):
        raise ValueError("there must be as many texts as references")
    return _quantiles(CHRF(references=[list(references)]), [hypotheses], lambda scores: scores[0], resamples)


def _quantiles(
    metric: Any, systems: Sequence[Sequence[str]], value: Callable[[list[float]], float], resamples: int
) -> Bounds:
    """Quantiles of a value of the scores of several systems on resampled corpora."""
    counts = [np.array(metric._extract_corpus_statistics(list(found), None), dtype=np.int64) for found in systems]  # noqa: SLF001
    sums = _resampled_sums(np.concatenate(counts, axis=1), resamples, 12345)
    parts = np.split(sums, len(systems), axis=1)

    def score(row: NDArray[np.int64]) -> float:
        return float(metric._compute_score_from_stats(row.tolist()).score)  # noqa: SLF001

    drawn = [value([score(part[place]) for part in parts]) for place in range(resamples)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def holm(values: Mapping[Key, float]) -> dict[Key, float]:
    """P values corrected for their number (Holm 1979): the chance of one false alarm among all stays below the level.

    Returns:
        corrected values in [0, 1] under the same keys; compare them with the level itself.
    """
    corrected: dict[Key, float] = {}
    largest = 0.0
    for rank, key in enumerate(sorted(values, key=lambda name: values[name])):
        largest = max(largest, min(1.0, values[key] * (len(values) - rank)))
        corrected[key] = largest
    return {key: corrected[key] for key in values}
