"""One row that says how live work stands: what is going on, and what is left out so as to keep up."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from app.language import tr
from app.theme import palette, theme
from app.widgets.elided import ElidedLabel


class LiveBar(QFrame):
    """A light that shows when somebody is heard to speak, a word on the state, and the sentence on the load."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Live"))
        self.light = _Light()
        self.state = QLabel()
        self.load = ElidedLabel()
        self.load.setProperty("tone", "muted")
        self.load.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.lost = QLabel()
        self.lost.setProperty("tone", "error")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 12, 2)
        row.setSpacing(10)
        row.addWidget(self.light)
        row.addWidget(self.state)
        row.addWidget(self.load, 1)
        row.addWidget(self.lost)
        self.clear()
        self.hide()

    def clear(self) -> None:
        """Begins anew."""
        self.light.set_on(False)
        self.state.setText("")
        self.say_load("")
        self.lost.clear()

    def say(self, state: str, *, speaking: bool = False) -> None:
        """Says what is going on.

        Args:
            state: a few words.
            speaking: whether somebody is heard to speak.
        """
        self.light.set_on(speaking)
        if state != self.state.text():
            self.state.setText(state)

    def say_load(self, sentence: str) -> None:
        """Says what is left out or done again; empty says that everything is done."""
        self.load.setText(sentence)
        self.load.setToolTip(sentence)
        self.setAccessibleDescription(sentence)
        if sentence:
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def say_lost(self, gaps: int) -> None:
        """Says how often sound was lost."""
        self.lost.setText(tr("sound lost {gaps}×").format(gaps=gaps))


class _Light(QWidget):
    """A dot, filled while somebody speaks."""

    def __init__(self) -> None:
        super().__init__()
        self._on = False
        theme().changed.connect(self.update)

    def set_on(self, on: bool) -> None:
        """Fills it or not."""
        if on != self._on:
            self._on = on
            self.setAccessibleName(tr("Somebody speaks") if on else tr("Silence"))
            self.update()

    def sizeHint(self) -> QSize:
        """A dot."""
        return QSize(14, 14)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Draws a ring, or a disc."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = QColor(palette().record if self._on else palette().muted)
        painter.setPen(colour)
        painter.setBrush(colour if self._on else Qt.BrushStyle.NoBrush)
        edge = min(self.width(), self.height()) - 3
        painter.drawEllipse(QRectF((self.width() - edge) / 2, (self.height() - edge) / 2, edge, edge))
        painter.end()
