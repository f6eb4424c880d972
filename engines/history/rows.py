"""Rows of the database as entries, and entries as rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engines.history.entries import Entry, Ran

ENTRY: Final = "entry.uid, entry.at, entry.digest, entry.source, entry.language, entry.reference, \
entry.reference_translation, entry.notes, entry.task, entry.target, sound.seconds, entry.id"
"""Columns of an entry joined with its sound."""
RUN: Final = "engine, name, description, options, status, at, program, machine, weights, transcript, translation, \
answer, seconds"
"""Columns of a run, without its events."""


def add_run(connection: sqlite3.Connection, entry: int, ran: Ran) -> None:
    """Writes a run."""
    values = (
        *(ran.engine, ran.name, ran.description, _json(ran.options), ran.status, ran.at, ran.program),
        *(_json(ran.machine), _json(ran.weights), ran.transcript, ran.translation, ran.answer, ran.seconds),
    )
    marks = ", ".join("?" * (len(values) + 2))
    connection.execute(
        f"INSERT INTO run (entry, {RUN}, events) VALUES ({marks})",  # noqa: S608 - our own names
        (entry, *values, ran.events),
    )


def add_entry(connection: sqlite3.Connection, entry: Entry) -> int:
    """Writes an entry without its runs and tags, and returns its number."""
    cursor = connection.execute(
        "INSERT INTO entry (uid, at, digest, source, language, reference, reference_translation, notes, task, target)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(entry.uid, entry.at, entry.digest, entry.source, entry.language, entry.reference),
            *(entry.reference_translation, _json(entry.notes), entry.task, entry.target),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def runs(connection: sqlite3.Connection, entry: int, *, events: bool) -> tuple[Ran, ...]:
    """The runs of an entry, in the order in which they were kept."""
    columns = f"{RUN}, events" if events else f"{RUN}, x''"
    rows = connection.execute(f"SELECT {columns} FROM run WHERE entry = ? ORDER BY id", (entry,))  # noqa: S608
    return tuple(_ran(row) for row in rows.fetchall())


def entry(row: Sequence[Any], tags: tuple[str, ...], found: tuple[Ran, ...]) -> Entry:
    """An entry of a row of :data:`ENTRY`."""
    uid, at, digest, source, language, reference, translation, notes, task, target, seconds, _ = row
    return Entry(
        uid=uid,
        digest=digest,
        seconds=seconds,
        source=source,
        task=task,
        at=at,
        language=language,
        reference=reference,
        reference_translation=translation,
        notes=tuple(str(note) for note in _list(notes)),
        target=target,
        tags=tags,
        runs=found,
    )


def _ran(row: Sequence[Any]) -> Ran:
    engine, name, description, options, status, at, program, machine, weights, *texts, seconds, events = row
    transcript, translation, answer = texts
    return Ran(
        engine=engine,
        name=name,
        description=description,
        status=status,
        options=_mapping(options),
        at=at,
        program=program,
        machine=_mapping(machine),
        weights=_mapping(weights),
        transcript=transcript,
        translation=translation,
        answer=answer,
        seconds=seconds,
        events=events,
    )


def _json(value: Mapping[str, Any] | Sequence[str]) -> str:
    plain = dict(value) if isinstance(value, Mapping) else list(value)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _mapping(text: str) -> dict[str, Any]:
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _list(text: str) -> list[Any]:
    found = json.loads(text)
    return found if isinstance(found, list) else []
