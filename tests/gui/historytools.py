"""What tests of the history share: windows whose engines run in the same process, and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.dialogs.history import HistoryDialog
from app.settings import Settings
from app.window import MainWindow
from engines.catalog import Catalogue
from engines.contract import Failed, Request, Stamped, Utterance
from engines.errors import TriptychError
from engines.history.entries import Entry
from engines.history.store import Store
from engines.host.parent import Listener
from engines.memo import Memo
from engines.models.components import Components
from tests.engines.fakes import Fake
from tests.history.stories import entry, speech

MakeWindow = Callable[..., MainWindow]


class Here:
    """A host without a child process: an engine is over as soon as it was asked, unless its deed is ``"slow"``."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._runs = 0
        self._slow: dict[int, str] = {}

    def submit(self, engine_id: str, request: Request) -> int:
        self._runs += 1
        options = {"deed": "", "work": 0.0, "beam": 5} | dict(request.options)
        if options["deed"] == "slow":
            self._slow[self._runs] = engine_id
            return self._runs
        engine = Fake(Components(Memo()))
        try:
            for place, event in enumerate(engine.run(replace(request, options=options))):
                self._listener(self._runs, Stamped(engine_id, 0.125 * place, event))
        except TriptychError as error:
            self._listener(self._runs, Stamped(engine_id, 0.5, Failed(error.kind, error.message, error.hint)))
        return self._runs

    def cancel(self, run_id: int | None = None) -> None:
        for run, engine in self._slow.items():
            self._listener(run, Stamped(engine, 1.0, Failed("Cancelled", "Stopped.")))
        self._slow.clear()

    def close(self) -> None:
        pass


def windows(qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings) -> Iterator[MakeWindow]:
    """Gives what makes windows, and closes them in the end."""
    made: list[MainWindow] = []

    def build(*engines: Any, child: bool = False, **options: dict[str, Any]) -> MainWindow:
        settings.running.options = options
        window = MainWindow(fakes(*(engines or ("one", "two"))), settings)
        if not child:
            window.controller._open_host = lambda listener, _: Here(listener)  # type: ignore[method-assign]
        window.resize(1024, 700)
        window.show()
        qtbot.waitExposed(window)
        made.append(window)
        return window

    yield build
    for window in made:
        window.close()
        window.deleteLater()
    QApplication.processEvents()


def run(qtbot: QtBot, window: MainWindow, utterance: Utterance) -> None:
    window.controller.show(utterance)
    window.run()
    qtbot.waitUntil(lambda: not window.controller.running, timeout=30_000)


def entries(qtbot: QtBot, window: MainWindow) -> tuple[Entry, ...]:
    """What is kept once everything that was asked before is done."""
    found: list[Any] = []
    window.history.thread_.ask(lambda store: store.search().entries, found.append)
    qtbot.waitUntil(lambda: bool(found), timeout=10_000)
    return tuple(found[0])


def open_dialog(qtbot: QtBot, window: MainWindow, count: int) -> HistoryDialog:
    window.history.show()
    dialog = window.history.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.table.found.rowCount() == count, timeout=10_000)
    return dialog


def said(window: MainWindow) -> str:
    return window.messages.label.text() if window.messages.isVisible() else ""


def filled(count: int = 3) -> list[Entry]:
    made = [entry(f"text number {n}", at=f"2026-01-0{n + 1}T10:00:00+00:00", source=f"{n}.wav") for n in range(count)]
    with Store() as store:
        for one in made:
            store.keep(one, speech())
    return made
