"""An engine's card: what it is, what it wrote, where its time went, and its figures. Nothing in it moves."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.comparison import EngineRun, Status
from app.icons import icon
from app.language import tr
from app.theme import palette, theme
from app.widgets.cardbody import CardBody
from app.widgets.cardframe import CardFrame
from app.widgets.elided import ElidedLabel
from app.widgets.figures import FiguresLine, figures
from app.widgets.numbers import amount
from app.widgets.strip import StageStrip
from engines.catalog import EngineDescription
from engines.contract import Task, TokenScores

_STATES = {
    Status.WAITING: tr("waiting"),
    Status.PREPARING: tr("preparing"),
    Status.CANCELLED: tr("stopped"),
    Status.FAILED: tr("failed"),
    Status.UNAVAILABLE: tr("not available"),
}


class EngineCard(CardFrame):
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
        super().__init__(description.paradigm, parent)
        self.description = description
        self._run = EngineRun(description)
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
        self.play = self._button("play", tr("Play the speech"), self.play_requested)
        self.save = self._button("save", tr("Save the speech or the text"), self.save_requested)
        self.copy = self._button("copy", tr("Copy the text"), None)
        self.copy.clicked.connect(self.copy_text)
        self.settings = self._button("more", tr("Settings of this engine"), self.settings_requested)
        self.expand = self._button("down", tr("Show more of the text"), None)
        self.expand.setCheckable(True)
        self.expand.toggled.connect(self._expand)
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
        self.body.set_scores(run.found(TokenScores))
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
        if self.choose(selected):
            self._describe()

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
        name: str = tr("the reference"),
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
        self.body.show_doubts(shown)

    def set_playing(self, playing: bool) -> None:
        """Turns the play button into a stop button while the speech sounds."""
        self.play.setProperty("symbol", "stop" if playing else "play")
        self.play.setToolTip(tr("Stop") if playing else tr("Play the speech"))
        self.play.setAccessibleName(self.play.toolTip())
        self._dress()

    def copy_text(self) -> None:
        """Puts the text that the card shows large on the clipboard."""
        QGuiApplication.clipboard().setText(self._run.main_text.strip())
        self.copied.emit(self.description.id)

    def _expand(self, expanded: bool) -> None:
        self.body.set_expanded(expanded)
        tip = tr("Show less of the text") if expanded else tr("Show more of the text")
        self.expand.setProperty("symbol", "up" if expanded else "down")
        self.expand.setToolTip(tip)
        self.expand.setAccessibleName(f"{tip}: {self.description.name}")
        self._dress()

    def _offer_more(self) -> None:
        self.expand.setVisible(self.expand.isChecked() or self.body.overflows)

    def _show_figures(self) -> None:
        self.figures.set_figures(figures(self._run, self._speech_seconds), self._state())

    def _state(self) -> str:
        run = self._run
        if run.status is Status.PREPARING and run.preparing:
            return tr("preparing · {amount}").format(
                amount=amount(run.preparing.done, run.preparing.total, run.preparing.unit)
            )
        if run.status is Status.RUNNING:
            return next((f"{tr(stage.name)}…" for stage in run.stages if stage.running), tr("running…"))
        return _STATES.get(run.status, "")

    def _describe(self) -> None:
        self.setAccessibleName(f"{self.description.name}, {self.description.summary}")
        chosen = tr("selected; ") if self.chosen else ""
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
        kept = self.expand.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self.expand.setSizePolicy(kept)
        self.expand.hide()
        for button in (self.expand, self.play, self.save, self.copy, self.settings):
            buttons.addWidget(button)
        head.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 8, 9, 9)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.body)
        column.addWidget(self.strip)
        column.addWidget(self.figures)
        for text in self.body.texts.values():
            text.verticalScrollBar().rangeChanged.connect(self._offer_more)

    def _dress(self) -> None:
        edge = round(theme().points * 1.7)
        for button in (self.play, self.save, self.copy, self.settings):
            button.setIcon(icon(str(button.property("symbol")), palette().muted, edge))
            button.setIconSize(QSize(edge, edge))
        small = round(edge * 0.8)
        self.expand.setIcon(icon(str(self.expand.property("symbol")), palette().muted, small))
        self.expand.setIconSize(QSize(small, small))
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow card keeps its name and leaves copying and saving to its menu."""
        roomy = self.width() >= theme().points * 33
        self.save.setVisible(roomy)
        self.copy.setVisible(roomy)
        super().resizeEvent(event)

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
