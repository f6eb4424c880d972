"""What is painted over and under every picture on the time axis."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.theme import palette, theme
from app.widgets.wavepaint import Axis

SMALL = 0.88
"""Size of the writing in a picture, times the interface's."""


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
