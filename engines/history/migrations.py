"""The database's tables, in numbered steps; ``PRAGMA user_version`` says how many were taken."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from engines.history.words import spaced

Step = Callable[[sqlite3.Connection], None]


def _tables(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE sound (
            digest TEXT PRIMARY KEY,
            seconds REAL NOT NULL,
            bytes INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE entry (
            id INTEGER PRIMARY KEY,
            uid TEXT NOT NULL UNIQUE,
            at TEXT NOT NULL,
            digest TEXT NOT NULL REFERENCES sound (digest),
            source TEXT NOT NULL,
            language TEXT,
            reference TEXT,
            reference_translation TEXT,
            notes TEXT NOT NULL,
            task TEXT NOT NULL,
            target TEXT,
            deleted TEXT
        )""",
        """CREATE TABLE run (
            id INTEGER PRIMARY KEY,
            entry INTEGER NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
            engine TEXT NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            options TEXT NOT NULL,
            status TEXT NOT NULL,
            at TEXT NOT NULL,
            program TEXT NOT NULL,
            machine TEXT NOT NULL,
            weights TEXT NOT NULL,
            transcript TEXT,
            translation TEXT,
            answer TEXT,
            seconds REAL NOT NULL,
            events BLOB NOT NULL
        )""",
        """CREATE TABLE tag (
            entry INTEGER NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            PRIMARY KEY (entry, name)
        ) WITHOUT ROWID""",
        "CREATE INDEX run_entry ON run (entry)",
        "CREATE INDEX entry_at ON entry (at)",
        "CREATE INDEX entry_digest ON entry (digest)",
    ):
        connection.execute(statement)


def _search(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2')")
    for (entry,) in connection.execute("SELECT id FROM entry").fetchall():
        index(connection, entry)


STEPS: Final[Sequence[Step]] = (_tables, _search)
"""Never changed, only added to."""


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Takes the steps that are missing, all or none.

    Args:
        connection: in autocommit mode.
        steps: all that there are.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version(connection), len(steps)):
            steps[number](connection)
            connection.execute(f"PRAGMA user_version = {number + 1}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def version(connection: sqlite3.Connection) -> int:
    """How many steps were taken."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def index(connection: sqlite3.Connection, entry: int) -> None:
    """Makes an entry's texts, its source and its tags searchable, as they are now."""
    texts = connection.execute(
        "SELECT source, reference, reference_translation FROM entry WHERE id = ?", (entry,)
    ).fetchall()
    texts += connection.execute("SELECT transcript, translation, answer FROM run WHERE entry = ?", (entry,)).fetchall()
    texts += connection.execute("SELECT name FROM tag WHERE entry = ?", (entry,)).fetchall()
    whole = "\n".join(dict.fromkeys(spaced(text) for row in texts for text in row if text))
    connection.execute("DELETE FROM words WHERE rowid = ?", (entry,))
    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (entry, whole))
