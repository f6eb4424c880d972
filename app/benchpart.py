"""The bench in the window: opens the dialog, carries out what is asked there, and keeps other runs away meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence

from app import benchdraft
from app.benching import BenchRunner, Ended
from app.controller import Controller
from app.dialogs.bench import BenchDialog
from app.language import tr
from app.livepart import LivePart
from app.widgets.toolbar import ToolBar
from engines import catalog
from engines.errors import TriptychError
from engines.evaluation import bench_run
from engines.evaluation.peers import listing


class BenchPart(QObject):
    """Everything about the bench that the window does not do itself.

    Args:
        controller: lets its engines rest while a bench runs.
        toolbar: has the menu.
        live: nothing is measured while it works.
    """

    failed = Signal(object)

    def __init__(self, controller: Controller, toolbar: ToolBar, live: LivePart) -> None:
        parent = toolbar.window()
        super().__init__(parent)
        self._window = parent
        self._controller = controller
        self._live = live
        self._catalogue: catalog.Catalogue | None = None
        self.dialog: BenchDialog | None = None
        self.runner = BenchRunner(self)
        toolbar.menu.menu().addAction(tr("Measure on a corpus…"), QKeySequence("Ctrl+B"), self.show)

    @property
    def offered(self) -> catalog.Catalogue:
        """The engines there are and other programs, as the command line has them: what it measured is found again."""
        if self._catalogue is None:
            self._catalogue = listing.with_peers(catalog.default())
        return self._catalogue

    def show(self) -> None:
        """Opens the dialog, the first time with the bench that comes with the program."""
        if self.dialog is None:
            dialog = self.dialog = BenchDialog(self.offered.engines, self._window)
            dialog.run_requested.connect(self._run)
            dialog.cancel_requested.connect(self.runner.stop)
            dialog.spec_chosen.connect(self.open)
            dialog.report_wanted.connect(self.save_report)
            dialog.toml_wanted.connect(self.save_toml)
            dialog.choice.changed.connect(self._check)
            self.runner.checked.connect(dialog.show_checked)
            self.runner.told.connect(dialog.show_text)
            self.runner.advanced.connect(dialog.show_progress)
            self.runner.ended.connect(self._ended)
            self.runner.failed.connect(self._failed)
            self.open(benchdraft.bundled())
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()

    def open(self, file: Path) -> None:
        """Shows what a file says."""
        self._try(lambda dialog: dialog.choice.show_draft(benchdraft.opened(file, self.offered)))

    def save_toml(self, file: Path) -> None:
        """Writes what is chosen, for the command line."""
        self._try(lambda dialog: benchdraft.saved(dialog.choice.draft(), file), file)

    def save_report(self, folder: Path) -> None:
        """Writes what the command line writes."""

        def write(dialog: BenchDialog) -> None:
            found = dialog.results
            if found is not None:
                benchdraft.written(folder, bench_run.files(found, self.offered))

        self._try(write, folder)

    def _try(self, act: Callable[[BenchDialog], None], saved: Path | None = None) -> None:
        if self.dialog is None:
            return
        try:
            act(self.dialog)
        except TriptychError as error:
            self.dialog.show_text(f"{error.message} {error.hint}")
        else:
            if saved is not None:
                self.dialog.show_text(tr("Saved {name}.").format(name=saved.name))

    def _check(self) -> None:
        if self.dialog is not None and not self.runner.running:
            self.dialog.forget()
            if self.dialog.choice.whole:
                self.runner.check(self.dialog.choice.draft(), self.offered)
            else:
                self.dialog.show_text(tr("Choose an engine, a condition and a corpus."))

    def _run(self) -> None:
        if self.dialog is None or self.runner.running:
            return
        if self._controller.running or self._live.active:
            self.dialog.show_text(tr("Live work or a run is under way."))
            return
        rest = self._controller.let_rest()
        self._controller.held = tr("A measurement on a corpus is under way.")
        self.dialog.show_started()
        self.runner.start(self.dialog.choice.draft(), self.offered, rest)

    def _ended(self, ended: Ended) -> None:
        self._controller.held = ""
        if self.dialog is not None:
            self.dialog.show_ended(ended)

    def _failed(self, error: TriptychError) -> None:
        if self.dialog is None:
            return
        sentence = f"{error.message} {error.hint}"
        if self.runner.running:
            self.dialog.show_text(sentence)
        else:
            self._controller.held = ""
            self.dialog.show_failed(sentence)

    def close(self) -> None:
        """Ends what runs."""
        self.runner.close()
