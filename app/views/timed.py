"""What all views of evidence on the time axis of the waveform have in common."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QMoveEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.language import tr
from app.theme import palette, theme
from app.timeline import Span, TimeLine
from app.views.pointing import Pointing
from app.views.table import Table
from app.views.timedpaint import SMALL, axis_under, paint_focus, paint_line, paint_playhead, pictured
from app.widgets.timehands import turn_axis, zoom_by_key
from app.widgets.wavepaint import Axis, paint_axis
from engines.contract import Paradigm

_AWAY = tr("Nothing of it lies in the part of the speech that is in sight.")
_BACK = {Qt.Key.Key_Left, Qt.Key.Key_Up}
_ON = {Qt.Key.Key_Right, Qt.Key.Key_Down}


class TimedView(QWidget):
    """Items on the time axis, of which one is pointed at or pinned; a line beneath tells about it.

    Arrows go from item to item, Home and End to the ends, Enter plays the item's piece of the speech, a click pins it,
    Escape lets it go; wheel, plus and minus zoom and pan the axis as in the waveform. The picture is painted once into
    a pixmap, and only what is in sight of it.

    Args:
        time: the axis that is shared with the waveform.
        name: what a screen reader calls it.
        hint: what the line beneath says while nothing is pointed at.
    """

    sounds_by_pointing = False
    """Whether an item is played after the pointer rested on it for a moment."""

    def __init__(self, time: TimeLine, name: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.time = time
        self.paradigm: Paradigm = "latent"
        self._hint = hint
        self._spans: NDArray[np.float64] = np.zeros((0, 2))
        self._pointing = Pointing(self)
        self._picture: QPixmap | None = None
        self._pointing.changed.connect(self._changed)
        self._pointing.rested.connect(self._rested)
        self.setAccessibleName(name)
        self.setAccessibleDescription(hint)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        time.moved.connect(self.repaint_picture)
        time.placed.connect(self.repaint_picture)
        time.replaced.connect(self.repaint_picture)
        time.cursor_moved.connect(self._cursor_moved)
        theme().changed.connect(self.repaint_picture)

    # --- what a kind of evidence says of itself -----------------------------------------------------------------------

    @abstractmethod
    def told(self, item: int) -> str:
        """What the line beneath says about an item."""

    @abstractmethod
    def paint_evidence(self, painter: QPainter, axis: Axis) -> None:
        """Paints everything that is in sight; ``painter`` is not clipped."""

    @abstractmethod
    def paint_item(self, painter: QPainter, axis: Axis, item: int) -> None:
        """Marks the item that is pointed at."""

    def item_at(self, point: QPointF, axis: Axis) -> int | None:
        """The item under a point; by default the one whose time it is (items are then in order of time)."""
        seconds = axis.seconds(point.x())
        found = int(np.searchsorted(self._spans[:, 0], seconds, side="right")) - 1
        return found if found >= 0 and seconds <= self._spans[found, 1] else None

    # --- for those that are derived -----------------------------------------------------------------------------------

    def set_items(self, spans: NDArray[np.floating]) -> None:
        """Takes other items, or more: what each stands for, ``(N, 2)`` from and to in seconds."""
        new = np.asarray(spans, np.float64).reshape(-1, 2)
        known = self._spans.shape[0]
        if new.shape[0] < known or not np.array_equal(new[:known], self._spans):
            self._pointing.forget()
        self._spans = new
        self._changed()
        self.repaint_picture()

    def repaint_picture(self) -> None:
        """Paints everything anew."""
        self._picture = None
        self.update()

    @property
    def current(self) -> int | None:
        """The item that is pinned, else the one that is pointed at."""
        return self._pointing.current

    def span(self, item: int) -> Span:
        """What an item stands for, in seconds."""
        return float(self._spans[item, 0]), float(self._spans[item, 1])

    def pin(self, item: int | None) -> None:
        """Keeps an item, or lets it go."""
        if item is not None:
            self.time.reveal(self.span(item))
        self._pointing.pin(item)

    def axis(self) -> Axis:
        """Where time lies in this widget: under the waveform, if that is in the same window."""
        return axis_under(self, self.time)

    # --- painting -----------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Room for a picture, the axis and a line."""
        return QSize(480, round(theme().points * 15))

    def minimumSizeHint(self) -> QSize:
        """May be low."""
        return QSize(200, round(theme().points * 9))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints the picture and, over it, the item that is pointed at, the cursor, the line and the focus."""
        axis = self.axis()
        painter = QPainter(self)
        if self._picture is None:
            self._picture = pictured(self, lambda below: self._paint_picture(below, axis))
        painter.drawPixmap(0, 0, self._picture)
        self._paint_over(painter, axis)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.time.utterance is not None:
            paint_playhead(painter, axis, self.time.position)
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()))
        painter.end()

    def draw(self, painter: QPainter) -> None:
        """Paints all but cursor and focus: see :class:`app.views.saving.Drawn`."""
        self._paint_picture(painter, self.axis())
        self._paint_over(painter, self.axis())

    def table(self) -> Table:
        """A row per item: from and to in seconds, and what the line beneath says of it."""
        rows = [(f"{start:.3f}", f"{end:.3f}", self.told(at)) for at, (start, end) in enumerate(self._spans.tolist())]
        return Table(("start_s", "end_s", "told"), rows)

    def _paint_over(self, painter: QPainter, axis: Axis) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if (item := self.current) is not None:
            painter.save()
            self.paint_item(painter, axis, item)
            painter.restore()
        paint_line(
            painter, QRectF(self.rect()), self._hint if item is None else self.told(item), strong=item is not None
        )

    def _paint_picture(self, painter: QPainter, axis: Axis) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme().font(SMALL))
        if self.in_sight().size:
            self.paint_evidence(painter, axis)
            paint_axis(painter, palette(), axis, QRectF(self.rect()))
        elif self._spans.size:
            painter.setPen(QColor(palette().muted))
            painter.drawText(axis.plot, Qt.AlignmentFlag.AlignCenter, _AWAY)

    def in_sight(self) -> NDArray[np.int64]:
        """The items in sight."""
        return np.flatnonzero((self._spans[:, 1] > self.time.view[0]) & (self._spans[:, 0] < self.time.view[1]))

    def _cursor_moved(self, old: float, new: float) -> None:
        if self.isVisible():
            axis = self.axis()
            for at in (old, new):
                self.update(int(axis.x(at)) - 2, 0, 5, self.height())

    # --- what is pointed at -------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        item = self.current
        if self.isVisible():
            self.time.set_mark(None if item is None else self.span(item))
        self.setAccessibleDescription(self._hint if item is None else self.told(item))
        self.update()

    def _rested(self, item: int) -> None:
        if self.sounds_by_pointing:
            self.time.play_requested.emit(*self.span(item), True)

    def _play(self) -> None:
        if self.current is not None:
            self.time.play_requested.emit(*self.span(self.current), False)

    # --- hands --------------------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Points."""
        axis = self.axis()
        inside = axis.plot.adjusted(0, -4, 0, 4).contains(event.position())
        self._pointing.point(self.item_at(event.position(), axis) if inside else None)

    def enterEvent(self, event: QEnterEvent) -> None:
        """The axis may have moved meanwhile."""
        self.repaint_picture()
        super().enterEvent(event)

    def leaveEvent(self, _event: QEvent) -> None:
        """Points at nothing any more."""
        self._pointing.point(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pins what is under the pointer, or lets it go."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.mouseMoveEvent(event)
            pointed = self._pointing.pointed
            self.pin(None if pointed == self._pointing.pinned else pointed)
            if self.sounds_by_pointing and self._pointing.pinned is not None:
                self._play()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Pins and plays."""
        self.mouseMoveEvent(event)
        self.pin(self._pointing.pointed)
        self._play()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Pans or zooms the axis."""
        if not turn_axis(self.time, event, self.axis().seconds(event.position().x())):
            event.ignore()

    def event(self, event: QEvent) -> bool:
        """Keeps Escape from the window while there is something to let go; the line beneath tells what a tip would."""
        held = event.type() == QEvent.Type.ShortcutOverride and self._pointing.pinned is not None
        if held and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return event.type() == QEvent.Type.ToolTip or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Goes from item to item, plays, lets go, zooms."""
        key, last = Qt.Key(event.key()), self._spans.shape[0] - 1
        around = self.span(self.current) if self.current is not None else self.time.view
        if zoom_by_key(self.time, event, sum(around) / 2):
            event.accept()
        elif key in _BACK | _ON and last >= 0:
            step = -1 if key in _BACK else 1
            first = next(iter(self.in_sight().tolist()), 0)
            self.pin(first if self.current is None else min(last, max(0, self.current + step)))
        elif key in {Qt.Key.Key_Home, Qt.Key.Key_End} and last >= 0:
            self.pin(0 if key == Qt.Key.Key_Home else last)
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.current is not None:
            self._play()
        elif key == Qt.Key.Key_Escape and self._pointing.pinned is not None:
            self.pin(None)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another size needs another picture."""
        self.repaint_picture()
        super().resizeEvent(event)

    def moveEvent(self, event: QMoveEvent) -> None:
        """Another place may lie otherwise under the waveform."""
        self.repaint_picture()
        super().moveEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Marks what is pinned."""
        self.repaint_picture()
        if self.current is not None:
            self.time.set_mark(self.span(self.current))
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Takes its mark away."""
        self._pointing.leave()
        self.time.set_mark(None)
        super().hideEvent(event)
