"""What pictures made of rows have in common: one row is pointed at or pinned, and a line beneath tells about it."""

from __future__ import annotations

from abc import abstractmethod

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import theme
from app.views.pointing import Pointing
from app.views.timedpaint import SMALL, paint_focus, paint_line


class RowedView(QWidget):
    """Rows one below the other. Arrows, Home and End go from row to row, a click pins one, Escape lets it go.

    Args:
        name: what a screen reader calls it.
        hint: what the line beneath says while nothing is pointed at.
    """

    def __init__(self, name: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hint = hint
        self._pointing = Pointing(self)
        self._pointing.changed.connect(self._changed)
        self.setAccessibleName(name)
        self.setAccessibleDescription(hint)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme().changed.connect(self.update)

    # --- what a picture says of itself ------------------------------------------------------------------------------

    @property
    @abstractmethod
    def count(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def told(self, item: int) -> str:
        """What the line beneath says about a row."""

    @abstractmethod
    def _row(self, item: int) -> QRectF:
        """Where a row lies."""

    @abstractmethod
    def paint_rows(self, painter: QPainter) -> None:
        """Paints everything but the line beneath; there is at least one row."""

    # --- painting ---------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Room for some rows and a line."""
        return QSize(480, round(theme().points * 15))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints everything and, where it has it, the ring of the focus."""
        painter = QPainter(self)
        self.draw(painter)
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()))
        painter.end()

    def draw(self, painter: QPainter) -> None:
        """Paints all but the focus: see :class:`app.views.saving.Drawn`."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme().font(SMALL))
        if self.count:
            self.paint_rows(painter)
        item = self._pointing.current
        paint_line(painter, QRectF(self.rect()), self._said(), strong=item is not None)

    # --- what is pointed at -----------------------------------------------------------------------------------------

    def _said(self) -> str:
        item = self._pointing.current
        return self._hint if item is None else self.told(item)

    def _changed(self) -> None:
        self.setAccessibleDescription(self._said())
        self.update()

    def _item_at(self, place: QPointF) -> int | None:
        for item in range(self.count):
            row = self._row(item)
            if row.top() <= place.y() < row.bottom():
                return item
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Points."""
        self._pointing.point(self._item_at(event.position()))

    def leaveEvent(self, _event: QEvent) -> None:
        """Points at nothing any more."""
        self._pointing.point(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pins what is under the pointer, or lets it go."""
        if event.button() == Qt.MouseButton.LeftButton:
            item = self._item_at(event.position())
            self._pointing.pin(None if item == self._pointing.pinned else item)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Goes from row to row, or lets go."""
        last, key, current = self.count - 1, event.key(), self._pointing.current
        if key in {Qt.Key.Key_Up, Qt.Key.Key_Down} and last >= 0:
            step = 1 if key == Qt.Key.Key_Down else -1
            self._pointing.pin(0 if current is None else min(last, max(0, current + step)))
        elif key in {Qt.Key.Key_Home, Qt.Key.Key_End} and last >= 0:
            self._pointing.pin(0 if key == Qt.Key.Key_Home else last)
        elif key == Qt.Key.Key_Escape and self._pointing.pinned is not None:
            self._pointing.pin(None)
        else:
            super().keyPressEvent(event)
