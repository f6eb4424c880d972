"""What is kept of a run: plain data between the database, session files and the front ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from engines.contract import OptionValue


def now() -> str:
    """The time in UTC, ISO 8601 to the second."""
    return dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")


def new_uid() -> str:
    """The id of an entry that is begun: 32 hex digits."""
    return uuid4().hex


@dataclass(frozen=True)
class Ran:
    """One engine's run.

    Attributes:
        engine: its id.
        name: for people.
        description: the engine's description as JSON, for where it does not exist or has become another.
        options: its settings that differed from its defaults; never a key.
        status: how it ended, ``"ok"``, ``"failed"``, ``"unavailable"`` or ``"cancelled"``.
        at: when it ended, ISO 8601 in UTC.
        program: name and version of the program.
        machine: where it ran.
        weights: model or adapter → digest of its weights.
        transcript: what it wrote; None if it wrote none.
        translation: likewise.
        answer: likewise.
        seconds: engine time in all.
        events: what it sent, as :func:`engines.history.coding.encode` writes it; empty where only the rest was asked.
    """

    engine: str
    name: str
    description: str
    status: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    at: str = field(default_factory=now)
    program: str = ""
    machine: Mapping[str, str | int | float | None] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    transcript: str | None = None
    translation: str | None = None
    answer: str | None = None
    seconds: float = 0.0
    events: bytes = b""

    @property
    def texts(self) -> tuple[str, ...]:
        """What it wrote, the most telling first."""
        return tuple(text for text in (self.answer, self.translation, self.transcript) if text)


@dataclass(frozen=True)
class Entry:
    """One speech, one task, and the runs of engines on it.

    Attributes:
        uid: 32 hex digits, the same wherever it is opened.
        at: when it was begun, ISO 8601 in UTC.
        digest: identity of the speech.
        seconds: its length.
        source: what the user calls it.
        language: ISO 639-1 code of the spoken language, None where it was to be found out.
        reference: the transcript that a person gave.
        reference_translation: the translation that a person gave.
        notes: what is odd about the speech.
        task: what was asked.
        target: ISO 639-1 code of the language to translate to or speak.
        tags: as the user gave them, sorted.
        runs: in the order in which they ended; an engine may occur again.
    """

    uid: str
    digest: str
    seconds: float
    source: str
    task: str
    at: str = field(default_factory=now)
    language: str | None = None
    reference: str | None = None
    reference_translation: str | None = None
    notes: tuple[str, ...] = ()
    target: str | None = None
    tags: tuple[str, ...] = ()
    runs: tuple[Ran, ...] = ()

    @property
    def latest(self) -> Mapping[str, Ran]:
        """The last run of every engine, by id."""
        return {ran.engine: ran for ran in self.runs}

    @property
    def text(self) -> str:
        """What was written, to tell the entry from others: of the first engine that wrote something."""
        return next((ran.texts[0] for ran in self.runs if ran.texts), "")


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        entries: newest first, without events.
        total: how many there are in all, where not all are among the entries.
    """

    entries: tuple[Entry, ...]
    total: int
