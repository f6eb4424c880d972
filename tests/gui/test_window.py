"""The main window with fake engines in a real child process."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.comparison import Status
from app.settings import Settings
from app.sources import FileSource
from app.theme import theme
from app.window import MainWindow
from engines.audio.samples import list_samples
from engines.audio.synthetic import read_mark
from engines.catalog import Catalogue
from engines.contract import Task, TokenScores, Utterance
from engines.errors import MicrophoneUnavailable

MakeWindow = Callable[..., MainWindow]


@pytest.fixture
def make(qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings) -> Iterator[MakeWindow]:
    made: list[MainWindow] = []

    def build(*engines: Any, size: tuple[int, int] = (1024, 700), **options: dict[str, Any]) -> MainWindow:
        settings.running.options = options
        window = MainWindow(fakes(*(engines or ("one", "two"))), settings)
        window.resize(*size)
        window.show()
        qtbot.waitExposed(window)
        made.append(window)
        return window

    yield build
    for window in made:
        window.close()
        window.deleteLater()
    QApplication.processEvents()


def _said(window: MainWindow) -> str:
    return window.messages.label.text() if window.messages.isVisible() else ""


def _run(qtbot: QtBot, window: MainWindow, utterance: Utterance) -> None:
    window.controller.show(utterance)
    window.run()
    qtbot.waitUntil(lambda: not window.controller.running, timeout=30_000)


def test_first_run_shows_the_first_sample_and_no_dialog(qtbot: QtBot, make: MakeWindow) -> None:
    window = make()
    window.start(None)
    qtbot.waitUntil(lambda: window.controller.utterance is not None, timeout=10_000)
    sample = list_samples()[0]
    assert window.controller.utterance.source == sample.title
    assert window.references.transcript.text() == sample.reference
    assert window.toolbar.chosen() == (Task.TRANSCRIBE, sample.language, None)
    assert QApplication.activeModalWidget() is None
    assert window.toolbar.run.isEnabled()


def test_one_click_runs_everything(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make()
    window.controller.show(utterance)
    qtbot.mouseClick(window.toolbar.run, Qt.MouseButton.LeftButton)
    assert window.toolbar.run.text() == "Cancel"
    qtbot.waitUntil(lambda: not window.controller.running, timeout=30_000)
    assert window.toolbar.run.text() == "Run all"
    assert all(card.run.status is Status.OK for card in window.cards.values())
    assert window.results.selected is not None


def test_scores_come_and_follow_the_reference(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make("one")
    _run(qtbot, window, utterance)
    qtbot.waitUntil(lambda: window.cards["one"].run.scores.get("wer") == 0.0, timeout=20_000)
    window.references.transcript.setText("goodbye 32000")
    window.references.transcript.editingFinished.emit()
    qtbot.waitUntil(lambda: window.cards["one"].run.scores.get("wer") == 0.5, timeout=20_000)


def test_cancel_button_and_escape(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    for act in ("button", "escape"):
        window = make("one", one={"deed": "slow"})
        window.controller.show(utterance)
        window.run()
        qtbot.waitUntil(lambda window=window: window.cards["one"].run.main_text == "hel", timeout=20_000)
        if act == "button":
            qtbot.mouseClick(window.toolbar.run, Qt.MouseButton.LeftButton)
        else:
            window._escape_pressed()
        qtbot.waitUntil(lambda window=window: not window.controller.running, timeout=10_000)
        assert window.cards["one"].run.status is Status.CANCELLED


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
def test_window_outlives_its_child(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make("one", "two", one={"deed": "slow"})
    window.controller.show(utterance)
    window.run()
    qtbot.waitUntil(lambda: window.cards["one"].run.main_text == "hel", timeout=20_000)
    os.kill(window.controller._host.child_pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: not window.controller.running, timeout=20_000)
    assert window.cards["one"].run.status is Status.FAILED
    assert window.cards["two"].run.status is Status.OK
    window.settings.running.options = {}
    window.controller.rerun("one")
    qtbot.waitUntil(lambda: window.cards["one"].run.status is Status.OK, timeout=20_000)


@pytest.mark.timeout(280)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
def test_killed_fifty_times_in_a_row_the_window_goes_on(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make("one", "two")
    window.controller.show(utterance)
    own = psutil.Process()
    held: list[tuple[int, int, int]] = []
    for number in range(50):
        window.settings.running.options = {"one": {"deed": "slow"}}
        window.run()
        qtbot.waitUntil(lambda: window.cards["one"].run.main_text == "hel", timeout=30_000)
        os.kill(window.controller._host.child_pid, signal.SIGKILL)
        qtbot.waitUntil(lambda: not window.controller.running, timeout=30_000)
        assert window.cards["one"].run.status is Status.FAILED, number
        assert window.cards["two"].run.status is Status.OK, number
        if number in {9, 49}:
            held.append((own.num_fds(), own.num_threads(), len(own.children(recursive=True))))
    (files, threads, children), (files_then, threads_then, children_then) = held
    assert children_then <= children
    assert files_then <= files + 4
    assert threads_then <= threads + 2
    window.settings.running.options = {}
    window.controller.rerun("one")
    qtbot.waitUntil(lambda: window.cards["one"].run.status is Status.OK, timeout=20_000)


@pytest.mark.parametrize("how", ["open", "drop", "paste"])
def test_bad_file_is_a_sentence_and_the_window_stays(
    qtbot: QtBot, make: MakeWindow, tmp_path: Path, how: str, utterance: Utterance
) -> None:
    bad = tmp_path / "talk.wav"
    bad.write_text("this is no sound")
    window = make("one")
    window.controller.show(utterance)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(bad))])
    if how == "open":
        window.intake.open_file(bad)
    elif how == "drop":
        left = Qt.MouseButton.LeftButton
        window.dropEvent(
            QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, left, Qt.KeyboardModifier.NoModifier)
        )
    else:
        QGuiApplication.clipboard().setMimeData(mime)
        window.intake.paste()
    qtbot.waitUntil(lambda: "talk.wav" in _said(window), timeout=10_000)
    assert window.controller.utterance is utterance
    window.run()
    qtbot.waitUntil(lambda: not window.controller.running, timeout=30_000)
    assert window.cards["one"].run.status is Status.OK


def test_paste_of_something_else(make: MakeWindow) -> None:
    window = make("one")
    QGuiApplication.clipboard().setText("hello")
    window.intake.paste()
    assert "no sound file" in _said(window)


def test_a_recording_is_kept_loaded_and_run(qtbot: QtBot, make: MakeWindow) -> None:
    window = make("one")
    window.intake.recording._source = lambda _name: FileSource(list_samples()[0].path, speed=8.0)
    qtbot.mouseClick(window.toolbar.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "0:01" in window.toolbar.record.text(), timeout=10_000)
    qtbot.mouseClick(window.toolbar.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.cards["one"].run.status is Status.OK, timeout=30_000)
    assert window.controller.utterance.seconds > 0.5
    assert window.toolbar.record.text() == "Record"


def test_missing_microphone_is_a_sentence(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make("one")
    window.controller.show(utterance)

    def none(_name: str | None) -> FileSource:
        raise MicrophoneUnavailable("No microphone was found.", "Plug one in.")

    window.intake.recording._source = none
    qtbot.mouseClick(window.toolbar.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "No microphone" in _said(window), timeout=10_000)
    assert not window.toolbar.record.isChecked()
    assert window.speech.waveform.utterance is utterance


def test_tab_reaches_every_control_and_comes_back(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make("one", "two")
    _run(qtbot, window, utterance)
    window.toolbar.record.setFocus()
    reached: list[QWidget] = []
    widget: QWidget = window.toolbar.record
    for _ in range(400):
        reached.append(widget)
        following = widget.nextInFocusChain()
        while not (
            following.isVisible() and following.isEnabled() and following.focusPolicy() & Qt.FocusPolicy.TabFocus
        ):
            following = following.nextInFocusChain()
        widget = following
        if widget is window.toolbar.record:
            break
    assert widget is window.toolbar.record
    bar = window.toolbar
    for control in (bar.microphone, bar.open, bar.samples, bar.spoken, bar.task, bar.run, bar.menu):
        assert control in reached
    for control in (window.speech.play, window.speech.waveform, window.references.transcript, *window.cards.values()):
        assert control in reached
    for control in reached:
        text = control.text() if isinstance(control, QAbstractButton) else ""
        owner = control.parentWidget()
        assert control.accessibleName() or text or (owner is not None and owner.accessibleName()), control


@pytest.mark.parametrize("scale", [1.0, 1.5])
@pytest.mark.parametrize("task", list(Task))
def test_nothing_is_clipped_at_the_smallest_size(make: MakeWindow, scale: float, task: Task) -> None:
    theme().apply("light", scale)
    window = make("one", size=(1024, 700))
    window.toolbar.choose(task, "en", "fr" if task is not Task.TRANSCRIBE else None)
    window.results.show_task()
    QApplication.processEvents()
    assert window.width() <= 1024
    assert window.height() <= 700 * scale
    for label in window.toolbar.findChildren(QLabel) + window.speech.findChildren(QLabel):
        if label.isVisible() and label.text():
            assert label.width() >= label.fontMetrics().horizontalAdvance(label.text()), label.text()
    for control in window.toolbar.findChildren(QAbstractButton):
        if control.isVisible():
            assert control.width() >= control.sizeHint().width() - 1, control.text()
            assert control.height() >= control.fontMetrics().height(), control.text()
            assert window.toolbar.rect().contains(control.geometry()), control.text()
    for control in window.findChildren(QLineEdit) + window.findChildren(QComboBox):
        if control.isVisible():
            assert control.height() >= control.fontMetrics().height() + 4


def test_nothing_moves_when_text_arrives(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make("one", "two")
    window.controller.show(utterance)
    QApplication.processEvents()
    watched = [*window.cards.values(), window.dock, window.references, *window.area.headers.values()]

    def places() -> list[tuple[QPoint, int, int]]:
        return [(widget.mapTo(window, QPoint()), widget.width(), widget.height()) for widget in watched]

    before = places()
    window.run()
    while window.controller.running:
        qtbot.wait(20)
        assert places() == before
    assert places() == before


def test_empty_panels_say_in_one_line_what_will_come(make: MakeWindow) -> None:
    window = make("one", size=(1024, 700))
    assert set(window.area.empty) == {"latent", "token"}
    for panel in window.area.empty.values():
        assert panel.label.text()
        assert panel.label.height() < 2 * panel.label.fontMetrics().height()


def test_the_window_remembers(qtbot: QtBot, make: MakeWindow) -> None:
    window = make("one", size=(1100, 740))
    window.toolbar.task.setCurrentIndex(window.toolbar.task.findData(Task.TRANSLATE))
    window.toolbar.target.setCurrentIndex(window.toolbar.target.findData("fr"))
    window.toolbar.request_changed.emit()
    window.close()
    loaded = Settings.load()
    assert loaded.choices.task is Task.TRANSLATE
    assert loaded.choices.target == "fr"
    assert loaded.appearance.geometry


def test_engine_settings_hold_what_differs(qtbot: QtBot, make: MakeWindow, utterance: Utterance) -> None:
    window = make("one")
    _run(qtbot, window, utterance)
    window.dialogs.show_engine("one")
    from app.dialogs.engine import EngineDialog

    dialog = window.findChild(EngineDialog)
    assert dialog is not None
    assert dialog.options() == {}
    dialog.fields["beam"].set_value(7)
    assert dialog.options() == {"beam": 7}
    dialog._keep_and_run()
    qtbot.waitUntil(lambda: "beam 7" in (window.cards["one"].run.result or _Nothing).notes, timeout=20_000)


class _Nothing:
    notes = ()


def test_synthesised_speech_is_saved(qtbot: QtBot, make: MakeWindow, utterance: Utterance, tmp_path: Path) -> None:
    window = make("one")
    window.toolbar.choose(Task.SPEAK, "en", None)
    _run(qtbot, window, utterance)
    run = window.cards["one"].run
    assert run.audio
    window.results.write(run, tmp_path / "out.wav")
    assert (tmp_path / "out.wav").stat().st_size > 100
    assert read_mark(tmp_path / "out.wav") == run.mark()
    assert run.mark().engine == "one"
    window.results.write(run, tmp_path / "out.flac")
    assert read_mark(tmp_path / "out.flac") is not None
    window.results.write(run, tmp_path / "missing" / "out.wav")
    assert "cannot be written" in _said(window)


def test_the_file_of_the_command_line_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    import app.start
    from app.cli import main

    asked: list[list[str]] = []
    monkeypatch.setattr(app.start, "start", lambda argv: asked.append(list(argv)) or 0)
    path = str(list_samples()[0].path)
    assert main([path]) == 0
    assert main([]) == 0
    assert asked == [[path], []]


def test_unsure_words_are_switched_in_menu_and_preferences(
    qtbot: QtBot, make: MakeWindow, utterance: Utterance, settings: Settings
) -> None:
    window = make("one")
    text = window.cards["one"].body.texts["transcript"]
    text.set_text("hello there")
    text.set_scores([TokenScores(0, (" hello", " there"), (-0.1, -3.0))])
    assert [look for _, look, _ in text.marks] == ["most doubtful"]
    window.doubts.trigger()
    assert text.marks == []
    assert not settings.appearance.underline_doubts
    window.dialogs.doubts_chosen.emit(True)
    assert window.doubts.isChecked()
    assert [word for word, _, _ in text.marks] == ["there"]
