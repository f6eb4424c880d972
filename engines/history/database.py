"""Opens the history's database, says in words what is wrong with it, and builds a damaged one anew.

SQLite with a write-ahead log (https://sqlite.org/wal.html): readers and one writer do not wait for each other, and a
killed process loses nothing that was committed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from engines.errors import DiskFull, HistoryDamaged, HistoryLocked, HistoryNewer, HistoryUnavailable, TriptychError
from engines.history.migrations import STEPS, index, migrate, version

NAME: Final = "history.db"
Identity = tuple[int, int]
"""Device and inode of a database."""
_REBUILDING_SECONDS: Final = 60.0
_ASIDE: Final = ("", "-wal", "-shm")
_GIVE_UP: Final = 1000
"""Rows in succession that cannot be read, after which the rest of a table is given up."""
_TABLES: Final = (("sound", "digest"), ("entry", "id"), ("run", "id"), ("tag", "entry, name"))


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """Turns what SQLite and the system complain of into a sentence.

    Raises:
        HistoryLocked: another program holds it.
        HistoryDamaged: it is no database, or a broken one.
        DiskFull: there is no room.
        HistoryUnavailable: it cannot be read or written.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _in_words(error, folder) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise _disk_full() from error
        raise _unavailable(folder, error.strerror or str(error)) from error


def _disk_full() -> DiskFull:
    message = "The disk is full: the history could not be written."
    return DiskFull(message, "Free some space; what is on screen stays, and is kept with the next run.")


def _in_words(error: sqlite3.Error, folder: Path) -> TriptychError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        message = "The history is in use by another program and could not be reached."
        return HistoryLocked(message, "Close the other program; it is tried again with the next run.")
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _full(folder)):
        return _disk_full()
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return HistoryDamaged("The history's database is damaged.", "It is set aside and built anew.")
    if isinstance(error, sqlite3.DatabaseError) and code in {sqlite3.SQLITE_ERROR, 0}:
        return HistoryDamaged(f"The history's database is not as it should be ({error}).", "It is built anew.")
    return _unavailable(folder, str(error))


def _unavailable(folder: Path, reason: str) -> HistoryUnavailable:
    message = f"The history in {folder} cannot be used: {reason}."
    return HistoryUnavailable(message, "Make the folder writable; runs are not kept until then.")


def _full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 1 << 20
    except OSError:
        return False


def connect(folder: Path, busy_seconds: float) -> sqlite3.Connection:
    """Opens the database, made where there is none, with all tables as this version has them.

    Args:
        folder: that it lies in; made where it is missing.
        busy_seconds: how long to wait for another program.

    Raises:
        HistoryNewer: a newer version of the program wrote it; it is left as it is.
        HistoryLocked: another program holds it.
        HistoryDamaged: it is broken.
        DiskFull: there is no room.
        HistoryUnavailable: it cannot be read or written.
    """
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / NAME, timeout=busy_seconds, isolation_level=None)
        try:
            _prepare(connection, folder)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection, folder: Path) -> None:
    found = version(connection)
    if found > len(STEPS):
        message = f"The history was written by a newer Triptych (form {found}, this one knows {len(STEPS)})."
        raise HistoryNewer(message, "Update Triptych to see it; runs are not kept until then.")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")
    if found < len(STEPS):
        if found:
            _copy(connection, folder / f"history-form-{found}.db")
        migrate(connection)
    connection.execute("SELECT count(*) FROM entry, words WHERE words.rowid = entry.id AND entry.id = 0").fetchone()


def _copy(connection: sqlite3.Connection, path: Path) -> None:
    """Keeps the database as it is before it is changed."""
    with contextlib.closing(sqlite3.connect(path)) as other:
        connection.backup(other)


@contextlib.contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction: all of its body is kept, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def identity(folder: Path) -> Identity | None:
    """Which file the database is at present; None where there is none."""
    try:
        found = (folder / NAME).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def rebuilding(folder: Path) -> Iterator[None]:
    """While it lasts no other window builds this history anew.

    Raises:
        HistoryLocked: another one has been at it for a minute.
    """
    try:
        with contextlib.ExitStack() as held:
            with told(folder):
                folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(FileLock(folder / "rebuild.lock", timeout=_REBUILDING_SECONDS))
            yield
    except Timeout:
        raise HistoryLocked(
            f"Another window is building the history in {folder} anew.", "Wait until it has done so."
        ) from None


def rebuild(folder: Path, busy_seconds: float) -> tuple[Path, int]:
    """Sets a damaged database aside and builds another from what can still be read of it.

    Returns:
        the damaged file where it lies now, and how many entries were saved.

    Raises:
        HistoryUnavailable: the folder cannot be written to.
        DiskFull: there is no room.
    """
    stamp = dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d-%H%M%S")
    aside = folder / f"history-damaged-{stamp}.db"
    number = 1
    while aside.exists():
        aside, number = folder / f"history-damaged-{stamp}-{number}.db", number + 1
    with told(folder):
        for ending in _ASIDE:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{folder / NAME}{ending}").replace(f"{aside}{ending}")
    connection = connect(folder, busy_seconds)
    with contextlib.closing(connection), told(folder):
        damaged = sqlite3.connect(f"{aside.resolve().as_uri()}?mode=ro", uri=True)
        with contextlib.closing(damaged) as old:
            connection.execute("PRAGMA foreign_keys = OFF")
            with writing(connection):
                for table, key in _TABLES:
                    _salvage(old, connection, table, key)
                _weed(connection)
        (saved,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    return aside, int(saved)


def _salvage(old: sqlite3.Connection, new: sqlite3.Connection, table: str, key: str) -> None:
    """Copies the rows of a table that can be read, one by one."""
    columns = [row[1] for row in new.execute(f"PRAGMA table_info ({table})")]
    marks = ", ".join("?" * len(columns))
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our own names
    select = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {key} LIMIT 1 OFFSET ?"  # noqa: S608
    lost = at = 0
    while lost < _GIVE_UP:
        try:
            row = old.execute(select, (at,)).fetchone()
        except sqlite3.Error:
            lost += 1
        else:
            if row is None:
                return
            lost = 0
            with contextlib.suppress(sqlite3.IntegrityError):
                new.execute(insert, row)
        at += 1


def _weed(connection: sqlite3.Connection) -> None:
    """Removes what lost what it belongs to, and makes the rest searchable."""
    connection.execute("DELETE FROM entry WHERE digest NOT IN (SELECT digest FROM sound)")
    for table in ("run", "tag"):
        connection.execute(f"DELETE FROM {table} WHERE entry NOT IN (SELECT id FROM entry)")  # noqa: S608
    for (entry,) in connection.execute("SELECT id FROM entry").fetchall():
        index(connection, entry)
