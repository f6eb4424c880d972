"""The history in the window: keeps what is run, opens the dialog, and does what is asked there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFileDialog

from app.background import Job
from app.controller import Controller
from app.dialogs.compareruns import CompareDialog
from app.dialogs.history import HistoryDialog
from app.historythread import HistoryThread
from app.intake import Intake
from app.keeper import MEGABYTE, Keeper
from app.keeping import Restored, restored, utterance_of
from app.language import tr
from app.livepart import LivePart
from app.results import Results
from app.runsaving import RunSaver
from app.widgets.toolbar import ToolBar
from engines.errors import BadInput, DiskFull, HistoryUnavailable, TriptychError
from engines.history.entries import Entry, Found
from engines.history.session import opened
from engines.history.store import Store

_BUSY = tr("Live work or a run is under way.")


class HistoryPart(QObject):
    """Everything about the history that the window does not do itself.

    Args:
        controller: tells of runs, and shows those that are opened.
        toolbar: has the menu, and shows what was asked.
        results: tells which engine is looked at, and what was really said.
        live: nothing is opened while it works.
        intake: is silent while something else is opened, and hands sessions over.
        keeps: whether what is run is kept, if the user wants it.
    """

    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        controller: Controller,
        toolbar: ToolBar,
        results: Results,
        live: LivePart,
        intake: Intake,
        *,
        keeps: bool = True,
    ) -> None:
        parent = toolbar.window()
        super().__init__(parent)
        self._window = parent
        self._controller = controller
        self._toolbar = toolbar
        self._intake = intake
        self._live = live
        self._undo: list[tuple[str, ...]] = []
        self.thread_ = HistoryThread(parent=self)
        self.keeper = Keeper(controller, results.references, self.thread_, keeps=keeps, parent=self)
        self.saver = RunSaver(controller, self.keeper, self.thread_, results, self)
        self.dialog: HistoryDialog | None = None
        self.comparing: CompareDialog | None = None
        self.thread_.said.connect(self.said)
        self.thread_.failed.connect(self.failed)
        self.thread_.kept.connect(self.refresh)
        self.saver.said.connect(self.said)
        self.saver.failed.connect(self.failed)
        intake.session_wanted.connect(self.open_session)
        menu = toolbar.menu.menu()
        menu.addAction(tr("History…"), QKeySequence("Ctrl+H"), self.show)
        menu.addAction(tr("Save this run as…"), QKeySequence("Ctrl+S"), self.saver.ask_where)

    # --- the dialog -------------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Opens the dialog."""
        if self.dialog is None:
            dialog = HistoryDialog(self._controller.catalogue, self.keeper.settings, self._window)
            dialog.wanted.connect(self.refresh)
            dialog.opened.connect(self.open)
            dialog.run_again.connect(self.run_again)
            dialog.compared.connect(self._compare)
            dialog.saved.connect(self.saver.ask_where_to_save)
            dialog.session_wanted.connect(self._ask_for_session)
            dialog.deleted.connect(self.delete)
            dialog.undone.connect(self.undo)
            dialog.tagged.connect(lambda uid, tags: self._change(lambda store: store.tag(uid, tags)))
            dialog.limited.connect(self._tidy)
            self.dialog = dialog
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        self.refresh()

    def refresh(self) -> None:
        """Brings the list up to date, if it is on screen."""
        if self.dialog is None or not self.dialog.isVisible():
            return
        text, tag = self.dialog.asked

        def look(store: Store) -> tuple[Found, tuple[str, ...], int]:
            return store.search(text, tag), store.tags(), store.size()

        self.thread_.ask(look, self._show_found)

    def _show_found(self, answer: tuple[Found, tuple[str, ...], int]) -> None:
        if self.dialog is not None:
            self.dialog.show_found(*answer)

    def _change(self, work: Callable[[Store], object]) -> None:
        self.thread_.ask(work, lambda _: self.refresh())

    def _tidy(self) -> None:
        most = self.keeper.settings.megabytes * MEGABYTE
        if most:
            self._change(lambda store: store.tidy(most))

    def delete(self, uids: tuple[str, ...]) -> None:
        """Takes entries out of sight; :meth:`undo` brings them back until the window is closed."""

        def deleted(_: object) -> None:
            self._undo.append(uids)
            self._offer_undo()
            self.refresh()

        self.thread_.ask(lambda store: store.delete(uids), deleted)

    def undo(self) -> None:
        """Brings back what was deleted last."""
        if self._undo:
            uids = self._undo.pop()
            self._offer_undo()
            self._change(lambda store: store.undelete(uids))

    def _offer_undo(self) -> None:
        if self.dialog is not None:
            self.dialog.show_undo(len(self._undo[-1]) if self._undo else 0)

    def _compare(self, entries: tuple[Entry, ...]) -> None:
        self.comparing = CompareDialog(entries, self.dialog or self._window)
        self.comparing.show()

    # --- opening ----------------------------------------------------------------------------------------------------

    def open(self, uid: str) -> None:
        """Shows an entry as it was, without running anything."""
        self._open(uid, lambda: None)

    def run_again(self, uid: str, engine_id: str) -> None:
        """Shows an entry and runs an engine on it again; all engines, as a new entry, where none is named."""

        def run() -> None:
            comparison = self._controller.comparison
            if comparison is not None and engine_id:
                self._controller.rerun(engine_id)
            elif comparison is not None:
                self._controller.run(comparison.utterance, comparison.task, comparison.target)

        self._open(uid, run)

    def _open(self, uid: str, then: Callable[[], None]) -> None:
        catalogue = self._controller.catalogue

        def find(store: Store) -> tuple[Entry, Restored]:
            entry = store.get(uid)
            return entry, restored(entry, utterance_of(entry, store.require_sound(entry)), catalogue)

        def show(answer: tuple[Entry, Restored]) -> None:
            if self._show_again(*answer):
                then()

        self.thread_.ask(find, show)

    def _show_again(self, entry: Entry, found: Restored) -> bool:
        """Puts a comparison on screen; false where something else is under way."""
        if self._controller.running or self._live.active:
            self.failed.emit(BadInput(_BUSY, tr("Stop it first, then open the run again.")))
            return False
        self._intake.begun.emit()
        self._intake.silence()
        self._toolbar.choose(found.comparison.task, entry.language, entry.target)
        self.keeper.adopt(found.comparison, entry)
        self._controller.show_again(found.comparison)
        if found.notes:
            self.said.emit(" ".join(found.notes))
        return True

    def _ask_for_session(self) -> None:
        folder = self._controller.settings.choices.folder
        kinds = tr("Sessions of Triptych (*.triptych);;All files (*)")
        name, _ = QFileDialog.getOpenFileName(self.dialog or self._window, tr("Open session"), folder, kinds)
        if name:
            self.open_session(Path(name))

    def open_session(self, path: Path) -> None:
        """Takes the runs of a session into the history, and shows the first of them.

        Where the history cannot be used, the first run is shown all the same.
        """

        def take(store: Store) -> tuple[str, int, int]:
            with opened(path) as session:
                new = sum(store.take(entry, session.sound(entry)) for entry in session.entries)
                return session.entries[0].uid, new, len(session.entries)

        def show(answer: tuple[str, int, int]) -> None:
            uid, new, count = answer
            self.refresh()
            self.open(uid)
            if count > 1:
                there = "" if new == count else tr(", {count} of them were there already").format(count=count - new)
                self.said.emit(
                    tr("{name} holds {count} runs{there}; they are in the history (Ctrl+H).").format(
                        name=path.name, count=count, there=there
                    )
                )

        def otherwise(error: TriptychError) -> None:
            if isinstance(error, HistoryUnavailable | DiskFull):
                self._show_session(path)
            else:
                self.failed.emit(error)

        self.thread_.ask(take, show, otherwise)

    def _show_session(self, path: Path) -> None:
        """Shows the first run of a session without the history."""
        catalogue = self._controller.catalogue

        def read() -> tuple[Entry, Restored]:
            with opened(path) as session:
                entry = session.entries[0]
                return entry, restored(entry, utterance_of(entry, session.sound(entry)), catalogue)

        job = Job(read, "session")
        job.finished.connect(lambda answer: self._show_again(*answer))
        job.failed.connect(self.failed)
        job.start()

    def close(self) -> None:
        """Keeps what waits and ends."""
        self.thread_.close()
