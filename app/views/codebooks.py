"""How evenly codebooks are used in the speech at hand, and what of them is not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.language import tr
from app.theme import palette, theme
from app.views.timedpaint import SMALL, paint_focus, paint_line
from app.widgets.numbers import share
from engines.contract import Paradigm, TokenStream

_HINT = tr("Bars: the tokens of a codebook, most used first. Point at a codebook, or use the arrows, for its figures.")
_LISTENING = tr(" Click it, or press Enter, to hear the speech from the first codebooks up to it.")
_LEFT, _RIGHT = 9.0, 23.0
"""Room for names and figures, in text sizes."""


@dataclass(frozen=True)
class Use:
    """How a codebook is used.

    Attributes:
        name: of the tokeniser.
        book: of it, from 0.
        books: that it has.
        counts: ``(size,)`` how often each token occurs.
    """

    name: str
    book: int
    books: int
    counts: NDArray[np.int64]

    @property
    def label(self) -> str:
        """For people."""
        return tr("book {number}").format(number=self.book + 1) if self.books > 1 else self.name

    @property
    def total(self) -> int:
        """Frames."""
        return int(self.counts.sum())

    @property
    def used(self) -> int:
        """Tokens that occur."""
        return int((self.counts > 0).sum())

    @property
    def entropy(self) -> float:
        """In bits."""
        shares = self.counts[self.counts > 0] / max(self.total, 1)
        return float(-(shares * np.log2(shares)).sum()) + 0.0

    @property
    def most(self) -> float:
        """Bits that it could have at most: those of its size, or of the number of frames if they are fewer."""
        return math.log2(max(1, min(self.counts.size, self.total)))


def uses(parts: Sequence[TokenStream]) -> list[Use]:
    """The use of every codebook in some streams; lost frames do not count.

    Of a tokeniser whose tokens both came in and were written those that came in are looked at.
    """
    parts = looked_at(parts)
    books = {part.name: len(part.sizes) for part in parts}
    found: dict[tuple[str, int], NDArray[np.int64]] = {}
    for part in parts:
        for book, (row, size) in enumerate(zip(part.ids, part.sizes, strict=True)):
            counts = np.bincount(row[row >= 0], minlength=size)[:size].astype(np.int64)
            known = found.get((part.name, book))
            found[part.name, book] = counts if known is None or known.size != size else known + counts
    return [Use(name, book, books[name], counts) for (name, book), counts in found.items()]


def looked_at(parts: Sequence[TokenStream]) -> list[TokenStream]:
    """The streams that came in, and those written by tokenisers of which none came in."""
    came = {part.name for part in parts if part.direction == "in"}
    return [part for part in parts if part.direction == "in" or part.name not in came]


class CodebooksView(QWidget):
    """A row per codebook: its tokens by use, and figures to the right."""

    listened = Signal(object, int)
    """Streams of a codec, in order, and how many of its first codebooks somebody wants to hear."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.paradigm: Paradigm = "token"
        self._uses: list[Use] = []
        self._shown: tuple[TokenStream, ...] = ()
        self._current: int | None = None
        self.setAccessibleName(tr("Use of the codebooks"))
        self.setAccessibleDescription(_HINT)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme().changed.connect(self.update)

    def show_parts(self, parts: Sequence[TokenStream], paradigm: Paradigm = "token") -> None:
        """Shows the codebooks of some streams."""
        if len(parts) == len(self._shown) and all(a is b for a, b in zip(parts, self._shown, strict=True)):
            return
        self._shown, self.paradigm = tuple(parts), paradigm
        self._uses = uses(parts)
        self._choose(None)

    @property
    def shown(self) -> list[Use]:
        """The rows."""
        return self._uses

    def told(self, row: int) -> str:
        """All figures of a codebook in words."""
        use = self._uses[row]
        dead = use.counts.size - use.used
        top = np.argsort(-use.counts, kind="stable")[:3]
        most = ", ".join(f"{int(t)} ({share(use.counts[t] / max(use.total, 1))})" for t in top if use.counts[t])
        return tr(
            "{label}: {used} of {size} tokens occur, {dead} do not; entropy {entropy:.2f} "
            "of at most {most:.2f} bits over {total} frames, as if {value:.0f} tokens were "
            "used evenly; most often {most2}"
        ).format(
            label=use.label,
            used=use.used,
            size=use.counts.size,
            dead=dead,
            entropy=use.entropy,
            most=use.most,
            total=use.total,
            value=2**use.entropy,
            most2=most,
        )

    # --- painting -----------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Room for eight rows."""
        return QSize(480, round(theme().points * 15))

    def minimumSizeHint(self) -> QSize:
        """May be low."""
        return QSize(200, round(theme().points * 9))

    def _rows(self) -> list[QRectF]:
        metrics = QFontMetricsF(theme().font(SMALL))
        height = self.height() - metrics.height() - 10
        each = min(height / max(1, len(self._uses)), theme().points * 7)
        return [QRectF(0, 2 + row * each, self.width(), each) for row in range(len(self._uses))]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints rows, the line and the focus."""
        painter = QPainter(self)
        painter.setFont(theme().font(SMALL))
        painter.fillRect(self.rect(), QColor(palette().surface))
        for row, box in enumerate(self._rows()):
            self._paint_row(painter, self._uses[row], box, strong=row == self._current)
        around = QRectF(self.rect())
        current = self._current
        paint_line(painter, around, self._hint() if current is None else self.told(current), strong=current is not None)
        if self.hasFocus():
            paint_focus(painter, around)
        painter.end()

    def _paint_row(self, painter: QPainter, use: Use, box: QRectF, *, strong: bool) -> None:
        colours, points = palette(), theme().points
        metrics = QFontMetricsF(painter.font())
        name = QRectF(2, box.top(), points * _LEFT - 8, box.height())
        wide = self.width() > points * 60
        figures = QRectF(box.right() - points * _RIGHT, box.top(), points * _RIGHT - 6, box.height())
        plot = QRectF(
            points * _LEFT,
            box.top() + 3,
            (figures.left() if wide else box.right()) - points * _LEFT - 12,
            box.height() - 6,
        )
        painter.setPen(QColor(colours.text if strong else colours.muted))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        shown = metrics.elidedText(use.label, Qt.TextElideMode.ElideRight, name.width())
        painter.drawText(name, flags, shown)
        if wide:
            told = tr("{used} of {size} used · {entropy:.2f} of {most:.2f} bits").format(
                used=use.used, size=use.counts.size, entropy=use.entropy, most=use.most
            )
            painter.drawText(figures, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, told)
        self._paint_bars(painter, use, plot)
        if strong:
            painter.setPen(QPen(QColor(colours.focus), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(plot.adjusted(-2, -2, 2, 2))

    def _paint_bars(self, painter: QPainter, use: Use, plot: QRectF) -> None:
        """Bars from the most used to those that do not occur, which are left as ground."""
        colours = palette()
        painter.fillRect(plot, QColor(colours.raised))
        if not use.total or plot.width() < 2:
            return
        ordered = -np.sort(-use.counts)
        columns = max(1, min(ordered.size, int(plot.width())))
        edges = np.linspace(0, ordered.size, columns + 1).astype(int)
        heights = np.maximum.reduceat(ordered, edges[:-1]) / ordered[0]
        ink = palette().paradigm(self.paradigm)
        for column, height in enumerate(heights.tolist()):
            if height > 0:
                left = plot.left() + column * plot.width() / columns
                tall = max(1.5, height**0.5 * plot.height())
                painter.fillRect(QRectF(left, plot.bottom() - tall, max(1.0, plot.width() / columns - 0.3), tall), ink)
        end = plot.left() + plot.width() * use.used / use.counts.size
        if use.used < use.counts.size:
            painter.setPen(QPen(QColor(colours.muted), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(end, plot.top()), QPointF(end, plot.bottom()))

    # --- hands --------------------------------------------------------------------------------------------------------

    def _hint(self) -> str:
        return _HINT + (_LISTENING if any(use.books > 1 for use in self._uses) else "")

    def listen(self, row: int) -> None:
        """Asks for the speech from the first codebooks up to that of a row; units alone are no sound."""
        use = self._uses[row]
        if use.books > 1:
            self.listened.emit([part for part in looked_at(self._shown) if part.name == use.name], use.book + 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Plays up to a codebook."""
        row = next((row for row, box in enumerate(self._rows()) if box.contains(event.position())), None)
        if row is not None and event.button() == Qt.MouseButton.LeftButton:
            self.listen(row)
        super().mousePressEvent(event)

    def _choose(self, row: int | None) -> None:
        self._current = row
        self.setAccessibleDescription(self._hint() if row is None else self.told(row))
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Points at a codebook."""
        rows = self._rows()
        self._choose(next((row for row, box in enumerate(rows) if box.contains(event.position())), None))

    def leaveEvent(self, _event: QEvent) -> None:
        """Points at none."""
        self._choose(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Goes from codebook to codebook; Enter plays up to one."""
        if self._current is not None and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.listen(self._current)
            return
        last, current = len(self._uses) - 1, self._current
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Left: -1}
        step = steps.get(Qt.Key(event.key()))
        if step is None or last < 0:
            super().keyPressEvent(event)
            return
        self._choose((0 if step > 0 else last) if current is None else min(last, max(0, current + step)))
