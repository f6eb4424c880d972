"""Speech as discrete tokens: runs of units with their durations, or the lanes of a codec's codebooks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.theme import palette, theme
from app.timeline import TimeLine
from app.views.timed import TimedView
from app.views.timedpaint import SMALL, paint_name
from app.views.tokencolours import token_colour
from app.views.tokenpaint import paint_codebooks
from app.widgets.numbers import seconds, share
from app.widgets.wavepaint import Axis, clock
from engines.contract import Paradigm, TokenStream, UnitPhones

_HINT = tr("Rest on a unit to hear it and to see where else it occurs; arrows go from unit to unit, Enter plays it.")
_SILENT_HINT = tr("Point at a unit to see where else it occurs; arrows go from unit to unit.")
_PLACES = 4
"""Further occurrences that are named."""
_MARKED = 400
"""Further occurrences that are framed at most."""
_FADED = 0.72
"""How much of the card's colour lies over all others while a unit is pointed at."""


class TokensView(TimedView):
    """Runs of equal tokens in the token's colour, as many lanes as codebooks, the durations beneath.

    Args:
        time: the axis that is shared with the waveform.
        heard: whether the tokens are those of the speech on that axis, so that a piece of it can be played.
    """

    def __init__(self, time: TimeLine, parent: QWidget | None = None, *, heard: bool = True) -> None:
        super().__init__(time, tr("Speech as units"), _HINT if heard else _SILENT_HINT, parent)
        self.sounds_by_pointing = heard
        self.paradigm = "token"
        self._parts: tuple[TokenStream, ...] = ()
        self._phones: tuple[UnitPhones, ...] = ()
        self._items: NDArray[np.int64] = np.zeros((0, 3), np.int64)
        """Part, first frame and the one behind the last, of every item."""
        self._ids: NDArray[np.int32] = np.zeros(0, np.int32)

    def show_parts(
        self, parts: Sequence[TokenStream], paradigm: Paradigm = "token", phones: Sequence[UnitPhones] = ()
    ) -> None:
        """Shows the tokens of some stretches of speech, in order of time, all of one tokeniser.

        Args:
            parts: the streams.
            paradigm: of the engine.
            phones: what units mean, for the line beneath.
        """
        self._phones = tuple(phones)
        if len(parts) == len(self._parts) and all(a is b for a, b in zip(parts, self._parts, strict=True)):
            return
        self._parts, self.paradigm = tuple(parts), paradigm
        items = [(number, *run) for number, part in enumerate(parts) for run in runs(part.ids[0])]
        self._items = np.array(items, np.int64).reshape(-1, 3)
        self._ids = np.array([parts[number].ids[0, first] for number, first, _ in items], np.int32)
        spans = [
            (
                parts[number].start + first * parts[number].frame_seconds,
                parts[number].start + behind * parts[number].frame_seconds,
            )
            for number, first, behind in items
        ]
        self.set_items(np.array(spans, np.float64).reshape(-1, 2))

    # --- told ---------------------------------------------------------------------------------------------------------

    def told(self, item: int) -> str:
        """Time, token, how long, what it was heard as, and where else it occurs."""
        number, first, behind = self._items[item].tolist()
        part, token = self._parts[number], int(self._ids[item])
        start, end = self.span(item)
        told = [clock(start, 0.01)]
        if token < 0:
            return " · ".join([*told, tr("{behind} lost frames").format(behind=behind - first), seconds(end - start)])
        if len(part.sizes) == 1:
            told.append(tr("unit {unit}").format(unit=token))
        else:
            told.append(tr("tokens {ids}").format(ids=" ".join(str(int(one)) for one in part.ids[:, first])))
        frames = behind - first
        told.append(
            tr("{frames} frames, {seconds}").format(frames=frames, seconds=seconds(end - start))
            if frames > 1
            else seconds(end - start)
        )
        meant = self._meaning(token)
        if meant:
            told.append(meant)
        others = [self.span(int(other))[0] for other in self.occurrences(item) if other != item]
        if others:
            named = ", ".join(clock(at, 0.1) for at in others[:_PLACES]) + (" …" if len(others) > _PLACES else "")
            times = tr("once more") if len(others) == 1 else tr("{others} more times").format(others=len(others))
            told.append(tr("occurs {times}: {named}").format(times=times, named=named))
        else:
            told.append(tr("occurs nowhere else in this speech"))
        return " · ".join(told)

    def occurrences(self, item: int) -> NDArray[np.int64]:
        """The items with the same token of the first codebook, this one among them."""
        return np.flatnonzero(self._ids == self._ids[item])

    def _meaning(self, token: int) -> str:
        for found in self._phones:
            place = np.flatnonzero(found.units == token)
            if place.size and found.shares[place[0]].sum() > 0:
                shares = found.shares[place[0]]
                best = [phone for phone in np.argsort(-shares, kind="stable")[:2].tolist() if shares[phone] >= 0.1]
                return (
                    tr("mostly {phones}").format(
                        phones=", ".join(f"{named(found.phones[p])} {share(float(shares[p]))}" for p in best)
                    )
                    if best
                    else ""
                )
        return ""

    # --- painting -----------------------------------------------------------------------------------------------------

    def _bands(self, axis: Axis) -> tuple[QRectF, QRectF]:
        """Boxes of the lanes and of the durations; codecs have no durations."""
        plot = axis.plot
        if not self._joined():
            return plot, QRectF(plot.left(), plot.bottom(), plot.width(), 0)
        lanes = QRectF(plot.left(), plot.top(), plot.width(), max(14.0, plot.height() * 0.55))
        top = lanes.bottom() + 6
        return lanes, QRectF(plot.left(), top, plot.width(), max(4.0, plot.bottom() - top))

    def _joined(self) -> bool:
        return any(part.durations is not None for part in self._parts)

    def paint_evidence(self, painter: QPainter, axis: Axis) -> None:
        """Paints what is in sight of every stretch."""
        lanes, bars = self._bands(axis)
        painter.setPen(QColor(palette().muted))
        count = max((len(part.sizes) for part in self._parts), default=1)
        height = lanes.height() / count
        metrics = QFontMetricsF(painter.font())
        every = max(1, int(np.ceil(metrics.height() / height)))
        for lane in range(0, count, every):
            paint_name(
                painter,
                axis,
                lanes.top() + (lane + 0.5) * height,
                tr("units") if count == 1 else tr("book {number}").format(number=lane + 1),
            )
        if bars.height():
            paint_name(painter, axis, bars.center().y(), tr("frames"))
        painter.setClipRect(axis.plot)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for part in self._parts:
            if len(part.sizes) > 1:
                box = QRectF(lanes.left(), lanes.top(), lanes.width(), height * len(part.sizes))
                paint_codebooks(painter, axis, part, box, self.devicePixelRatioF())
        self._paint_runs(painter, axis, lanes, bars)
        painter.setClipping(False)

    def _paint_runs(self, painter: QPainter, axis: Axis, lanes: QRectF, bars: QRectF) -> None:
        single = all(len(part.sizes) == 1 for part in self._parts)
        seen = self.in_sight()
        if not single and not bars.height():
            return
        metrics = QFontMetricsF(painter.font())
        longest = int((self._items[seen, 2] - self._items[seen, 1]).max(initial=1))
        for item in seen.tolist():
            start, end = self.span(item)
            left, right = axis.x(start), axis.x(end)
            token = int(self._ids[item])
            colour = token_colour(token)
            width = right - left
            gap = 1.0 if width >= 3 else 0.0
            if single:
                painter.fillRect(QRectF(left, lanes.top(), max(1.0, width - gap), lanes.height()), colour)
                self._write(painter, QRectF(left, lanes.top(), width, lanes.height()), str(token), metrics)
            if bars.height():
                frames = int(self._items[item, 2] - self._items[item, 1])
                tall = bars.height() * frames / longest
                box = QRectF(left, bars.bottom() - tall, max(1.0, width - gap), tall)
                painter.fillRect(box, colour)
                if tall > metrics.height() and frames > 1:
                    self._write(painter, box, str(frames), metrics)

    def _write(self, painter: QPainter, box: QRectF, text: str, metrics: QFontMetricsF) -> None:
        if metrics.horizontalAdvance(text) + 3 <= box.width() and not text.startswith("-"):
            painter.setPen(QColor("#101114"))  # on a token's colour, which is of middling lightness in both appearances
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def paint_item(self, painter: QPainter, axis: Axis, item: int) -> None:
        """Fades everything but the occurrences of the token, and frames this one."""
        lanes, bars = self._bands(axis)
        painter.setClipRect(axis.plot)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        veil = QColor(palette().surface)
        veil.setAlphaF(_FADED)
        seen = self.in_sight()
        same = set(self.occurrences(item).tolist()) if len(seen) <= _MARKED * 5 else set()
        edges = sorted((self.span(i) for i in seen.tolist() if i in same), key=lambda span: span[0])[:_MARKED]
        begin = lanes.left()
        for start, end in edges:
            painter.fillRect(QRectF(begin, axis.plot.top(), max(0.0, axis.x(start) - begin), axis.plot.height()), veil)
            begin = axis.x(end)
        painter.fillRect(QRectF(begin, axis.plot.top(), max(0.0, lanes.right() - begin), axis.plot.height()), veil)
        start, end = self.span(item)
        painter.setPen(QPen(QColor(palette().focus), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        bottom = bars.bottom() if bars.height() else lanes.bottom()
        left, right = axis.x(start), axis.x(end)
        painter.drawRect(QRectF(left, lanes.top() + 1, max(3.0, right - left), bottom - lanes.top() - 2))
        painter.setFont(theme().font(SMALL))


def runs(ids: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Stretches of equal ids: first frame, and the one behind the last."""
    if not ids.size:
        return []
    edges = np.concatenate([[0], np.flatnonzero(np.diff(ids)) + 1, [ids.size]])
    return list(pairwise(edges.tolist()))


def named(phone: str) -> str:
    """A phone as it is written: in brackets, silence in words."""
    return f"[{phone}]" if phone else tr("silence")
