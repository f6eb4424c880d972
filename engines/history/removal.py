"""What goes from the history: what was deleted, what does not fit any more, and sound that nothing needs."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path


def deleted(connection: sqlite3.Connection, age: dt.timedelta) -> list[int]:
    """Numbers of the entries that were deleted so long ago."""
    until = (dt.datetime.now(tz=dt.UTC) - age).isoformat(timespec="seconds")
    found = connection.execute("SELECT id FROM entry WHERE deleted <= ?", (until,)).fetchall()
    return [int(number) for (number,) in found]


def beyond(connection: sqlite3.Connection, most_bytes: int) -> list[int]:
    """Numbers of the oldest entries without tags that do not fit; the newest one stays in any case.

    Args:
        connection: to the database.
        most_bytes: of events and sound together.
    """
    found = connection.execute(
        "SELECT entry.id, (SELECT coalesce(sum(length(events)), 0) FROM run WHERE entry = entry.id), digest,"
        " sound.bytes, EXISTS (SELECT 1 FROM tag WHERE tag.entry = entry.id)"
        " FROM entry JOIN sound USING (digest) ORDER BY entry.at DESC, entry.id DESC"
    ).fetchall()
    total, heard = 0, set()
    gone: list[int] = []
    for place, (number, events, digest, size, tagged) in enumerate(found):
        total += events + (0 if digest in heard else size)
        heard.add(digest)
        if total > most_bytes and place and not tagged:
            gone.append(int(number))
    return gone


def remove(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Removes entries with their runs and tags."""
    for number in numbers:
        connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
        connection.execute("DELETE FROM entry WHERE id = ?", (number,))


def sweep(connection: sqlite3.Connection, place: Callable[[str], Path]) -> None:
    """Removes sound that no entry has.

    Args:
        connection: within a transaction, so that nobody begins to need it meanwhile.
        place: digest → its file.
    """
    found = connection.execute("SELECT digest FROM sound WHERE digest NOT IN (SELECT digest FROM entry)").fetchall()
    for (digest,) in found:
        place(digest).unlink(missing_ok=True)
    connection.executemany("DELETE FROM sound WHERE digest = ?", found)


def size(connection: sqlite3.Connection) -> int:
    """Bytes of events and sound."""
    (events,) = connection.execute("SELECT coalesce(sum(length(events)), 0) FROM run").fetchone()
    (sounds,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM sound").fetchone()
    return int(events) + int(sounds)
