"""Blind judging in the real window: nothing tells a name, keys judge, votes are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from app.blind import SIDES
from app.dialogs.blind import BlindDialog
from app.settings import Settings
from app.theme import theme
from app.window import MainWindow
from engines.catalog import Catalogue
from engines.contract import Utterance
from engines.evaluation.preference import Choice, strengths
from engines.evaluation.votes import Votes
from tests.app.test_judging import TEXTS, compared


@pytest.fixture
def window(qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings) -> Iterator[MainWindow]:
    made = MainWindow(fakes("a", "b", "c"), settings, remembers=False)
    made.resize(1024, 700)
    with qtbot.waitActive(made):
        made.show()
    yield made
    made.close()
    made.deleteLater()
    QApplication.processEvents()


def judge(window: MainWindow, *, voices: bool = False) -> BlindDialog:
    """The dialog on a comparison that is over."""
    window.controller.comparison = compared(TEXTS, voices=voices)
    window.controller.utterance = window.controller.comparison.utterance
    window.controller.comparison_reset.emit()
    window.blind.show()
    assert window.blind.dialog is not None
    return window.blind.dialog


def key(qtbot: QtBot, dialog: BlindDialog, name: Qt.Key, more: Qt.KeyboardModifier | None = None) -> None:
    qtbot.keyClick(dialog, name, more or Qt.KeyboardModifier.NoModifier)


def test_nothing_tells_a_name_while_it_is_judged(window: MainWindow) -> None:
    dialog = judge(window)
    assert dialog.judging
    assert not window.split.isVisible()
    shown = " ".join(label.text() for label in dialog.findChildren(QLabel) if label.isVisible()).split()
    assert not {"A", "B", "C", "a", "b", "c"} & set(shown)
    dialog.close()
    assert window.split.isVisible()


def test_keys_judge_and_take_back(qtbot: QtBot, window: MainWindow) -> None:
    dialog = judge(window)
    qtbot.waitUntil(dialog.isActiveWindow, timeout=5000)
    assert dialog.far.text() == "pair 1 of 3"
    texts = (dialog.texts["left"].text, dialog.texts["right"].text)
    key(qtbot, dialog, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: dialog.far.text() == "pair 2 of 3", timeout=5000)
    (vote,) = Votes()
    assert (vote.left_text, vote.right_text, vote.better) == (*texts, "left")
    key(qtbot, dialog, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: dialog.far.text() == "pair 1 of 3", timeout=5000)
    assert len(Votes()) == 0
    assert (dialog.texts["left"].text, dialog.texts["right"].text) == texts
    assert not dialog.undo.isEnabled()
    for name, better in ((Qt.Key.Key_2, "right"), (Qt.Key.Key_0, "tie"), (Qt.Key.Key_1, "left")):
        key(qtbot, dialog, name)
        qtbot.waitUntil(lambda better=better: [*Votes()][-1:] and [*Votes()][-1].better == better, timeout=5000)
    assert not dialog.judging
    assert "All 3 pairs are judged" in dialog.message.text()
    key(qtbot, dialog, Qt.Key.Key_1)
    assert len(Votes()) == 3
    dialog.undo.click()
    assert dialog.judging
    assert len(Votes()) == 2


def test_what_is_judged_is_not_offered_again(qtbot: QtBot, window: MainWindow) -> None:
    dialog = judge(window)
    for _ in range(3):
        dialog.better["tie"].click()
    dialog.close()
    window.blind.show()
    assert "nothing left" in dialog.message.text()


def test_scores_come_with_names_and_do_not_end_the_round(qtbot: QtBot, window: MainWindow) -> None:
    dialog = judge(window)
    dialog.better["left"].click()
    winner = next(iter(Votes())).left
    dialog.scores.click()
    assert not dialog.judging
    qtbot.waitUntil(lambda: bool(dialog.strengths._found), timeout=20_000)
    assert dialog.strengths._found[0].engine == winner
    assert f"{winner.upper()}: " in dialog.strengths.accessibleDescription()
    dialog.scores.click()
    assert dialog.judging
    assert dialog.far.text() == "pair 2 of 3"


def test_voices_are_heard_without_a_name(qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(window.playback, "toggle_other", lambda name, _samples, _rate: heard.append(name))
    monkeypatch.setattr(window.playback, "play_stretch", lambda start, end: heard.append(f"{start}-{end}"))
    dialog = judge(window, voices=True)
    qtbot.waitUntil(dialog.isActiveWindow, timeout=5000)
    assert dialog.kind.currentData() == "voice"
    assert dialog.plays["left"].isVisible()
    assert not dialog.texts["left"].isVisible()
    for name in (Qt.Key.Key_Q, Qt.Key.Key_W, Qt.Key.Key_S):
        key(qtbot, dialog, name)
    qtbot.waitUntil(lambda: heard == [SIDES["left"], SIDES["right"], "0.0-1.0"], timeout=5000)
    dialog.kind.setCurrentIndex(dialog.kind.findData("transcript"))
    dialog.kind.activated.emit(dialog.kind.currentIndex())
    assert dialog.texts["left"].isVisible()
    assert not dialog.plays["left"].isVisible()


def test_engines_can_be_run_unseen(qtbot: QtBot, window: MainWindow, utterance: Utterance) -> None:
    window.blind.show()
    dialog = window.blind.dialog
    assert dialog is not None
    assert not dialog.run.isVisible()
    window.controller.show(utterance)
    assert dialog.run.isVisible()
    dialog.run.click()
    qtbot.waitUntil(lambda: "at work" in dialog.message.text(), timeout=20_000)
    assert not window.split.isVisible()
    qtbot.waitUntil(lambda: "No two engines differ" in dialog.message.text(), timeout=60_000)


def test_votes_that_cannot_be_kept_are_told(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = judge(window)
    file = window.blind._votes._file
    file.mkdir()
    dialog.better["left"].click()
    assert "could not be kept" in window.messages.label.text()
    assert dialog.far.text() == "pair 1 of 3"


def test_strengths_are_painted_at_any_size(qtbot: QtBot, window: MainWindow) -> None:
    dialog = judge(window)
    dialog.scores.setChecked(True)
    dialog.show_strengths(strengths([Choice("a", "gone", 1.0)], resamples=20), window.blind._names())
    for scale in (1.0, 2.0):
        theme().apply("light", scale)
        dialog.resize(600, 300)
        assert not dialog.strengths.grab().isNull()
