"""How strong engines are by the votes: a bar with its interval per engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.language import tr
from app.theme import palette, theme
from engines.contract import Paradigm
from engines.evaluation.preference import Strength


class StrengthsView(QWidget):
    """Strongest first; the dot is the score, the line its 95 % interval, the middle an average engine."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Strengths by the votes"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._found: tuple[Strength, ...] = ()
        self._names: Mapping[str, tuple[str, Paradigm]] = {}
        theme().changed.connect(self.updateGeometry)

    def show_strengths(self, found: Sequence[Strength], names: Mapping[str, tuple[str, Paradigm]]) -> None:
        """Shows strengths.

        Args:
            found: strongest first.
            names: name and paradigm by engine; engines that are not there any more keep their ids.
        """
        self._found, self._names = tuple(found), names
        self.setAccessibleDescription("; ".join(f"{self._name(one)}: {told(one)}" for one in found))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """A line per engine, one for the scale."""
        return QSize(520, round(self._line() * (len(self._found) + 1.3)))

    def minimumSizeHint(self) -> QSize:
        """As tall as it has to be."""
        return QSize(360, self.sizeHint().height())

    def _line(self) -> float:
        return QFontMetricsF(theme().font()).height() * 1.7

    def _name(self, one: Strength) -> str:
        return self._names.get(one.engine, (one.engine, "baseline"))[0]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints all lines."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme().font())
        metrics, colours, line = QFontMetricsF(painter.font()), palette(), self._line()
        names = max((metrics.horizontalAdvance(self._name(one)) for one in self._found), default=0.0) + 14
        figures = metrics.horizontalAdvance("100 % (100–100), 999 : 999 : 999") + 14
        track = QRectF(names, 0, max(60.0, self.width() - names - figures), line * len(self._found))
        painter.setPen(QPen(QColor(colours.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(track.center().x(), 2), QPointF(track.center().x(), track.bottom()))
        for row, one in enumerate(self._found):
            middle = (row + 0.5) * line
            ink = colours.paradigm(self._names.get(one.engine, ("", "baseline"))[1])
            box = QRectF(0, row * line, names - 10, line)
            aside = Qt.AlignmentFlag.AlignVCenter
            painter.setPen(QColor(colours.text))
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | aside, self._name(one))
            painter.setPen(QPen(QColor(colours.line), 1))
            painter.drawLine(QPointF(track.left(), middle), QPointF(track.right(), middle))
            painter.setPen(QPen(ink, 4, c=Qt.PenCapStyle.RoundCap))
            low, high, at = (track.left() + value * track.width() for value in (one.low, one.high, one.score))
            painter.drawLine(QPointF(low, middle), QPointF(high, middle))
            painter.setBrush(ink)
            painter.drawEllipse(QPointF(at, middle), 4.5, 4.5)
            painter.setPen(QColor(colours.muted))
            box = QRectF(track.right() + 14, row * line, figures, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | aside, told(one))
        painter.setPen(QColor(colours.muted))
        foot = QRectF(track.left(), track.bottom(), track.width(), line)
        for flag, text in (
            (Qt.AlignmentFlag.AlignLeft, "0 %"),
            (Qt.AlignmentFlag.AlignHCenter, "50 %"),
            (Qt.AlignmentFlag.AlignRight, "100 %"),
        ):
            painter.drawText(foot, flag | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


def told(one: Strength) -> str:
    """Score, interval, and votes won, tied and lost: ``62 % (40–81), 5 : 1 : 2``."""
    interval = f"{100 * one.low:.0f}–{100 * one.high:.0f}"
    return f"{100 * one.score:.0f} % ({interval}), {one.wins} : {one.ties} : {one.losses}"
