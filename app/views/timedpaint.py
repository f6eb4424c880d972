"""What is painted over and under every picture on the time axis."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from app.theme import palette, theme
from app.timeline import TimeLine
from app.widgets.wavepaint import Axis

SMALL = 0.88
"""Size of the writing in a picture, times the interface's."""
_NAMES = 24
"""Pixels that are needed at least for the names to the left of the axis."""


def axis_under(widget: QWidget, time: TimeLine) -> Axis:
    """Where time lies in a widget: right under the waveform, if that is in the same window and the widget as wide."""
    line = QFontMetricsF(theme().font(SMALL)).height()
    left, right = theme().points * 9, widget.width() - 6.0
    if time.edges is not None:
        mine = widget.mapTo(widget.window(), QPoint(0, 0)).x()
        if time.edges[0] - mine >= _NAMES and time.edges[1] - mine <= widget.width() + 1:
            left, right = time.edges[0] - mine, time.edges[1] - mine
    return Axis(QRectF(left, 2, max(20.0, right - left), max(20.0, widget.height() - 2 * line - 16)), time.view)


def pictured(widget: QWidget, paint: Callable[[QPainter], None]) -> QPixmap:
    """A picture as large as a widget, on the card's colour."""
    ratio = widget.devicePixelRatioF()
    picture = QPixmap(widget.size() * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(QColor(palette().surface))
    painter = QPainter(picture)
    paint(painter)
    painter.end()
    return picture


def paint_line(painter: QPainter, around: QRectF, text: str, *, strong: bool) -> None:
    """Writes one line along the lower edge of ``around``, shortened where it is too long."""
    font = theme().font(SMALL)
    metrics = QFontMetricsF(font)
    box = QRectF(6, around.bottom() - metrics.height() - 2, around.width() - 12, metrics.height())
    painter.setFont(font)
    painter.setPen(QColor(palette().text if strong else palette().muted))
    flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    painter.drawText(box, flags, metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width()))


def paint_playhead(painter: QPainter, axis: Axis, seconds: float) -> None:
    """Draws the place of playback if it is in sight."""
    x, plot = axis.x(seconds), axis.plot
    if plot.left() <= x <= plot.right():
        painter.setPen(QPen(QColor(palette().text), 1))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))


def paint_focus(painter: QPainter, around: QRectF) -> None:
    """Draws the ring of the keyboard focus."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(palette().focus), 2))
    painter.drawRoundedRect(around.adjusted(1, 1, -1, -1), 6, 6)


def paint_name(painter: QPainter, axis: Axis, middle: float, name: str) -> None:
    """Writes the name of a row to the left of the plot, ``middle`` being its height in pixels."""
    metrics = QFontMetricsF(painter.font())
    top = min(max(middle - metrics.height() / 2, 0.0), axis.plot.bottom() - metrics.height() + 2)
    box = QRectF(2, top, axis.plot.left() - 10, metrics.height())
    flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    painter.drawText(box, flags, metrics.elidedText(name, Qt.TextElideMode.ElideRight, box.width()))
