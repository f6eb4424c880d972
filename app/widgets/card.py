"""An engine's card: what it is, what it wrote, where its time went, and its figures. Nothing in it moves."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal, SignalInstance
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.comparison import EngineRun, Status
from app.icons import icon
from app.theme import palette, theme
from app.widgets.cardbody import CardBody
from app.widgets.elided import ElidedLabel
from app.widgets.figures import FiguresLine, figures
from app.widgets.numbers import amount
from app.widgets.strip import StageStrip
from engines.catalog import EngineDescription
from engines.contract import Task, TokenScores

_RADIUS = 9
_STATES = {
    Status.WAITING: "waiting",
    Status.PREPARING: "preparing",
    Status.CANCELLED: "stopped",
    Status.FAILED: "failed",
    Status.UNAVAILABLE: "not available",
}


class EngineCard(QFrame):
    """One engine and its run.

    Args:
        description: the engine.
    """

    selected = Signal(str)
    play_requested = Signal(str)
    save_requested = Signal(str)
    settings_requested = Signal(str)
    copied = Signal(str)
    """The engine's text is on the clipboard."""

    def __init__(self, description: EngineDescription, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.description = description
        self._run = EngineRun(description)
        self._selected = False
        self._hovered = False
        self._doubts = False
        self._speech_seconds = 0.0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.name = ElidedLabel(description.name, description.description, shrinks_to=8)
        self.name.setProperty("tone", "title")
        self.summary = ElidedLabel(description.summary, description.description)
        self.summary.setProperty("tone", "small")
        self.body = CardBody(description)
        self.strip = StageStrip(description.paradigm)
        self.figures = FiguresLine()
        self.play = self._button("play", "Play the speech", self.play_requested)
        self.save = self._button("save", "Save the speech or the text", self.save_requested)
        self.copy = self._button("copy", "Copy the text", None)
        self.copy.clicked.connect(self.copy_text)
        self.settings = self._button("more", "Settings of this engine", self.settings_requested)
        self._lay_out()
        theme().changed.connect(self._dress)
        self._dress()
        self.set_run(self._run)

    # --- what is shown ----------------------------------------------------------------------------------------------

    @property
    def run(self) -> EngineRun:
        """What is shown."""
        return self._run

    def set_run(self, run: EngineRun) -> None:
        """Shows a run as far as it has come."""
        self._run = run
        self.body.set_run(run)
        self.body.set_scores([e for e in run.evidence if isinstance(e, TokenScores)] if self._doubts else [])
        self.strip.set_stages(
            run.stages, run.seconds, first_text=run.first_text_seconds, first_audio=run.first_audio_seconds
        )
        self._show_figures()
        self.play.setEnabled(bool(run.audio))
        self.save.setEnabled(bool(run.audio) or (run.status.over and bool(run.main_text)))
        self.copy.setEnabled(bool(run.main_text))
        self._describe()

    def set_scale(self, max_seconds: float) -> None:
        """Puts the strip on the scale that all strips share; seconds that the full width stands for."""
        self.strip.set_scale(max_seconds)

    def set_selected(self, selected: bool) -> None:
        """Marks the card whose evidence is shown."""
        if selected != self._selected:
            self._selected = selected
            self._describe()
            self.update()

    def set_speech_seconds(self, value: float) -> None:
        """Sets the length of the speech, for the real-time factor."""
        self._speech_seconds = value
        self._show_figures()

    def set_task(self, task: Task, target: str | None = None) -> None:
        """Reserves the room for the texts that the task will bring, before they come."""
        self.body.set_task(task, target)

    def set_reference(
        self,
        transcript: str | None,
        translation: str | None = None,
        *,
        name: str = "the reference",
        baseline: EngineRun | None = None,
    ) -> None:
        """Sets what the texts are compared with.

        Args:
            transcript: the reference transcript, or another engine's; None marks no differences.
            translation: the same for the translation.
            name: what tool tips call it.
            baseline: the baseline engine's run; words that are right where it is wrong are marked.
        """
        self.body.set_reference(transcript, translation, name, baseline)

    def show_doubts(self, shown: bool) -> None:
        """Underlines doubtful words, or no longer."""
        self._doubts = shown
        self.set_run(self._run)

    def set_playing(self, playing: bool) -> None:
        """Turns the play button into a stop button while the speech sounds."""
        self.play.setProperty("symbol", "stop" if playing else "play")
        self.play.setToolTip("Stop" if playing else "Play the speech")
        self.play.setAccessibleName(self.play.toolTip())
        self._dress()

    def copy_text(self) -> None:
        """Puts the text that the card shows large on the clipboard."""
        QGuiApplication.clipboard().setText(self._run.main_text.strip())
        self.copied.emit(self.description.id)

    def _show_figures(self) -> None:
        self.figures.set_figures(figures(self._run, self._speech_seconds), self._state())

    def _state(self) -> str:
        run = self._run
        if run.status is Status.PREPARING and run.preparing:
            return f"preparing · {amount(run.preparing.done, run.preparing.total, run.preparing.unit)}"
        if run.status is Status.RUNNING:
            return next((f"{stage.name}…" for stage in run.stages if stage.running), "running…")
        return _STATES.get(run.status, "")

    def _describe(self) -> None:
        self.setAccessibleName(f"{self.description.name}, {self.description.summary}")
        chosen = "selected; " if self._selected else ""
        error = self._run.error.message if self._run.error else ""
        parts = [self._run.status.value, error, self._run.main_text, self.figures.text]
        self.setAccessibleDescription(chosen + ". ".join(part for part in parts if part))

    # --- looks ------------------------------------------------------------------------------------------------------

    def _button(self, symbol: str, tip: str, signal: SignalInstance | None) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("look", "flat")
        button.setProperty("symbol", symbol)
        button.setToolTip(tip)
        button.setAccessibleName(f"{tip}: {self.description.name}")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAutoRaise(True)
        if signal is not None:
            button.clicked.connect(lambda: signal.emit(self.description.id))
        return button

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(7)
        head.addWidget(self.name, 0, Qt.AlignmentFlag.AlignBaseline)
        head.addWidget(self.summary, 1, Qt.AlignmentFlag.AlignBaseline)
        head.addStretch(0)
        buttons = QHBoxLayout()
        buttons.setSpacing(1)
        for button in (self.play, self.save, self.copy, self.settings):
            buttons.addWidget(button)
        head.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 8, 9, 9)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.body)
        column.addWidget(self.strip)
        column.addWidget(self.figures)

    def _dress(self) -> None:
        edge = round(theme().points * 1.7)
        for button in (self.play, self.save, self.copy, self.settings):
            button.setIcon(icon(str(button.property("symbol")), palette().muted, edge))
            button.setIconSize(button.iconSize().scaled(edge, edge, Qt.AspectRatioMode.KeepAspectRatioByExpanding))
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow card keeps its name and leaves copying and saving to its menu."""
        roomy = self.width() >= theme().points * 24
        self.save.setVisible(roomy)
        self.copy.setVisible(roomy)
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Draws the card; selection and focus change its outline, never its size."""
        colours, paradigm = palette(), self.description.paradigm
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        chosen = colours.paradigm(paradigm)
        outline = chosen if self._selected else QColor(colours.muted if self._hovered else colours.line)
        width = 2.0 if self._selected else 1.0
        painter.setBrush(colours.tint(paradigm, 0.06) if self._selected else QColor(colours.surface))
        painter.setPen(QPen(outline, width))
        painter.drawRoundedRect(box.adjusted(width / 2, width / 2, -width / 2, -width / 2), _RADIUS, _RADIUS)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.focus), 2))
            painter.drawRoundedRect(box.adjusted(3, 3, -3, -3), _RADIUS - 2, _RADIUS - 2)
        painter.end()

    # --- hands ------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click selects."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.selected.emit(self.description.id)
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and space select, Ctrl+C copies."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.selected.emit(self.description.id)
        elif event.key() == Qt.Key.Key_C and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self.copy_text()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The same buttons as a menu."""
        menu = QMenu(self)
        for button in (self.play, self.save, self.copy, self.settings):
            action = menu.addAction(button.icon(), button.toolTip(), button.click)
            action.setEnabled(button.isEnabled())
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def enterEvent(self, event: QEnterEvent) -> None:
        """The outline answers the pointer."""
        self._hovered = True
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """The outline answers the pointer."""
        self._hovered = False
        self.update()
        super().leaveEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Shows the focus ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hides the focus ring."""
        super().focusOutEvent(event)
        self.update()
