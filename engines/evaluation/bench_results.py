"""Scores with intervals and tested differences, made of the records of a bench; metrics are data."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from engines.evaluation import metrics
from engines.evaluation.metrics import Errors
from engines.evaluation.records import Record
from engines.evaluation.significance import (
    bleu_interval,
    bootstrap_bleu,
    bootstrap_error_rate,
    error_rate_interval,
    holm,
    mapsswe,
)
from engines.evaluation.summary import LEVEL

Found = tuple[float, float | None, float | None, str]
"""Value, bounds of its 95 % interval where there is one, and the signature of what computed it."""


@dataclass(frozen=True)
class Metric:
    """One way of scoring.

    Attributes:
        name: in tables.
        task: as records have it.
        better: whether less or more of it is wanted.
        low: least value.
        high: greatest value; None where there is no bound.
        reference: paper or tool.
        score: of all records of one engine on one corpus under one condition.
    """

    name: str
    task: Literal["transcribe", "translate"]
    better: Literal["lower", "higher"]
    low: float
    high: float | None
    reference: str
    score: Callable[[Sequence[Record]], Found]


def _rate(counts: Sequence[Errors]) -> Found:
    low, high = error_rate_interval(counts)
    return sum(counts, Errors()).rate, low, high, ""


def _words(found: Sequence[Record]) -> Found:
    return _rate([record.errors for record in found])


def _characters(found: Sequence[Record]) -> Found:
    return _rate([metrics.character_errors(one.reference, one.hypothesis, one.language) for one in found])


def _share(kind: Callable[[Errors], Errors]) -> Callable[[Sequence[Record]], Found]:
    """Errors of one kind per word of the reference."""

    def score(found: Sequence[Record]) -> Found:
        whole = sum((record.errors for record in found), Errors())
        return kind(whole).total / whole.length, None, None, ""

    return score


def _bleu(found: Sequence[Record]) -> Found:
    references, written = [one.reference for one in found], [one.hypothesis for one in found]
    score = metrics.bleu(references, written)
    return score.value, *bleu_interval(references, written), score.signature


def _chrf(found: Sequence[Record]) -> Found:
    score = metrics.chrf([one.reference for one in found], [one.hypothesis for one in found])
    return score.value, None, None, score.signature


_WHISPER: Final = "jiwer after Whisper's normaliser (Radford et al. 2022, C)"
METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("wer", "transcribe", "lower", 0, None, _WHISPER, _words),
            Metric("cer", "transcribe", "lower", 0, None, _WHISPER, _characters),
            Metric(
                "substitutions", "transcribe", "lower", 0, 1, _WHISPER, _share(lambda e: Errors(0, e.substitutions))
            ),
            Metric("deletions", "transcribe", "lower", 0, 1, _WHISPER, _share(lambda e: Errors(0, 0, e.deletions))),
            Metric(
                "insertions", "transcribe", "lower", 0, None, _WHISPER, _share(lambda e: Errors(0, 0, 0, e.insertions))
            ),
            Metric("bleu", "translate", "higher", 0, 100, "sacrebleu (Papineni et al. 2002)", _bleu),
            Metric("chrf", "translate", "higher", 0, 100, "sacrebleu (Popović 2015)", _chrf),
        )
    }
)  # fmt: skip
"""Every metric there is."""


@dataclass(frozen=True)
class Score:
    """One number of the table, with what it is of.

    Attributes:
        corpus: that was heard.
        condition: how.
        task: what was asked.
        engine: its id.
        version: digest of its description and trained weights.
        metric: name in :data:`METRICS`.
        value: the score.
        low: lower bound of the 95 % interval (bootstrap over recordings); None where none is computed.
        high: its upper bound.
        clips: recordings.
        failures: of them the engine failed on; what it should have written counts as missing.
        signature: sacrebleu's; empty for others.
        machine: where it was measured.
    """

    corpus: str
    condition: str
    task: str
    engine: str
    version: str
    metric: str
    value: float
    low: float | None
    high: float | None
    clips: int
    failures: int
    signature: str
    machine: str


@dataclass(frozen=True)
class Compared:
    """Two engines on the same recordings.

    Attributes:
        corpus: that was heard.
        condition: how.
        metric: ``wer`` or ``bleu``.
        first: an engine.
        second: another one.
        difference: of the scores, the first minus the second.
        low: lower bound of its 95 % interval.
        high: its upper bound.
        p: of the paired bootstrap, corrected after Holm for all pairs on this corpus under this condition.
        mapsswe: p of that test, corrected likewise; None for BLEU.
    """

    corpus: str
    condition: str
    metric: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    mapsswe: float | None

    @property
    def differs(self) -> bool:
        """Whether every test that there is says so."""
        return max(self.p, self.mapsswe or 0.0) < LEVEL


Group = tuple[str, str, str]


def _grouped(records: Iterable[Record]) -> dict[Group, dict[str, list[Record]]]:
    found: dict[Group, dict[str, list[Record]]] = {}
    for record in records:
        group = found.setdefault((record.corpus, record.condition, record.task), {})
        group.setdefault(record.engine, []).append(record)
    return found


def scores(records: Sequence[Record]) -> list[Score]:
    """Every metric of every engine on every corpus under every condition."""
    made = []
    for (corpus, condition, task), engines in _grouped(records).items():
        for engine, found in engines.items():
            failures = sum(bool(record.failure) for record in found)
            machines = "; ".join(dict.fromkeys(record.machine for record in found))
            for metric in METRICS.values():
                if metric.task == task:
                    value, low, high, signature = metric.score(found)
                    made.append(
                        Score(
                            corpus, condition, task, engine, found[0].version, metric.name, value, low, high,
                            len(found), failures, signature, machines,
                        )
                    )  # fmt: skip
    return made


def comparisons(records: Sequence[Record]) -> list[Compared]:
    """Every pair of engines on what both were measured on.

    A family of tests is all pairs on one corpus under one condition. Were it all pairs of a bench, the least p that a
    bootstrap of so many resamples can give would, corrected, be above the level as soon as there are some 250 pairs:
    nothing would be told apart, whatever was measured.
    """
    return [one for group, engines in _grouped(records).items() for one in _family(*group, engines)]


def _family(corpus: str, condition: str, task: str, engines: Mapping[str, Sequence[Record]]) -> list[Compared]:
    """All pairs on one corpus under one condition, corrected for their number."""
    raw: list[Compared] = []
    for first, second in itertools.combinations(engines, 2):
        theirs = {record.clip: record for record in engines[second]}
        pairs = [(one, theirs[one.clip]) for one in engines[first] if one.clip in theirs]
        if pairs:
            raw.append(_pair(corpus, condition, task, pairs))
    bootstrap = holm({place: one.p for place, one in enumerate(raw)})
    matched = holm({place: one.mapsswe for place, one in enumerate(raw) if one.mapsswe is not None})
    return [
        Compared(
            one.corpus, one.condition, one.metric, one.first, one.second, one.difference, one.low, one.high,
            bootstrap[place], matched.get(place),
        )
        for place, one in enumerate(raw)
    ]  # fmt: skip


def _pair(corpus: str, condition: str, task: str, pairs: Sequence[tuple[Record, Record]]) -> Compared:
    ours, theirs = [one for one, _ in pairs], [two for _, two in pairs]
    references = [one.reference for one in ours]
    written = [one.hypothesis for one in ours], [two.hypothesis for two in theirs]
    if task == "translate":
        found, p = bootstrap_bleu(references, *written), None
    else:
        found = bootstrap_error_rate([one.errors for one in ours], [two.errors for two in theirs])
        p = mapsswe(references, *written, [one.language for one in ours]).p
    metric = "bleu" if task == "translate" else "wer"
    return Compared(
        corpus, condition, metric, ours[0].engine, theirs[0].engine, found.value, found.low, found.high, found.p, p
    )
