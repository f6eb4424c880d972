"""The picker of what is recorded: microphones and system sound, with the level of the chosen one while it is open."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QListWidget, QListWidgetItem, QSizePolicy, QVBoxLayout, QWidget

from app.inputs import SYSTEM, Inputs
from app.language import tr
from app.levels import Level, Verdict
from app.widgets.meter import LevelRow
from engines.errors import TriptychError

DEFAULT = tr("System default")
_NAME = Qt.ItemDataRole.UserRole
_ROWS = 9


class InputPanel(QFrame):
    """A small window under its button, closed by Esc, Return or a click elsewhere."""

    chosen = Signal(object)
    """An input's name, or None for the system's default microphone."""
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("look", "card")
        self.setAccessibleName(tr("What is recorded"))
        self.list = QListWidget()
        self.list.setProperty("look", "picker")
        self.list.setAccessibleName(tr("Microphones and system sound"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.levels = LevelRow()
        self.levels.hint.hide()
        self.verdict = _wrapped("")
        self.missing = _wrapped("small")
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.list)
        column.addWidget(self.levels)
        column.addWidget(self.verdict)
        column.addWidget(self.missing)
        self.list.currentItemChanged.connect(self._choose)
        self.list.itemActivated.connect(lambda _: self.close())
        self.setFixedWidth(420)

    def open_under(self, button: QWidget) -> None:
        """Opens under a button; what it shows comes with :meth:`offer`."""
        self.begin()
        self.move(button.mapToGlobal(QPoint(0, button.height() + 4)))
        self.show()
        self.list.setFocus()

    def offer(self, inputs: Inputs, current: str | None) -> None:
        """Fills the list; an input that is chosen but not there stays in it, so that it can be seen."""
        self.list.blockSignals(True)
        self.list.clear()
        names: list[str | None] = [None, *(one.name for one in inputs.found)]
        if current not in names:
            names.append(current)
        usual = next((one.name for one in inputs.found if one.default and not one.system), "")
        for name in names:
            text = name or (f"{DEFAULT} ({usual})" if usual else DEFAULT)
            absent = name is not None and all(one.name != name for one in inputs.found)
            item = QListWidgetItem(tr("{text} (not there)").format(text=text) if absent else text)
            item.setData(_NAME, name)
            item.setToolTip(text)
            self.list.addItem(item)
            if name == current:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self.missing.setText(" ".join(filter(None, (inputs.no_microphone, inputs.no_system))))
        self.missing.setVisible(bool(self.missing.text()))
        self._fit()

    def begin(self) -> None:
        """Another input is being listened to."""
        self.levels.clear()
        self._say(tr("Opening …"))

    def show_level(self, level: Level) -> None:
        """Shows the level and what is to be said about it."""
        self.levels.show_level(level)
        verdict = self.levels.verdict
        self._say(verdict.value or tr("Say something to see how loud you are."), bad=verdict.bad)
        if verdict is Verdict.SILENT and str(self.current()).startswith(SYSTEM):
            self._say(tr("Nothing is being played."))

    def show_problem(self, error: TriptychError) -> None:
        """Says why the chosen input cannot be listened to."""
        self.levels.clear()
        self._say(f"{error.message} {error.hint}".strip(), bad=True)

    def current(self) -> str | None:
        """Name of the chosen input; None for the system's default."""
        item = self.list.currentItem()
        name = item.data(_NAME) if item is not None else None
        return name if isinstance(name, str) else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return and Esc close it."""
        if event.key() in {Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.close()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing is listened to any more."""
        super().hideEvent(event)
        self.closed.emit()

    def _choose(self) -> None:
        if self.list.currentItem() is not None:
            self.begin()
            self.chosen.emit(self.current())

    def _say(self, text: str, *, bad: bool = False) -> None:
        tone = "error" if bad else "muted"
        if tone != self.verdict.property("tone"):
            self.verdict.setProperty("tone", tone)
            self.verdict.style().unpolish(self.verdict)
            self.verdict.style().polish(self.verdict)
        if text != self.verdict.text():
            self.verdict.setText(text)
            self._fit()

    def _fit(self) -> None:
        """As tall as what it holds; long lists scroll."""
        row = max(1, self.list.sizeHintForRow(0))
        self.list.setFixedHeight(row * min(_ROWS, max(2, self.list.count())) + 6)
        self._column.activate()
        self.setFixedHeight(max(self._column.heightForWidth(self.width()), self._column.sizeHint().height()))

    def sizeHint(self) -> QSize:
        """As wide as a long name."""
        return QSize(420, super().sizeHint().height())


def _wrapped(tone: str) -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setProperty("tone", tone)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label
