"""Figures and comparisons made of records: what stands in the table of adapters, without any words around it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from engines.evaluation.metrics import Errors, Score, bleu, chrf
from engines.evaluation.records import Record
from engines.evaluation.significance import (
    RESAMPLES,
    Difference,
    MatchedPairs,
    bleu_interval,
    bootstrap_bleu,
    bootstrap_error_rate,
    error_rate_interval,
    holm,
    mapsswe,
)

LEVEL: Final = 0.05
"""A difference counts as one if both tests, corrected for the number of pairs, stay below this."""

Chosen = Callable[[Record], bool]


@dataclass(frozen=True)
class TestSet:
    """Records that are looked at together.

    Attributes:
        id: for files.
        title: for people.
        holds: whether a record of a transcript belongs to it.
    """

    id: str
    title: str
    holds: Chosen


def _noisy(name: str) -> Chosen:
    return lambda record: record.condition == name


RATES: Final = (
    TestSet("prompts", "held-out prompts", lambda record: record.condition == "clean" and record.corpus == "prompts"),
    TestSet("unseen", "unseen speakers", lambda record: record.condition == "clean" and record.corpus == "unseen"),
    *(TestSet(f"babble-{level}", f"babble {level} dB", _noisy(f"babble-{level}")) for level in (20, 10, 5, 0)),
)
"""The columns of the table of word error rates."""
COMPARED: Final = (
    RATES[0],
    RATES[1],
    TestSet("noise", "babble, all levels", lambda record: record.condition.startswith("babble-")),
)
"""The sets in which every pair of engines is tested."""


@dataclass(frozen=True)
class Rate:
    """A corpus error rate.

    Attributes:
        value: errors per reference word.
        low: lower bound of the 95 % interval (bootstrap over clips).
        high: its upper bound.
        clips: how many recordings.
        words: how many words the references have.
        failures: runs that came to nothing; their words count as missing.
    """

    value: float
    low: float
    high: float
    clips: int
    words: int
    failures: int


@dataclass(frozen=True)
class Translated:
    """How good translations are.

    Attributes:
        bleu: with sacrebleu's signature.
        chrf: likewise.
        clips: how many recordings.
        failures: runs that came to nothing.
        low: lower bound of BLEU's 95 % interval (bootstrap over clips).
        high: its upper bound.
    """

    bleu: Score
    chrf: Score
    clips: int
    failures: int
    low: float
    high: float


@dataclass(frozen=True)
class Figures:
    """What was measured of one engine.

    Attributes:
        engine: its id.
        rates: test set → word error rate; sets that were not run are missing.
        translations: language → translation into English.
        places_per_second: places of the language model's input per second of clean speech; None where none are told.
        work: seconds of work per second of clean English speech, shared work counted in full.
        stages: the same by stage.
    """

    engine: str
    rates: Mapping[str, Rate] = field(default_factory=dict)
    translations: Mapping[str, Translated] = field(default_factory=dict)
    places_per_second: float | None = None
    work: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Compared:
    """Two engines on one test set.

    Attributes:
        test_set: its id, or ``es`` and ``fr`` for translations from these languages.
        first: id of an engine.
        second: id of another.
        difference: first minus second, of error rates as a share or of BLEU in points.
        corrected: p of the bootstrap after Holm over all pairs of the set.
        segments: MAPSSWE, None for translations.
        segments_corrected: its p after Holm; None for translations.
    """

    test_set: str
    first: str
    second: str
    difference: Difference
    corrected: float
    segments: MatchedPairs | None = None
    segments_corrected: float | None = None

    @property
    def significant(self) -> bool:
        """Whether the difference is one: by both tests where there are two."""
        return self.corrected < LEVEL and (self.segments_corrected is None or self.segments_corrected < LEVEL)

    @property
    def p(self) -> str:
        """The larger of the corrected p, as it is printed."""
        value = max(self.corrected, self.segments_corrected or 0.0)
        return "<0.001" if value < 0.001 else f"{value:.3f}"


def figures(records: Sequence[Record], engine: str) -> Figures:
    """What the records say of one engine."""
    own = [record for record in records if record.engine == engine]
    written = [record for record in own if record.task == "transcribe"]
    rates = {
        group.id: rate(found) for group in RATES if (found := [record for record in written if group.holds(record)])
    }
    translations = {
        language: translated(found)
        for language in ("es", "fr")
        if (found := [record for record in own if record.task == "translate" and record.language == language])
    }
    clean = [record for record in written if record.condition == "clean" and not record.failure]
    seconds = sum(record.seconds for record in clean)
    with_places = [record for record in clean if record.places is not None and record.place_seconds > 0]
    spoken = sum(record.place_seconds for record in with_places)
    stages: dict[str, float] = {}
    for record in clean:
        for name, spent in record.stages.items():
            stages[name] = stages.get(name, 0.0) + spent / seconds
    return Figures(
        engine,
        rates,
        translations,
        sum(record.places or 0 for record in with_places) / spoken if spoken else None,
        sum(record.work for record in clean) / seconds if seconds else None,
        stages,
    )


def rate(records: Sequence[Record]) -> Rate:
    """The corpus error rate of records of one engine."""
    return rate_of(list(by_clip(records).values()), sum(bool(record.failure) for record in records))


def rate_of(errors: Sequence[Errors], failures: int = 0) -> Rate:
    """The corpus error rate of recordings.

    Args:
        errors: one per recording.
        failures: runs that came to nothing.
    """
    whole = sum(errors, Errors())
    low, high = error_rate_interval(errors) if whole.length else (0.0, 0.0)
    return Rate(whole.rate, low, high, len(errors), whole.length, failures)


def translated(records: Sequence[Record]) -> Translated:
    """BLEU and chrF of records of one engine."""
    references, hypotheses = [[getattr(record, name) for record in records] for name in ("reference", "hypothesis")]
    return Translated(
        bleu(references, hypotheses),
        chrf(references, hypotheses),
        len(records),
        sum(bool(record.failure) for record in records),
        *bleu_interval(references, hypotheses),
    )


def by_clip(records: Iterable[Record]) -> dict[str, Errors]:
    """Errors by clip, added up over conditions: what is drawn together in the bootstrap, as it is not independent."""
    found: dict[str, Errors] = {}
    for record in records:
        found[record.clip] = found.get(record.clip, Errors()) + record.errors
    return found


def comparisons(
    records: Sequence[Record], engines: Sequence[str], *, resamples: int = RESAMPLES
) -> tuple[Compared, ...]:
    """Every pair of engines on every set, on the recordings that both heard."""
    found: list[Compared] = []
    for group in COMPARED:
        members = [record for record in records if record.task == "transcribe" and group.holds(record)]
        found += rates_tested(group.id, members, engines, resamples)
    for language in ("es", "fr"):
        members = [record for record in records if record.task == "translate" and record.language == language]
        found += translations_tested(language, members, engines)
    return tuple(found)


_Pair = tuple[str, str]


def _paired(records: Sequence[Record], engines: Sequence[str]) -> dict[_Pair, tuple[list[Record], list[Record]]]:
    by_engine: dict[str, dict[tuple[str, str], Record]] = {}
    for record in records:
        by_engine.setdefault(record.engine, {})[record.clip, record.condition] = record
    pairs = {}
    for first, second in itertools.combinations([engine for engine in engines if engine in by_engine], 2):
        both = [key for key in by_engine[first] if key in by_engine[second]]
        if both:
            pairs[first, second] = [by_engine[first][key] for key in both], [by_engine[second][key] for key in both]
    return pairs


def rates_tested(
    group: str, records: Sequence[Record], engines: Sequence[str], resamples: int = RESAMPLES
) -> list[Compared]:
    """Every pair of engines on the error rate of one test set."""
    drawn: dict[_Pair, Difference] = {}
    matched: dict[_Pair, MatchedPairs] = {}
    for pair, (first, second) in _paired(records, engines).items():
        ours, theirs = by_clip(first), by_clip(second)
        if not sum(ours.values(), Errors()).length:
            continue
        drawn[pair] = bootstrap_error_rate(list(ours.values()), [theirs[clip] for clip in ours], resamples=resamples)
        texts = [[record.hypothesis for record in side] for side in (first, second)]
        matched[pair] = mapsswe([record.reference for record in first], texts[0], texts[1])
    corrected = holm({pair: difference.p for pair, difference in drawn.items()})
    segments = holm({pair: result.p for pair, result in matched.items()})
    return [
        Compared(group, *pair, drawn[pair], corrected[pair], matched[pair], segments[pair]) for pair in drawn
    ]  # fmt: skip


def translations_tested(language: str, records: Sequence[Record], engines: Sequence[str]) -> list[Compared]:
    """Every pair of engines on translations from one language."""
    drawn: dict[_Pair, Difference] = {}
    for pair, (first, second) in _paired(records, engines).items():
        drawn[pair] = bootstrap_bleu(
            [record.reference for record in first],
            [record.hypothesis for record in first],
            [record.hypothesis for record in second],
        )
    corrected = holm({pair: difference.p for pair, difference in drawn.items()})
    return [Compared(language, *pair, drawn[pair], corrected[pair]) for pair in drawn]
