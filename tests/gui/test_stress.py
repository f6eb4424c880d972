"""The row that makes the speech worse, and sweeps, in the real window with fake engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent
from pytestqt.qtbot import QtBot

from app.comparison import Status
from app.dialogs.sweep import SweepDialog
from app.playback import STRESSED
from app.settings import Settings
from app.sweep import Sweep
from app.theme import theme
from app.widgets.stresspanel import StressPanel
from app.window import MainWindow
from engines.audio.conditions import Condition
from engines.catalog import Catalogue
from engines.contract import Utterance

# --- the row ---------------------------------------------------------------------------------------------------------


def test_every_kind_has_its_amount(qtbot: QtBot) -> None:
    panel = StressPanel()
    qtbot.addWidget(panel)
    for condition in ("babble", "white", "hum", "room", "speed", "gaps"):
        panel.choose(Condition(condition))  # type: ignore[arg-type]
        assert panel.condition().amount is not None
        assert panel.amount.isEnabled()
    panel.choose(Condition("telephone"))
    assert panel.condition() == Condition("telephone")
    assert not panel.amount.isEnabled()
    panel.choose(Condition("room", 1.3))
    assert panel.condition() == Condition("room", 1.3)


def test_the_row_comes_and_goes(qtbot: QtBot, window: MainWindow, utterance: Utterance) -> None:
    assert not window.stress.isVisible()
    assert not window.stress.run.isEnabled()
    window.controller.show(utterance)
    qtbot.mouseClick(window.references.worse, Qt.MouseButton.LeftButton)
    assert window.stress.isVisible()
    assert window.stress.run.isEnabled()
    for scale in (1.0, 1.5):
        theme().apply("light", scale)
        assert window.stress.sizeHint().width() <= 1024 * max(1.0, scale)


def test_run_on_this_names_its_condition_and_can_be_put_back(
    qtbot: QtBot, window: MainWindow, utterance: Utterance
) -> None:
    window.controller.show(utterance)
    window.stress.choose(Condition("speed", 2.0))
    window.stress.run.click()
    qtbot.waitUntil(lambda: window.cards["two"].run.status is Status.OK, timeout=60_000)
    heard = window.controller.comparison.utterance
    assert heard.source == "test · speed 2×"
    assert heard.reference == "hello 32000"
    assert window.cards["one"].run.main_text == "hello 16000"
    assert "speed 2×" in window.windowTitle()
    assert "speed 2×" in window.stress.now.text()
    assert window.stress.isVisible()
    assert window.stressing.recording.digest == utterance.digest
    window.stress.clean.click()
    assert window.controller.utterance.digest == utterance.digest
    assert window.stress.now.text() == ""
    assert not window.stress.clean.isVisible()


def test_conditions_are_put_on_the_recording_not_on_one_another(
    qtbot: QtBot, window: MainWindow, utterance: Utterance
) -> None:
    window.controller.show(utterance)
    for factor in (2.0, 1.6):
        with qtbot.waitSignal(window.controller.utterance_loaded, timeout=20_000):
            window.stressing.run(Condition("speed", factor))
    assert window.controller.utterance.samples.shape == (20_000,)


def test_listening_plays_and_stops(
    qtbot: QtBot, window: MainWindow, utterance: Utterance, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.controller.show(utterance)
    played = []

    def toggle(name: str, samples: object, rate: int) -> None:
        played.append((name, rate))
        window.playback.other_changed.emit(name)

    monkeypatch.setattr(window.playback, "toggle_other", toggle)
    window.stress.listen.click()
    qtbot.waitUntil(lambda: bool(played), timeout=20_000)
    assert played == [(STRESSED, 16_000)]
    assert window.stress.listen.text() == "Stop"
    window.playback.other_changed.emit("")
    assert window.stress.listen.text() == "Listen"


# --- sweeps ----------------------------------------------------------------------------------------------------------


def sweep_of(window: MainWindow, *amounts: float) -> SweepDialog:
    window.stressing.show_sweep("speed")
    dialog = window.stressing._dialog
    assert dialog is not None
    dialog.amounts.setText(", ".join(map(str, amounts)))
    dialog.run.click()
    return dialog


def test_a_sweep_draws_what_engines_hear(
    qtbot: QtBot, window: MainWindow, utterance: Utterance, tmp_path: Path
) -> None:
    window.controller.show(utterance)
    dialog = sweep_of(window, 2, 1.25)
    assert dialog.run.text() == "Cancel"
    qtbot.waitUntil(lambda: dialog.run.text() == "Run" and len(dialog._curves) == 2, timeout=90_000)
    sweep = dialog._sweep
    assert sweep.complete
    qtbot.waitUntil(lambda: "one word in two" in dialog.verdict.text().lower(), timeout=20_000)
    assert [rate for _, rate in dialog._curves[0].rates()] == [0.0, 0.5, 0.5]
    assert "reference of 2 words" in dialog.basis.text()
    box = dialog.plot._plot()
    spot = QPointF(dialog.plot._x(box, 2.0), dialog.plot._y(box, 0.5))
    none = Qt.MouseButton.NoButton
    dialog.plot.mouseMoveEvent(
        QMouseEvent(QMouseEvent.Type.MouseMove, spot, spot, none, none, Qt.KeyboardModifier.NoModifier)
    )
    assert "at 2 ×: WER 50.0 %" in dialog.pointed.text()
    dialog.copy.click()
    assert QGuiApplication.clipboard().text().startswith("engine,paradigm,speed")
    for name in ("a.png", "a.svg", "a.csv"):
        dialog.write(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    dialog.write(tmp_path / "none" / "a.svg")
    assert "could not be written" in dialog.pointed.text()


def test_cancelling_a_sweep_keeps_what_is_there(
    qtbot: QtBot, window: MainWindow, settings: Settings, utterance: Utterance
) -> None:
    window.controller.show(utterance)
    window.stressing.sweeper.advanced.connect(
        lambda sweep, _: settings.running.options.update({"two": {"deed": "slow"}}) if sweep.readings else None
    )
    dialog = sweep_of(window, 2)
    qtbot.waitUntil(
        lambda: len(dialog._sweep.readings) == 2 and window.cards["two"].run.main_text == "hel", timeout=60_000
    )
    dialog.run.click()
    assert dialog.run.text() == "Run"
    assert not window.stressing.sweeper.running
    qtbot.waitUntil(lambda: dialog.verdict.text().startswith("Stopped early"), timeout=20_000)
    assert {reading.amount for reading in dialog._sweep.readings} == {None, 2.0}
    assert not dialog._sweep.complete


def test_other_speech_ends_a_sweep(qtbot: QtBot, window: MainWindow, utterance: Utterance) -> None:
    window.controller.show(utterance)
    dialog = sweep_of(window, 2)
    window.controller.show(Utterance(utterance.samples[:9_000], "other", "other"))
    assert not window.stressing.sweeper.running
    assert dialog.run.text() == "Run"
    assert window.stressing.recording.source == "other"


@pytest.mark.parametrize("text", ["", "9", "a, b", "0.5, 2"])
def test_amounts_that_cannot_be_are_told(qtbot: QtBot, fakes: Callable[..., Catalogue], text: str) -> None:
    dialog = SweepDialog(fakes("one").engines)
    qtbot.addWidget(dialog)
    dialog.choose("speed")
    dialog.amounts.setText(text)
    with qtbot.assertNotEmitted(dialog.run_requested):
        dialog.run.click()
    assert dialog.verdict.text()


def test_no_engine_no_sweep(qtbot: QtBot, fakes: Callable[..., Catalogue], utterance: Utterance) -> None:
    dialog = SweepDialog(fakes("one").engines)
    qtbot.addWidget(dialog)
    dialog._actions["one"].setChecked(False)
    assert not dialog.run.isEnabled()
    dialog.show_sweep(Sweep(utterance, "speed", [2]))  # nothing was read: nothing is drawn
    qtbot.waitUntil(lambda: not dialog.save.isEnabled())
