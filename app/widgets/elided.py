"""A label of one line that ends with an ellipsis where there is no room, and says the whole in its tool tip."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget


class ElidedLabel(QLabel):
    """One line that may be narrower than its text.

    Args:
        text: plain text.
        tip: said before the whole text in the tool tip.
        shrinks_to: least width in characters; 0 lets it vanish.
    """

    def __init__(self, text: str = "", tip: str = "", shrinks_to: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._least = shrinks_to
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setToolTip(tip or text)

    def minimumSizeHint(self) -> QSize:
        """May be narrow."""
        hint = super().minimumSizeHint()
        least = self.fontMetrics().averageCharWidth() * self._least
        return QSize(min(hint.width(), least), hint.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws what fits."""
        if self.fontMetrics().horizontalAdvance(self.text()) <= self.contentsRect().width():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.contentsRect().width())
        painter.drawText(self.contentsRect(), self.alignment(), text)
        painter.end()
