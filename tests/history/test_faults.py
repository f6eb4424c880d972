"""A history that is held, broken, of another version, or on a full disk: a sentence, and nothing is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.errors import DiskFull, HistoryDamaged, HistoryLocked, HistoryNewer, HistoryUnavailable
from engines.history import sound
from engines.history.database import NAME
from engines.history.migrations import STEPS
from engines.history.store import Store
from tests.history.stories import entry, speech


@contextlib.contextmanager
def held(home: Path) -> Iterator[sqlite3.Connection]:
    """Another program writes and does not come to an end."""
    other = sqlite3.connect(home / NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_locked_is_said_and_works_again_afterwards(tmp_path: Path) -> None:
    kept = entry()
    with Store(tmp_path, busy_seconds=0.01) as store:
        with held(tmp_path), pytest.raises(HistoryLocked, match="in use by another program"):
            store.keep(kept, speech())
        assert store.search().total == 0
        store.keep(kept, speech())
        assert store.get(kept.uid) == kept


def test_reading_goes_on_while_another_writes(tmp_path: Path) -> None:
    kept = entry()
    with Store(tmp_path, busy_seconds=0.01) as store:
        store.keep(kept, speech())
        with held(tmp_path):
            assert store.get(kept.uid) == kept


def test_locked_while_it_is_opened(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(HistoryLocked):
        Store(tmp_path, busy_seconds=0.01)
    other.close()
    Store(tmp_path).close()


@pytest.mark.parametrize("junk", [b"this is no database at all" * 100, b"SQLite format 3\0" + os.urandom(9000)])
def test_no_database_at_all_is_set_aside(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / NAME).write_bytes(junk)
    with Store(tmp_path) as store:
        assert store.said.startswith("The history was damaged; nothing in it could be read")
        store.keep(entry(), speech())
        assert store.search().total == 1
    (aside,) = tmp_path.glob("history-damaged-*.db")
    assert aside.read_bytes() == junk
    assert aside.name in store.said


def _filled(home: Path, count: int) -> list[str]:
    with Store(home) as store:
        made = [entry(f"text {number}") for number in range(count)]
        for kept in made:
            store.keep(kept, speech())
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return [kept.uid for kept in made]


def test_what_can_be_read_of_a_broken_one_is_saved(tmp_path: Path) -> None:
    _filled(tmp_path, 60)
    file = tmp_path / NAME
    pages = bytearray(file.read_bytes())
    with sqlite3.connect(file) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_entry_1'"
        ).fetchone()
    connection.close()
    pages[(root - 1) * 4096 : root * 4096] = bytes(4096)
    file.write_bytes(pages)
    with Store(tmp_path) as store:
        with pytest.raises(HistoryDamaged):
            store.keep(entry(), speech())
        sentence = store.rebuild()
        assert sentence.startswith("The history was damaged; 60 runs in it were saved")
        store.keep(entry("new"), speech())
        assert store.search("text").total == 60
        assert store.search().total == 61


def test_a_torn_file_saves_what_is_left(tmp_path: Path) -> None:
    _filled(tmp_path, 60)
    file = tmp_path / NAME
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 2 // 3])
    with Store(tmp_path) as store:
        if not store.said:
            with contextlib.suppress(HistoryDamaged):
                store.search()
                store.keep(entry(), speech())
            store.rebuild()
        store.keep(entry("new"), speech())
        assert store.search("new").total == 1


def test_a_newer_form_is_left_as_it_is(tmp_path: Path) -> None:
    Store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / NAME)
    connection.execute(f"PRAGMA user_version = {len(STEPS) + 3}")
    connection.close()
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(HistoryNewer, match="newer Triptych"):
        Store(tmp_path)
    assert (tmp_path / NAME).read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == [NAME]


def test_no_room_for_the_database(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.keep(entry(), speech())
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(DiskFull, match="disk is full"):
            store.keep(entry("x" * 100_000), speech())
        assert store.search().total == 1
        store._connection.execute("PRAGMA max_page_count = 1000000")
        store.keep(entry("y" * 100_000), speech())
        assert store.search().total == 2


def test_no_room_for_the_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = entry()
    with Store(tmp_path) as store:
        with monkeypatch.context() as patch:
            patch.setattr(sound, "_write", full)
            with pytest.raises(DiskFull, match="disk is full"):
                store.keep(kept, speech())
        assert store.search().total == 0
        assert list((tmp_path / "sound").iterdir()) == []
        store.keep(entry(), speech())


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("mine")
    with pytest.raises(HistoryUnavailable, match="cannot be used"):
        Store(tmp_path / "history")


def test_a_killed_writer_leaves_what_was_kept(tmp_path: Path) -> None:
    uids = _filled(tmp_path, 2)
    with held(tmp_path) as other:
        other.execute("DELETE FROM entry")
    with Store(tmp_path) as store:  # the other one was closed in the middle
        assert {one.uid for one in store.search().entries} == set(uids)


def test_two_windows_build_a_damaged_history_anew_once(tmp_path: Path) -> None:
    with Store(tmp_path) as first, Store(tmp_path) as second:
        for name in ("one", "two", "three"):
            first.keep(entry(name), speech())
        assert first.rebuild().startswith("The history was damaged; 3 runs in it were saved")
        assert second.rebuild() == "The history was damaged; another window has built it anew."
        assert second.search().total == 3
    assert len(list(tmp_path.glob("history-damaged-*.db"))) == 1, "what the first one built is not set aside"


def test_a_folder_that_cannot_be_locked_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with Store(tmp_path) as store:
        monkeypatch.setattr("engines.history.database.FileLock", refused)
        with pytest.raises(HistoryUnavailable, match="Permission denied"):
            store.rebuild()
