"""The page of models: what it tells, fetching, stopping, failing, and the welcome."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app import modelfetch
from app.commands import doctor
from app.dialogs.about import TermsDialog
from app.dialogs.doctor import DoctorDialog
from app.dialogs.models import WELCOME, ModelsDialog
from app.modelfetch import Remaining, told
from app.settings import Settings
from app.window import MainWindow
from engines.catalog import Catalogue
from engines.contract import Preparing
from engines.errors import FetchFailed
from export import prepare


class Fetches:
    """Stands in for the network: models become ready one by one, when the test lets them."""

    def __init__(self) -> None:
        self.ready: set[str] = set()
        self.asked: list[tuple[str, Path | None]] = []
        self.go = threading.Event()
        self.go.set()
        self.fails: set[str] = set()

    def prepare(self, models: list[str], *, offline: bool | None, folder: Path | None) -> Iterator[Preparing]:
        (model,) = models
        assert offline is (True if folder is not None else None)
        self.asked.append((model, folder))
        yield Preparing(f"Fetching {model}", 0, 40_000_000)
        while not self.go.wait(0.01):
            yield Preparing(f"Fetching {model}", 10_000_000, 40_000_000)
        if model in self.fails:
            raise FetchFailed(f"{model} cannot be had.", "Try again.")
        self.ready.add(model)


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> Fetches:
    made = Fetches()
    monkeypatch.setattr(prepare, "prepare", made.prepare)
    monkeypatch.setattr(prepare, "is_ready", lambda model, _store=None: model in made.ready)
    return made


@pytest.fixture
def dialog(qtbot: QtBot, fetches: Fetches) -> ModelsDialog:
    made = ModelsDialog()
    qtbot.addWidget(made)
    made.show()
    return made


def test_what_is_missing_is_told_with_size_licence_and_time(dialog: ModelsDialog) -> None:
    assert len(dialog.rows) > 5
    assert dialog.rows["whisper-base"].state.text() == "not here"
    assert "MB" in dialog.rows["whisper-base"].size.text()
    assert dialog.rows["whisper-base"].licence.text() == "MIT"
    assert dialog.rows["gemma-3-270m"].licence.text().startswith("Accept ")
    assert "minutes at 20 Mbit/s" in dialog.line.text()
    assert "licence accepted first" in dialog.line.text()


def test_all_that_may_be_fetched_is_fetched_and_one_that_fails_keeps_no_other_from_it(
    qtbot: QtBot, dialog: ModelsDialog, fetches: Fetches
) -> None:
    fetches.go.clear()
    fetches.fails.add("whisper-base")
    with qtbot.waitSignal(dialog.failed):
        qtbot.mouseClick(dialog.fetch, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "10 of 40 MB" in dialog.line.text())
        assert dialog.bar.isVisible()
        assert not dialog.fetch.isEnabled()
        fetches.go.set()
    qtbot.waitUntil(lambda: not dialog.fetching)
    assert "gemma-3-270m" not in fetches.ready
    assert len(fetches.ready) == len(dialog.rows) - 2
    assert dialog.rows["kokoro-82m"].state.text() == "ready"
    assert dialog.line.text() == "whisper-base cannot be had. Try again."
    assert not dialog.bar.isVisible()
    assert dialog.fetch.isEnabled()


def test_a_fetch_can_be_stopped_and_goes_on(qtbot: QtBot, dialog: ModelsDialog, fetches: Fetches) -> None:
    fetches.go.clear()
    qtbot.mouseClick(dialog.fetch, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(fetches.asked) == 1)
    qtbot.mouseClick(dialog.stop, Qt.MouseButton.LeftButton)
    assert not dialog.fetching
    fetches.go.set()
    qtbot.mouseClick(dialog.fetch, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.fetching)
    assert len(fetches.ready) == len(dialog.rows) - 1


def test_models_are_taken_from_a_folder_without_a_network(
    qtbot: QtBot, dialog: ModelsDialog, fetches: Fetches, tmp_path: Path
) -> None:
    dialog.start(tmp_path)
    qtbot.waitUntil(lambda: not dialog.fetching)
    assert {folder for _, folder in fetches.asked} == {tmp_path}


def test_a_licence_is_accepted_where_its_terms_are_read(qtbot: QtBot, dialog: ModelsDialog) -> None:
    qtbot.mouseClick(dialog.rows["gemma-3-270m"].licence, Qt.MouseButton.LeftButton)
    (terms,) = dialog.findChildren(TermsDialog)
    (agree,) = [button for button in terms.findChildren(QPushButton) if button.text() == "Accept"]
    qtbot.mouseClick(agree, Qt.MouseButton.LeftButton)
    assert dialog.rows["gemma-3-270m"].accepted
    assert not dialog.rows["gemma-3-270m"].licence.text().startswith("Accept")


def test_a_newcomer_is_welcomed_once(
    qtbot: QtBot, fetches: Fetches, fakes: Callable[..., Catalogue], settings: Settings
) -> None:
    window = MainWindow(fakes("one"), settings, remembers=False)
    qtbot.addWidget(window)
    window.dialogs.greet()
    (page,) = window.findChildren(ModelsDialog)
    assert page.isVisible()
    assert page.head.text() == WELCOME
    page.close()
    window.dialogs.greet()
    assert not page.isVisible()
    settings.running.welcomed = False
    fetches.ready = set(page.rows)
    window.dialogs.greet()
    assert not page.isVisible(), "nothing is missing"
    assert modelfetch.lacking() == ()


def test_time_that_is_left_is_told_once_it_can_be() -> None:
    now = [0.0]
    left = Remaining(lambda: now[0])
    assert left.seconds(Preparing("A", 10, 100)) is None
    now[0] = 4.0
    assert left.seconds(Preparing("A", 30, 100)) == pytest.approx(14.0)
    assert left.seconds(Preparing("A", 30, None)) is None
    assert left.seconds(Preparing("B", 60, 100)) is None
    assert [told(value) for value in (3, 34, 70, 400)] == [
        "about 10 seconds", "about 30 seconds", "about a minute", "about 7 minutes",
    ]  # fmt: skip


def test_the_doctor_says_first_what_is_to_be_mended(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "probe_providers", list)
    dialog = DoctorDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(dialog.again.isEnabled, timeout=30_000)
    assert "triptych models fetch whisper-base" in dialog.verdict.text()
    assert "Execution providers" in dialog.text.toPlainText()
    assert dialog.text.toPlainText().startswith("Triptych ")
