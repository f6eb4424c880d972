"""The text tokens whose embeddings lie nearest to the vectors that speech was turned into."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.theme import blend, palette, theme
from app.timeline import TimeLine
from app.views.labels import Label, placed, readable
from app.views.timed import TimedView
from app.views.timedpaint import SMALL, paint_name
from app.widgets.wavepaint import Axis, clock
from engines.contract import Neighbours, Paradigm

_STRIP = 12.0
"""Height in pixels of the strip with one cell per vector."""
_COLUMN = 3.4
"""Width of a vector, in lines' heights, from which its neighbours are written beneath one another."""
_MOST = 800
"""Labels that are tried at most; with more in sight none but the nearest would find room."""
_HINT = tr("Rest on a vector to hear its piece of the speech; click keeps it, arrows and Enter do the same.")


class NeighboursView(TimedView):
    """A cell per vector, stronger the nearer its first neighbour; the neighbours are written where there is room."""

    sounds_by_pointing = True

    def __init__(self, time: TimeLine, parent: QWidget | None = None) -> None:
        super().__init__(time, tr("Text tokens nearest to the vectors"), _HINT, parent)
        self._parts: tuple[Neighbours, ...] = ()
        self._tokens: list[tuple[str, ...]] = []
        self._near: list[NDArray[np.float32]] = []
        self._numbers: list[int] = []
        self._cells: NDArray[np.float64] = np.zeros((0, 2))

    def show_parts(self, parts: Sequence[Neighbours], paradigm: Paradigm = "latent") -> None:
        """Shows the vectors of some stretches of speech, in order of time."""
        if len(parts) == len(self._parts) and all(a is b for a, b in zip(parts, self._parts, strict=True)):
            return
        self._parts, self.paradigm = tuple(parts), paradigm
        self._tokens = [tokens for part in parts for tokens in part.tokens]
        self._near = [row for part in parts for row in part.similarities]
        self._numbers = [number for part in parts for number in range(len(part.tokens))]
        spans = [part.spans for part in parts]
        self._cells = np.concatenate([divided(part.spans) for part in parts]) if spans else np.zeros((0, 2))
        self.set_items(np.concatenate(spans) if spans else np.zeros((0, 2)))

    def item_at(self, point: QPointF, axis: Axis) -> int | None:
        """The vector whose cell is over or under a point."""
        seconds = axis.seconds(point.x())
        found = int(np.searchsorted(self._cells[:, 0], seconds, side="right")) - 1
        return found if found >= 0 and seconds <= self._cells[found, 1] else None

    def told(self, item: int) -> str:
        """Time and all neighbours with their cosines."""
        start, end = self.span(item)
        near = ", ".join(
            f"“{readable(token)}” {value:.2f}"
            for token, value in zip(self._tokens[item], self._near[item].tolist(), strict=True)
        )
        return tr("{clock}–{clock2} · vector {numbers} · nearest, by cosine: {near}").format(
            clock=clock(start, 0.01), clock2=clock(end, 0.01), numbers=self._numbers[item] + 1, near=near
        )

    # --- painting -----------------------------------------------------------------------------------------------------

    def paint_evidence(self, painter: QPainter, axis: Axis) -> None:
        """Paints the cells in sight, and their neighbours."""
        start, end = axis.view
        seen = np.flatnonzero((self._spans[:, 1] > start) & (self._spans[:, 0] < end))
        strip = self._strip(axis)
        painter.setPen(QColor(palette().muted))
        paint_name(painter, axis, (axis.plot.top() + strip.top()) / 2, tr("nearest"))
        paint_name(painter, axis, strip.center().y(), tr("cosine"))
        painter.setClipRect(axis.plot)
        self._paint_cells(painter, axis, seen)
        if self._roomy(axis):
            self._paint_columns(painter, axis, seen)
        else:
            self._paint_nearest(painter, axis, seen)
        painter.setClipping(False)

    def _roomy(self, axis: Axis) -> bool:
        """Whether the vectors in sight are wide enough to write all their neighbours under one another."""
        start, end = axis.view
        seen = (self._cells[:, 1] > start) & (self._cells[:, 0] < end)
        typical = float(np.median(self._cells[seen, 1] - self._cells[seen, 0])) if seen.any() else 0.0
        line = QFontMetricsF(theme().font(SMALL)).height()
        return typical / (end - start) * axis.plot.width() >= _COLUMN * line

    def _strip(self, axis: Axis) -> QRectF:
        return QRectF(axis.plot.left(), axis.plot.bottom() - _STRIP - 1, axis.plot.width(), _STRIP)

    def _paint_cells(self, painter: QPainter, axis: Axis, seen: NDArray[np.int64]) -> None:
        strip, right_before = self._strip(axis), -1.0
        pixel = (axis.view[1] - axis.view[0]) / axis.plot.width()
        columns = (self._cells[seen, 1] / (0.5 * pixel)).astype(np.int64)
        seen = seen[np.concatenate([[True], np.diff(columns) > 0])] if seen.size else seen  # one for half a pixel
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for item in seen.tolist():
            left, right = axis.x(self._cells[item, 0]), axis.x(self._cells[item, 1])
            if right - right_before < 0.5:
                continue  # no pixel of its own
            right_before = right
            spare = 1.0 if right - left >= 4 else 0.0
            painter.fillRect(
                QRectF(left, strip.top(), max(1.0, right - left - spare), strip.height()), self._shade(item)
            )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _shade(self, item: int) -> QColor:
        near = float(np.clip(self._near[item][0], 0.0, 1.0)) if self._near[item].size else 0.0
        return blend(QColor(palette().raised), palette().paradigm(self.paradigm), 0.15 + 0.85 * near)

    def _paint_nearest(self, painter: QPainter, axis: Axis, seen: NDArray[np.int64]) -> None:
        """The nearest token of as many vectors as find room, each on a line to its cell."""
        metrics, strip = QFontMetricsF(painter.font()), self._strip(axis)
        line = metrics.height()
        rows = max(1, int((strip.top() - axis.plot.top() - 4) / line))
        labels = []
        near = np.array([self._near[item][0] if self._tokens[item] else -2.0 for item in seen.tolist()])
        if seen.size > _MOST:
            seen = seen[np.argpartition(-near, _MOST)[:_MOST]]
        for item in seen.tolist():
            if not self._tokens[item]:
                continue
            text = readable(self._tokens[item][0])
            x = axis.x(float(self._cells[item].mean()))
            labels.append(Label(text, x, metrics.horizontalAdvance(text) + 6, float(self._near[item][0]), item))
        found = placed(labels, rows, axis.plot.left(), axis.plot.right())
        painter.setPen(QPen(QColor(palette().line), 1))
        for label, row, _ in found:
            painter.drawLine(QPointF(label.x, strip.top() - 1), QPointF(label.x, strip.top() - 4 - row * line))
        for label, row, x in found:
            box = QRectF(x, strip.top() - 4 - (row + 1) * line, label.width, line)
            painter.fillRect(box.adjusted(1, 1, -1, 0), QColor(palette().surface))
            painter.setPen(self._ink(label.weight))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, label.text)

    def _paint_columns(self, painter: QPainter, axis: Axis, seen: NDArray[np.int64]) -> None:
        """All neighbours of every vector beneath one another, nearest on top."""
        metrics, strip = QFontMetricsF(painter.font()), self._strip(axis)
        line = metrics.height()
        rows = max(1, int((strip.top() - axis.plot.top() - 4) / line))
        for item in seen.tolist():
            left, right = axis.x(self._cells[item, 0]), axis.x(self._cells[item, 1])
            for row, (token, near) in enumerate(zip(self._tokens[item], self._near[item].tolist(), strict=True)):
                if row >= rows:
                    break
                painter.setPen(self._ink(near if row else 1.0))
                box = QRectF(left + 2, axis.plot.top() + 2 + row * line, right - left - 4, line)
                told = f"{readable(token)} {near:.2f}"
                if metrics.horizontalAdvance(told) > box.width():
                    told = metrics.elidedText(readable(token), Qt.TextElideMode.ElideRight, box.width())
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, told)

    def _ink(self, near: float) -> QColor:
        """Readable at any cosine, stronger for near ones."""
        return blend(QColor(palette().muted), QColor(palette().text), float(np.clip(near * 1.6, 0.0, 1.0)))

    def paint_item(self, painter: QPainter, axis: Axis, item: int) -> None:
        """Frames the vector and, where they are not written anyway, writes its neighbours over it, nearest on top."""
        strip = self._strip(axis)
        left, right = axis.x(self._cells[item, 0]), axis.x(self._cells[item, 1])
        painter.setClipRect(axis.plot)
        painter.setPen(QPen(QColor(palette().focus), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        roomy = self._roomy(axis)
        top = axis.plot.top() + 1 if roomy else strip.top() - 1
        painter.drawRect(QRectF(left - 0.5, top, max(3.0, right - left), strip.bottom() - top + 0.5))
        if roomy:
            return
        font = theme().font(SMALL)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        rows = [f"{readable(t)}  {v:.2f}" for t, v in zip(self._tokens[item], self._near[item].tolist(), strict=True)]
        most = int((strip.top() - axis.plot.top() - 10) / metrics.height())
        rows = rows[: max(1, most)]
        width = max((metrics.horizontalAdvance(row) for row in rows), default=0.0) + 14
        height = len(rows) * metrics.height() + 6
        x = min(max(axis.plot.left(), (left + right) / 2 - width / 2), axis.plot.right() - width)
        box = QRectF(x, strip.top() - 4 - height, width, height)
        painter.setBrush(QColor(palette().raised))
        painter.setPen(QPen(QColor(palette().focus), 1))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(palette().text))
        for number, row in enumerate(rows):
            spot = QRectF(x + 7, box.top() + 3 + number * metrics.height(), width - 14, metrics.height())
            painter.drawText(spot, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, row)


def divided(spans: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cells of vectors, ``(N, 2)`` in seconds: those that stand for the same piece of sound share it, in order."""
    cells = np.asarray(spans, np.float64).reshape(-1, 2).copy()
    edges = np.flatnonzero((np.diff(cells, axis=0) != 0).any(axis=1)) + 1
    for group in np.split(np.arange(cells.shape[0]), edges):
        if group.size > 1:
            cuts = np.linspace(float(cells[group[0], 0]), float(cells[group[0], 1]), group.size + 1)
            cells[group] = np.stack([cuts[:-1], cuts[1:]], axis=1)
    return cells
