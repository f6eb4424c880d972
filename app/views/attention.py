"""Where the queries of a Q-Former, or the tokens that were written, looked in the speech."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.theme import palette, theme
from app.timeline import TimeLine
from app.views.labels import readable
from app.views.lanes import Lanes, lay_out, shrunk
from app.views.spectra import COLUMN_SECONDS, LONGEST, Spectra
from app.views.timed import TimedView
from app.views.timedpaint import SMALL, paint_name
from app.widgets.numbers import share
from app.widgets.wavepaint import Axis, clock, paint_spectrum
from engines.contract import Attention, Paradigm

_FAINT = 0.35
"""How strong the spectrogram is under the matrix."""
_SPECTRA = 6
"""Stretches in sight up to which a spectrogram is put under them."""
_WHAT = {
    "tokens": (tr("What every token looked at"), tr("Point at a row for its token; arrows go from token to token.")),
    "queries": (tr("What every query looked at"), tr("Point at a row for its query; arrows go from query to query.")),
}


class AttentionView(TimedView):
    """A matrix of rows × time over the spectrogram; each row is as strong as its weights are, its largest strongest.

    Args:
        time: the axis that is shared with the waveform.
        rows: ``"tokens"`` or ``"queries"``, as in :class:`engines.contract.Attention`.
    """

    def __init__(self, time: TimeLine, rows: str, parent: QWidget | None = None) -> None:
        super().__init__(
            time, _WHAT[rows][0], tr("{WHAT} Enter plays where it looked most.").format(WHAT=_WHAT[rows][1]), parent
        )
        self._what = "token" if rows == "tokens" else "query"
        self._parts: tuple[Attention, ...] = ()
        self._lanes: list[Lanes] = []
        self._offsets: NDArray[np.int64] = np.zeros(1, np.int64)
        self._spectra = Spectra(self)
        self._spectra.ready.connect(self.repaint_picture)
        time.replaced.connect(self._spectra.forget)

    def show_parts(self, parts: Sequence[Attention], paradigm: Paradigm = "latent") -> None:
        """Shows the rows of some stretches of speech, in order of time."""
        if len(parts) == len(self._parts) and all(a is b for a, b in zip(parts, self._parts, strict=True)):
            return
        known = {id(lanes.found): lanes for lanes in self._lanes}
        self._parts, self.paradigm = tuple(parts), paradigm
        self._lanes = [known.get(id(part)) or lay_out(part) for part in parts if part.weights.size]
        counts = [len(lanes.lane) for lanes in self._lanes]
        self._offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        spans = [lanes.spans for lanes in self._lanes]
        self.set_items(np.concatenate(spans) if spans else np.zeros((0, 2)))

    def told(self, item: int) -> str:
        """The row, where it looked most, and how much of its attention went to the speech."""
        lanes, row = self._place(item)
        start, end = self.span(item)
        weights = lanes.found.weights[row]
        inside = slice(*(round((at - lanes.found.start) / lanes.found.frame_seconds) for at in (start, end)))
        whole = float(weights.sum())
        label = readable(lanes.found.labels[row])
        told = label if self._what == "query" else tr("token “{label}”").format(label=label)
        told += tr(" · looked most at {start}–{end} ({share} of its attention)").format(
            start=clock(start, 0.01), end=clock(end, 0.01), share=share(float(weights[inside].sum()))
        )
        if whole < 0.995:
            told += tr(" · {whole} went to speech, the rest to text").format(whole=share(whole))
        return told

    def item_at(self, point: QPointF, axis: Axis) -> int | None:
        """The row under a point."""
        seconds = axis.seconds(point.x())
        for number, lanes in enumerate(self._lanes):
            if lanes.found.start <= seconds < lanes.end:
                lane = int((point.y() - axis.plot.top()) / axis.plot.height() * lanes.count)
                frame = int((seconds - lanes.found.start) / lanes.found.frame_seconds)
                frame = min(frame, lanes.shades.shape[1] - 1)
                row = lanes.row_at(min(max(lane, 0), lanes.count - 1), frame)
                return None if row is None else int(self._offsets[number]) + row
        return None

    def _place(self, item: int) -> tuple[Lanes, int]:
        number = int(np.searchsorted(self._offsets, item, side="right")) - 1
        return self._lanes[number], item - int(self._offsets[number])

    # --- painting -----------------------------------------------------------------------------------------------------

    def paint_evidence(self, painter: QPainter, axis: Axis) -> None:
        """Paints the matrices in sight over the spectrogram, and the names of the rows of the first."""
        start, end = axis.view
        seen = [lanes for lanes in self._lanes if lanes.end > start and lanes.found.start < end]
        painter.setClipRect(axis.plot)
        for lanes in seen:
            if len(seen) <= _SPECTRA:
                self._paint_spectrum(painter, axis, lanes)
            self._paint_matrix(painter, axis, lanes)
        painter.setClipping(False)
        if seen:
            self._paint_names(painter, axis, seen[0])

    def _paint_spectrum(self, painter: QPainter, axis: Axis, lanes: Lanes) -> None:
        utterance = self.time.utterance
        begin, until = lanes.found.start, min(lanes.end, lanes.found.start + LONGEST)
        picture = self._spectra.picture(utterance, (begin, until)) if utterance is not None else None
        if picture is None:
            return
        start, end = axis.view
        first = max(0, int((start - begin) / COLUMN_SECONDS))
        last = min(picture.shape[1], int((end - begin) / COLUMN_SECONDS) + 2)
        if last - first < 1:
            return
        left = axis.x(begin + first * COLUMN_SECONDS)
        box = QRectF(left, axis.plot.top(), axis.x(begin + last * COLUMN_SECONDS) - left, axis.plot.height())
        painter.setOpacity(_FAINT)
        paint_spectrum(painter, palette(), box, np.ascontiguousarray(picture[:, first:last]))
        painter.setOpacity(1.0)

    def _paint_matrix(self, painter: QPainter, axis: Axis, lanes: Lanes) -> None:
        start, end = axis.view
        found = lanes.found
        first = max(0, int((start - found.start) / found.frame_seconds))
        last = min(lanes.shades.shape[1], int((end - found.start) / found.frame_seconds) + 1)
        if last <= first:
            return
        left = axis.x(found.start + first * found.frame_seconds)
        right = axis.x(found.start + last * found.frame_seconds)
        ratio = self.devicePixelRatioF()
        some = shrunk(lanes.shades[:, first:last], int(axis.plot.height() * ratio), int((right - left) * ratio))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(QRectF(left, axis.plot.top(), right - left, axis.plot.height()), self._image(some))

    def _image(self, shades: NDArray[np.float32]) -> QImage:
        """Shades in [0, 1] as ink in the paradigm's colour."""
        ink = palette().paradigm(self.paradigm)
        alpha = (np.clip(shades, 0.0, 1.0) ** 0.8 * 245).astype(np.uint32)
        pixels = np.ascontiguousarray((alpha << 24) | (ink.rgb() & 0xFFFFFF), np.uint32)
        rows, columns = pixels.shape
        return QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_ARGB32).copy()

    def _paint_names(self, painter: QPainter, axis: Axis, lanes: Lanes) -> None:
        """Names of as many lanes as there is room for."""
        metrics, height = QFontMetricsF(painter.font()), axis.plot.height() / lanes.count
        every = max(1, int(np.ceil(metrics.height() / height)))
        painter.setPen(QColor(palette().muted))
        for lane in range(0, lanes.count, every):
            paint_name(painter, axis, axis.plot.top() + (lane + 0.5) * height, self._lane_name(lanes, lane))

    def _lane_name(self, lanes: Lanes, lane: int) -> str:
        rows = np.flatnonzero(lanes.lane == lane)
        return (
            tr("query {number}").format(number=lane + 1)
            if rows.size > 1
            else readable(lanes.found.labels[int(rows[0])])
        )

    def paint_item(self, painter: QPainter, axis: Axis, item: int) -> None:
        """Frames the row, draws its weights as a curve, and writes its name over the others."""
        lanes, row = self._place(item)
        colours, found = palette(), lanes.found
        plot, lane = axis.plot, int(lanes.lane[row])
        height = plot.height() / lanes.count
        painter.setFont(theme().font(SMALL, bold=True))
        name = self._lane_name(lanes, lane)
        spot = QRectF(0, plot.top() + (lane + 0.5) * height - 14, plot.left() - 4, 28)
        painter.fillRect(spot, QColor(colours.surface))
        painter.setPen(QColor(colours.text))
        paint_name(painter, axis, plot.top() + (lane + 0.5) * height, name)
        painter.setClipRect(plot)
        painter.setPen(QPen(QColor(colours.focus), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        left, right = axis.x(found.start), axis.x(lanes.end)
        top = plot.top() + lane * height
        painter.drawRect(QRectF(left + 0.5, top, right - left - 1, max(2.0, height)))
        self._paint_curve(painter, axis, lanes, row)

    def _paint_curve(self, painter: QPainter, axis: Axis, lanes: Lanes, row: int) -> None:
        found, plot = lanes.found, axis.plot
        weights = found.weights[row] / max(float(found.weights[row].max(initial=0.0)), 1e-12)
        first = max(0, int((axis.view[0] - found.start) / found.frame_seconds) - 1)
        last = min(weights.shape[0], int((axis.view[1] - found.start) / found.frame_seconds) + 2)
        step = max(1, (last - first) // max(1, int(plot.width())))
        points = [
            QPointF(
                axis.x(found.start + (at + 0.5) * found.frame_seconds),
                plot.bottom() - 0.45 * plot.height() * float(weights[at : at + step].max(initial=0.0)),
            )
            for at in range(first, last, step)
        ]
        painter.setPen(QPen(QColor(palette().focus), 1.5))
        painter.drawPolyline(QPolygonF(points))
