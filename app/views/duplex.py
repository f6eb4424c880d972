"""A loop that listens and speaks at once, frame by frame: what it hears, writes and says, and what that took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.theme import palette, theme
from app.timeline import TimeLine
from app.views.duplexframes import LOST, DuplexFrames, gather
from app.views.labels import Label, placed, readable
from app.views.table import Table
from app.views.timed import TimedView
from app.views.timedpaint import SMALL, paint_name
from app.views.tokenpaint import paint_codebooks
from app.widgets.wavepaint import Axis
from engines.contract import FrameClock, Paradigm, TokenStream

_LANES = {"hears": tr("hears"), "writes": tr("writes"), "says": tr("says"), "computing": tr("computing")}
_HINT = tr("Arrows go from frame to frame; Enter plays what it heard, S what it says from there on.")
_MOST = 800
"""Texts that are tried at most."""
_TALLEST: Final = 2.5
"""Bars end at so many times what a frame may take: a few slow ones must not flatten all others."""
_SHADES: Final = (1.0, 0.72, 0.45)
"""Of the paradigm's colour, for the stages of computing."""


class DuplexView(TimedView):
    """Lanes on one axis: codes that were heard, the inner monologue, codes that were spoken, computing per frame.

    Frames that were lost on the way are hatched where they should have been heard; those that were dropped are crossed
    out there and where they should have been spoken. Bars over the line took longer than they may and are in the colour
    of errors.
    """

    listened = Signal(object, int)
    """Codes that were spoken, in order, and how many of their codebooks somebody wants to hear."""

    def __init__(self, time: TimeLine, parent: QWidget | None = None) -> None:
        super().__init__(time, tr("Listening and speaking at once"), _HINT, parent)
        self.paradigm = "token"
        self._shown: tuple[object, ...] = ()
        self._frames = gather((), ())

    def show_parts(
        self, clocks: Sequence[FrameClock], streams: Sequence[TokenStream], paradigm: Paradigm = "token"
    ) -> DuplexFrames:
        """Shows the frames of some stretches, in order of time; returns them."""
        shown = (*clocks, *streams)
        if len(shown) != len(self._shown) or any(a is not b for a, b in zip(shown, self._shown, strict=True)):
            self._shown, self.paradigm = shown, paradigm
            self._frames = gather(clocks, streams)
            self.set_items(self._frames.spans)
        return self._frames

    @property
    def frames(self) -> DuplexFrames:
        """What is shown."""
        return self._frames

    def told(self, item: int) -> str:
        """Time, what became of the frame, what was written and spoken in it, and what it took."""
        return self._frames.told(item)

    def table(self) -> Table:
        """A row per frame."""
        return self._frames.table()

    # --- painting -----------------------------------------------------------------------------------------------------

    def bands(self, axis: Axis) -> dict[str, QRectF]:
        """Boxes of the lanes by their names, from top to bottom; lanes without content are not there."""
        frames, plot = self._frames, axis.plot
        line = QFontMetricsF(theme().font(SMALL)).height()
        rows = max(1, min(2, int(plot.height() * 0.25 / line))) if any(frames.texts) else 0
        weights = {"hears": 0.24 * bool(frames.heard), "says": 0.24 * bool(frames.spoken), "computing": 0.4}
        free = plot.height() - rows * line - 4 * (sum(map(bool, weights.values())) + bool(rows) - 1)
        heights = {name: free * weight / sum(weights.values()) for name, weight in weights.items()}
        boxes, top = {}, plot.top()
        for name in ("hears", "writes", "says", "computing"):
            height = rows * line if name == "writes" else heights[name]
            if height:
                boxes[name] = QRectF(plot.left(), top, plot.width(), height)
                top += height + 4
        return boxes

    def paint_evidence(self, painter: QPainter, axis: Axis) -> None:
        """Paints what is in sight of every lane."""
        boxes, frames = self.bands(axis), self._frames
        scale = min(frames.slowest * 1.1, _TALLEST * float(frames.may.max(initial=0.0))) or 1.0
        line = boxes["computing"].bottom() - boxes["computing"].height() * float(frames.may[0]) / scale
        painter.setPen(QColor(palette().muted))
        height = QFontMetricsF(painter.font()).height()
        for name, box in boxes.items():
            if name != "computing":
                paint_name(painter, axis, box.center().y(), _LANES[name])
        paint_name(painter, axis, line, f"{1000 * float(frames.may[0]):g} ms")
        if boxes["computing"].bottom() - line > 1.6 * height:
            paint_name(painter, axis, (line + height / 2 + boxes["computing"].bottom()) / 2, _LANES["computing"])
        painter.setClipRect(axis.plot)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for name, streams in (("hears", frames.heard), ("says", frames.spoken)):
            for part in streams:
                paint_codebooks(painter, axis, part, boxes[name], self.devicePixelRatioF())
        seen = self.in_sight()
        self._paint_bars(painter, axis, boxes["computing"], seen, scale)
        painter.setPen(QPen(QColor(palette().text), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(axis.plot.left(), line), QPointF(axis.plot.right(), line))
        self._paint_lost(painter, axis, boxes, seen)
        if "writes" in boxes:
            self._paint_texts(painter, axis, boxes["writes"], seen)
        painter.setClipping(False)

    def _paint_bars(self, painter: QPainter, axis: Axis, box: QRectF, seen: NDArray[np.int64], scale: float) -> None:
        """A bar per frame, its stages on one another; frames that share a pixel are shown by the slowest of them."""
        frames, colours = self._frames, palette()
        step = max(1, int(seen.size / max(1.0, axis.plot.width())))
        for at in range(0, seen.size, step):
            some = seen[at : at + step]
            slowest = int(some[frames.took[some].argmax()])
            left, right = axis.x(self._spans[some[0], 0]), axis.x(self._spans[some[-1], 1])
            width = max(1.0, right - left - (1.0 if right - left >= 4 else 0.0))
            late = frames.took[slowest] > frames.may[slowest]
            ink = QColor(colours.error) if late else colours.paradigm(self.paradigm)
            parts = frames.spent[:, slowest].tolist() or [float(frames.took[slowest])]
            bottom = box.bottom()
            for shade, part in zip(np.resize(_SHADES, len(parts)).tolist(), parts, strict=True):
                tall = min(box.height() * part / scale, bottom - box.top())
                ink.setAlphaF(shade)
                painter.fillRect(QRectF(left, bottom - tall, width, tall), ink)
                bottom -= tall

    def _paint_lost(self, painter: QPainter, axis: Axis, boxes: dict[str, QRectF], seen: NDArray[np.int64]) -> None:
        """Hatches frames that were lost on the way or dropped, neighbours as one."""
        colours, frames = palette(), self._frames
        gone = [item for item in seen.tolist() if frames.kinds[item] in LOST]
        at = 0
        while at < len(gone):
            kind, until = frames.kinds[gone[at]], at
            while (
                until + 1 < len(gone) and gone[until + 1] == gone[until] + 1 and frames.kinds[gone[until + 1]] == kind
            ):
                until += 1
            left, right = axis.x(self._spans[gone[at], 0]), axis.x(self._spans[gone[until], 1])
            dropped = kind == "dropped"
            ink = QColor(colours.error if dropped else colours.warning)
            faint = QColor(ink)
            faint.setAlphaF(0.6)
            pattern = Qt.BrushStyle.DiagCrossPattern if dropped else Qt.BrushStyle.BDiagPattern
            for name in ("hears", "says") if dropped else ("hears",):
                if name in boxes:
                    box = QRectF(left, boxes[name].top(), max(2.0, right - left), boxes[name].height())
                    painter.fillRect(box, QBrush(faint, pattern))
                    painter.fillRect(QRectF(box.left(), box.top(), box.width(), 2), ink)
            at = until + 1

    def _paint_texts(self, painter: QPainter, axis: Axis, box: QRectF, seen: NDArray[np.int64]) -> None:
        metrics = QFontMetricsF(painter.font())
        line, labels = metrics.height(), list[Label]()
        for item in seen.tolist():
            if self._frames.texts[item].strip() and len(labels) < _MOST:
                text = readable(self._frames.texts[item])
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

    # --- hands --------------------------------------------------------------------------------------------------------

    def listen(self, item: int) -> None:
        """Asks for what is said from a frame on."""
        start, rest = self.span(item)[0], []
        for part in self._frames.spoken:
            first = max(0, round((start - part.start) / part.frame_seconds))
            if first < part.ids.shape[1]:
                begin = part.start + first * part.frame_seconds
                rest.append(replace(part, ids=part.ids[:, first:], start=begin, durations=None))
        if rest:
            self.listened.emit(rest, max(len(part.sizes) for part in rest))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Plays what is under the pointer: in the lane of what it says that, from there on, otherwise what it heard."""
        says = self.bands(self.axis()).get("says")
        if says is None or not says.contains(event.position()):
            super().mouseDoubleClickEvent(event)
            return
        self.mouseMoveEvent(event)
        item = self._pointing.pointed
        self.pin(item)
        if item is not None:
            self.listen(item)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """S plays what is said from the frame on."""
        if event.key() == Qt.Key.Key_S and not event.modifiers() and self.current is not None:
            self.listen(self.current)
        else:
            super().keyPressEvent(event)
