"""A run's stages one below the other over the engine's own time, with the operations of each beside it.

What came from the memo is hatched and stands at its full cost; a wedge on top marks the first text, a note the first
sound. Arrows go from stage to stage, a click pins one, Escape lets it go; the line beneath tells about it.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.comparison import EngineRun
from app.language import tr
from app.stagetimes import StageTime
from app.theme import blend, palette, theme
from app.views.rowed import RowedView
from app.views.table import Table
from app.views.timedpaint import SMALL
from app.widgets.numbers import operations, seconds, share

_HINT = tr("Point at a stage for its figures; what another engine had done already is hatched.")
_NAME = tr("Time and work per stage")


class WaterfallView(RowedView):
    """Stages over engine time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_NAME, _HINT, parent)
        self._run: EngineRun | None = None

    @property
    def count(self) -> int:
        """How many stages there are."""
        return len(self._run.stages) if self._run is not None else 0

    def show_run(self, run: EngineRun) -> None:
        """Shows a run's stages and its marks."""
        if self._run is None or run.engine.id != self._run.engine.id or len(run.stages) < len(self._run.stages):
            self._pointing.forget()
        self._run = run
        self._changed()

    def told(self, item: int) -> str:
        """What the line beneath says about a stage."""
        assert self._run is not None
        stage, run = self._run.stages[item], self._run
        parts = [f"{tr(stage.name)}: {seconds(stage.seconds)}"]
        if run.seconds > 0:
            parts.append(tr("{seconds} of the time").format(seconds=share(stage.seconds / run.seconds)))
        if stage.shared:
            parts.append(tr("{seconds} of it shared with another engine").format(seconds=seconds(stage.shared_seconds)))
        if len(stage.spells) > 1:
            parts.append(tr("in {spells} spells").format(spells=len(stage.spells)))
        work = run.work.of(stage.name) if run.work is not None else None
        if work is not None:
            parts.append(operations(work.flops) + (tr(" and more that cannot be counted") if work.unknown else ""))
            if stage.seconds > 0 and work.flops > 0:
                parts.append(tr("{operations} a second").format(operations=operations(work.flops / stage.seconds)))
            if work.positions:
                parts.append(tr("{positions} places of the language model").format(positions=work.positions))
        return ", ".join(parts) + "."

    def table(self) -> Table:
        """A row per stage, and one for the whole."""
        head = ("stage", "seconds", "shared_s", "begin_s", "end_s", "flop", "shared_flop", "llm_places", "memory_bytes")
        run = self._run
        if run is None:
            return Table(head, ())
        rows = []
        for stage in run.stages:
            work = run.work.of(stage.name) if run.work is not None else None
            span = (f"{stage.spells[0][0]:.4f}", f"{stage.spells[-1][1]:.4f}") if stage.spells else ("", "")
            counted = (f"{work.flops:.0f}", f"{work.shared_flops:.0f}", str(work.positions)) if work else ("", "", "")
            rows.append((stage.name, f"{stage.seconds:.4f}", f"{stage.shared_seconds:.4f}", *span, *counted, ""))
        shared = sum(stage.shared_seconds for stage in run.stages)
        whole = ("", "", "")
        if run.work is not None:
            saved = sum(one.shared_flops for one in run.work.stages)
            whole = (f"{run.work.flops:.0f}", f"{saved:.0f}", str(run.work.positions))
        memory = "" if run.peak_memory_bytes is None else str(run.peak_memory_bytes)
        rows.append(("total", f"{run.seconds:.4f}", f"{shared:.4f}", "0.0000", f"{run.seconds:.4f}", *whole, memory))
        return Table(head, rows)

    # --- where things lie ---------------------------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        """May be low."""
        return QSize(200, round(theme().points * 9))

    def _plot(self) -> QRectF:
        points = theme().points
        left, right = points * 9, points * (9 if self.width() > points * 45 else 0.8)
        line = QFontMetricsF(theme().font(SMALL)).height()
        return QRectF(left, line + 4, max(20.0, self.width() - left - right), max(20.0, self.height() - 3 * line - 14))

    def _row(self, item: int) -> QRectF:
        plot = self._plot()
        assert self._run is not None
        height = min(plot.height() / max(1, len(self._run.stages)), theme().points * 2.4)
        return QRectF(plot.left(), plot.top() + item * height, plot.width(), height)

    def _x(self, at: float) -> float:
        plot = self._plot()
        whole = self._run.seconds if self._run is not None else 0.0
        return plot.left() + at / max(whole, 1e-9) * plot.width()

    # --- painting -----------------------------------------------------------------------------------------------------

    def paint_rows(self, painter: QPainter) -> None:
        """Paints the axis, the stages and the marks."""
        assert self._run is not None
        self._paint_axis(painter)
        for row, stage in enumerate(self._run.stages):
            self._paint_stage(painter, row, stage)
        self._paint_marks(painter)

    def _paint_axis(self, painter: QPainter) -> None:
        plot, run = self._plot(), self._run
        assert run is not None
        metrics = QFontMetricsF(painter.font())
        step = step_of(run.seconds * metrics.horizontalAdvance("00.00 s   ") / plot.width())
        for number in range(int(run.seconds / step) + 1 if run.seconds > 0 else 0):
            x = self._x(number * step)
            painter.setPen(QPen(QColor(palette().line), 1))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            painter.setPen(QColor(palette().muted))
            text = seconds(number * step) if number else "0"
            painter.drawText(QPointF(x + 2, plot.bottom() + metrics.ascent() + 1), text)

    def _paint_stage(self, painter: QPainter, item: int, stage: StageTime) -> None:
        assert self._run is not None
        row, run, ink = self._row(item), self._run, palette().paradigm(self._run.engine.paradigm)
        chosen = item == self._pointing.current
        if chosen:
            painter.fillRect(QRectF(0, row.top(), self.width(), row.height()), palette().tint(run.engine.paradigm))
        metrics = QFontMetricsF(painter.font())
        painter.setPen(QColor(palette().text if chosen else palette().muted))
        name = metrics.elidedText(tr(stage.name), Qt.TextElideMode.ElideRight, row.left() - 14)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(
            QRectF(2, row.top(), row.left() - 10, row.height()), Qt.AlignmentFlag.AlignRight | middle, name
        )
        spells = stage.spells
        if stage.running:
            began = max((end for other in run.stages for _, end, _ in other.spells), default=0.0)
            spells = (*spells, (began, run.seconds, False))
        thick = max(4.0, row.height() * 0.62)
        for begin, end, shared in spells:
            left, right = self._x(begin), self._x(end)
            box = QRectF(left, row.center().y() - thick / 2, max(1.5, right - left), thick)
            paint_bar(painter, box, ink, shared=shared)
        work = run.work.of(stage.name) if run.work is not None else None
        beside = self._plot().right() + 8
        if work is not None and self.width() - beside > theme().points * 5:
            painter.setPen(QColor(palette().text if chosen else palette().muted))
            box = QRectF(beside, row.top(), self.width() - beside - 6, row.height())
            told = operations(work.flops) + (" +?" if work.unknown or work.incomplete else "")
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | middle, told)

    def _paint_marks(self, painter: QPainter) -> None:
        run, plot, ink = self._run, self._plot(), QColor(palette().text)
        assert run is not None
        metrics = QFontMetricsF(painter.font())
        for at, name in ((run.first_text_seconds, tr("first text")), (run.first_audio_seconds, tr("first sound"))):
            if at is None:
                continue
            x = self._x(at)
            painter.setPen(QPen(ink, 1.2, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            if at == run.first_text_seconds:
                top = plot.top() - 4
                painter.drawPolygon(QPolygonF([QPointF(x - 4, top), QPointF(x + 4, top), QPointF(x, top + 6)]))
            else:
                painter.drawEllipse(QPointF(x, plot.top() - 1), 3, 3)
            painter.setPen(ink)
            label = f"{name} {seconds(at)}"
            wide = metrics.horizontalAdvance(label)
            left = x + 6 if x + 6 + wide < plot.right() else x - 6 - wide
            painter.drawText(QPointF(left, plot.top() - 5), label)


def paint_bar(painter: QPainter, box: QRectF, ink: QColor, *, shared: bool) -> None:
    """Paints a stretch of work; what another engine had done already is hatched."""
    if not shared:
        painter.fillRect(box, ink)
        return
    painter.fillRect(box, blend(QColor(palette().surface), ink, 0.15))
    painter.fillRect(box, QBrush(ink, Qt.BrushStyle.BDiagPattern))
    painter.setPen(QPen(ink, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box)


def step_of(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below ``least``."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * 0.999)
