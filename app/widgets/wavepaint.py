"""How the waveform view paints its parts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from app.language import tr
from app.theme import Palette, blend, theme
from app.widgets.peaks import Peaks


class Axis(NamedTuple):
    """Seconds along x.

    Attributes:
        plot: where everything on the axis is drawn.
        view: the seconds at its left and right edge.
    """

    plot: QRectF
    view: tuple[float, float]

    def x(self, seconds: float) -> float:
        """Where a time is."""
        start, end = self.view
        return self.plot.left() + (seconds - start) / (end - start) * self.plot.width()

    def seconds(self, x: float) -> float:
        """The time at ``x``."""
        start, end = self.view
        return start + (x - self.plot.left()) / self.plot.width() * (end - start)


def paint_speech(
    painter: QPainter, colours: Palette, box: QRectF, axis: Axis, spans: Sequence[tuple[float, float]]
) -> None:
    """Shades stretches of speech, ``(start, end)`` in seconds."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.speech))
    for start, end in spans:
        left, right = max(box.left(), axis.x(start)), min(box.right(), axis.x(end))
        if right > left:
            painter.drawRoundedRect(QRectF(left, box.top(), right - left, box.height()), 3, 3)


def paint_wave(painter: QPainter, colours: Palette, box: QRectF, axis: Axis, peaks: Peaks) -> None:
    """Draws the waveform scaled to its loudest sample, and a red mark above clipped ones."""
    ratio = painter.device().devicePixelRatioF()
    columns = max(1, int(box.width() * ratio))
    pairs = peaks.between(*axis.view, columns)
    middle, half = box.center().y(), (box.height() / 2 - 2) / max(0.05, peaks.loudest)
    xs = box.left() + np.arange(columns) / ratio
    upper = middle - pairs[:, 1] * half - 0.4
    lower = middle - pairs[:, 0] * half + 0.4
    outline = [QPointF(x, y) for x, y in zip(xs.tolist(), upper.tolist(), strict=True)]
    outline += [QPointF(x, y) for x, y in zip(xs[::-1].tolist(), lower[::-1].tolist(), strict=True)]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.wave))
    painter.drawPolygon(QPolygonF(outline))
    painter.setPen(QPen(QColor(colours.record), 1.5))
    start, end = axis.view
    clipped = peaks.clipped[(peaks.clipped >= start) & (peaks.clipped <= end)]
    for x in np.unique(((clipped - start) / (end - start) * box.width()).astype(np.int64)).tolist():
        painter.drawLine(QPointF(box.left() + x, box.top()), QPointF(box.left() + x, box.top() + 5))


def paint_spectrum(painter: QPainter, colours: Palette, box: QRectF, spectrum: NDArray[np.uint8]) -> None:
    """Draws the spectrogram as ink on the card: 0 is the card's own colour."""
    rows, columns = spectrum.shape
    image = QImage(spectrum.tobytes(), columns, rows, columns, QImage.Format.Format_Indexed8)
    image.setColorTable(_inks(colours.surface, colours.wave, colours.text))
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(box, image)


@lru_cache(maxsize=4)
def _inks(paper: str, ink: str, bright: str) -> list[int]:
    """256 colours from paper over ink to bright."""
    low, middle, high = QColor(paper), QColor(ink), QColor(bright)
    return [
        (blend(low, middle, i / 170) if i < 170 else blend(middle, high, (i - 170) / 85 * 0.8)).rgb()
        for i in range(256)
    ]


def paint_axis(painter: QPainter, colours: Palette, axis: Axis, around: QRectF) -> None:
    """Draws ticks and times under the plot; labels stay inside ``around``."""
    (start, end), plot = axis.view, axis.plot
    painter.setFont(theme().font(0.88, fixed=True))
    step = _tick(end - start, plot.width() / (painter.fontMetrics().horizontalAdvance("0:00:00") + 24))
    at = float(np.ceil(start / step) * step)
    while at <= end + 1e-9:
        x = axis.x(at)
        painter.setPen(QColor(colours.line))
        painter.drawLine(QPointF(x, plot.bottom() + 3), QPointF(x, plot.bottom() + 6))
        painter.setPen(QColor(colours.muted))
        label = clock(at, step)
        width = painter.fontMetrics().horizontalAdvance(label) + 4
        left = min(max(around.left(), x - width / 2), around.right() - width)
        box = QRectF(left, plot.bottom() + 6, width, around.bottom() - plot.bottom() - 6)
        painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, label)
        at += step


def paint_cursor(painter: QPainter, colours: Palette, plot: QRectF, x: float) -> None:
    """Draws the place of playback: a line and a handle above it."""
    painter.setPen(QPen(QColor(colours.text), 1.5))
    painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
    painter.setBrush(QColor(colours.text))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawPolygon(QPolygonF([QPointF(x - 5, 1), QPointF(x + 5, 1), QPointF(x, 8)]))


def paint_mark(painter: QPainter, colours: Palette, axis: Axis, span: tuple[float, float]) -> None:
    """Marks a stretch from top to bottom of the plot: a veil in the colour of the focus between two lines."""
    plot = axis.plot
    left, right = max(plot.left(), axis.x(span[0])), min(plot.right(), axis.x(span[1]))
    if right < left:
        return
    veil = QColor(colours.focus)
    veil.setAlphaF(0.22)
    painter.fillRect(QRectF(left, plot.top(), max(1.0, right - left), plot.height()), veil)
    painter.setPen(QPen(QColor(colours.focus), 1))
    for x in (left, max(right, left + 1)):
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))


def paint_gaps(painter: QPainter, colours: Palette, plot: QRectF, xs: Sequence[float]) -> None:
    """Draws a dashed line with a flag at places where sound was lost."""
    painter.setBrush(QColor(colours.warning))
    for x in xs:
        painter.setPen(QPen(QColor(colours.warning), 1.5, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        top = plot.top() - 1
        painter.drawPolygon(QPolygonF([QPointF(x - 4, top), QPointF(x + 4, top), QPointF(x, top + 7)]))


def tell_gaps(gaps: Sequence[float], most: int = 5) -> str:
    """Where sound was lost, in seconds, as one sentence; empty where none was."""
    if not gaps:
        return ""
    times = [clock(at, 0.1) for at in gaps[:most]]
    if len(gaps) > most:
        times.append(tr("{gaps} more places").format(gaps=len(gaps) - most))
    listed = tr(" and ").join([", ".join(times[:-1]), times[-1]] if len(times) > 1 else times)
    return tr("Sound was lost at {listed}.").format(listed=listed)


def clock(seconds: float, step: float = 1.0) -> str:
    """A time for people: ``0:07``, ``1:02:03``; with tenths or hundredths where ``step`` needs them."""
    digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
    minutes, rest = divmod(round(seconds, digits), 60)
    hours, minutes = divmod(int(minutes), 60)
    tail = f"{rest:0{3 + digits if digits else 2}.{digits}f}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def _tick(span: float, most: float) -> float:
    steps = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
    return next((step for step in steps if span / step <= most), 28800.0)
