"""The history: keeping, finding, throwing away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engines.errors import AudioUnreadable, UnknownEntry
from engines.history import migrations, removal, sound
from engines.history.coding import decode
from engines.history.database import NAME
from engines.history.store import Store
from tests.history.stories import entry, ran, speech, story


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "history") as opened:
        yield opened


def test_an_entry_comes_back_whole(store: Store) -> None:
    kept = entry(tags=("demo",), notes=("It is synthetic.",), reference="hello word", language="en", target="fr")
    store.keep(kept, speech())
    found = store.get(kept.uid)
    assert found == kept
    assert len(decode(found.runs[0].events, "whisper").events) == len(story())
    samples, rate = sound.unpack(store.require_sound(found).read_bytes())
    assert (rate, np.array_equal(samples, speech())) == (16_000, True)


def test_it_is_there_after_the_program_was_started_again(tmp_path: Path) -> None:
    kept = entry()
    with Store(tmp_path) as store:
        store.keep(kept, speech())
    with Store(tmp_path) as store:
        assert store.get(kept.uid[:8]) == kept
        assert store.said == ""


def test_runs_are_added_and_the_last_of_an_engine_counts(store: Store) -> None:
    kept = entry("first")
    store.keep(kept, speech())
    store.keep(entry("second", uid=kept.uid, runs=(ran("second"), ran("third", "cascade"))), speech())
    found = store.get(kept.uid)
    assert [one.transcript for one in found.runs] == ["first", "second", "third"]
    assert {engine: one.transcript for engine, one in found.latest.items()} == {"whisper": "second", "cascade": "third"}


def test_the_same_speech_is_on_the_disk_once(store: Store) -> None:
    for _ in range(3):
        store.keep(entry(), speech())
    assert len(list((store.home / "sound").iterdir())) == 1


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", 4), ("hello", 1), ("HEL", 1), ("ell", 0), ("cafe", 1), ("Café", 1), ("hello cafe", 0), ("公园", 1),
        ("公天", 0), ("demo", 1), ("caller", 4), ('"', 4), ("wor OR caf", 0), ("NEAR(", 0), ("uh-huh", 1), ("* :", 4),
    ],
)  # fmt: skip
def test_search(store: Store, typed: str, found: int) -> None:
    for text, tags in (("hello world", ()), ("un café", ("demo",)), ("我们去公园散步", ()), ("uh-huh, sure", ())):
        store.keep(entry(text, tags=tags), speech())
    assert store.search(typed).total == len(store.search(typed).entries) == found


@pytest.mark.parametrize("between", ["\x00", "\x07", "\x85", "\ud800"])
def test_nothing_that_is_pasted_makes_the_history_look_damaged(store: Store, between: str) -> None:
    store.keep(entry("hello world"), speech())
    assert store.search(f"{between}hello{between}world").total == 1
    assert store.search(between).total == 1  # nothing was asked for


def test_a_search_gives_the_newest_first_and_no_more_than_asked(store: Store) -> None:
    for day in (2, 3, 1):
        store.keep(entry(str(day), at=f"2026-01-0{day}T00:00:00+00:00"), speech())
    found = store.search(most=2)
    assert ([one.text for one in found.entries], found.total) == (["3", "2"], 3)
    assert found.entries[0].runs[0].events == b""


def test_tags(store: Store) -> None:
    one, other = entry(tags=("old",)), entry()
    for kept in (one, other):
        store.keep(kept, speech())
    store.tag(one.uid, [" to  show ", "Bug", ""])
    assert store.get(one.uid).tags == ("Bug", "to show")
    assert store.tags() == ("Bug", "to show")
    assert [found.uid for found in store.search(tag="Bug").entries] == [one.uid]
    assert store.search("old").total == 0
    with pytest.raises(UnknownEntry):
        store.tag("0" * 32, ["x"])


def test_references_that_come_later_are_kept_and_found(store: Store) -> None:
    kept = entry()
    store.keep(kept, speech())
    store.refer(kept.uid, "yellow word", None)
    assert store.get(kept.uid).reference == "yellow word"
    assert store.search("yellow").total == 1
    store.refer("f" * 32, "nobody", None)


def test_an_abbreviation_must_be_of_one(store: Store) -> None:
    for uid in ("ab" + "0" * 30, "ac" + "0" * 30):
        store.keep(entry(uid=uid), speech())
    assert store.get("AB").uid.startswith("ab")
    for wrong in ("a", "b", ""):
        with pytest.raises(UnknownEntry):
            store.get(wrong)


def test_what_was_deleted_comes_back_until_it_is_purged(store: Store) -> None:
    gone, kept = entry("gone", speech(pitch=9)), entry()
    store.keep(gone, speech(pitch=9))
    store.keep(kept, speech())
    store.delete([gone.uid])
    assert [one.uid for one in store.search().entries] == [kept.uid]
    with pytest.raises(UnknownEntry):
        store.get(gone.uid)
    store.undelete([gone.uid])
    assert store.get(gone.uid) == gone
    store.delete([gone.uid])
    store.purge(left_over=True)  # another window may still want it
    store.undelete([gone.uid])
    assert store.search().total == 2
    store.delete([gone.uid])
    store.purge()
    store.undelete([gone.uid])
    assert store.search().total == 1
    assert [file.stem for file in (store.home / "sound").iterdir()] == [kept.digest]


def test_what_is_too_much_goes_oldest_first_and_tags_keep(store: Store) -> None:
    made = [
        entry(str(day), speech(pitch=day + 5), at=f"2026-01-0{day}T00:00:00+00:00", tags=("keep",) if day == 1 else ())
        for day in range(1, 6)
    ]
    for kept in made:
        store.keep(kept, speech(pitch=int(kept.text) + 5))
    assert store.tidy(store.size()) == 0
    assert store.tidy(store.size() * 2 // 5) == 2
    assert [one.text for one in store.search().entries] == ["5", "4", "1"]
    assert store.tidy(0) == 1
    assert [one.text for one in store.search().entries] == ["5", "1"], "the newest stays in any case"
    assert len(list((store.home / "sound").iterdir())) == 2


def test_sound_that_is_gone_is_a_sentence(store: Store) -> None:
    kept = entry()
    store.keep(kept, speech())
    store.sound(kept.digest).unlink()
    with pytest.raises(AudioUnreadable, match="gone from the history"):
        store.require_sound(store.get(kept.uid))


def test_every_step_from_every_form_leads_to_the_same(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    connection = sqlite3.connect(first / NAME, isolation_level=None)
    migrations.migrate(connection, migrations.STEPS[:1])
    connection.execute("INSERT INTO sound VALUES ('ab', 1.0, 10)")
    connection.execute(
        "INSERT INTO entry (uid, at, digest, source, notes, task)"
        " VALUES ('u', '2026', 'ab', 'Grüße', '[]', 'transcribe')"
    )
    connection.close()
    with Store(first) as store, Store(tmp_path / "new"):
        assert store.search("gruße").total == 1
    kept = sqlite3.connect(first / "history-form-1.db")
    assert kept.execute("SELECT source FROM entry").fetchall() == [("Grüße",)], "the old form is kept beside"
    kept.close()
    forms = []
    for home in (first, tmp_path / "new"):
        connection = sqlite3.connect(home / NAME)
        forms.append(set(connection.execute("SELECT name, sql FROM sqlite_master").fetchall()))
        assert migrations.version(connection) == len(migrations.STEPS)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()
    assert forms[0] == forms[1]


def test_a_step_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    def breaks(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (a)")
        raise ZeroDivisionError

    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    migrations.migrate(connection)
    with pytest.raises(ZeroDivisionError):
        migrations.migrate(connection, [*migrations.STEPS, breaks])
    assert migrations.version(connection) == len(migrations.STEPS)
    assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchone() is None
    connection.close()


def test_foreign_keys_hold(store: Store) -> None:
    connection = store._connection
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO tag VALUES (99, 'x')")
    store.keep(entry(tags=("x",)), speech())
    removal.remove(connection, [1])
    assert connection.execute("SELECT count(*) FROM run").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM tag").fetchone() == (0,)
