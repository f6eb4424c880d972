"""Figures of the token engines: what they hear, what they say, and how likely they find endings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from engines.evaluation import report
from engines.evaluation.normalisation import normalise
from engines.evaluation.pareto import Point
from engines.evaluation.prediction import Prediction
from engines.evaluation.records import Record
from engines.evaluation.report import Trained
from engines.evaluation.spoken_lm import Outcome
from engines.evaluation.summary import (
    Compared,
    Rate,
    Translated,
    rate,
    rates_tested,
    translated,
    translations_tested,
)
from engines.evaluation.token_codec import CodecTable, Resynthesised
from engines.evaluation.token_units import Loop, Units
from engines.evaluation.unit_table import Row

SAID: Final = "said"
"""Test set of texts that voices say."""


@dataclass(frozen=True)
class Said:
    """What a recogniser read back of a voice.

    Attributes:
        rate: word errors.
        pace: seconds of speech per word of the text.
        work: seconds of work per second of speech; None where none was made.
    """

    rate: Rate
    pace: float
    work: float | None


@dataclass(frozen=True)
class Tokens:
    """Everything that the report on token engines tells.

    Attributes:
        measured: what engines wrote, with what they are compared to.
        lacking: engine or trained part → one sentence on why nothing stands here for it.
        said: voice → what was read back of it.
        said_compared: pairs of voices.
        spoken: engine → language → English speech, read back.
        spoken_compared: pairs of engines.
        codec: None where nothing was measured.
        resynthesised: what speaks units → what is left of speech that went through them.
        units: those that ship; None where they were not measured.
        study: of other units, where it was run.
        loop: what listens and speaks at once; None where it was not measured.
        outcomes: of spoken stories.
        predictions: of learning curves.
        cards: id → how its weights were made.
    """

    measured: report.Summary
    lacking: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, Said] = field(default_factory=dict)
    said_compared: tuple[Compared, ...] = ()
    spoken: Mapping[str, Mapping[str, Translated]] = field(default_factory=dict)
    spoken_compared: tuple[Compared, ...] = ()
    codec: CodecTable | None = None
    resynthesised: Mapping[str, Resynthesised] = field(default_factory=dict)
    units: Units | None = None
    study: Sequence[Row] = ()
    loop: Loop | None = None
    outcomes: tuple[Outcome, ...] = ()
    predictions: Sequence[Prediction] = ()
    cards: Mapping[str, Trained] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        """Runs that came to nothing."""
        heard = [one.failures for found in self.measured.figures.values() for one in found.rates.values()]
        heard += [one.failures for found in self.measured.figures.values() for one in found.translations.values()]
        spoken = [one.failures for by_language in self.spoken.values() for one in by_language.values()]
        return sum(heard) + sum(spoken) + sum(one.rate.failures for one in self.said.values())

    @property
    def original(self) -> Point | None:
        """Speech that went through nothing; None where it was not measured."""
        lines = self.codec.lines if self.codec is not None else ()
        found = next((line for line in lines if not line.bits_per_second), None)
        return Point(found.name, "", 1.0, found.errors.rate, found.opinion.overall) if found is not None else None

    def points(self) -> list[Point]:
        """Bit rate against quality of everything that went through a codec or through units."""
        found = [
            Point(
                line.name,
                str(line.books or f"{line.bits_per_second / 1000:.0f}k"),
                line.bits_per_second,
                line.errors.rate,
                line.opinion.overall,
            )
            for line in (self.codec.lines if self.codec is not None else ())
            if line.bits_per_second
        ]
        if self.units is not None:
            for through, one in self.resynthesised.items():
                for way, bits in self._ways().items():
                    if way in one.rates:
                        found.append(Point(f"units, {through}", way, bits, one.rates[way].value))
        return found

    def _ways(self) -> dict[str, float]:
        """Ways of resynthesis → bits per second; the voice that stage two is told of costs three seconds once."""
        assert self.units is not None
        whole, joined = self.units.quality.bits_per_second, self.units.quality.joined_bits_per_second
        return {"heard durations": whole, "predicted durations": joined, "own voice": whole, "nobody's voice": whole}


def said(records: Sequence[Record]) -> dict[str, Said]:
    """Figures per voice of records with the task ``say``."""
    found: dict[str, Said] = {}
    for voice in dict.fromkeys(record.engine for record in records):
        own = [record for record in records if record.engine == voice]
        whole = rate(own)
        seconds = sum(record.spoken_seconds for record in own)
        work = sum(record.work for record in own if not record.failure)
        found[voice] = Said(whole, seconds / max(1, whole.words), work / seconds if seconds else None)
    return found


def said_compared(records: Sequence[Record]) -> tuple[Compared, ...]:
    """Every pair of voices."""
    return tuple(rates_tested(SAID, records, list(dict.fromkeys(record.engine for record in records))))


def spoken(records: Sequence[Record]) -> dict[str, dict[str, Translated]]:
    """ASR-BLEU per engine and language of records with the task ``speak``; without case and punctuation."""
    found: dict[str, dict[str, list[Record]]] = {}
    for record in _plain(records):
        found.setdefault(record.engine, {}).setdefault(record.language, []).append(record)
    return {
        engine: {language: translated(own) for language, own in sorted(by_language.items())}
        for engine, by_language in found.items()
    }


def spoken_compared(records: Sequence[Record]) -> tuple[Compared, ...]:
    """Every pair of engines, per language."""
    plain = _plain(records)
    engines = list(dict.fromkeys(record.engine for record in plain))
    return tuple(
        one
        for language in sorted({record.language for record in plain})
        for one in translations_tested(language, [record for record in plain if record.language == language], engines)
    )


def _plain(records: Sequence[Record]) -> list[Record]:
    """Records whose texts are what can be heard: a transcript's commas and capitals are the recogniser's."""
    texts = [
        {name: normalise(getattr(record, name), "en") for name in ("reference", "hypothesis")} for record in records
    ]
    return [record.model_copy(update=update) for record, update in zip(records, texts, strict=True)]
