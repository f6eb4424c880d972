"""Errors against severity, a line per engine in the colour of its paradigm; point at it to read it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.language import tr
from app.sweep import Sweep
from app.theme import palette, theme
from app.widgets.numbers import share
from engines.audio.conditions import SCALES
from engines.evaluation.breaking import BROKEN, Curve, Point

_DASHES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
    Qt.PenStyle.DashDotDotLine,
)
_REACH = 24.0
"""Pixels from which a point is taken for the one that is meant."""
_TALLEST = 1.2
"""Error rates above this are drawn at it."""


class SweepPlot(QWidget):
    """The clean recording on the left, the worst severity on the right; severities stand evenly apart.

    Engines of one paradigm differ by their dashes and by the shape of their points, never by colour alone.
    """

    pointed = Signal(str)
    """What is under the pointer, a sentence; empty for nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Errors against severity"))
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._sweep: Sweep | None = None
        self._curves: tuple[Curve, ...] = ()
        self._names: dict[str, str] = {}
        self._over: tuple[str, float | None] | None = None
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Room for a handful of lines."""
        return QSize(720, 360)

    def minimumSizeHint(self) -> QSize:
        """As small as can be read."""
        return QSize(380, 200)

    def show_sweep(self, sweep: Sweep | None, curves: Sequence[Curve], names: dict[str, str]) -> None:
        """Shows a sweep as far as it has come.

        Args:
            sweep: None for an empty plot.
            curves: of it.
            names: of engines, by id.
        """
        self._sweep, self._curves, self._names, self._over = sweep, tuple(curves), names, None
        told = "; ".join(self._told(curve, curve.points[-1]) for curve in curves if curve.points)
        self.setAccessibleDescription(told)
        self.update()

    # --- geometry ---------------------------------------------------------------------------------------------------

    def _plot(self) -> QRectF:
        metrics = QFontMetricsF(theme().font(0.88))
        widest = max((metrics.horizontalAdvance(self._name(curve)) for curve in self._curves), default=0.0)
        left, right = metrics.horizontalAdvance("120 %") + 12, min(widest + 34, self.width() * 0.35)
        top = metrics.height() * 0.8
        return QRectF(left, top, self.width() - left - right, self.height() - top - 2.3 * metrics.height() - 6)

    def _x(self, box: QRectF, amount: float | None) -> float:
        steps: list[float | None] = [step.amount for step in self._sweep.steps] if self._sweep is not None else [None]
        at = steps.index(amount) if amount in steps else 0
        return box.left() + 14 + at * (box.width() - 28) / max(1, len(steps) - 1)

    def _y(self, box: QRectF, rate: float) -> float:
        return box.bottom() - min(rate, self._top()) / self._top() * box.height()

    def _top(self) -> float:
        highest = max((rate for curve in self._curves for _, rate in curve.rates()), default=0.0)
        return min(_TALLEST, max(1.0, highest))

    def _name(self, curve: Curve) -> str:
        return self._names.get(curve.engine, curve.engine)

    # --- pointing ---------------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Reads the nearest point."""
        box, found, near = self._plot(), None, _REACH
        for curve in self._curves:
            for point in curve.points:
                if point.errors is None:
                    continue
                spot = QPointF(self._x(box, point.amount), self._y(box, point.errors.rate)) - event.position()
                away = (spot.x() ** 2 + spot.y() ** 2) ** 0.5
                if away < near:
                    near, found = away, (curve, point)
        over = (found[0].engine, found[1].amount) if found is not None else None
        if over != self._over:
            self._over = over
            self.pointed.emit(self._told(*found) if found is not None else "")
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Forgets what was pointed at."""
        super().leaveEvent(event)
        if self._over is not None:
            self._over = None
            self.pointed.emit("")
            self.update()

    def _told(self, curve: Curve, point: Point) -> str:
        if self._sweep is None:
            return ""
        at = (
            tr("as recorded")
            if point.amount is None
            else tr("at {amount:g} {unit}").format(amount=point.amount, unit=SCALES[self._sweep.kind].unit)
        )
        if point.errors is None:
            return f"{self._name(curve)}, {at}: {point.reading.failure or tr('nothing to count against')}"
        rate = f"{self._sweep.metric} {share(point.errors.rate)}"
        return f"{self._name(curve)}, {at}: {rate} · “{point.reading.text or tr('(nothing)')}”"

    # --- painting ---------------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints axes, lines and their names."""
        painter = QPainter(self)
        self.paint(painter)
        painter.end()

    def paint(self, painter: QPainter) -> None:
        """Paints onto anything that is as large as the widget."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme().font(0.88))
        painter.fillRect(self.rect(), QColor(palette().surface))
        box = self._plot()
        self._paint_axes(painter, box)
        seen: dict[str, int] = {}
        ends: list[tuple[float, float, Curve, int]] = []
        for curve in self._curves:
            number = seen.get(curve.paradigm, 0)
            seen[curve.paradigm] = number + 1
            end = self._paint_curve(painter, box, curve, number)
            if end is not None:
                ends.append((end.y(), end.x(), curve, number))
        self._paint_names(painter, box, ends)

    def _paint_axes(self, painter: QPainter, box: QRectF) -> None:
        colours, metrics = palette(), QFontMetricsF(painter.font())
        for percent in range(0, round(self._top() * 100) + 1, 25):
            y = self._y(box, percent / 100)
            broken = percent == round(100 * BROKEN)
            style = Qt.PenStyle.DashLine if broken else Qt.PenStyle.SolidLine
            painter.setPen(QPen(QColor(colours.muted if broken else colours.line), 1, style))
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            painter.setPen(QColor(colours.muted))
            spot = QRectF(0, y - metrics.height() / 2, box.left() - 6, metrics.height())
            painter.drawText(spot, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{percent} %")
        if self._sweep is None:
            return
        scale = SCALES[self._sweep.kind]
        room = box.width() / max(1, len(self._sweep.steps) - 1)
        for step in self._sweep.steps:
            x = self._x(box, step.amount)
            text = tr("clean") if step.amount is None else f"{step.amount:g} {scale.unit}".replace("-", "−")
            spot = QRectF(x - room / 2, box.bottom() + 4, room, metrics.height())
            painter.drawText(
                spot, Qt.AlignmentFlag.AlignHCenter, metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            )
        title = tr("{name}: {quantity} ({unit}) · worse to the right").format(
            name=scale.name, quantity=scale.quantity, unit=scale.unit
        )
        spot = QRectF(box.left(), box.bottom() + 6 + metrics.height(), self.width() - box.left(), metrics.height() + 2)
        painter.drawText(spot, Qt.AlignmentFlag.AlignLeft, title)

    def _paint_curve(self, painter: QPainter, box: QRectF, curve: Curve, number: int) -> QPointF | None:
        ink = palette().paradigm(curve.paradigm)
        path, last = QPainterPath(), None
        for amount, rate in curve.rates():
            spot = QPointF(self._x(box, amount), self._y(box, rate))
            if last is None:
                path.moveTo(spot)
            else:
                path.lineTo(spot)
            last = spot
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ink, 2, _DASHES[number % len(_DASHES)]))
        painter.drawPath(path)
        for amount, rate in curve.rates():
            spot = QPointF(self._x(box, amount), self._y(box, rate))
            over = self._over == (curve.engine, amount)
            _paint_point(painter, spot, ink, number, 6.0 if over else 4.0)
        return last

    def _paint_names(self, painter: QPainter, box: QRectF, ends: list[tuple[float, float, Curve, int]]) -> None:
        """Writes every engine's name at the right, beside its line's end, without overlaps."""
        metrics = QFontMetricsF(painter.font())
        line, below = metrics.height(), box.top() - metrics.height()
        ends.sort(key=lambda end: end[0])
        tops = []
        for y, *_ in ends:
            below = max(below + line, y - line / 2)
            tops.append(below)
        over = max(0.0, (tops[-1] + line - box.bottom() - line) if tops else 0.0)
        for (y, x, curve, number), top in zip(ends, tops, strict=True):
            ink = palette().paradigm(curve.paradigm)
            middle = top - over + line / 2
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x + 5, y), QPointF(box.right() + 8, middle))
            _paint_point(painter, QPointF(box.right() + 13, middle), ink, number, 4.0)
            painter.setPen(ink)
            room = self.width() - box.right() - 24
            text = metrics.elidedText(self._name(curve), Qt.TextElideMode.ElideRight, room)
            spot = QRectF(box.right() + 21, top - over, room, line)
            painter.drawText(spot, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _paint_point(painter: QPainter, spot: QPointF, ink: QColor, number: int, size: float) -> None:
    """A full or hollow disc or square, by number."""
    painter.setPen(QPen(ink, 1.5))
    painter.setBrush(ink if number % 2 == 0 else QColor(palette().surface))
    box = QRectF(spot.x() - size, spot.y() - size, 2 * size, 2 * size)
    if number % 4 < 2:
        painter.drawEllipse(box)
    else:
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
