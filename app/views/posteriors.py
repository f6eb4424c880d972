"""What a CTC head takes every frame for, and which frames reach the language model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.theme import blend, palette, theme
from app.timeline import TimeLine
from app.views.labels import Label, placed, readable
from app.views.timed import TimedView
from app.views.timedpaint import SMALL, paint_name
from app.widgets.numbers import share
from app.widgets.wavepaint import Axis, clock
from engines.contract import Paradigm, Posteriors

SPIKE = 0.2
"""Probability from which a piece is written over its spike."""
_MOST = 800
"""Labels that are tried at most; with more in sight none but the surest would find room."""
_HINT = tr("Point at a frame for its pieces; arrows go from frame to frame, Enter plays it.")


class PosteriorsView(TimedView):
    """Probabilities of the best pieces as bars before that of the blank, pieces over them, vectors beneath."""

    def __init__(self, time: TimeLine, parent: QWidget | None = None) -> None:
        super().__init__(time, tr("Frames and what they were taken for"), _HINT, parent)
        self._parts: tuple[Posteriors, ...] = ()
        self._offsets: NDArray[np.int64] = np.zeros(1, np.int64)

    def show_parts(self, parts: Sequence[Posteriors], paradigm: Paradigm = "latent") -> None:
        """Shows the frames of some stretches of speech, in order of time."""
        if len(parts) == len(self._parts) and all(a is b for a, b in zip(parts, self._parts, strict=True)):
            return
        self._parts, self.paradigm = tuple(parts), paradigm
        counts = [part.blank.shape[0] for part in parts]
        self._offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        spans = [_times(part) for part in parts]
        self.set_items(np.concatenate(spans) if spans else np.zeros((0, 2)))

    def told(self, item: int) -> str:
        """Time, best pieces with their probabilities, and what became of the frame."""
        part, frame = self._place(item)
        pieces = [
            f"“{readable(part.labels[piece])}” {share(float(value))}"
            for piece, value in zip(part.ids[frame], part.probabilities[frame], strict=True)
            if value >= 0.001
        ]
        vector = int(part.vectors[frame])
        fate = tr("dropped") if vector < 0 else tr("goes into vector {vector}").format(vector=vector + 1)
        read = [*pieces, tr("blank {share}").format(share=share(float(part.blank[frame])))]
        return f"{clock(self.span(item)[0], 0.01)} · {' · '.join(read)} · {fate}"

    def _place(self, item: int) -> tuple[Posteriors, int]:
        number = int(np.searchsorted(self._offsets, item, side="right")) - 1
        return self._parts[number], item - int(self._offsets[number])

    # --- painting -----------------------------------------------------------------------------------------------------

    def _bands(self, axis: Axis) -> tuple[QRectF, QRectF, QRectF]:
        """Boxes of the labels, the bars and the vectors."""
        line = QFontMetricsF(theme().font(SMALL)).height()
        plot = axis.plot
        rows = max(1, min(4, int(plot.height() * 0.5 / line)))
        labels = QRectF(plot.left(), plot.top(), plot.width(), rows * line)
        vectors = QRectF(plot.left(), plot.bottom() - 11, plot.width(), 10)
        bars = QRectF(plot.left(), labels.bottom() + 1, plot.width(), max(8.0, vectors.top() - labels.bottom() - 4))
        return labels, bars, vectors

    def paint_evidence(self, painter: QPainter, axis: Axis) -> None:
        """Paints what is in sight of every stretch."""
        labels, bars, vectors = self._bands(axis)
        painter.setPen(QColor(palette().muted))
        for box, name in ((labels, tr("pieces")), (bars, tr("probability")), (vectors, tr("vectors"))):
            paint_name(painter, axis, box.center().y(), name)
        painter.setClipRect(axis.plot)
        written: list[Label] = []
        start, end = axis.view
        for part in self._parts:
            first = max(0, int((start - part.start) / part.frame_seconds))
            last = min(part.blank.shape[0], int((end - part.start) / part.frame_seconds) + 1)
            if first < last:
                self._paint_part(painter, axis, part, first, last, bars, vectors)
                written += _labels(part, first, last, axis, QFontMetricsF(painter.font()))
        self._paint_labels(painter, labels, written)
        painter.setClipping(False)

    def _paint_part(
        self, painter: QPainter, axis: Axis, part: Posteriors, first: int, last: int, bars: QRectF, vectors: QRectF
    ) -> None:
        colours = palette()
        frame = axis.plot.width() * part.frame_seconds / (axis.view[1] - axis.view[0])
        step = max(1, int(np.ceil(1.0 / frame)))
        at = np.arange(first, last, step)
        blank = np.maximum.reduceat(part.blank[first:last], at - first)
        best = np.maximum.reduceat(part.probabilities[first:last, 0], at - first)
        vector = part.vectors[at]
        left = axis.x(part.start) + at * frame
        width = step * frame
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        ground, dropped = QColor(colours.raised), blend(QColor(colours.surface), QColor(colours.muted), 0.55)
        shades = self._shades()
        gap = 1.0 if width >= 4 else 0.0
        for x, empty, sure, into in zip(left.tolist(), blank.tolist(), best.tolist(), vector.tolist(), strict=True):
            painter.fillRect(QRectF(x, bars.bottom() - empty * bars.height(), width, empty * bars.height()), ground)
            colour = shades[into % 2] if into >= 0 else dropped
            height = sure * bars.height()
            painter.fillRect(QRectF(x, bars.bottom() - height, max(1.0, width - gap), height), colour)
        painter.setPen(QPen(QColor(colours.line), 1))
        painter.drawLine(bars.bottomLeft(), bars.bottomRight())
        if step > 1:  # vectors share pixels: enough to see where frames are kept
            for x, into in zip(left.tolist(), vector.tolist(), strict=True):
                if into >= 0:
                    painter.fillRect(QRectF(x, vectors.top(), width, vectors.height()), shades[into % 2])
        for begin, until, into in _runs(part.vectors, first, last) if step == 1 else ():
            x, right = axis.x(part.start + begin * part.frame_seconds), axis.x(part.start + until * part.frame_seconds)
            if into < 0:
                painter.fillRect(QRectF(x, vectors.center().y(), right - x, 1), dropped)
            else:
                spare = 1.0 if right - x >= 3 else 0.0
                painter.fillRect(
                    QRectF(x, vectors.top(), max(1.0, right - x - spare), vectors.height()), shades[into % 2]
                )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _shades(self) -> tuple[QColor, QColor]:
        base = palette().paradigm(self.paradigm)
        return base, blend(base, QColor(palette().surface), 0.45)

    def _paint_labels(self, painter: QPainter, box: QRectF, written: list[Label]) -> None:
        line = QFontMetricsF(painter.font()).height()
        rows = max(1, round(box.height() / line))
        painter.setPen(QColor(palette().text))
        written = sorted(written, key=lambda label: -label.weight)[:_MOST]
        for label, row, x in placed(written, rows, box.left(), box.right()):
            spot = QRectF(x, box.bottom() - (row + 1) * line, label.width, line)
            painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, label.text)

    def paint_item(self, painter: QPainter, axis: Axis, item: int) -> None:
        """Frames the frame from top to bottom."""
        start, end = self.span(item)
        left, right = axis.x(start), axis.x(end)
        _, bars, vectors = self._bands(axis)
        painter.setClipRect(axis.plot)
        painter.setPen(QPen(QColor(palette().focus), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(left - 0.5, bars.top(), max(2.0, right - left), vectors.bottom() - bars.top() + 0.5))


def _times(part: Posteriors) -> NDArray[np.float64]:
    edges = part.start + np.arange(part.blank.shape[0] + 1) * part.frame_seconds
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _runs(values: NDArray[np.int32], first: int, last: int) -> list[tuple[int, int, int]]:
    """Stretches of equal values between two frames: from, to, value."""
    some = values[first:last]
    edges = np.concatenate([[0], np.flatnonzero(np.diff(some)) + 1, [some.shape[0]]])
    return [(first + a, first + b, int(some[a])) for a, b in pairwise(edges.tolist())]


def _surest(part: Posteriors, best: NDArray[np.int32], first: int, last: int) -> list[tuple[int, int, int]]:
    """The surest frames between two, where there are too many to look at all: from, to, piece."""
    at = first + np.argpartition(-part.probabilities[first:last, 0], _MOST)[:_MOST]
    return [(frame, frame + 1, int(best[frame])) for frame in at.tolist()]


def _labels(part: Posteriors, first: int, last: int, axis: Axis, metrics: QFontMetricsF) -> list[Label]:
    """The pieces over the spikes, each where it is surest."""
    best = np.where(part.probabilities[:, 0] >= SPIKE, part.ids[:, 0], -1).astype(np.int32)
    found = []
    runs = _runs(best, first, last) if last - first <= 4 * _MOST else _surest(part, best, first, last)
    for begin, until, piece in runs:
        if piece < 0:
            continue
        peak = begin + int(part.probabilities[begin:until, 0].argmax())
        text = readable(part.labels[piece])
        x = axis.x(part.start + (peak + 0.5) * part.frame_seconds)
        found.append(Label(text, x, metrics.horizontalAdvance(text) + 5, float(part.probabilities[peak, 0])))
    return found
