"""The sweep: engines at growing severities, drawn as they come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QGuiApplication, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.background import Job
from app.language import tr
from app.sweep import Sweep, as_csv, sentences
from app.widgets.stresspanel import CHOICES
from app.widgets.sweepplot import SweepPlot
from engines.audio.conditions import SCALES, Kind
from engines.catalog import EngineDescription
from engines.errors import TriptychError
from engines.evaluation.breaking import Curve, mildest_first


class SweepDialog(QDialog):
    """Asks what to sweep and shows what comes of it; does not block the window.

    Args:
        engines: those that transcribe.
    """

    run_requested = Signal(str, tuple, tuple)
    """Kind, amounts and ids of engines."""
    cancel_requested = Signal()

    def __init__(self, engines: Sequence[EngineDescription], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Which engine breaks first?"))
        self.setSizeGripEnabled(True)
        self._names = {engine.id: engine.name for engine in engines}
        self._sweep: Sweep | None = None
        self._curves: tuple[Curve, ...] = ()
        self._running = False
        self._job: Job | None = None
        self.kind = QComboBox()
        self.kind.setAccessibleName(tr("What is done to the speech"))
        for kind, name in CHOICES:
            if kind in SCALES:
                self.kind.addItem(name, kind)
        self.amounts = QLineEdit()
        self.amounts.setAccessibleName(tr("Amounts to try"))
        self.unit = QLabel()
        self.unit.setProperty("tone", "muted")
        self.engines = self._engine_menu(engines)
        self.run = QPushButton(tr("Run"))
        self.run.setProperty("look", "primary")
        self.run.setDefault(True)
        self.save = QPushButton(tr("Save…"))
        self.copy = QPushButton(tr("Copy"))
        self.plot = SweepPlot()
        self.verdict = _line("reading")
        self.basis = _line("small")
        self.pointed = _line("small")
        self.pointed.setText(" ")
        self._lay_out()
        self._connect()
        self._fill_amounts()
        self._dress()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self.kind, self.amounts, self.unit, self.engines, self.run):
            row.addWidget(widget, 1 if widget is self.amounts else 0)
        column.addLayout(row)
        column.addWidget(self.verdict)
        column.addWidget(self.plot, 1)
        column.addWidget(self.pointed)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.basis, 1)
        foot.addWidget(self.copy)
        foot.addWidget(self.save)
        column.addLayout(foot)
        self.resize(900, 620)

    def _connect(self) -> None:
        self.kind.currentIndexChanged.connect(self._fill_amounts)
        self.amounts.textEdited.connect(lambda _: self._dress())
        self.run.clicked.connect(self._run_or_cancel)
        self.copy.clicked.connect(self._copy)
        self.save.clicked.connect(self._ask_where)
        self.plot.pointed.connect(lambda text: self.pointed.setText(text or " "))

    def _engine_menu(self, engines: Sequence[EngineDescription]) -> QToolButton:
        button = QToolButton()
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setToolTip(tr("Engines that take part"))
        menu = QMenu(button)
        self._actions: dict[str, QAction] = {}
        for engine in engines:
            action = QAction(engine.name, menu, checkable=True, checked=True)
            action.toggled.connect(lambda _: self._dress())
            menu.addAction(action)
            self._actions[engine.id] = action
        button.setMenu(menu)
        return button

    # --- what is asked ----------------------------------------------------------------------------------------------

    def choose(self, kind: Kind) -> None:
        """Sets the kind, unless a sweep runs or its results are on screen."""
        at = self.kind.findData(kind)
        if at >= 0 and not self._running and self._sweep is None:
            self.kind.setCurrentIndex(at)

    def chosen_engines(self) -> tuple[str, ...]:
        """Ids of the engines that take part."""
        return tuple(engine for engine, action in self._actions.items() if action.isChecked())

    def _kind(self) -> Kind:
        kind: Kind = self.kind.currentData()
        return kind

    def _fill_amounts(self) -> None:
        scale = SCALES[self._kind()]
        self.amounts.setText(", ".join(f"{step:g}" for step in scale.steps))
        self.unit.setText(scale.unit)
        self.amounts.setToolTip(
            tr("{upper}{quantity}, in {unit}. {hint}").format(
                upper=scale.quantity[:1].upper(), quantity=scale.quantity[1:], unit=scale.unit, hint=scale.hint
            )
        )
        self._dress()

    def _run_or_cancel(self) -> None:
        if self._running:
            self.cancel_requested.emit()
            return
        try:
            amounts = mildest_first(self._kind(), [_number(part) for part in self.amounts.text().split(",")])
        except TriptychError as error:
            self.verdict.setText(f"{error.message} {error.hint}")
        except ValueError:
            self.verdict.setText(tr("The amounts cannot be read. Give numbers with commas between them: 20, 10, 0."))
        else:
            self.run_requested.emit(self._kind(), amounts, self.chosen_engines())

    # --- what comes of it -------------------------------------------------------------------------------------------

    def show_started(self, sweep: Sweep) -> None:
        """A sweep begins."""
        self._running, self._curves = True, ()
        self._sweep = sweep
        self.verdict.setText(tr("Starting …"))
        self.basis.setText("")
        self.plot.show_sweep(sweep, (), self._names)
        self._dress()

    def show_sweep(self, sweep: Sweep, doing: str = "") -> None:
        """Draws a sweep as far as it has come; the errors are counted beside the window."""
        self._sweep = sweep
        if doing:
            number = next((at for at, step in enumerate(sweep.steps, 1) if step.title == doing), 1)
            self.verdict.setText(
                tr("{number} of {steps}: {doing} …").format(number=number, steps=len(sweep.steps), doing=doing)
            )
        if self._job is not None:
            self._job.cancel()
        self._job = Job(lambda: (curves := sweep.curves(), sentences(sweep, curves)), tr("count errors"))
        self._job.finished.connect(self._show_curves)
        self._job.start()

    def show_ended(self, sweep: Sweep) -> None:
        """The sweep is over; what there is stays."""
        self._running = False
        self.show_sweep(sweep)
        self._dress()

    def _show_curves(self, found: tuple[list[Curve], list[str]]) -> None:
        curves, said = found
        if self._sweep is None:
            return
        self._curves = tuple(curves)
        self.plot.show_sweep(self._sweep, curves, self._names)
        self.basis.setText(said[-1] if said else "")
        if not self._running:
            stopped = "" if self._sweep.complete else tr("Stopped early. ")
            self.verdict.setText(stopped + (" ".join(said[:-1]) or tr("No severity was finished.")))
        self._dress()

    def _dress(self) -> None:
        count = len(self.chosen_engines())
        self.engines.setText(tr("{count} engines").format(count=count) if count != 1 else tr("1 engine"))
        self.run.setText(tr("Cancel") if self._running else tr("Run"))
        self.run.setEnabled(self._running or count > 0)
        for control in (self.kind, self.amounts, self.engines):
            control.setEnabled(not self._running)
        for button in (self.save, self.copy):
            button.setEnabled(bool(self._curves))

    # --- taking it along --------------------------------------------------------------------------------------------

    def _copy(self) -> None:
        if self._sweep is not None:
            QGuiApplication.clipboard().setText(as_csv(self._sweep, self._curves))

    def _ask_where(self) -> None:
        kinds = tr("Picture (*.png);;Drawing (*.svg);;Table (*.csv)")
        name, _ = QFileDialog.getSaveFileName(self, tr("Save"), "stress.png", kinds)
        if name:
            self.write(Path(name))

    def write(self, path: Path) -> None:
        """Writes the plot as PNG or SVG, or the numbers as CSV, by the file's ending."""
        if self._sweep is None:
            return
        good = True
        try:
            if path.suffix.lower() == ".csv":
                path.write_text(as_csv(self._sweep, self._curves), encoding="utf-8")
            elif path.suffix.lower() == ".svg":
                good = self._draw(path)
            else:
                good = self.plot.grab().save(str(path))
        except OSError:
            good = False
        self.pointed.setText(
            tr("Saved {name}.").format(name=path.name)
            if good
            else tr("{name} could not be written; choose another place.").format(name=path.name)
        )

    def _draw(self, path: Path) -> bool:
        with path.open("wb"):
            pass  # the generator does not say when it cannot write
        drawing = QSvgGenerator()
        drawing.setFileName(str(path))
        drawing.setSize(QSize(self.plot.width(), self.plot.height()))
        drawing.setViewBox(self.plot.rect())
        painter = QPainter(drawing)
        self.plot.paint(painter)
        return painter.end()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stops what runs; what was found is there when it is opened again."""
        if self._running:
            self.cancel_requested.emit()
        super().closeEvent(event)


def _line(tone: str) -> QLabel:
    label = QLabel()
    label.setProperty("tone", tone)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _number(text: str) -> float:
    return float(text.strip().replace("−", "-"))
