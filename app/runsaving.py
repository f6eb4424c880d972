"""Saves the run on screen, or runs of the history, to files; the history need not work for the first."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QFileDialog

from app.background import Job
from app.controller import Controller
from app.exporting import FORMS, export, kept_of, require_form
from app.historythread import HistoryThread
from app.keeper import Keeper
from app.keeping import ended, ran_of
from app.language import tr
from app.reporting import Kept
from app.results import Results
from engines.errors import BadInput, BadOption
from engines.history.store import Store

_SEVERAL = ("triptych", "txt", "csv", "json")
"""Forms that hold several runs."""


class RunSaver(QObject):
    """Asks where to, and writes beside the window.

    Args:
        controller: has the run on screen.
        keeper: knows its entry.
        thread: has the history.
        results: tells which engine is looked at, whose subtitles are written.
        parent: of the window's part.
    """

    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self, controller: Controller, keeper: Keeper, thread: HistoryThread, results: Results, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._keeper = keeper
        self._thread = thread
        self._results = results

    def ask_where(self) -> None:
        """Asks where to save the run on screen, and saves it."""
        if self._on_screen() is None:
            self.failed.emit(BadInput(tr("There is no run to save yet."), tr("Run the engines first (Ctrl+Return).")))
            return
        path = self._place(self._controller.utterance.source if self._controller.utterance else "run", tuple(FORMS))
        if path is not None:
            self.save_shown(path)

    def save_shown(self, path: Path) -> None:
        """Saves the run on screen; the file's ending says how."""
        kept, engine = self._on_screen(), self._results.selected
        if kept is None:
            return
        over = [ended(kept.comparison, run.engine.id) for run in kept.runs if run.status.over]

        def write() -> str:
            entry = replace(kept.entry, runs=tuple(ran_of(one) for one in over))
            return _written(path, [replace(kept, entry=entry)], engine)

        job = Job(write, "save-run")
        job.finished.connect(self._saved)
        job.failed.connect(self.failed)
        job.start()

    def ask_where_to_save(self, uids: tuple[str, ...]) -> None:
        """Asks where to save entries of the history, and saves them."""
        path = self._place("run" if len(uids) == 1 else "runs", tuple(FORMS) if len(uids) == 1 else _SEVERAL)
        if path is not None:
            self.save(uids, path)

    def save(self, uids: tuple[str, ...], path: Path) -> None:
        """Saves entries of the history; the file's ending says how."""
        catalogue = self._controller.catalogue

        def write(store: Store) -> str:
            return _written(path, [kept_of(store, uid, catalogue) for uid in uids], None)

        self._thread.ask(write, self._saved)

    def _saved(self, name: str) -> None:
        self.said.emit(tr("Saved {name}.").format(name=name))

    def _on_screen(self) -> Kept | None:
        """The run on screen as it is now; what happens to it later does not touch it."""
        comparison, entry = self._controller.comparison, self._keeper.entry
        if comparison is None or entry is None or not any(run.status.over for run in comparison.runs.values()):
            return None
        still = copy.copy(comparison)
        still.runs = dict(comparison.runs)
        return Kept(entry, still)

    def _place(self, source: str, endings: tuple[str, ...]) -> Path | None:
        kinds = [f"{FORMS[ending].name} (*.{ending})" for ending in endings]
        choices = self._controller.settings.choices
        suggestion = Path(choices.folder) / f"{Path(source).stem or 'run'}.{endings[0]}"
        name, kind = QFileDialog.getSaveFileName(
            QApplication.activeWindow(), tr("Save run"), str(suggestion), ";;".join(kinds)
        )
        if not name:
            return None
        path = Path(name)
        try:
            require_form(path.name)
        except BadOption:  # the ending was left out
            path = path.with_name(f"{path.name}.{endings[kinds.index(kind)] if kind in kinds else endings[0]}")
        choices.folder = str(path.parent)
        return path


def _written(path: Path, found: list[Kept], engine: str | None) -> str:
    """Writes a file and returns its name; subtitles are of the engine that is looked at, if it wrote something."""
    wrote = any(run.engine.id == engine and run.main_text.strip() for kept in found for run in kept.runs)
    export(path, found, engine=engine if wrote else None)
    return path.name
