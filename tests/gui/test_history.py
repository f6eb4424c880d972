"""The history in the window, with fake engines in the same process but for one test."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.comparison import Status
from app.historythread import HistoryThread
from app.keeper import MEGABYTE
from app.settings import Settings
from app.window import MainWindow
from engines.catalog import Catalogue
from engines.contract import NBest, Task, Utterance
from engines.history.database import NAME
from engines.history.migrations import STEPS
from engines.history.store import Store, folder
from tests.gui.historytools import Here, MakeWindow, entries, filled, open_dialog, run, said, windows
from tests.history.stories import entry, speech


@pytest.fixture
def make(qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings) -> Iterator[MakeWindow]:
    yield from windows(qtbot, fakes, settings)


# --- keeping ---------------------------------------------------------------------------------------------------------


def test_every_run_is_kept_with_all_of_its_engines(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make()
    run(qtbot, window, utterance)
    (kept,) = entries(qtbot, window)
    assert set(kept.latest) == {"one", "two"}
    assert kept.text == "hello 32000"
    assert (kept.source, kept.reference, kept.digest) == ("test", "hello 32000", utterance.digest)
    run(qtbot, window, utterance)
    assert len(entries(qtbot, window)) == 2


def test_nothing_is_kept_where_it_is_not_wanted(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make()
    window.settings.history.keep = False
    run(qtbot, window, utterance)
    assert entries(qtbot, window) == ()
    assert not list((folder() / "sound").glob("*"))


def test_a_window_that_remembers_nothing_keeps_nothing(
    qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings, utterance: Utterance
) -> None:
    window = MainWindow(fakes("one"), settings, remembers=False)
    window.controller._open_host = lambda listener, _: Here(listener)  # type: ignore[method-assign]
    qtbot.addWidget(window)
    run(qtbot, window, utterance)
    assert entries(qtbot, window) == ()
    window.close()


def test_what_came_to_nothing_is_kept_beside_what_came_to_something(
    qtbot: QtBot, make: MakeWindow, utterance: Utterance
) -> None:
    window = make("one", "two", two={"deed": "missing"})
    run(qtbot, window, utterance)
    (kept,) = entries(qtbot, window)
    assert {name: ran.status for name, ran in kept.latest.items()} == {"one": "ok", "two": "unavailable"}
    window.settings.running.options = {"one": {"deed": "missing"}, "two": {"deed": "missing"}}
    run(qtbot, window, utterance)
    assert len(entries(qtbot, window)) == 1


def test_an_engine_that_is_run_again_is_added(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make()
    run(qtbot, window, utterance)
    window.settings.running.options = {"one": {"beam": 7}}
    window.controller.rerun("one")
    qtbot.waitUntil(lambda: not window.controller.running, timeout=30_000)
    (kept,) = entries(qtbot, window)
    assert sorted(ran.engine for ran in kept.runs) == ["one", "one", "two"]
    assert kept.latest["one"].options == {"beam": 7}


def test_references_that_come_later_are_kept(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make()
    run(qtbot, window, utterance)
    window.references.transcript.setText("yellow")
    window.references.transcript.editingFinished.emit()
    (kept,) = entries(qtbot, window)
    assert kept.reference == "yellow"


def test_only_so_much_is_kept(qtbot: QtBot, make: MakeWindow, utterance: Utterance, monkeypatch: Any) -> None:
    monkeypatch.setattr("app.keeper.MEGABYTE", 1)
    window = make("one")
    window.settings.history.megabytes = 1
    for _ in range(3):
        run(qtbot, window, utterance)
    assert len(entries(qtbot, window)) == 1
    assert MEGABYTE == 1_000_000


def test_everything_is_on_disk_when_the_window_is_closed_at_once(
    qtbot: QtBot, make: MakeWindow, utterance: Utterance
) -> None:
    window = make()
    run(qtbot, window, utterance)
    window.close()
    with Store() as store:
        assert len(store.search().entries[0].runs) == 2


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_run_is_opened_as_it_was_without_running(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make(child=True)
    window.toolbar.choose(Task.SPEAK, "en", "en")
    run(qtbot, window, utterance)
    before = {name: card.run for name, card in window.cards.items()}
    window.toolbar.choose(Task.TRANSCRIBE, None, None)
    window.controller.show(Utterance(speech(), "0" * 64, "other"))
    window.controller._open_host = lambda *_: pytest.fail("something was run")  # type: ignore[method-assign,misc]
    window.controller._host = None
    dialog = open_dialog(qtbot, window, 1)
    qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.controller.utterance.source == "test", timeout=10_000)
    assert window.toolbar.chosen() == (Task.SPEAK, "en", "en")
    assert window.references.transcript.text() == "hello 32000"
    for name, card in window.cards.items():
        after, was = card.run, before[name]
        assert (after.status, after.seconds, after.stages) == (Status.OK, was.seconds, was.stages)
        assert (after.transcript, after.first_text_seconds) == (was.transcript, was.first_text_seconds)
        assert after.found(NBest) == was.found(NBest)
        assert np.array_equal(after.speech()[0], was.speech()[0])
        assert card.play.isEnabled()
    assert window.dock.run is not None
    assert window.controller.utterance.digest == utterance.digest
    assert len(entries(qtbot, window)) == 1, "to open is not to run"


def test_a_run_is_run_again_on_one_engine_and_on_all(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make()
    window.controller.show(utterance)
    window.controller.run(utterance, Task.TRANSCRIBE, None, only={"one"})
    qtbot.waitUntil(lambda: not window.controller.running, timeout=30_000)
    dialog = open_dialog(qtbot, window, 1)
    dialog._fill_engines()
    names = [action.text() for action in dialog.again.menu().actions() if action.text()]
    assert names == ["All engines, as a new run", "One  ✓", "Two"]
    dialog.again.menu().actions()[-1].trigger()
    qtbot.waitUntil(lambda: window.cards["two"].run.status is Status.OK, timeout=30_000)
    (kept,) = entries(qtbot, window)
    assert set(kept.latest) == {"one", "two"}
    window.history.run_again(kept.uid, "")
    qtbot.waitUntil(lambda: window.controller.running, timeout=10_000)
    qtbot.waitUntil(lambda: not window.controller.running, timeout=30_000)
    assert len(entries(qtbot, window)) == 2


def test_nothing_is_opened_while_something_runs(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    (kept,) = filled(1)
    window = make("one", one={"deed": "slow"})
    window.controller.show(utterance)
    window.run()
    window.history.open(kept.uid)
    qtbot.waitUntil(lambda: "under way" in said(window), timeout=10_000)
    assert window.controller.running
    assert window.controller.utterance is utterance


def test_sound_that_is_gone_is_said(qtbot: QtBot, make: MakeWindow) -> None:
    (kept,) = filled(1)
    window = make()
    (folder() / "sound" / f"{kept.digest}.flac").unlink()
    window.history.open(kept.uid)
    qtbot.waitUntil(lambda: "is gone from the history" in said(window), timeout=10_000)


# --- faults ----------------------------------------------------------------------------------------------------------


def test_a_newer_history_is_said_and_the_run_stays(
    qtbot: QtBot, make: MakeWindow, utterance: Utterance, tmp_path: Path
) -> None:
    Store().close()
    with sqlite3.connect(folder() / NAME) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    connection.close()
    window = make()
    run(qtbot, window, utterance)
    qtbot.waitUntil(lambda: "newer Triptych" in said(window), timeout=10_000)
    assert window.cards["one"].run.status is Status.OK
    path = tmp_path / "saved.triptych"
    window.history.saver.save_shown(path)
    qtbot.waitUntil(lambda: said(window) == "Saved saved.triptych.", timeout=10_000)
    window.controller.show(Utterance(speech(), "0" * 64, "other"))
    window.history.open_session(path)
    qtbot.waitUntil(lambda: window.cards["one"].run.status is Status.OK, timeout=10_000)
    assert window.cards["one"].run.transcript == "hello 32000"


def test_a_damaged_history_is_built_anew_and_the_run_is_kept(
    qtbot: QtBot, make: MakeWindow, utterance: Utterance
) -> None:
    folder().mkdir(parents=True)
    (folder() / NAME).write_bytes(b"not a database, sorry" * 400)
    window = make()
    run(qtbot, window, utterance)
    qtbot.waitUntil(lambda: "The history was damaged" in said(window), timeout=10_000)
    assert len(entries(qtbot, window)) == 1


def test_a_locked_history_waits(qtbot: QtBot, tmp_path: Path) -> None:
    Store(tmp_path).close()
    other = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    thread = HistoryThread(tmp_path, busy_seconds=0.01)
    failures: list[Any] = []
    thread.failed.connect(failures.append)
    with Store(tmp_path / "sounds") as store:
        store.keep(entry(), speech())
    kept = [entry(f"text {number}") for number in range(3)]
    for one in kept:
        thread.keep(lambda store, one=one: store.keep(one, speech()))
    thread.ask(lambda _: None, failures.append)
    qtbot.waitUntil(lambda: None in failures, timeout=10_000)
    assert [getattr(error, "kind", None) for error in failures] == ["HistoryLocked", None], "said once"
    assert thread._again.isActive()
    other.close()
    with qtbot.waitSignals([thread.kept] * 3, timeout=10_000):
        thread._again.timeout.emit()
    thread.close()
    with Store(tmp_path) as store:
        assert store.search().total == 3


def test_what_waits_is_kept_at_the_end(qtbot: QtBot, tmp_path: Path) -> None:
    Store(tmp_path).close()
    other = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    thread = HistoryThread(tmp_path, busy_seconds=0.01)
    with qtbot.waitSignal(thread.failed, timeout=10_000):
        thread.keep(lambda store: store.keep(entry(), speech()))
    other.close()
    thread.close()
    thread.close()
    thread.ask(lambda _: pytest.fail("it is closed"))
    with Store(tmp_path) as store:
        assert store.search().total == 1


def test_what_nobody_foresaw_is_a_sentence(qtbot: QtBot, tmp_path: Path) -> None:
    thread = HistoryThread(tmp_path)
    with qtbot.waitSignal(thread.failed, timeout=10_000) as found:
        thread.keep(lambda _: 1 / 0)  # type: ignore[misc]
    assert found.args[0].message.startswith("Something went wrong in the history")
    with qtbot.waitSignal(thread.kept, timeout=10_000):
        thread.keep(lambda store: store.keep(entry(), speech()))
    thread.close()
