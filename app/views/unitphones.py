"""Which phones the units of this speech stand for, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.language import tr
from app.theme import palette, theme
from app.timeline import Span, TimeLine
from app.views.pointing import HOVER_MS
from app.views.timedpaint import SMALL, paint_focus, paint_line
from app.views.tokencolours import token_colour
from app.views.tokens import named, runs
from app.widgets.numbers import share
from engines.contract import Paradigm, TokenStream, UnitPhones

_HINT = tr("Columns are the units of this speech. Rest on one to hear it; arrows go from unit to unit, Enter plays it.")
_ROWS: Final = 34
"""Phones that are shown at most; the rarest are left out."""
_STRIP: Final = 7.0


class UnitPhonesView(QWidget):
    """Phones × units, the stronger the ink the more often a unit was that phone; the units' colours above."""

    def __init__(self, time: TimeLine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.time = time
        self.paradigm: Paradigm = "token"
        self._shown: tuple[object, ...] = ()
        self._units: NDArray[np.int32] = np.zeros(0, np.int32)
        self._phones: tuple[str, ...] = ()
        self._shares: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._places: dict[int, list[Span]] = {}
        self._current: int | None = None
        self._rest = QTimer(self, interval=HOVER_MS, singleShot=True)
        self._rest.timeout.connect(lambda: self._play(pointing=True))
        self.setAccessibleName(tr("Units and phones"))
        self.setAccessibleDescription(_HINT)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme().changed.connect(self.update)

    def show_parts(
        self, found: Sequence[UnitPhones], streams: Sequence[TokenStream] = (), paradigm: Paradigm = "token"
    ) -> None:
        """Shows what units mean.

        Args:
            found: of some stretches of speech, all of one tokeniser.
            streams: where the units occur, so that they can be heard.
            paradigm: of the engine.
        """
        shown = (*found, *streams)
        if len(shown) == len(self._shown) and all(a is b for a, b in zip(shown, self._shown, strict=True)):
            return
        self._shown, self.paradigm = shown, paradigm
        self._units, self._phones, self._shares = matrix(found)
        self._places = places([stream for stream in streams if stream.direction == "in"])
        self._choose(None)

    @property
    def units(self) -> NDArray[np.int32]:
        """The units, as their columns are in order."""
        return self._units

    def told(self, column: int) -> str:
        """What a unit was heard as, and how often it occurs here."""
        unit, shares = int(self._units[column]), self._shares[:, column]
        order = [row for row in np.argsort(-shares, kind="stable")[:4].tolist() if shares[row] >= 0.02]
        heard = ", ".join(f"{named(self._phones[row])} {share(float(shares[row]))}" for row in order)
        times = len(self._places.get(unit, ()))
        here = {0: "", 1: tr(" · occurs here once")}.get(times, tr(" · occurs here {times} times").format(times=times))
        return (
            tr("unit {unit} · ").format(unit=unit)
            + (tr("heard as {heard}").format(heard=heard) if heard else tr("was never heard where phones are known"))
            + here
        )

    # --- painting -----------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Room for some phones."""
        return QSize(480, round(theme().points * 15))

    def minimumSizeHint(self) -> QSize:
        """May be low."""
        return QSize(200, round(theme().points * 9))

    def _plot(self) -> QRectF:
        line = QFontMetricsF(theme().font(SMALL)).height()
        left = theme().points * 6
        return QRectF(
            left, _STRIP + 5, max(10.0, self.width() - left - 8), max(10.0, self.height() - line - _STRIP - 14)
        )

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints the map, the names of the phones, the line and the focus."""
        painter = QPainter(self)
        painter.setFont(theme().font(SMALL))
        painter.fillRect(self.rect(), QColor(palette().surface))
        plot = self._plot()
        if self._shares.size:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            painter.fillRect(plot, QColor(palette().raised))
            painter.drawImage(plot, self._image())
            self._paint_strip(painter, plot)
            self._paint_phones(painter, plot)
            if self._current is not None:
                wide = plot.width() / len(self._units)
                painter.setPen(QPen(QColor(palette().focus), 1.5))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                left = plot.left() + self._current * wide
                painter.drawRect(QRectF(left, 2, max(3.0, wide), plot.bottom() - 2))
        told = _HINT if self._current is None else self.told(self._current)
        paint_line(painter, QRectF(self.rect()), told, strong=self._current is not None)
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()))
        painter.end()

    def _image(self) -> QImage:
        ink = palette().paradigm(self.paradigm)
        alpha = (np.clip(self._shares, 0, 1) ** 0.6 * 255).astype(np.uint32)
        pixels = np.ascontiguousarray((alpha << 24) | (ink.rgb() & 0xFFFFFF), np.uint32)
        rows, columns = pixels.shape
        return QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_ARGB32).copy()

    def _paint_strip(self, painter: QPainter, plot: QRectF) -> None:
        wide = plot.width() / len(self._units)
        for column, unit in enumerate(self._units.tolist()):
            painter.fillRect(QRectF(plot.left() + column * wide, 3, max(1.0, wide), _STRIP), token_colour(unit))

    def _paint_phones(self, painter: QPainter, plot: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        height = plot.height() / len(self._phones)
        every = max(1, int(np.ceil(metrics.height() * 0.9 / height)))
        painter.setPen(QColor(palette().muted))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for row in range(0, len(self._phones), every):
            middle = plot.top() + (row + 0.5) * height
            box = QRectF(0, middle - metrics.height() / 2, plot.left() - 6, metrics.height())
            painter.drawText(box, flags, self._phones[row] or tr("silence"))

    # --- hands --------------------------------------------------------------------------------------------------------

    def _choose(self, column: int | None) -> None:
        self._rest.stop()
        self._current = column
        self.setAccessibleDescription(_HINT if column is None else self.told(column))
        spans = self._places.get(int(self._units[column])) if column is not None else None
        if self.isVisible():
            self.time.set_mark(spans[0] if spans else None)
        self.update()

    def _play(self, *, pointing: bool) -> None:
        if self._current is None:
            return
        spans = self._places.get(int(self._units[self._current]))
        if spans:
            self.time.play_requested.emit(*spans[0], pointing)

    def _under(self, point: QPointF) -> int | None:
        plot = self._plot()
        if not len(self._units) or not plot.adjusted(0, -_STRIP - 4, 0, 0).contains(point):
            return None
        return min(len(self._units) - 1, int((point.x() - plot.left()) / plot.width() * len(self._units)))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Points at a unit; resting there plays it."""
        column = self._under(event.position())
        if column != self._current:
            self._choose(column)
            if column is not None:
                self._rest.start()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Plays the unit."""
        self._choose(self._under(event.position()))
        self._play(pointing=False)

    def leaveEvent(self, _event: QEvent) -> None:
        """Points at nothing."""
        self._choose(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Goes from unit to unit, plays."""
        key, last = Qt.Key(event.key()), len(self._units) - 1
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}
        if key in steps and last >= 0:
            start = -1 if steps[key] > 0 else last + 1
            self._choose(min(last, max(0, (start if self._current is None else self._current) + steps[key])))
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._play(pointing=False)
        else:
            super().keyPressEvent(event)


