"""The fifth and the sixth challenge, from the records of any measurement: languages, and how late an engine is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.evaluation.records import Record
from engines.evaluation.summary import Rate, Translated, rate, translated


@dataclass(frozen=True)
class InLanguage:
    """One engine in one language, on clean recordings.

    Attributes:
        engine: its id.
        language: ISO 639-1 code.
        rate: word error rate (of characters where there are no spaces); None where nothing was transcribed.
        translation: into English; None where nothing was translated.
        places_per_second: places of the language model's input per second of speech; None where none are told.
    """

    engine: str
    language: str
    rate: Rate | None
    translation: Translated | None
    places_per_second: float | None


@dataclass(frozen=True)
class Lateness:
    """How long an engine works on a second of speech, over clean recordings.

    Attributes:
        engine: its id.
        median: seconds of work per second of speech (RTF).
        p95: 95th percentile.
        clips: recordings.
    """

    engine: str
    median: float
    p95: float
    clips: int


def by_language(records: Sequence[Record]) -> list[InLanguage]:
    """Engines and languages in the order in which they first appear."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.condition == "clean" and record.task in {"transcribe", "translate"}:
            groups.setdefault((record.engine, record.language), []).append(record)
    made = []
    for (engine, language), own in groups.items():
        written = [record for record in own if record.task == "transcribe"]
        into_english = [record for record in own if record.task == "translate"]
        placed = [record for record in own if record.places is not None and record.place_seconds > 0]
        spoken = sum(record.place_seconds for record in placed)
        made.append(
            InLanguage(
                engine,
                language,
                rate(written) if written else None,
                translated(into_english) if into_english else None,
                sum(record.places or 0 for record in placed) / spoken if spoken else None,
            )
        )
    return made


def lateness(records: Sequence[Record]) -> list[Lateness]:
    """Real-time factors of clean transcripts; failures have none."""
    factors: dict[str, list[float]] = {}
    for record in records:
        if record.condition == "clean" and record.task == "transcribe" and not record.failure and record.seconds > 0:
            factors.setdefault(record.engine, []).append(record.work / record.seconds)
    return [
        Lateness(engine, float(np.median(found)), float(np.quantile(found, 0.95)), len(found))
        for engine, found in factors.items()
    ]
