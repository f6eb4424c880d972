"""Scores with intervals and tested differences, made of the records of a bench."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from engines.evaluation.bench_metrics import METRICS, Metric, invented, ranking
from engines.evaluation.records import Record
from engines.evaluation.significance import bootstrap_bleu, bootstrap_error_rate, bootstrap_ratio, holm, mapsswe
from engines.evaluation.summary import LEVEL

FEW: Final = 30
"""Fewer recordings than these tell little: intervals of the bootstrap are too narrow for so few (it cannot draw what it
has not seen), and what is found on them is marked."""


@dataclass(frozen=True)
class Score:
    """One number of the table, with what it is of.

    Attributes:
        corpus: that was heard.
        condition: how.
        task: what was asked.
        engine: its id.
        version: digest of its description and trained weights.
        metric: name in :data:`engines.evaluation.bench_metrics.METRICS`.
        value: the score.
        low: lower bound of the 95 % interval (bootstrap over recordings); None where none is computed.
        high: its upper bound.
        clips: recordings.
        failures: of them the engine failed on; what it should have written counts as missing.
        signature: sacrebleu's; empty for others.
        machine: where it was measured.
        software: versions of what computed it.
        provider: what engines ran on.
        precision: of the weights.
        seed: of the noise.
        measured: the last day, ISO 8601.
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
    software: str
    provider: str
    precision: str
    seed: int
    measured: str

    @property
    def few(self) -> bool:
        """Whether it is of too few recordings to rely on its interval."""
        return self.clips < FEW


@dataclass(frozen=True)
class Compared:
    """Two engines on the same recordings.

    Attributes:
        corpus: that was heard.
        condition: how.
        task: what was asked.
        metric: that engines are ranked by there.
        first: an engine.
        second: another one.
        difference: of the scores, the first minus the second.
        low: lower bound of its 95 % interval.
        high: its upper bound.
        p: of the paired bootstrap, corrected after Holm for all pairs on this corpus under this condition.
        mapsswe: p of that test, corrected likewise; None where it is not of word errors.
    """

    corpus: str
    condition: str
    task: str
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


def scores(records: Sequence[Record], wanted: Collection[str] = ()) -> list[Score]:
    """Every metric of every engine on every corpus under every condition.

    Args:
        records: of all repetitions.
        wanted: names of metrics; empty for all.
    """
    return [
        _score(metric, corpus, condition, task, found)
        for (corpus, condition, task), engines in _grouped(records).items()
        for found in engines.values()
        for metric in METRICS.values()
        if task in metric.tasks and (not wanted or metric.name in wanted) and metric.fits(_counted(metric, found))
    ]


def _counted(metric: Metric, found: Sequence[Record]) -> list[Record]:
    """The repetitions that a metric is of."""
    return [record for record in found if metric.timed or not record.repetition]


def _score(metric: Metric, corpus: str, condition: str, task: str, found: Sequence[Record]) -> Score:
    counted, first = _counted(metric, found), _counted(METRICS["wer"], found)

    def told(name: str) -> str:
        return "; ".join(dict.fromkeys(value for record in found if (value := getattr(record, name))))

    value, low, high, signature = metric.score(counted)
    return Score(
        corpus, condition, task, found[0].engine, found[0].version, metric.name, value, low, high, len(first),
        sum(bool(record.failure) for record in first), signature, told("machine"), told("software"), told("provider"),
        told("precision"), found[0].seed, max(record.measured for record in found)[:10],
    )  # fmt: skip


def stable(records: Sequence[Record]) -> float | None:
    """The share of recordings of which an engine wrote the same in all repetitions; None where there was but one."""
    texts: dict[tuple[str, str, str, str], list[str]] = {}
    for one in records:
        texts.setdefault((one.corpus, one.clip, one.condition, one.task), []).append(one.hypothesis)
    repeated = [found for found in texts.values() if len(found) > 1]
    return sum(len(set(found)) == 1 for found in repeated) / len(repeated) if repeated else None


def comparisons(records: Sequence[Record]) -> list[Compared]:
    """Every pair of engines on what both were measured on, by the metric that they are ranked by there.

    A family of tests is all pairs on one corpus under one condition. Were it all pairs of a bench, the least p that a
    bootstrap of so many resamples can give would, corrected, be above the level as soon as there are some 250 pairs:
    nothing would be told apart, whatever was measured.
    """
    first = [record for record in records if not record.repetition]
    return [one for group, engines in _grouped(first).items() for one in _family(*group, engines)]


def _family(corpus: str, condition: str, task: str, engines: Mapping[str, Sequence[Record]]) -> list[Compared]:
    """All pairs on one corpus under one condition, corrected for their number."""
    metric = ranking(next(iter(engines.values())))
    if metric is None:
        return []
    raw: list[Compared] = []
    for first, second in itertools.combinations(engines, 2):
        theirs = {record.clip: record for record in engines[second]}
        pairs = [(one, theirs[one.clip]) for one in engines[first] if one.clip in theirs]
        if pairs and metric.fits([one for one, _ in pairs]):
            raw.append(_pair(corpus, condition, task, metric, pairs))
    bootstrap = holm({place: one.p for place, one in enumerate(raw)})
    matched = holm({place: one.mapsswe for place, one in enumerate(raw) if one.mapsswe is not None})
    return [replace(one, p=bootstrap[place], mapsswe=matched.get(place)) for place, one in enumerate(raw)]


def _pair(
    corpus: str, condition: str, task: str, metric: Metric, pairs: Sequence[tuple[Record, Record]]
) -> Compared:  # fmt: skip
    ours, theirs = [one for one, _ in pairs], [two for _, two in pairs]
    references = [one.reference for one in ours]
    written = [one.hypothesis for one in ours], [two.hypothesis for two in theirs]
    p = None
    if metric.name == "hallucination":
        found = bootstrap_ratio(invented(ours)[0], invented(theirs)[0], invented(ours)[1])
    elif metric.unit == "points":
        found = bootstrap_bleu(references, *written, by="chrf" if "chrf" in metric.name else "bleu")
    else:
        found = bootstrap_error_rate([one.errors for one in ours], [two.errors for two in theirs])
        p = mapsswe(references, *written, [one.language for one in ours]).p
    return Compared(
        corpus, condition, task, metric.name, ours[0].engine, theirs[0].engine, found.value, found.low, found.high,
        found.p, p,
    )  # fmt: skip
