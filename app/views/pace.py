"""What every frame of a streaming loop took, against the time that it may take; its inner monologue above."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.theme import palette, theme
from app.timeline import TimeLine
from app.views.labels import Label, placed, readable
from app.views.timed import TimedView
from app.views.timedpaint import SMALL, paint_name
from app.widgets.numbers import seconds
from app.widgets.wavepaint import Axis, clock
from engines.contract import FrameClock, Paradigm

_HINT = "Bars: computing per frame; the line: the time that a frame stands for. Arrows go from frame to frame."
_MOST = 800
"""Texts that are tried at most."""


class PaceView(TimedView):
    """A bar per frame under what was written in it; bars over the line are in the colour of errors."""

    def __init__(self, time: TimeLine, parent: QWidget | None = None) -> None:
        super().__init__(time, "Computing per frame", _HINT, parent)
        self.paradigm = "token"
        self._parts: tuple[FrameClock, ...] = ()
        self._took: NDArray[np.float64] = np.zeros(0)
        self._may: NDArray[np.float64] = np.zeros(0)
        self._texts: list[str] = []

    def show_parts(self, parts: Sequence[FrameClock], paradigm: Paradigm = "token") -> None:
        """Shows the frames of some stretches, in order of time."""
        if len(parts) == len(self._parts) and all(a is b for a, b in zip(parts, self._parts, strict=True)):
            return
        self._parts, self.paradigm = tuple(parts), paradigm
        counts = [part.seconds.size for part in parts]
        self._took = np.concatenate([np.zeros(0), *(part.seconds.astype(np.float64) for part in parts)])
        self._may = np.repeat([part.frame_seconds for part in parts], counts)
        self._texts = [
            text
            for part in parts
            for text in (part.texts if len(part.texts) == part.seconds.size else [""] * part.seconds.size)
        ]
        starts = [part.start + np.arange(part.seconds.size) * part.frame_seconds for part in parts]
        begins = np.concatenate([np.zeros(0), *starts])
        self.set_items(np.stack([begins, begins + self._may], axis=1))

    def told(self, item: int) -> str:
        """Time, what the frame took and what was written in it."""
        took, may = float(self._took[item]), float(self._may[item])
        over = "over" if took > may else "of"
        text = self._texts[item]
        wrote = f" · wrote “{readable(text)}”" if text else ""
        return f"{clock(self.span(item)[0], 0.01)} · {seconds(took)} {over} {seconds(may)}{wrote}"

    def _bands(self, axis: Axis) -> tuple[QRectF, QRectF]:
        """Boxes of the texts and of the bars."""
        line, plot = QFontMetricsF(theme().font(SMALL)).height(), axis.plot
        rows = max(1, min(3, int(plot.height() * 0.4 / line))) if any(self._texts) else 0
        texts = QRectF(plot.left(), plot.top(), plot.width(), rows * line)
        return texts, QRectF(plot.left(), texts.bottom() + 2, plot.width(), max(8.0, plot.height() - rows * line - 2))

    def _scale(self) -> float:
        return float(max(self._took.max(initial=0.0), self._may.max(initial=0.0))) * 1.1 or 1.0

    def paint_evidence(self, painter: QPainter, axis: Axis) -> None:
        """Paints bars, the line and the texts."""
        texts, bars = self._bands(axis)
        colours, scale = palette(), self._scale()
        painter.setPen(QColor(colours.muted))
        if texts.height():
            paint_name(painter, axis, texts.center().y(), "writes")
        paint_name(painter, axis, bars.center().y(), "computing")
        painter.setClipRect(axis.plot)
        start, end = axis.view
        seen = np.flatnonzero((self._spans[:, 1] > start) & (self._spans[:, 0] < end))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        # Frames that share a pixel are shown by the slowest of them.
        step = max(1, int(seen.size / max(1.0, axis.plot.width())))
        ink, late = colours.paradigm(self.paradigm), QColor(colours.error)
        for at in range(0, seen.size, step):
            some = seen[at : at + step]
            slowest = int(some[self._took[some].argmax()])
            left, right = axis.x(self._spans[some[0], 0]), axis.x(self._spans[some[-1], 1])
            tall = bars.height() * float(self._took[slowest]) / scale
            gap = 1.0 if right - left >= 4 else 0.0
            box = QRectF(left, bars.bottom() - tall, max(1.0, right - left - gap), tall)
            painter.fillRect(box, late if self._took[slowest] > self._may[slowest] else ink)
        if seen.size:
            y = bars.bottom() - bars.height() * float(self._may[seen[0]]) / scale
            painter.setPen(QPen(QColor(colours.text), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(bars.left(), y), QPointF(bars.right(), y))
        self._paint_texts(painter, axis, texts, seen)
        painter.setClipping(False)

    def _paint_texts(self, painter: QPainter, axis: Axis, box: QRectF, seen: NDArray[np.int64]) -> None:
        metrics = QFontMetricsF(painter.font())
        line = metrics.height()
        labels: list[Label] = []
        for item in seen.tolist():
            if self._texts[item].strip() and len(labels) < _MOST:
                text = readable(self._texts[item])
                x = axis.x(sum(self.span(item)) / 2)
                labels.append(Label(text, x, metrics.horizontalAdvance(text) + 5, -float(item)))
        painter.setPen(QColor(palette().text))
        for label, row, x in placed(labels, max(1, round(box.height() / line)), box.left(), box.right()):
            spot = QRectF(x, box.bottom() - (row + 1) * line, label.width, line)
            painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, label.text)

    def paint_item(self, painter: QPainter, axis: Axis, item: int) -> None:
        """Frames the frame."""
        start, end = self.span(item)
        painter.setClipRect(axis.plot)
        painter.setPen(QPen(QColor(palette().focus), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        left = axis.x(start)
        painter.drawRect(QRectF(left, axis.plot.top() + 1, max(3.0, axis.x(end) - left), axis.plot.height() - 2))
