"""The outline of a card: it answers pointer, focus and selection in colour and width, and never moves."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QEnterEvent, QFocusEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QWidget

from app.theme import palette
from engines.contract import Paradigm

_RADIUS = 9


class CardFrame(QFrame):
    """A rounded card in a paradigm's colour.

    Args:
        paradigm: gives the colour of the selection.
    """

    def __init__(self, paradigm: Paradigm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paradigm = paradigm
        self._chosen = False
        self._hovered = False

    @property
    def chosen(self) -> bool:
        """Whether it is marked as selected."""
        return self._chosen

    def choose(self, chosen: bool) -> bool:
        """Marks it as selected or not; returns whether that is a change."""
        changed = chosen != self._chosen
        self._chosen = chosen
        if changed:
            self.update()
        return changed

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Draws the card; selection and focus change its outline, never its size."""
        colours, paradigm = palette(), self._paradigm
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        chosen = colours.paradigm(paradigm)
        outline = chosen if self._chosen else QColor(colours.muted if self._hovered else colours.line)
        width = 2.0 if self._chosen else 1.0
        painter.setBrush(colours.tint(paradigm, 0.06) if self._chosen else QColor(colours.surface))
        painter.setPen(QPen(outline, width))
        painter.drawRoundedRect(box.adjusted(width / 2, width / 2, -width / 2, -width / 2), _RADIUS, _RADIUS)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.focus), 2))
            painter.drawRoundedRect(box.adjusted(3, 3, -3, -3), _RADIUS - 2, _RADIUS - 2)
        painter.end()

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
