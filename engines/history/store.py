"""The history: what was run, its sound, and everything that one does with it. No Qt; one thread uses one store."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from engines import paths
from engines.contract import Samples
from engines.errors import AudioUnreadable, HistoryDamaged, UnknownEntry
from engines.history import database, removal, rows, sound, words
from engines.history.database import told, writing
from engines.history.entries import Entry, Found, Ran, now
from engines.history.migrations import index

BUSY_SECONDS: Final = 5.0
MOST: Final = 500
"""Entries that a search gives at a time."""
_LEFT_OVER: Final = dt.timedelta(hours=1)
"""From which age on what was deleted in an earlier run of the program cannot be had back."""


def folder() -> Path:
    """Where the history lies."""
    return paths.data() / "history"


class Store:
    """The history in a folder: a database, and beside it the sound, one FLAC file per digest.

    Args:
        home: the folder; the user's by default.
        busy_seconds: how long to wait for another program that writes.

    Attributes:
        said: one sentence on what had to be done to open it, empty where nothing had.

    Raises:
        HistoryNewer: a newer version of the program wrote it.
        HistoryLocked: another program holds it.
        DiskFull: there is no room.
        HistoryUnavailable: it cannot be read or written.
    """

    def __init__(self, home: Path | None = None, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.home = home if home is not None else folder()
        self.said = ""
        self._busy = busy_seconds
        try:
            self._connection = database.connect(self.home, busy_seconds)
        except HistoryDamaged:
            self._connection = self._rebuilt(None)
        self._file = database.identity(self.home)

    def rebuild(self) -> str:
        """Sets a database that turned out to be damaged aside and builds another; one sentence says what was saved.

        Where another window has built it anew in the meantime, that one is taken.

        Raises:
            HistoryUnavailable: the folder cannot be written to.
            DiskFull: there is no room.
        """
        self._connection.close()
        self._connection = self._rebuilt(self._file)
        self._file = database.identity(self.home)
        return self.said

    def _rebuilt(self, seen: database.Identity | None) -> sqlite3.Connection:
        """Builds the database anew, one window at a time.

        Args:
            seen: the file that is damaged; None where it could not be opened.
        """
        with database.rebuilding(self.home):
            if seen is None or seen != database.identity(self.home):
                with contextlib.suppress(HistoryDamaged):
                    connection = database.connect(self.home, self._busy)
                    self.said = "The history was damaged; another window has built it anew."
                    return connection
            return self._built_anew()

    def _built_anew(self) -> sqlite3.Connection:
        aside, saved = database.rebuild(self.home, self._busy)
        what = f"{saved} runs in it were saved" if saved != 1 else "one run in it was saved"
        self.said = (
            f"The history was damaged; {what if saved else 'nothing in it could be read'}, and the damaged file "
        )
        self.said += f"is kept as {aside.name}."
        return database.connect(self.home, self._busy)

    def close(self) -> None:
        """Closes the database."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- keeping ----------------------------------------------------------------------------------------------------

    def keep(self, entry: Entry, samples: Samples) -> None:
        """Keeps an entry with its runs, or adds its runs to what is kept of it.

        Args:
            entry: whose runs are to be added; the rest is written only once.
            samples: the speech, ``(n,)``; written where its digest is not there yet.

        Raises:
            DiskFull: there is no room; nothing is kept then.
            HistoryLocked: another program holds the history.
            HistoryDamaged: it is broken; see :meth:`rebuild`.
            HistoryUnavailable: it cannot be written.
        """
        size = sound.keep(self.sound(entry.digest), samples)
        self._keep(entry, size)
        sound.keep(self.sound(entry.digest), samples)  # another window may have thrown it away in between

    def take(self, entry: Entry, flac: Path) -> bool:
        """Keeps an entry whose sound is a FLAC file that was checked; false where the entry was there already.

        Raises:
            TriptychError: as :meth:`keep`.
        """
        if self._number(entry.uid, deleted=False) is not None:
            return False
        target = self.sound(entry.digest)
        with told(self.home):
            with writing(self._connection):  # it may be there and deleted
                removal.remove(self._connection, [number for number in [self._number(entry.uid)] if number is not None])
            if not target.exists():
                sound.copy(flac, target)
            size = target.stat().st_size
        self._keep(entry, size)
        return True

    def _keep(self, entry: Entry, size: int) -> None:
        connection = self._connection
        with told(self.home), writing(connection):
            connection.execute("INSERT OR IGNORE INTO sound VALUES (?, ?, ?)", (entry.digest, entry.seconds, size))
            number = self._number(entry.uid)
            if number is None:
                number = rows.add_entry(connection, entry)
            for tag in entry.tags:
                connection.execute("INSERT OR IGNORE INTO tag VALUES (?, ?)", (number, tag))
            for ran in entry.runs:
                rows.add_run(connection, number, ran)
            index(connection, number)

    def refer(self, uid: str, reference: str | None, translation: str | None) -> None:
        """Keeps what was really said; does nothing where there is no such entry."""
        with told(self.home), writing(self._connection):
            number = self._number(uid)
            if number is not None:
                self._connection.execute(
                    "UPDATE entry SET reference = ?, reference_translation = ? WHERE id = ?",
                    (reference, translation, number),
                )
                index(self._connection, number)

    def tag(self, uid: str, tags: Iterable[str]) -> None:
        """Gives an entry these tags and no others; blanks around them do not count.

        Raises:
            UnknownEntry: there is no such entry.
        """
        wanted = {" ".join(tag.split()) for tag in tags} - {""}
        with told(self.home), writing(self._connection):
            number = self._require(uid)
            self._connection.execute("DELETE FROM tag WHERE entry = ?", (number,))
            self._connection.executemany("INSERT INTO tag VALUES (?, ?)", [(number, tag) for tag in sorted(wanted)])
            index(self._connection, number)

    # --- finding ----------------------------------------------------------------------------------------------------

    def search(self, text: str = "", tag: str | None = None, *, most: int = MOST) -> Found:
        """Entries, newest first, without events.

        Args:
            text: words of texts, sources or tags, of which the last letters may be missing; empty finds all.
            tag: that they have; None takes all.
            most: as many as are given at most.
        """
        where, values = ["entry.deleted IS NULL"], []
        if wanted := words.query(text):
            where.append("entry.id IN (SELECT rowid FROM words WHERE words MATCH ?)")
            values.append(wanted)
        if tag is not None:
            where.append("entry.id IN (SELECT entry FROM tag WHERE name = ?)")
            values.append(tag)
        condition = " AND ".join(where)
        with told(self.home):
            (total,) = self._connection.execute(
                f"SELECT count(*) FROM entry WHERE {condition}",  # noqa: S608 - our own words
                values,
            ).fetchone()
            found = self._connection.execute(
                f"SELECT {rows.ENTRY} FROM entry JOIN sound USING (digest) WHERE {condition}"  # noqa: S608
                " ORDER BY entry.at DESC, entry.id DESC LIMIT ?",
                (*values, most),
            ).fetchall()
            return Found(tuple(self._entry(row, events=False) for row in found), int(total))

    def get(self, uid: str) -> Entry:
        """An entry with everything.

        Args:
            uid: its id, or enough of its beginning.

        Raises:
            UnknownEntry: there is none, or several begin so.
        """
        with told(self.home):
            found = self._connection.execute(
                f"SELECT {rows.ENTRY} FROM entry JOIN sound USING (digest)"  # noqa: S608 - our own names
                " WHERE entry.deleted IS NULL AND substr(uid, 1, ?) = ? LIMIT 2",
                (len(uid), uid.lower()),
            ).fetchall()
            if len(found) != 1 or not uid:
                what = f"Several runs in the history begin with {uid!r}." if found else f"There is no run {uid!r}."
                raise UnknownEntry(what, "See `triptych history list`.")
            return self._entry(found[0], events=True)

    def sound(self, digest: str) -> Path:
        """Where the sound of a digest is, or will be."""
        return self.home / "sound" / f"{digest}.flac"

    def require_sound(self, entry: Entry) -> Path:
        """The FLAC file of an entry.

        Raises:
            AudioUnreadable: it is gone.
        """
        path = self.sound(entry.digest)
        if not path.is_file():
            message = f"The sound of {entry.source} is gone from the history."
            raise AudioUnreadable(message, f"It was {path}; its texts can still be exported.")
        return path

    def tags(self) -> tuple[str, ...]:
        """All tags in use, in order."""
        with told(self.home):
            found = self._connection.execute(
                "SELECT DISTINCT name FROM tag JOIN entry ON entry.id = tag.entry WHERE deleted IS NULL"
            ).fetchall()
        return tuple(sorted((name for (name,) in found), key=str.casefold))

    # --- throwing away ----------------------------------------------------------------------------------------------

    def delete(self, uids: Iterable[str]) -> None:
        """Takes entries out of sight; :meth:`undelete` brings them back until :meth:`purge`."""
        self._mark(uids, now())

    def undelete(self, uids: Iterable[str]) -> None:
        """Brings entries back that were deleted."""
        self._mark(uids, None)

    def _mark(self, uids: Iterable[str], deleted: str | None) -> None:
        with told(self.home), writing(self._connection):
            self._connection.executemany("UPDATE entry SET deleted = ? WHERE uid = ?", [(deleted, u) for u in uids])

    def purge(self, *, left_over: bool = False) -> None:
        """Removes what was deleted for good, with sound that nothing needs any more.

        Args:
            left_over: only what was deleted some time ago: another window may still undo the rest.
        """
        age = _LEFT_OVER if left_over else dt.timedelta(0)
        with told(self.home), writing(self._connection):
            removal.remove(self._connection, removal.deleted(self._connection, age))
            removal.sweep(self._connection, self.sound)

    def tidy(self, most_bytes: int) -> int:
        """Removes the oldest entries without tags until the rest fits; returns how many went.

        Args:
            most_bytes: of events and sound together.
        """
        with told(self.home), writing(self._connection):
            found = removal.beyond(self._connection, most_bytes)
            removal.remove(self._connection, found)
            removal.sweep(self._connection, self.sound)
        return len(found)

    def size(self) -> int:
        """Bytes of events and sound."""
        with told(self.home):
            return removal.size(self._connection)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _entry(self, row: tuple[object, ...], *, events: bool) -> Entry:
        number = int(str(row[-1]))
        named = self._connection.execute("SELECT name FROM tag WHERE entry = ? ORDER BY name", (number,)).fetchall()
        runs: tuple[Ran, ...] = rows.runs(self._connection, number, events=events)
        return rows.entry(row, tuple(name for (name,) in named), runs)

    def _number(self, uid: str, *, deleted: bool = True) -> int | None:
        only = "" if deleted else " AND deleted IS NULL"
        found = self._connection.execute(f"SELECT id FROM entry WHERE uid = ?{only}", (uid,)).fetchone()  # noqa: S608
        return None if found is None else int(found[0])

    def _require(self, uid: str) -> int:
        number = self._number(uid)
        if number is None:
            raise UnknownEntry(f"There is no run {uid!r} in the history.", "See `triptych history list`.")
        return number
