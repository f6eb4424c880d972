"""Live in the real window: a file speaks, engines write, cards show it, the recording is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app import livecontrol
from app.captions import LONGEST, PAUSED, Captions
from app.comparison import Status
from app.settings import Settings
from app.sources import FileSource
from app.window import MainWindow
from engines.catalog import Catalogue
from engines.contract import SAMPLE_RATE, Task
from engines.errors import MicrophoneUnavailable
from engines.live.delay import Delays
from engines.live.driving import Setting
from engines.live.events import Load, Out, Skipped, Words, Written
from engines.live.governor import Limits
from tests.engines.fakes import describe
from tests.live.fakes import FakeHost, detect, spoken


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    soundfile.write(path, spoken(3, 1, 2, 1), SAMPLE_RATE, subtype="PCM_16")
    return path


@pytest.fixture
def window(
    qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings, file: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    """Two fake engines that take part, and a third that does not."""

    def setting(engines: Any, asked: Any, *, catalogue: Catalogue, provider: str, threads: int) -> Setting:
        # the clock is the wall's, and the machine may be busy: nothing is late here
        limits = Limits(late=1e6, in_time=1e6, longest_run=1e6)
        return Setting(engines, asked, detect, lambda listener: FakeHost(listener, {}), limits=limits)

    monkeypatch.setattr(livecontrol, "setting", setting)
    monkeypatch.setattr(livecontrol, "prepare", lambda _: iter(()))
    settings.choices.live_engines = ("one", "two")
    window = MainWindow(fakes("one", "two", "three"), settings)
    window.live.source = lambda _name: FileSource(file, speed=4)
    window.resize(1024, 700)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close()
    window.deleteLater()
    QApplication.processEvents()


def test_cards_fill_while_somebody_speaks_and_the_recording_is_kept(qtbot: QtBot, window: MainWindow) -> None:
    window.toolbar.live.click()
    assert window.live.active
    assert not window.toolbar.run.isEnabled()
    assert window.live_bar.isVisible()
    assert not window.references.isVisible()
    qtbot.waitUntil(lambda: window.cards["one"].run.text("transcript").whole != "", timeout=30_000)
    qtbot.waitUntil(lambda: not window.live.active and window.controller.utterance is not None, timeout=60_000)
    assert window.controller.utterance.seconds == pytest.approx(7, abs=0.5)
    for engine in ("one", "two"):
        run = window.cards[engine].run
        assert run.status is Status.CANCELLED
        assert run.main_text == "w0 w1 w2 w3 w4 w5 w0 w1 w2 w3"
        assert "delay" in window.cards[engine].figures.text
    assert window.cards["three"].run.main_text == ""
    assert window.toolbar.run.isEnabled()
    assert window.references.isVisible()
    assert not window.live_bar.isVisible()
    assert not window.toolbar.live.isChecked()


def test_the_bar_takes_the_place_of_the_references_so_that_nothing_moves(qtbot: QtBot, window: MainWindow) -> None:
    before = window.split.geometry()
    window.toolbar.live.click()
    QApplication.processEvents()
    assert window.split.geometry() == before
    assert not window.dock.isVisible()
    assert [engine for engine, card in window.cards.items() if card.isVisible()] == ["one", "two"]
    window._escape_pressed()
    qtbot.waitUntil(lambda: not window.live.active, timeout=30_000)
    assert window.dock.isVisible()
    assert all(card.isVisible() for card in window.cards.values())


def test_a_microphone_that_is_not_there_is_said(qtbot: QtBot, window: MainWindow) -> None:
    def none(_name: str | None) -> FileSource:
        raise MicrophoneUnavailable("No microphone was found.", "Plug one in.")

    window.live.source = none
    window.toolbar.live.click()
    qtbot.waitUntil(window.messages.isVisible, timeout=30_000)
    assert "No microphone" in window.messages.label.text()
    qtbot.waitUntil(lambda: not window.live.active, timeout=30_000)
    assert not window.toolbar.live.isChecked()


def test_a_task_that_cannot_be_done_live_is_said(qtbot: QtBot, window: MainWindow) -> None:
    window.toolbar.choose(Task.SPEAK, None, None)
    window.toolbar.live.click()
    assert "cannot be done live" in window.messages.label.text()
    assert not window.toolbar.live.isChecked()
    assert not window.live.active


def test_closing_the_window_ends_it_and_keeps_the_recording(qtbot: QtBot, window: MainWindow) -> None:
    from app.recorded import folder

    window.toolbar.live.click()
    qtbot.waitUntil(lambda: window.live._recorder is not None, timeout=30_000)
    qtbot.waitUntil(lambda: window.live._recorder.seconds > 0.5, timeout=30_000)
    window.close()
    assert not window.live.active
    (kept,) = folder().glob("*.wav")
    assert soundfile.info(kept).duration > 0.4


def test_which_engines_take_part_is_chosen_in_the_menu(window: MainWindow) -> None:
    menu = QMenu()
    window.live.choice.fill(menu)
    assert [(action.text(), action.isChecked()) for action in menu.actions()] == [
        ("One", True),
        ("Three", False),
        ("Two", True),
    ]
    menu.actions()[1].trigger()
    menu.actions()[0].trigger()
    assert window.settings.choices.live_engines == ("three", "two")
    for engine in ("two", "three"):
        window.live.choice.take(engine, False)
    assert window.settings.choices.live_engines == ("three",)


def captions() -> Captions:
    return Captions([describe("one"), describe("two")])


def test_captions_put_phrases_together_and_forget_the_oldest() -> None:
    found = captions()
    found.take(Words(1.0, "one", 0, "transcript", "Hello", "wor"))
    found.take(Words(2.0, "one", 0, "transcript", " world.", ""))
    found.take(Written(2.0, "one", 0, "Hello world.", 0.5, 1.0, Delays(1, 0.5, 0.5, 0.5, 1.0)))
    assert found.take(Words(3.0, "one", 1, "transcript", "", "And")) == ("one",)
    text = found.runs["one"].text("transcript")
    assert (text.final, text.provisional) == ("Hello world.", "And")
    assert found.runs["one"].scores == {"delay": 0.5, "median_delay": 0.5, "laal": 1.0}
    found.take(Skipped(4.0, "one", 1, "Left out."))
    assert found.runs["one"].text("transcript").whole == "Hello world."
    for phrase in range(2, 600):
        found.take(Words(5.0, "one", phrase, "transcript", "again and again", ""))
        found.take(Written(5.0, "one", phrase, "", 0.5, None, Delays(1, 0.5, 0.5, 0.5)))
    whole = found.runs["one"].text("transcript").whole
    assert whole.startswith("… ")
    assert len(whole) <= LONGEST + 20


def test_captions_say_who_pauses_and_who_is_out() -> None:
    found = captions()
    assert found.take(Load(1.0, 3, ("one",), ("one",), True, 7.0, "Two pauses.")) == ("one", "two")
    assert [stage.name for stage in found.runs["two"].stages] == [PAUSED]
    found.take(Out(2.0, "two", "WeightsMissing", "It is not there.", "Fetch it."))
    assert found.runs["two"].status is Status.UNAVAILABLE
    found.end()
    assert found.runs["one"].status is Status.CANCELLED
    assert found.runs["two"].status is Status.UNAVAILABLE


def test_sound_reaches_recorder_and_listener_alike(file: Path) -> None:
    import threading

    from app.tapped import Tapped

    recorded: list[np.ndarray] = []
    heard: list[np.ndarray] = []
    over = threading.Event()
    tapped = Tapped(FileSource(file, speed=50), lambda samples, lost: heard.append(samples))
    rate = tapped.start(lambda block, lost: recorded.append(block.copy()), lambda problem: over.set())
    assert over.wait(10)
    tapped.stop()
    assert rate == SAMPLE_RATE
    left, right = np.concatenate(recorded), np.concatenate(heard)
    np.testing.assert_allclose(left / 32768, right, atol=1e-6)
