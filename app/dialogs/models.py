"""The models that engines are made of: what there is, how large, under which licence; and fetching them.

At the first start the same page welcomes; a fetch that was interrupted goes on where it stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.background import Job
from app.dialogs.about import TermsDialog
from app.language import tr
from app.modelfetch import Remaining, Step, fetching, told
from app.widgets.banner import megabytes
from app.widgets.numbers import amount
from engines.errors import TriptychError
from engines.weights.licences import accept_licence, licence_state
from engines.weights.manifest import Model
from engines.weights.store import ModelState, WeightStore
from export import prepare

WELCOME: Final = tr(
    "<b>Welcome to Triptych.</b> Its engines are made of the models below. They "
    "are fetched once, each file is checked, and none of their code is run; then "
    "all works without a network, and nothing that you say leaves this machine."
)
_USUAL: Final = 20e6 / 8
"""Bytes per second of the network that the expected time is told for."""
_STATES: Final = {
    ModelState.INSTALLED: tr("to be prepared"),
    ModelState.PARTIAL: tr("partly here"),
    ModelState.MISSING: tr("not here"),
}


class ModelRow:
    """A model in the list.

    Args:
        model: which.
        grid: takes the row's widgets.
        row: of the grid.
    """

    def __init__(self, model: Model, grid: QGridLayout, row: int) -> None:
        self.model = model
        self.name = QLabel(f"<b>{model.name}</b><br>{tr(model.purpose)}")
        self.name.setWordWrap(True)
        self.name.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.size = QLabel(megabytes(model.size))
        self.licence = QPushButton()
        self.licence.setProperty("look", "link")
        self.state = QLabel()
        self.state.setProperty("tone", "muted")
        for column, widget in enumerate((self.name, self.size, self.licence, self.state)):
            grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignVCenter)
        self.ready = False
        self.accepted = False

    def look(self, store: WeightStore) -> None:
        """Looks anew at what is here."""
        licence = licence_state(self.model.id)
        self.accepted = licence.accepted
        self.licence.setText(licence.name if licence.accepted else tr("Accept {name}…").format(name=licence.name))
        self.licence.setAccessibleName(
            tr("Licence of {name}: {text}").format(name=self.model.name, text=self.licence.text())
        )
        self.ready = prepare.is_ready(self.model.id, store)
        self.say(tr("ready") if self.ready else _STATES[store.state(self.model.id)])

    def say(self, text: str) -> None:
        """Says how the model is."""
        self.state.setText(text)
        self.state.setAccessibleName(f"{self.model.name}: {text}")


class ModelsDialog(QDialog):
    """Lists models and fetches what is missing. Closing it does not stop a fetch.

    Args:
        welcome: whether this is the first start.
    """

    fetched = Signal(str)
    """Name of a model that is ready now."""
    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None, *, welcome: bool = False) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Models"))
        self.resize(860, 620)
        self._store = WeightStore()
        self._job: Job | None = None
        self._remaining = Remaining()
        self._problem = ""
        self.head = QLabel(WELCOME if welcome else tr("Models are fetched once, checked, and kept on this machine."))
        self.head.setWordWrap(True)
        area = self._listed()
        self.line = QLabel()
        self.line.setWordWrap(True)
        self.line.setMinimumHeight(2 * self.fontMetrics().height() + 4)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(tr("Progress of the fetch"))
        self.fetch = QPushButton(tr("Fetch what is missing"))
        self.fetch.setProperty("look", "primary")
        self.folder = QPushButton(tr("Take from a folder…"))
        self.folder.setToolTip(
            tr("Packages or files that you brought from elsewhere; nothing is fetched from a network")
        )
        self.stop = QPushButton(tr("Stop"))
        self.stop.setToolTip(tr("What is here already stays; the next fetch goes on from there"))
        self.shut = QPushButton(tr("Later") if welcome else tr("Close"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.fetch)
        row.addWidget(self.folder)
        row.addWidget(self.stop)
        row.addStretch(1)
        row.addWidget(self.shut)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        for widget in (self.head, area, self.line, self.bar):
            column.addWidget(widget, 1 if widget is area else 0)
        column.addLayout(row)
        self.fetch.clicked.connect(self._fetch_missing)
        self.folder.clicked.connect(self._ask_folder)
        self.stop.clicked.connect(self._stop)
        self.shut.clicked.connect(self.close)
        for one in self.rows.values():
            one.licence.clicked.connect(lambda _=False, one=one: self._show_terms(one))
        self.look()

    def _listed(self) -> QScrollArea:
        inside = QFrame()
        inside.setProperty("look", "card")
        grid = QGridLayout(inside)
        grid.setContentsMargins(14, 12, 14, 12)
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(0, 1)
        self.rows = {model.id: ModelRow(model, grid, row) for row, model in enumerate(self._store.catalogue.models)}
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        return area

    @property
    def fetching(self) -> bool:
        """Whether something is being fetched."""
        return self._job is not None

    def look(self) -> None:
        """Looks anew at what is here."""
        for one in self.rows.values():
            one.look(self._store)
        self._tell()

    def _fetch_missing(self) -> None:
        self.start()

    def start(self, folder: Path | None = None) -> None:
        """Fetches what is missing and may be fetched; from a folder alone where one is given."""
        wanted = [name for name, one in self.rows.items() if not one.ready and one.accepted]
        if self._job is not None or not wanted:
            return
        for name in wanted:
            self.rows[name].say(tr("waiting"))
        self._remaining, self._problem = Remaining(), ""
        self._job = Job(lambda: fetching(wanted, folder), "models")
        self._job.progressed.connect(self._step)
        self._job.finished.connect(lambda _: self._ended())
        self._job.failed.connect(self._failed)
        self._job.start()
        self._tell()

    def _step(self, step: Step) -> None:
        one = self.rows[step.model]
        if step.error is not None:
            one.say(tr("failed"))
            self.failed.emit(step.error)
            self._problem = f"{step.error.message} {step.error.hint}"
        elif step.event is None:
            one.look(self._store)
            self.fetched.emit(one.model.name)
        else:
            event = step.event
            done = f": {amount(event.done, event.total, event.unit)}" if event.total else ""
            left = self._remaining.seconds(event)
            more = "" if left is None else tr("; {time} left").format(time=told(left))
            self.line.setText(f"{tr(event.what)}{done}{more}.")
            one.say(tr("being fetched") if event.unit == "bytes" else tr("being prepared"))
            self.bar.setRange(0, 1000 if event.total else 0)
            if event.total:
                self.bar.setValue(int(1000 * event.done / event.total))

    def _ended(self) -> None:
        self._job = None
        self.look()
        if self._problem:
            self.line.setText(self._problem)

    def _failed(self, error: TriptychError) -> None:
        self._job = None
        self.look()
        self.line.setText(f"{error.message} {error.hint}")

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None
            self.look()

    def _tell(self) -> None:
        busy = self._job is not None
        wanted = [one for one in self.rows.values() if not one.ready]
        able = [one for one in wanted if one.accepted]
        self.fetch.setEnabled(bool(able) and not busy)
        self.folder.setEnabled(bool(able) and not busy)
        self.stop.setEnabled(busy)
        self.bar.setVisible(busy)
        if busy:
            return
        size = sum(one.model.size for one in able)
        if not wanted:
            self.line.setText(tr("All models are ready."))
        elif not able:
            self.line.setText(tr("What is missing needs its licence accepted first."))
        else:
            more = "" if len(able) == len(wanted) else tr(" The others need their licence accepted first.")
            self.line.setText(
                tr(
                    "{able} models can be fetched: {megabytes}, {told} at 20 Mbit/s, and some "
                    "minutes to prepare them.{more}"
                ).format(able=len(able), megabytes=megabytes(size), told=told(size / _USUAL), more=more)
            )

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder with packages or files of the models"))
        if chosen:
            self.start(Path(chosen))

    def _show_terms(self, one: ModelRow) -> None:
        state = licence_state(one.model.id)
        dialog = TermsDialog(state.name, state.text or state.url, self, asks=not state.accepted)
        dialog.agreed.connect(lambda: self._accept(one))
        dialog.open()

    def _accept(self, one: ModelRow) -> None:
        try:
            accept_licence(one.model.id)
        except OSError as error:
            self.failed.emit(
                TriptychError(
                    tr("The acceptance could not be written down: {strerror}.").format(strerror=error.strerror or error)
                )
            )
        self.look()
