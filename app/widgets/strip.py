"""Where the time went: one bar per engine, a segment per stage, all bars on one scale.

Stages come in shades of the paradigm's colour in the order in which they began; the part of a stage that came from
the memo is hatched at its full cost. A tick marks the first text, a note the first sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.language import tr
from app.stagetimes import StageTime
from app.theme import blend, palette, theme
from app.widgets.numbers import seconds
from engines.contract import Paradigm


class _Segment(NamedTuple):
    stage: StageTime
    box: QRectF
    shared: float  # the fraction of it that is hatched, in [0, 1]
    colour: QColor


class StageStrip(QWidget):
    """One engine's bar.

    Args:
        paradigm: gives the colour.
    """

    def __init__(self, paradigm: Paradigm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paradigm = paradigm
        self._stages: tuple[StageTime, ...] = ()
        self._elapsed = 0.0
        self._maximum = 0.0
        self._first_text: float | None = None
        self._first_audio: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Where the time went"))
        theme().changed.connect(self.updateGeometry)
        theme().changed.connect(self.update)

    def set_stages(
        self,
        stages: Sequence[StageTime],
        elapsed: float,
        *,
        first_text: float | None = None,
        first_audio: float | None = None,
    ) -> None:
        """Shows what an engine has spent so far.

        Args:
            stages: in the order in which they began.
            elapsed: engine time so far in seconds; what no stage accounts for is drawn as a thin line.
            first_text: engine time in seconds until the first text.
            first_audio: engine time in seconds until the first sound.
        """
        new = (tuple(stages), elapsed, first_text, first_audio)
        if new == (self._stages, self._elapsed, self._first_text, self._first_audio):
            return
        self._stages, self._elapsed, self._first_text, self._first_audio = new
        self.setAccessibleDescription(self.described())
        self.update()

    def set_scale(self, max_seconds: float) -> None:
        """Sets how many seconds the full width stands for; 0 takes this bar's own length."""
        if max_seconds != self._maximum:
            self._maximum = max_seconds
            self.update()

    def described(self) -> str:
        """The bar in words, for screen readers."""
        parts = [_told(stage) for stage in self._stages]
        if self._first_text is not None:
            parts.append(tr("first text after {seconds}").format(seconds=seconds(self._first_text)))
        if self._first_audio is not None:
            parts.append(tr("first sound after {seconds}").format(seconds=seconds(self._first_audio)))
        return "; ".join(parts)

    def tip_at(self, x: float) -> str:
        """What the tool tip says at a place, x in pixels from the left."""
        for at, what in ((self._first_text, tr("First text")), (self._first_audio, tr("First sound"))):
            if at is not None and abs(self._x(at) - x) <= 4:
                return tr("{what} after {time}").format(what=what, time=seconds(at))
        for segment in self._segments():
            if segment.box.left() <= x <= segment.box.right():
                return _told(segment.stage)
        return tr("{seconds} in all").format(seconds=seconds(self._elapsed)) if self._elapsed > 0 else ""

    def sizeHint(self) -> QSize:
        """A bar of fixed height."""
        return QSize(120, round(theme().points * 1.6))

    def minimumSizeHint(self) -> QSize:
        """May be narrow."""
        return QSize(40, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Shows tool tips."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos().x()), self)
            return True
        return super().event(event)

    def _bar(self) -> QRectF:
        height = max(6.0, theme().points * 0.75)
        return QRectF(0, (self.height() - height) / 2, self.width(), height)

    def _full(self) -> float:
        return max(self._maximum, self._elapsed, sum(stage.seconds for stage in self._stages), 1e-9)

    def _x(self, at: float) -> float:
        return at / self._full() * self.width()

    def _segments(self) -> list[_Segment]:
        colours, base, bar, at = palette(), palette().paradigm(self._paradigm), self._bar(), 0.0
        found: list[_Segment] = []
        spent = sum(stage.seconds for stage in self._stages)
        for index, stage in enumerate(self._stages):
            length = stage.seconds
            if stage.running:
                length += max(0.0, self._elapsed - spent)
            box = QRectF(self._x(at), bar.top(), self._x(length), bar.height())
            shade = blend(base, QColor(colours.surface), (0.0, 0.38, 0.18, 0.52)[index % 4])
            found.append(_Segment(stage, box, min(1.0, stage.shared_seconds / length) if length else 0.0, shade))
            at += length
        return found

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Draws the track, the segments and the marks."""
        colours, bar = palette(), self._bar()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            painter.translate(self.width(), 0)
            painter.scale(-1, 1)
        outline = QPainterPath()
        outline.addRoundedRect(bar, 3, 3)
        painter.setClipPath(outline)
        painter.fillRect(bar, QColor(colours.raised))
        rest = QRectF(0, bar.center().y() - 1, self._x(self._elapsed), 2)
        painter.fillRect(rest, palette().paradigm(self._paradigm))
        for segment in self._segments():
            self._paint_segment(painter, segment)
        painter.setClipping(False)
        self._paint_marks(painter, bar)
        painter.end()

    def _paint_segment(self, painter: QPainter, segment: _Segment) -> None:
        box, surface = segment.box, QColor(palette().surface)
        hatched = QRectF(box.left(), box.top(), box.width() * segment.shared, box.height())
        painter.fillRect(box, segment.colour)
        if hatched.width() > 0:
            painter.fillRect(hatched, surface)
            painter.fillRect(hatched, QBrush(blend(surface, segment.colour, 0.25)))
            painter.save()
            painter.setClipRect(hatched, Qt.ClipOperation.IntersectClip)
            painter.setPen(QPen(palette().paradigm(self._paradigm), 1.2))
            x = hatched.left() - hatched.height()
            while x < hatched.right():
                painter.drawLine(QPointF(x, hatched.bottom()), QPointF(x + hatched.height(), hatched.top()))
                x += 5
            painter.restore()
        if box.left() > 0:
            painter.fillRect(QRectF(box.left() - 0.5, box.top(), 1.5, box.height()), surface)

    def _paint_marks(self, painter: QPainter, bar: QRectF) -> None:
        ink = QColor(palette().text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        if self._first_text is not None:
            x = min(max(self._x(self._first_text), 3.0), self.width() - 3.0)
            painter.drawRect(QRectF(x - 0.75, bar.top() - 2, 1.5, bar.height() + 2))
            top = bar.top() - 2
            painter.drawPolygon(QPolygonF([QPointF(x - 3, top - 2), QPointF(x + 3, top - 2), QPointF(x, top + 2.5)]))
        if self._first_audio is not None:
            x = min(max(self._x(self._first_audio), 3.0), self.width() - 3.0)
            painter.drawRect(QRectF(x - 0.75, bar.top(), 1.5, bar.height() + 2))
            painter.drawEllipse(QPointF(x, bar.bottom() + 2), 2.6, 2.6)


def _told(stage: StageTime) -> str:
    shared = ""
    if stage.shared_seconds >= stage.seconds > 0:
        shared = tr(", shared with another engine: shown at its full cost")
    elif stage.shared:
        shared = tr(", {seconds} of it shared").format(seconds=seconds(stage.shared_seconds))
    return f"{tr(stage.name)} {'…' if stage.running else seconds(stage.seconds)}{shared}"
