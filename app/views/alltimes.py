"""Where the time of every engine went: one row each over one scale of engine time, with operations and memory beside.

Stages stand one after the other; what came from the memo is hatched and stands at its full cost. A wedge marks the
first text, a dot the first sound. Arrows go from engine to engine, a click pins one, Escape lets it go.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.comparison import EngineRun
from app.language import tr
from app.theme import blend, palette, theme
from app.views.rowed import RowedView
from app.views.table import Table
from app.views.timedpaint import SMALL
from app.views.waterfall import paint_bar, step_of
from app.widgets.numbers import operations, seconds

_HINT = tr(
    "Point at an engine for its figures; ▾ first text, ● first sound, hatched: another engine had done it already."
)
_NAME = tr("Times of all engines")
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class AllTimesView(RowedView):
    """Engines over engine time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_NAME, _HINT, parent)
        self._runs: tuple[EngineRun, ...] = ()

    @property
    def count(self) -> int:
        """How many engines there are."""
        return len(self._runs)

    def show_runs(self, runs: Sequence[EngineRun]) -> None:
        """Shows the engines that have begun to work, in the order given."""
        begun = tuple(run for run in runs if run.stages)
        if [run.engine.id for run in begun] != [run.engine.id for run in self._runs]:
            self._pointing.forget()
        if len(begun) != len(self._runs):
            self.updateGeometry()
        self._runs = begun
        self._changed()

    @property
    def runs(self) -> tuple[EngineRun, ...]:
        """What is shown."""
        return self._runs

    def told(self, item: int) -> str:
        """What the line beneath says about an engine."""
        run = self._runs[item]
        parts = [tr("{name}: {time} in all").format(name=run.engine.name, time=seconds(run.seconds))]
        for at, what in ((run.first_text_seconds, tr("first text")), (run.first_audio_seconds, tr("first sound"))):
            if at is not None:
                parts.append(tr("{what} after {time}").format(what=what, time=seconds(at)))
        longest = max(run.stages, key=lambda stage: stage.seconds)
        parts.append(tr("most in “{stage}”, {time}").format(stage=tr(longest.name), time=seconds(longest.seconds)))
        shared = sum(stage.shared_seconds for stage in run.stages)
        if shared > 0:
            parts.append(tr("{seconds} of it shared with another engine").format(seconds=seconds(shared)))
        return ", ".join(parts) + "."

    def table(self) -> Table:
        """A row per engine."""
        head = ("engine", "seconds", "shared_s", "first_text_s", "first_sound_s", "flop", "memory_bytes")
        rows = []
        for run in self._runs:
            marks = ("" if at is None else f"{at:.4f}" for at in (run.first_text_seconds, run.first_audio_seconds))
            flops = "" if run.work is None else f"{run.work.flops:.0f}"
            memory = "" if run.peak_memory_bytes is None else str(run.peak_memory_bytes)
            shared = sum(stage.shared_seconds for stage in run.stages)
            rows.append((run.engine.id, f"{run.seconds:.4f}", f"{shared:.4f}", *marks, flops, memory))
        return Table(head, rows)

    # --- where things lie ---------------------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        """Every engine's line can be read."""
        line = QFontMetricsF(theme().font(SMALL)).height()
        return QSize(200, round(line * (1.15 * len(self._runs) + 3) + 18))

    def _columns(self) -> tuple[float, ...]:
        """Right edges of total, operations and memory; fewer where it is narrow."""
        points = theme().points
        kept = 3 if self.width() > points * 75 else 1
        return tuple(self.width() - 8 - points * 8.5 * (kept - 1 - place) for place in range(kept))

    def _plot(self) -> QRectF:
        points = theme().points
        line = QFontMetricsF(theme().font(SMALL)).height()
        left, right = points * 13, self._columns()[0] - points * 6.5
        return QRectF(left, line + 4, max(20.0, right - left), max(20.0, self.height() - 3 * line - 14))

    def _row(self, item: int) -> QRectF:
        plot = self._plot()
        height = min(plot.height() / max(1, len(self._runs)), theme().points * 2.4)
        return QRectF(plot.left(), plot.top() + item * height, plot.width(), height)

    def _whole(self) -> float:
        return max((run.seconds for run in self._runs), default=0.0)

    def _x(self, at: float) -> float:
        plot = self._plot()
        return plot.left() + at / max(self._whole(), 1e-9) * plot.width()

    # --- painting -----------------------------------------------------------------------------------------------------

    def paint_rows(self, painter: QPainter) -> None:
        """Paints the axis and the engines."""
        self._paint_axis(painter)
        for item in range(self.count):
            self._paint_engine(painter, item)

    def _paint_axis(self, painter: QPainter) -> None:
        plot, whole = self._plot(), self._whole()
        metrics = QFontMetricsF(painter.font())
        step = step_of(whole * metrics.horizontalAdvance("00.00 s   ") / plot.width())
        bottom = self._row(len(self._runs) - 1).bottom()
        for number in range(int(whole / step) + 1 if whole > 0 else 0):
            x = self._x(number * step)
            painter.setPen(QPen(QColor(palette().line), 1))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, bottom))
            painter.setPen(QColor(palette().muted))
            painter.drawText(QPointF(x + 2, bottom + metrics.ascent() + 1), seconds(number * step) if number else "0")
        painter.setPen(QColor(palette().muted))
        for right, title in zip(self._columns(), (tr("in all"), tr("operations"), tr("memory")), strict=False):
            painter.drawText(QRectF(right - 120, 0, 120, metrics.height() + 2), _RIGHT, title)

    def _paint_engine(self, painter: QPainter, item: int) -> None:
        run, row = self._runs[item], self._row(item)
        chosen = item == self._pointing.current
        if chosen:
            painter.fillRect(QRectF(0, row.top(), self.width(), row.height()), palette().tint(run.engine.paradigm))
        metrics = QFontMetricsF(painter.font())
        painter.setPen(QColor(palette().text if chosen else palette().muted))
        name = metrics.elidedText(run.engine.name, Qt.TextElideMode.ElideRight, row.left() - 14)
        painter.drawText(QRectF(2, row.top(), row.left() - 10, row.height()), _RIGHT, name)
        told = (
            seconds(run.seconds),
            "–" if run.work is None else operations(run.work.flops),
            "–" if run.peak_memory_bytes is None else f"{run.peak_memory_bytes / 1e6:.0f} MB",
        )
        for edge, text in zip(self._columns(), told, strict=False):
            painter.drawText(QRectF(edge - 120, row.top(), 120, row.height()), _RIGHT, text)
        self._paint_stages(painter, run, row)

    def _paint_stages(self, painter: QPainter, run: EngineRun, row: QRectF) -> None:
        ink, ground = palette().paradigm(run.engine.paradigm), QColor(palette().surface)
        thick = max(4.0, row.height() * 0.6)
        for number, stage in enumerate(run.stages):
            colour = blend(ink, ground, 0.35) if number % 2 else ink
            for begin, end, shared in stage.spells:
                left = self._x(begin)
                box = QRectF(left, row.center().y() - thick / 2, max(1.0, self._x(end) - left), thick)
                paint_bar(painter, box, colour, shared=shared)
        painter.setPen(QPen(ground, 1))
        painter.setBrush(QColor(palette().text))
        if run.first_text_seconds is not None:
            x, top = self._x(run.first_text_seconds), row.center().y() - thick / 2 - 2
            painter.drawPolygon(QPolygonF([QPointF(x - 4, top), QPointF(x + 4, top), QPointF(x, top + 6)]))
        if run.first_audio_seconds is not None:
            painter.drawEllipse(QPointF(self._x(run.first_audio_seconds), row.center().y()), 3.5, 3.5)
