"""The history's dialog, and the files that are written from the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.settings import Settings
from engines.catalog import Catalogue
from engines.contract import Utterance
from engines.history.session import opened
from engines.history.store import Store
from tests.gui.historytools import MakeWindow, entries, filled, open_dialog, run, said, windows


@pytest.fixture
def make(qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings) -> Iterator[MakeWindow]:
    yield from windows(qtbot, fakes, settings)


# --- the dialog ------------------------------------------------------------------------------------------------------


def test_the_list_searches_while_one_types(qtbot: QtBot, make: MakeWindow) -> None:
    filled()
    dialog = open_dialog(qtbot, make(), 3)
    assert dialog.table.found.data(dialog.table.found.index(0, 1)) == "2.wav"
    assert "3 runs" in dialog.amount.text()
    qtbot.keyClicks(dialog.search, "number 1")
    qtbot.waitUntil(lambda: dialog.table.found.rowCount() == 1, timeout=10_000)
    assert dialog.preview.title.text() == "1.wav"
    assert "text number 1" in dialog.preview.text.toPlainText()
    dialog.search.clear()
    qtbot.waitUntil(lambda: dialog.table.found.rowCount() == 3, timeout=10_000)


def test_tags_are_given_and_searched(qtbot: QtBot, make: MakeWindow) -> None:
    filled()
    dialog = open_dialog(qtbot, make(), 3)
    dialog.preview.tags.setText("show,  bug report , show")
    dialog.preview.tags.editingFinished.emit()
    qtbot.waitUntil(lambda: dialog.tag.count() == 3, timeout=10_000)
    assert [dialog.tag.itemText(place) for place in range(3)] == ["All tags", "bug report", "show"]
    dialog.tag.setCurrentIndex(1)
    dialog.tag.activated.emit(1)
    qtbot.waitUntil(lambda: dialog.table.found.rowCount() == 1, timeout=10_000)
    assert dialog.preview.tags.text() == "bug report, show"
    assert dialog.tag.currentText() == "bug report"


def test_delete_and_undo(qtbot: QtBot, make: MakeWindow) -> None:
    filled()
    window = make()
    dialog = open_dialog(qtbot, window, 3)
    assert not dialog.undo.isVisible()
    qtbot.keyClick(dialog.table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: dialog.table.found.rowCount() == 2, timeout=10_000)
    dialog.table.selectAll()
    dialog.delete.click()
    qtbot.waitUntil(lambda: dialog.table.found.rowCount() == 0, timeout=10_000)
    assert dialog.undo.text() == "Undo delete (2)"
    assert not dialog.opens.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: dialog.table.found.rowCount() == 2, timeout=10_000)
    dialog.undo.click()
    qtbot.waitUntil(lambda: dialog.table.found.rowCount() == 3, timeout=10_000)
    assert not dialog.undo.isVisible()
    dialog.delete.click()
    qtbot.waitUntil(lambda: dialog.table.found.rowCount() < 3, timeout=10_000)
    window.close()
    with Store() as store:
        store.undelete([kept.uid for kept in store.search().entries])
        assert store._connection.execute("SELECT count(*) FROM entry").fetchone()[0] < 3


def test_two_runs_are_compared_word_by_word(qtbot: QtBot, make: MakeWindow) -> None:
    filled(2)
    window = make()
    dialog = open_dialog(qtbot, window, 2)
    assert not dialog.compare.isEnabled(), "one run of one engine has nothing beside it"
    dialog.table.selectAll()
    dialog.compare.click()
    comparing = window.history.comparing
    assert comparing is not None
    qtbot.waitUntil(lambda: comparing.verdict.text() == "1 word differs, of 3 on the left.", timeout=10_000)
    assert [label.text for label in comparing.texts] == ["text number 1", "text number 0"]
    assert "whisper-base" in comparing.facts.text()
    comparing.choices[1].setCurrentIndex(0)
    comparing.choices[1].activated.emit(0)
    qtbot.waitUntil(lambda: comparing.verdict.text() == "They wrote the same words.", timeout=10_000)
    comparing.close()


def test_settings_are_changed_there(qtbot: QtBot, make: MakeWindow) -> None:
    window = make()
    dialog = open_dialog(qtbot, window, 0)
    dialog.keep.setChecked(False)
    assert not window.settings.history.keep
    assert not dialog.limit.isEnabled()
    dialog.limit.setCurrentIndex(dialog.limit.findData(500))
    dialog.limit.activated.emit(0)
    assert window.settings.history.megabytes == 500
    window.settings.save()
    assert Settings.load().history.megabytes == 500


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["html", "triptych", "srt", "json"])
def test_the_run_on_screen_is_saved(
    qtbot: QtBot, make: MakeWindow, utterance: Utterance, tmp_path: Path, monkeypatch: Any, ending: str
) -> None:
    window = make()
    window.history.saver.ask_where()
    assert said(window).startswith("There is no run to save yet.")
    run(qtbot, window, utterance)
    path = tmp_path / f"out.{ending}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path.with_suffix("")), f"X (*.{ending})"))
    monkeypatch.setattr("app.runsaving.FORMS", {ending: type("F", (), {"name": "X"})})
    window.history.saver.ask_where()
    qtbot.waitUntil(lambda: said(window) == f"Saved out.{ending}.", timeout=20_000)
    assert "hello 32000" in path.read_text("utf-8", "replace") if ending != "triptych" else path.stat().st_size


def test_a_session_is_saved_and_opens_elsewhere(
    qtbot: QtBot, make: MakeWindow, tmp_path: Path, monkeypatch: Any
) -> None:
    made = filled(2)
    window = make()
    path = tmp_path / "two.triptych"
    window.history.saver.save(tuple(one.uid for one in made), path)
    qtbot.waitUntil(path.exists, timeout=10_000)
    qtbot.waitUntil(lambda: said(window) == "Saved two.triptych.", timeout=10_000)
    with opened(path) as session:
        assert {one.uid for one in session.entries} == {one.uid for one in made}
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path / "elsewhere"))
    other = make("whisper")
    other.intake.open_file(path)
    qtbot.waitUntil(lambda: other.controller.comparison is not None, timeout=10_000)
    assert other.cards["whisper"].run.transcript == "text number 0"
    assert len(entries(qtbot, other)) == 2


def test_a_bad_session_is_one_sentence(qtbot: QtBot, make: MakeWindow, tmp_path: Path) -> None:
    window = make()
    path = tmp_path / "bad.triptych"
    path.write_bytes(b"PK\3\4 nothing")
    window.intake.open_file(path)
    qtbot.waitUntil(lambda: "bad.triptych is no session" in said(window), timeout=10_000)
