"""The row of controls on top: where speech comes from on the left, what to do with it on the right."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)

from app.icons import icon
from app.language import language_name, tr
from app.theme import theme
from app.widgets.record import LIVE, RecordButton
from engines.audio.samples import Sample
from engines.contract import Task
from engines.languages import NAMES, TARGETS

TASKS = (
    (Task.TRANSCRIBE, tr("Transcribe"), tr("Write down what was said")),
    (Task.TRANSLATE, tr("Translate"), tr("Write it in another language")),
    (Task.RESPOND, tr("Answer"), tr("Answer what was said")),
    (Task.SPEAK, tr("Speak"), tr("Say it aloud, in this or another language")),
)
SYSTEM_MICROPHONE = tr("system default")


class ToolBar(QWidget):
    """All controls; where they are too long for one row, two lose their words, and then there are two rows."""

    open_requested = Signal()
    sample_chosen = Signal(str)
    inputs_wanted = Signal()
    """Somebody wants to choose what is recorded."""
    request_changed = Signal()
    """Task or a language is another one."""
    run_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.record = RecordButton()
        self.live = RecordButton(LIVE)
        self.open = QPushButton(tr("Open…"))
        self.open.setAccessibleName(tr("Open…"))
        self.open.setToolTip(tr("Open a sound or video file (Ctrl+O)"))
        self.samples = _menu_button(tr("Samples"), tr("Bundled recordings of real speech"))
        self.samples.setAccessibleName(tr("Samples"))
        self.microphone = QToolButton()
        self.microphone.setProperty("look", "icon")
        self.microphone.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.microphone.setShortcut("Ctrl+M")
        self.microphone.setWhatsThis(tr("Choose what is recorded"))
        self.task = _combo(tr("Task"), _letters(name for _, name, _ in TASKS))
        for task, name, tip in TASKS:
            self.task.addItem(name, task)
            self.task.setItemData(self.task.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.spoken = _combo(tr("Spoken language"), 8)
        self.spoken.addItem(tr("Auto-detect"), None)
        self.spoken.insertSeparator(1)
        for code in TARGETS:
            self.spoken.addItem(language_name(code), code)
        self.spoken.insertSeparator(self.spoken.count())
        for code in sorted(set(NAMES) - set(TARGETS), key=language_name):
            self.spoken.addItem(language_name(code), code)
        self.target = _combo(tr("Language to translate to or to speak"), 8)
        self.run = QPushButton()
        self.run.setProperty("look", "primary")
        self.menu = _menu_button("", tr("More"))
        self.menu.setAccessibleName(tr("More"))
        self._running = False
        self._named = True
        self._names_width = 0
        self._lay_out()
        self._connect()
        self._fill_targets()
        self._dress()

    # --- what is chosen ---------------------------------------------------------------------------------------------

    def chosen(self) -> tuple[Task, str | None, str | None]:
        """Task, spoken language (None: find out) and target language (None: the spoken one)."""
        task = Task(self.task.currentData())
        target = self.target.currentData() if task in {Task.TRANSLATE, Task.SPEAK} else None
        return task, self.spoken.currentData(), target

    def choose(self, task: Task, spoken: str | None, target: str | None) -> None:
        """Sets all three without asking for anything to be run."""
        self.task.setCurrentIndex(self.task.findData(task))
        self._fill_targets()
        self.spoken.setCurrentIndex(max(0, self.spoken.findData(spoken)))
        self.target.setCurrentIndex(max(0, self.target.findData(target)))

    def show_running(self, running: bool) -> None:
        """Turns *Run all* into *Cancel* and back."""
        self._running = running
        self._dress()

    def show_live(self, live: bool) -> None:
        """Nothing else can be begun, and nothing changed, while live work runs."""
        for control in (self.record, self.open, self.samples, self.microphone, self.run):
            control.setEnabled(not live)
        for combo in (self.task, self.spoken, self.target):
            combo.setEnabled(not live)

    def offer_samples(self, samples: Sequence[Sample]) -> None:
        """Fills the samples menu, grouped by language, each with its credit."""
        menu = self.samples.menu()
        menu.clear()
        for language in dict.fromkeys(sample.language for sample in samples):
            menu.addSection(language_name(language))
            for sample in (one for one in samples if one.language == language):
                action = menu.addAction(sample.title)
                credit = f"{sample.credit} · {sample.licence}"
                action.setToolTip(credit)
                action.setStatusTip(credit)
                action.triggered.connect(lambda _=False, which=sample.id: self.sample_chosen.emit(which))
        self.samples.setEnabled(bool(samples))

    def show_input(self, name: str | None) -> None:
        """Says what is recorded: an input's name, or None for the system's default microphone."""
        self.microphone.setAccessibleName(tr("What is recorded: {name}").format(name=name or SYSTEM_MICROPHONE))
        self.microphone.setToolTip(
            tr("Microphone, system sound and their level (Ctrl+M): {name}").format(name=name or SYSTEM_MICROPHONE)
        )

    # --- inside -----------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._rows = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        left, right = QHBoxLayout(), QHBoxLayout()
        for box in (left, right):
            box.setSpacing(8)
        for source in (self.record, self.live, self.microphone, self.open, self.samples):
            left.addWidget(source)
        left.addStretch()
        self._arrow = QLabel("→")
        self._arrow.setProperty("tone", "muted")
        for control in (self.spoken, self.task, self._arrow, self.target):
            right.addWidget(control)
        right.addStretch()
        right.addWidget(self.run)
        right.addWidget(self.menu)
        self._left, self._right = left, right
        self._rows.addLayout(left)
        self._rows.addSpacing(6)
        self._rows.addLayout(right, 1)

    def _connect(self) -> None:
        self.open.clicked.connect(self.open_requested)
        self.microphone.clicked.connect(self.inputs_wanted)
        self.samples.menu().setToolTipsVisible(True)
        self.task.currentIndexChanged.connect(self._fill_targets)
        for combo in (self.task, self.spoken, self.target):
            combo.activated.connect(lambda _index: self.request_changed.emit())
        self.run.clicked.connect(self._run_or_cancel)
        theme().changed.connect(self._dress)

    def _run_or_cancel(self) -> None:
        (self.cancel_requested if self._running else self.run_requested).emit()

    def _fill_targets(self) -> None:
        task, before = Task(self.task.currentData()), self.target.currentData()
        self.target.blockSignals(True)
        self.target.clear()
        if task is not Task.TRANSLATE:
            self.target.addItem(tr("as spoken"), None)
        for code in TARGETS:
            self.target.addItem(language_name(code), code)
        self.target.setCurrentIndex(max(0, self.target.findData(before)))
        self.target.blockSignals(False)
        shown = task in {Task.TRANSLATE, Task.SPEAK}
        self.target.setVisible(shown)
        self._arrow.setVisible(shown)

    def _dress(self) -> None:
        self.open.setIcon(icon("open"))
        self.samples.setIcon(icon("samples"))
        self.microphone.setIcon(icon("microphone"))
        self.menu.setIcon(icon("more"))
        colour = theme().palette.window
        icons = {running: icon("stop" if running else "run", colour) for running in (False, True)}  # both are kept warm
        self.run.setIcon(icons[self._running])
        widest = 0
        for text in (tr("Cancel"), tr("Run all")):
            self.run.setText(text)
            widest = max(widest, self.run.sizeHint().width())
        self.run.setMinimumWidth(widest)
        self.run.setText(tr("Cancel") if self._running else tr("Run all"))
        self.run.setAccessibleName(tr("Cancel the run") if self._running else tr("Run all engines"))
        self.run.setToolTip(tr("Stop what is running (Esc)") if self._running else tr("Run every engine (⏎)"))
        self._measure_names()
        self._fit(self.width())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Takes one row or two."""
        super().resizeEvent(event)
        self._fit(event.size().width())

    def minimumSizeHint(self) -> QSize:
        """As wide as the longer group without the words that can go, as tall as the rows in use."""
        return QSize(max(self._narrowest(), self._widest_right()), self._rows.sizeHint().height())

    def _widest_right(self) -> int:
        """Width of the right group with the target shown, so that choosing a task does not break the row."""
        hidden = 0 if self.target.isVisibleTo(self) else self.target.sizeHint().width() + 32
        return self._right.sizeHint().width() + hidden

    def _say_names(self, said: bool) -> None:
        """Writes on the two buttons whose pictures say enough what they are, or shows the pictures alone."""
        if said == self._named:
            return
        self._named = said
        self.open.setText(tr("Open…") if said else "")
        self.samples.setText(tr("Samples") if said else "")
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if said else Qt.ToolButtonStyle.ToolButtonIconOnly
        self.samples.setToolButtonStyle(style)
        self._left.invalidate()

    def _measure_names(self) -> None:
        """How many pixels the row loses with the names."""
        self._say_names(True)
        named = self._left.sizeHint().width()
        self._say_names(False)
        self._names_width = named - self._left.sizeHint().width()

    def _narrowest(self) -> int:
        """Width of the left group without the names."""
        return self._left.sizeHint().width() - (self._names_width if self._named else 0)

    def _fit(self, width: int) -> None:
        least = self._narrowest() + self._widest_right() + 22
        row = least <= width
        self._say_names(not row or least + self._names_width <= width)  # two rows have the room for words again
        direction = QBoxLayout.Direction.LeftToRight if row else QBoxLayout.Direction.TopToBottom
        if self._rows.direction() != direction:
            self._rows.setDirection(direction)
            self.updateGeometry()


class _Combo(QComboBox):
    """A combo box that shortens a text that is too long for it, instead of cutting it off."""

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """Shortens the text that is shown."""
        super().initStyleOption(option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        width = max(0, field.width() - 2)
        option.currentText = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, width)


def _letters(names: Iterable[str]) -> int:
    """So many letters X are as wide as the widest name: how combo boxes are told their width."""
    metrics = QFontMetricsF(QApplication.font())
    return math.ceil(max(map(metrics.horizontalAdvance, names)) / metrics.horizontalAdvance("X"))


def _combo(name: str, length: int) -> QComboBox:
    combo = _Combo()
    combo.setAccessibleName(name)
    combo.setToolTip(name)
    combo.setMaxVisibleItems(18)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(length)
    combo.view().setMinimumWidth(190)
    return combo


def _menu_button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if text else Qt.ToolButtonStyle.ToolButtonIconOnly
    button.setToolButtonStyle(style)
    if not text:
        button.setProperty("look", "icon")
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setMenu(QMenu(button))
    return button
