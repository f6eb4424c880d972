"""The metrics of a bench, as data: what each needs, which way is better, how it is computed and who came up with it.

Speaker similarity is not among them: none of the models that the program can fetch tells speakers apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from engines.evaluation import calibration, metrics
from engines.evaluation.metrics import Errors
from engines.evaluation.normalisation import normalise, units
from engines.evaluation.records import Record, TaskName
from engines.evaluation.significance import bleu_interval, chrf_interval, error_rate_interval, ratio_interval

Unit = Literal["%", "points", "words/min", "1–5", "s/s", "s"]
Found = tuple[float, float | None, float | None, str]
"""Value, bounds of its 95 % interval where there is one, and the signature of what computed it."""
WORST_OPINION: Final = 1.0
"""Of speech that never came."""


@dataclass(frozen=True)
class Metric:
    """One way of scoring.

    Attributes:
        name: in specs and tables.
        title: for people.
        tasks: as records have them.
        better: whether less or more of it is wanted.
        low: least value.
        high: greatest value; None where there is no bound.
        unit: of tables; shares are shown in percent.
        needs: what there has to be, in words; empty where nothing is needed but the recordings.
        reference: paper or tool.
        fits: whether it can be computed of records.
        score: of all records of one engine on one corpus under one condition that fit.
        ranks: whether engines are ranked and tested by it.
        timed: whether it is of all repetitions; others are of the first.
    """

    name: str
    title: str
    tasks: frozenset[TaskName]
    better: Literal["lower", "higher"]
    low: float
    high: float | None
    unit: Unit
    needs: str
    reference: str
    fits: Callable[[Sequence[Record]], bool]
    score: Callable[[Sequence[Record]], Found]
    ranks: bool = False
    timed: bool = False

    def shown(self, value: float) -> float:
        """A value as tables have it."""
        return 100 * value if self.unit == "%" else value


def referenced(found: Sequence[Record]) -> bool:
    """Whether somebody wrote down what is right."""
    return any(record.reference for record in found)


def invented(found: Sequence[Record]) -> tuple[list[float], list[float]]:
    """Words that were written of each recording in which nobody speaks, and the minutes of each."""
    words = [float(len(units(normalise(one.hypothesis, one.language), one.language))) for one in found]
    return words, [one.seconds / 60 for one in found]


def sure(found: Sequence[Record]) -> tuple[list[float], list[bool]]:
    """The confidence in all words, and whether they are right."""
    return [value for one in found for value in one.confidences], [good for one in found for good in one.right]


def factors(found: Sequence[Record]) -> list[float]:
    """Seconds of work per second of speech that was heard, or said where nothing was heard; failures have none."""
    lengths = [(one, one.spoken_seconds if one.task == "say" else one.seconds) for one in found if not one.failure]
    return [one.work / seconds for one, seconds in lengths if seconds > 0]


def _rate(counts: Sequence[Errors]) -> Found:
    low, high = error_rate_interval(counts)
    return sum(counts, Errors()).rate, low, high, ""


def _words(found: Sequence[Record]) -> Found:
    return _rate([record.errors for record in found])


def _characters(found: Sequence[Record]) -> Found:
    return _rate([metrics.character_errors(one.reference, one.hypothesis, one.language) for one in found])


def _share(count: Callable[[Errors], int]) -> Callable[[Sequence[Record]], Found]:
    """Errors of one kind per word of the reference."""

    def score(found: Sequence[Record]) -> Found:
        counts, lengths = [count(one.errors) for one in found], [one.errors.length for one in found]
        return sum(counts) / sum(lengths), *ratio_interval(counts, lengths), ""

    return score


def _hallucination(found: Sequence[Record]) -> Found:
    words, minutes = invented(found)
    return sum(words) / sum(minutes), *ratio_interval(words, minutes), ""


def _calibration(found: Sequence[Record]) -> Found:
    return calibration.calibration_error(*sure(found)), None, None, ""


def _texts(found: Sequence[Record]) -> tuple[list[str], list[str]]:
    return [one.reference for one in found], [one.hypothesis for one in found]


def _bleu(found: Sequence[Record]) -> Found:
    score = metrics.bleu(*_texts(found))
    return score.value, *bleu_interval(*_texts(found)), score.signature


def _chrf(found: Sequence[Record]) -> Found:
    score = metrics.chrf(*_texts(found))
    return score.value, *chrf_interval(*_texts(found)), score.signature


def _opinion(found: Sequence[Record]) -> Found:
    values = [WORST_OPINION if one.opinion is None else one.opinion for one in found]
    return float(np.mean(values)), *ratio_interval(values, [1.0] * len(values)), ""


def _answered(found: Sequence[Record]) -> Found:
    values = [float(bool(one.hypothesis.strip())) for one in found]
    return float(np.mean(values)), *ratio_interval(values, [1.0] * len(values)), ""


def _quantile(values: Callable[[Sequence[Record]], list[float]], share: float) -> Callable[[Sequence[Record]], Found]:
    def score(found: Sequence[Record]) -> Found:
        return float(np.quantile(values(found), share)), None, None, ""

    return score


def _first_texts(found: Sequence[Record]) -> list[float]:
    return [one.first_text for one in found if one.first_text is not None and not one.failure]


def _first_sounds(found: Sequence[Record]) -> list[float]:
    return [one.first_audio for one in found if one.first_audio is not None and not one.failure]


_WHISPER: Final = "jiwer after Whisper's normaliser (Radford et al. 2022, C)"
_BACK: Final = "as read back by Whisper base"
_TEXT: Final = "what is right, written down"
_TIMES: Final = "runs that did not fail; one after another in one process, work that engines share counted in full"


def _of(*tasks: TaskName) -> frozenset[TaskName]:
    return frozenset(tasks)


_EVERY: Final = _of("transcribe", "translate", "respond", "speak", "say")
METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric(
                "wer", "word error rate", _of("transcribe"), "lower", 0, None, "%", _TEXT, _WHISPER, referenced, _words,
                ranks=True,
            ),
            Metric(
                "cer", "character error rate", _of("transcribe"), "lower", 0, None, "%", _TEXT, _WHISPER, referenced,
                _characters,
            ),
            Metric(
                "substitutions", "other words", _of("transcribe"), "lower", 0, 1, "%", _TEXT, _WHISPER, referenced,
                _share(lambda errors: errors.substitutions),
            ),
            Metric(
                "deletions", "missing words", _of("transcribe"), "lower", 0, 1, "%", _TEXT, _WHISPER, referenced,
                _share(lambda errors: errors.deletions),
            ),
            Metric(
                "insertions", "words too many", _of("transcribe"), "lower", 0, None, "%", _TEXT, _WHISPER, referenced,
                _share(lambda errors: errors.insertions),
            ),
            Metric(
                "hallucination", "invented words", _of("transcribe"), "lower", 0, None, "words/min",
                "recordings in which nobody speaks", "Koenecke et al. 2024, Careless Whisper",
                lambda found: not referenced(found), _hallucination, ranks=True,
            ),
            Metric(
                "ece", "calibration error", _of("transcribe"), "lower", 0, 1, "%",
                "an engine that tells the probabilities of what it wrote", "Guo et al. 2017, ten bins",
                lambda found: referenced(found) and bool(sure(found)[0]), _calibration,
            ),
            Metric(
                "bleu", "BLEU", _of("translate"), "higher", 0, 100, "points", _TEXT, "sacrebleu (Papineni et al. 2002)",
                referenced, _bleu, ranks=True,
            ),
            Metric(
                "chrf", "chrF", _of("translate"), "higher", 0, 100, "points", _TEXT, "sacrebleu (Popović 2015)",
                referenced, _chrf,
            ),
            Metric(
                "asr-bleu", "ASR-BLEU", _of("speak"), "higher", 0, 100, "points", f"{_TEXT}; {_BACK}",
                "Jia et al. 2019, sacrebleu", referenced, _bleu, ranks=True,
            ),
            Metric(
                "asr-chrf", "ASR-chrF", _of("speak"), "higher", 0, 100, "points", f"{_TEXT}; {_BACK}",
                "sacrebleu (Popović 2015)", referenced, _chrf,
            ),
            Metric(
                "asr-wer", "word error rate, read back", _of("say"), "lower", 0, None, "%", f"{_TEXT}; {_BACK}",
                _WHISPER, referenced, _words, ranks=True,
            ),
            Metric(
                "dnsmos", "DNSMOS", _of("speak", "say"), "higher", 1, 5, "1–5",
                "the network of DNSMOS; speech that never came counts as 1", "Reddy et al. 2022, overall",
                lambda found: any(one.opinion is not None for one in found), _opinion,
            ),
            Metric(
                "answer-chrf", "chrF of answers", _of("respond"), "higher", 0, 100, "points", "good answers, written "
                "down", "sacrebleu (Popović 2015)", referenced, _chrf, ranks=True,
            ),
            Metric(
                "answered", "answered", _of("respond"), "higher", 0, 1, "%", "", "share of questions with any answer",
                bool, _answered,
            ),
            Metric(
                "rtf", "work per second of speech, median", _EVERY, "lower", 0, None, "s/s", _TIMES, "real-time factor",
                lambda found: bool(factors(found)), _quantile(factors, 0.5), timed=True,
            ),
            Metric(
                "rtf-p95", "work per second of speech, p95", _EVERY, "lower", 0, None, "s/s", _TIMES,
                "real-time factor", lambda found: bool(factors(found)), _quantile(factors, 0.95), timed=True,
            ),
            Metric(
                "ttft", "time to the first text, median", _EVERY, "lower", 0, None, "s", _TIMES, "TTFT",
                lambda found: bool(_first_texts(found)), _quantile(_first_texts, 0.5), timed=True,
            ),
            Metric(
                "ttfa", "time to the first sound, median", _of("speak"), "lower", 0, None, "s", _TIMES, "TTFA",
                lambda found: bool(_first_sounds(found)), _quantile(_first_sounds, 0.5), timed=True,
            ),
        )
    }
)  # fmt: skip
"""Every metric by its name."""


def ranking(found: Sequence[Record]) -> Metric | None:
    """The metric that engines are ranked by on such records; None where there is none."""
    task = found[0].task
    return next((one for one in METRICS.values() if one.ranks and task in one.tasks and one.fits(found)), None)
