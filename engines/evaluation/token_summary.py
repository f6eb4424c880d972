"""Figures of the token engines made of records: what they hear, what they say, and how likely they find endings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engines.errors import BadInput
from engines.evaluation import codecs, report
from engines.evaluation.codebooks import BookUse
from engines.evaluation.codecs import Line
from engines.evaluation.dnsmos import Opinion
from engines.evaluation.metrics import Errors
from engines.evaluation.normalisation import normalise
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
class CodecTable:
    """What was measured of the codec, as it was saved.

    Attributes:
        lines: one per codec and number of codebooks.
        books: how the codebooks are used.
        notes: what is to be known.
        measured: when, an ISO date.
        machine: where.
    """

    lines: tuple[Line, ...]
    books: tuple[BookUse, ...]
    notes: tuple[str, ...]
    measured: str
    machine: str

    def markdown(self) -> str:
        """The tables."""
        return codecs.markdown(self.lines, self.books, self.notes)

    def whole(self) -> Line | None:
        """Our codec at its full rate; the first codec that was measured is ours."""
        own = next((line.name for line in self.lines if line.books), None)
        return max((line for line in self.lines if line.name == own), key=lambda line: line.books, default=None)


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
        codec: None where it was not measured.
        outcomes: of spoken stories.
        cards: id → how its weights were made.
    """

    measured: report.Summary
    lacking: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, Said] = field(default_factory=dict)
    said_compared: tuple[Compared, ...] = ()
    spoken: Mapping[str, Mapping[str, Translated]] = field(default_factory=dict)
    spoken_compared: tuple[Compared, ...] = ()
    codec: CodecTable | None = None
    outcomes: tuple[Outcome, ...] = ()
    cards: Mapping[str, Trained] = field(default_factory=dict)


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


def read_codec(file: Path) -> CodecTable | None:
    """What :mod:`engines.evaluation.codecs` saved; None where it saved nothing.

    Raises:
        BadInput: the file is not what it saves.
    """
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return CodecTable(
            tuple(_line(row) for row in found["lines"]),
            tuple(BookUse(**row) for row in found["codebooks"]),
            tuple(map(str, found["notes"])),
            str(found["measured"]),
            str(found["machine"]),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        hint = "Make it anew with `python -m engines.evaluation.codecs`."
        raise BadInput(f"{file} holds no measurements of codecs.", hint) from error


def _line(row: Mapping[str, Any]) -> Line:
    values = {name: value for name, value in row.items() if name != "wer"}
    return Line(**{**values, "errors": Errors(**row["errors"]), "opinion": Opinion(**row["opinion"])})


def _plain(records: Sequence[Record]) -> list[Record]:
    """Records whose texts are what can be heard: a transcript's commas and capitals are the recogniser's."""
    texts = [
        {name: normalise(getattr(record, name), "en") for name in ("reference", "hypothesis")} for record in records
    ]
    return [record.model_copy(update=update) for record, update in zip(records, texts, strict=True)]
