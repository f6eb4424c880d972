"""Recording as a person sees it: level, what is amiss, where sound was lost, what is chosen, and what a crash left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import inputchoice, inputwatch
from app.inputs import Input, Inputs
from app.levels import Level, Verdict
from app.recorded import Recording, folder
from app.settings import Settings
from app.sources import Ended, FileSource, Sink
from app.widgets.livewave import LiveWave
from app.widgets.meter import LevelRow
from app.widgets.rescue import RescueBanner
from app.widgets.wavepaint import tell_gaps
from app.window import MainWindow
from engines.audio.samples import list_samples
from engines.audio.wav import GrowingWav
from engines.catalog import Catalogue
from engines.contract import Utterance
from engines.errors import MicrophoneUnavailable

SAMPLE = list_samples()[0].path
FOUND = Inputs((Input("Headset", default=True), Input("Desk"), Input("System sound: Hall", system=True)))


class Hand:
    """A source that delivers what the test gives it."""

    def __init__(self, device: str = "Hand") -> None:
        self.name, self.device = "microphone", device
        self.open = False
        self.began = threading.Event()

    def start(self, sink: Sink, ended: Ended) -> int:
        self.sink, self.ended, self.open = sink, ended, True
        self.began.set()
        return 48_000

    def stop(self) -> None:
        self.open = False

    def give(self, seconds: float, peak: float = 0.2, *, lost: bool = False) -> None:
        block = np.full(round(48_000 * 0.05), round(32_767 * peak), np.int16)
        for number in range(round(seconds / 0.05)):
            self.sink(block, lost and number == 0)


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputchoice, "find_inputs", lambda *, refresh: FOUND)
    monkeypatch.setattr(inputwatch, "recorded_by", lambda _process: None)


@pytest.fixture
def window(qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings) -> Iterator[MainWindow]:
    settings.choices.run_after_recording = False
    window = MainWindow(fakes("one"), settings)
    window.resize(1024, 700)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close()
    window.deleteLater()
    QApplication.processEvents()


def _record(qtbot: QtBot, window: MainWindow, *sources: Hand) -> None:
    left = list(sources)
    window.intake.recording._source = lambda _name: left.pop(0)
    qtbot.mouseClick(window.toolbar.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(window.speech.waveform.live.isVisible, timeout=10_000)


def _stop(qtbot: QtBot, window: MainWindow) -> Utterance:
    qtbot.mouseClick(window.toolbar.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.controller.utterance is not None, timeout=10_000)
    utterance = window.controller.utterance
    assert utterance is not None
    return utterance


# --- level ------------------------------------------------------------------------------------------------------------


def test_row_tells_level_and_what_is_amiss(qtbot: QtBot) -> None:
    row = LevelRow()
    qtbot.addWidget(row)
    for _ in range(60):
        row.show_level(Level(0.1, 0.05))
    assert row.figures.text() == "peak −20 · RMS −26 dBFS"
    assert row.meter.accessibleDescription() == row.figures.text()
    assert row.hint.text() == "", "what is good is not praised while somebody works"
    row.show_level(Level(1.0, 0.5, gaps=2))
    assert row.verdict is Verdict.CLIPS
    assert "clips" in row.hint.text()
    assert "clips" in row.accessibleName()
    assert row.lost.text() == "sound lost 2×"
    assert row.meter.peak == 0.0
    row.clear()
    assert (row.hint.text(), row.lost.text()) == ("", "")
    for _ in range(40):
        row.show_level(Level(0.0, 0.0))
    assert "muted" in row.hint.text()
    assert row.figures.text() == "peak  −∞ · RMS  −∞ dBFS"


def test_running_recording_shows_where_sound_was_lost(qtbot: QtBot) -> None:
    live = LiveWave(None)
    qtbot.addWidget(live)
    live.resize(800, 120)
    live.begin()
    for gaps in (0, 0, 1, 1, 2):
        live.add(Level(0.2, 0.1, 0.05, gaps))
    assert live.gaps == pytest.approx((0.1, 0.2))
    live.add(Level(0.2, 0.1, 30.0, 2))
    assert live.gaps == (), "it has gone out of sight"
    live.add(Level(0.2, 0.1, 0.02, 3))
    live.add(Level(0.2, 0.1, 0.03, 3))
    assert live.gaps == pytest.approx((19.95,))
    assert not live.grab().isNull()


def test_gaps_are_told_in_one_sentence() -> None:
    assert tell_gaps(()) == ""
    assert tell_gaps((1.5,)) == "Sound was lost at 0:01.5."
    assert tell_gaps((1.5, 63.0)) == "Sound was lost at 0:01.5 and 1:03.0."
    assert tell_gaps(tuple(range(9))).endswith("0:04.0 and 4 more places.")


# --- recording --------------------------------------------------------------------------------------------------------


def test_lost_sound_is_shown_while_recording_and_afterwards(qtbot: QtBot, window: MainWindow) -> None:
    hand = Hand()
    _record(qtbot, window, hand)
    hand.give(1.0)
    hand.give(1.0, lost=True)
    live = window.speech.waveform.live
    qtbot.waitUntil(lambda: len(live.gaps) == 1, timeout=5_000)
    assert live.levels.lost.text() == "sound lost 1×"
    height = window.speech.height()
    utterance = _stop(qtbot, window)
    assert utterance.gaps == (1.0,)
    assert not live.isVisible()
    assert window.speech.height() == height, "nothing moves"
    assert "Sound was lost at 0:01.0." in window.speech.waveform.accessibleDescription()
    with_gap = window.speech.waveform.grab().toImage()
    window.speech.waveform.show_utterance(replace(utterance, gaps=()))
    assert window.speech.waveform.grab().toImage() != with_gap


def test_microphone_that_goes_away_is_said_and_followed(qtbot: QtBot, window: MainWindow) -> None:
    first, second = Hand("Headset"), Hand("Built-in")
    _record(qtbot, window, first, second)
    first.give(0.5)
    first.ended(MicrophoneUnavailable("The microphone Headset went away while recording.", "Plug it in again."))
    assert second.began.wait(5)
    qtbot.waitUntil(window.messages.isVisible, timeout=5_000)
    assert "The recording went on at 0:00 with Built-in" in window.messages.label.text()
    assert window.toolbar.record.isChecked()
    second.give(0.5)
    utterance = _stop(qtbot, window)
    assert utterance.seconds == pytest.approx(1.0, abs=0.01)
    assert utterance.gaps == (0.5,)
    assert any("Built-in" in note for note in utterance.notes)


def test_stream_that_the_sound_server_moved_is_said(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["Headset"]
    monkeypatch.setattr(inputwatch, "recorded_by", lambda _process: names[-1])
    monkeypatch.setattr(inputwatch.sys, "platform", "linux")
    hand = Hand()
    _record(qtbot, window, hand)
    hand.give(0.5)
    watch = window.intake.recording._watch
    qtbot.waitUntil(lambda: watch._name == "Headset", timeout=5_000)
    names.append("Desk")
    watch._look()
    qtbot.waitUntil(window.messages.isVisible, timeout=5_000)
    assert window.messages.label.text() == "The sound system moved the recording to Desk."
    assert "The sound system moved the recording to Desk." in _stop(qtbot, window).notes


# --- what is recorded -------------------------------------------------------------------------------------------------


def test_picker_shows_the_level_of_what_is_chosen_and_lets_go(qtbot: QtBot, window: MainWindow) -> None:
    made: dict[str | None, Hand] = {}

    def source(name: str | None) -> Hand:
        made[name] = Hand(name or "default")
        return made[name]

    choice = window.intake.recording.inputs
    choice.source = source
    qtbot.mouseClick(window.toolbar.microphone, Qt.MouseButton.LeftButton)
    panel = choice.panel
    assert panel.isVisible()
    qtbot.waitUntil(lambda: panel.list.count() == 4, timeout=5_000)
    texts = [panel.list.item(row).text() for row in range(4)]
    assert texts == ["System default (Headset)", "Headset", "Desk", "System sound: Hall"]
    qtbot.waitUntil(lambda: None in made and made[None].began.is_set(), timeout=5_000)
    made[None].give(0.1, 0.1)
    qtbot.waitUntil(lambda: panel.levels.meter.peak > -30, timeout=5_000)
    panel.list.setCurrentRow(3)
    hall = "System sound: Hall"
    qtbot.waitUntil(lambda: hall in made and made[hall].began.is_set(), timeout=5_000)
    assert not made[None].open
    assert window.settings.choices.microphone == hall
    made[hall].give(2.0, 0.0)
    qtbot.waitUntil(lambda: panel.verdict.text() == "Nothing is being played.", timeout=5_000)
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.isVisible()
    qtbot.waitUntil(lambda: not made[hall].open, timeout=5_000)
    assert hall in window.toolbar.microphone.toolTip()


def test_picker_says_what_is_wrong_and_what_is_missing(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Inputs((Input("Headset", default=True),), no_system="System sound cannot be recorded. Do this.")
    monkeypatch.setattr(inputchoice, "find_inputs", lambda *, refresh: found)
    window.settings.choices.microphone = "Studio"

    def busy(_name: str | None) -> Hand:
        raise MicrophoneUnavailable("The microphone Studio is not there.", "Plug it in.")

    choice = window.intake.recording.inputs
    choice.source = busy
    choice.open()
    qtbot.waitUntil(lambda: choice.panel.list.count() == 3, timeout=5_000)
    assert choice.panel.list.item(2).text() == "Studio (not there)"
    assert choice.panel.current() == "Studio"
    assert choice.panel.missing.text() == found.no_system
    qtbot.waitUntil(lambda: "Studio is not there" in choice.panel.verdict.text(), timeout=5_000)
    choice.panel.close()


def test_recording_begins_when_nothing_is_listened_to_any_more(qtbot: QtBot, window: MainWindow) -> None:
    order: list[str] = []

    class Noted(Hand):
        def start(self, sink: Sink, ended: Ended) -> int:
            order.append("open")
            return super().start(sink, ended)

        def stop(self) -> None:
            if self.open:
                order.append("close")
            super().stop()

    choice = window.intake.recording.inputs
    choice.source = lambda _name: Noted()
    choice.open()
    qtbot.waitUntil(lambda: order == ["open"], timeout=5_000)
    choice.panel.close()
    window.toolbar.record.click()
    qtbot.waitUntil(lambda: len(order) == 3, timeout=5_000)
    assert order == ["open", "close", "open"]
    assert not window.toolbar.microphone.isEnabled()
    window.toolbar.record.click()
    assert window.toolbar.microphone.isEnabled()


# --- what a crash left ------------------------------------------------------------------------------------------------


def test_next_start_offers_what_was_recorded(qtbot: QtBot, window: MainWindow) -> None:
    for name, seconds in (("recording-2026-02-03-040506", 1), ("recording-2026-02-03-050607", 2)):
        with GrowingWav(folder() / f"{name}.unfinished-1.wav", 8_000) as file:
            file.append((np.sin(np.arange(8_000 * seconds) / 5) * 9_000).astype(np.int16))
    window.start(None)
    rescue = window.speech.rescue
    qtbot.waitUntil(rescue.isVisible, timeout=10_000)
    assert "of 3 February, 05:06, was cut off" in rescue.label.text()
    assert "2.00 s of it are saved. 1 more after this one." in rescue.label.text()
    qtbot.mouseClick(rescue.open, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: window.controller.utterance is not None and "050607" in window.controller.utterance.source,
        timeout=10_000,
    )
    assert window.controller.utterance.seconds == pytest.approx(2.0)
    assert "1.00 s" in rescue.label.text()
    qtbot.mouseClick(rescue.leave, Qt.MouseButton.LeftButton)
    assert not rescue.isVisible()
    assert len(list(folder().glob("*.wav"))) == 2, "nothing is thrown away"


def test_offer_of_a_recording_with_another_name(qtbot: QtBot) -> None:
    banner = RescueBanner()
    qtbot.addWidget(banner)
    banner.offer((Recording(Path("a.wav"), 65.0, cut_off=True),))
    assert banner.label.text().startswith("<b>A recording</b> was cut off")


def test_recording_of_a_file_fills_the_level(qtbot: QtBot, window: MainWindow) -> None:
    window.intake.recording._source = lambda _name: FileSource(SAMPLE, speed=6)
    window.toolbar.record.click()
    live = window.speech.waveform.live
    qtbot.waitUntil(lambda: live.levels.meter.peak > -25 and "−" in live.levels.figures.text(), timeout=10_000)
    assert live.levels.isVisible()
    window.toolbar.record.click()


def test_a_window_can_be_closed_twice(qtbot: QtBot, window: MainWindow) -> None:
    window.close()
    window.close()
    assert not window.isVisible()