def matrix(found: Sequence[UnitPhones]) -> tuple[NDArray[np.int32], tuple[str, ...], NDArray[np.float32]]:
    """Units, phones and shares ``(phones, units)`` of some stretches, ordered so that strong ones form a diagonal."""
    columns: dict[int, dict[str, float]] = {}
    for one in found:
        for unit, row in zip(one.units.tolist(), one.shares.tolist(), strict=True):
            columns[unit] = {phone: value for phone, value in zip(one.phones, row, strict=True) if value > 0}
    mass: dict[str, float] = {}
    for shares in columns.values():
        for phone, value in shares.items():
            mass[phone] = mass.get(phone, 0.0) + value
    phones = tuple(sorted(mass, key=lambda phone: -mass[phone])[:_ROWS])
    if not phones:
        return np.array(sorted(columns), np.int32), (), np.zeros((0, len(columns)), np.float32)
    row_of = {phone: row for row, phone in enumerate(phones)}

    def best(unit: int) -> tuple[int, float]:
        shares = columns[unit]
        phone = max(shares, key=shares.__getitem__, default="")
        return row_of.get(phone, len(phones)), -shares.get(phone, 0.0)

    units = sorted(columns, key=best)
    filled = np.array([[columns[unit].get(phone, 0.0) for unit in units] for phone in phones], np.float32)
    return np.array(units, np.int32), phones, filled


def places(streams: Sequence[TokenStream]) -> dict[int, list[Span]]:
    """Where units occur, in seconds, the longest first."""
    found: dict[int, list[Span]] = {}
    for stream in streams:
        for first, behind in runs(stream.ids[0]):
            span = stream.start + first * stream.frame_seconds, stream.start + behind * stream.frame_seconds
            found.setdefault(int(stream.ids[0, first]), []).append(span)
    return {unit: sorted(spans, key=lambda span: span[0] - span[1]) for unit, spans in found.items()}
