"""How loud it is, for eyes and for screen readers: a bar, figures in dBFS, and a sentence where something is amiss."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from app.language import tr
from app.levels import CLIPPED, FLOOR_DB, HIGH_DB, Judge, Level, Verdict, decibel
from app.theme import palette, theme
from app.widgets.elided import ElidedLabel

BOTTOM_DB = -60.0
"""Where the bar begins."""
_HOLD_SECONDS = 1.5


class LevelMeter(QWidget):
    """A bar from −60 to 0 dBFS: filled to the RMS, with a line at the last moments' peak; red when it clips."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Level"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._rms = self._peak = BOTTOM_DB
        self._age = 0.0
        theme().changed.connect(self.update)

    @property
    def peak(self) -> float:
        """The peak that is shown, in dBFS."""
        return self._peak

    def clear(self) -> None:
        """Begins anew."""
        self._rms = self._peak = BOTTOM_DB
        self._age = 0.0
        self.update()

    def show_level(self, level: Level) -> None:
        """Shows the next level; a peak is held for a moment."""
        peak = decibel(level.peak)
        self._age += level.seconds
        if peak >= self._peak or self._age > _HOLD_SECONDS:
            self._peak, self._age = peak, 0.0
        self._rms = decibel(level.rms)
        self.update()

    def sizeHint(self) -> QSize:
        """Wide enough to read 2 dB off."""
        return QSize(150, 12)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Draws track, marks at −3 dBFS, RMS and peak."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = palette()
        track = QRectF(0.5, 1.5, self.width() - 1, self.height() - 3)
        painter.setPen(QColor(colours.line))
        painter.setBrush(QColor(colours.raised))
        painter.drawRoundedRect(track, 3, 3)
        clips = self._peak >= decibel(CLIPPED)
        tint = colours.error if clips else colours.warning if self._peak > HIGH_DB else colours.good
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tint))
        filled = QRectF(track)
        filled.setWidth(track.width() * _share(self._rms))
        if filled.width() > 1:
            painter.drawRoundedRect(filled, 3, 3)
        if self._peak > BOTTOM_DB:
            x = track.left() + track.width() * _share(self._peak)
            painter.fillRect(QRectF(min(x, track.right() - 2), track.top(), 2, track.height()), QColor(colours.text))
        painter.end()


class LevelRow(QWidget):
    """Meter, figures, what is amiss, and how often sound was lost.

    Args:
        parent: where it stands.
        praises: whether a good level is told as well.
    """

    def __init__(self, parent: QWidget | None = None, *, praises: bool = False) -> None:
        super().__init__(parent)
        self._praises = praises
        self.meter = LevelMeter()
        self.figures = QLabel()
        self.hint = ElidedLabel()
        self.hint.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.lost = QLabel()
        self.lost.setProperty("tone", "error")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.meter)
        row.addWidget(self.figures)
        row.addWidget(self.hint, 1)
        row.addWidget(self.lost)
        self._verdict = Verdict.WAITING
        self._since = 1.0
        theme().changed.connect(self._dress)
        self.clear()

    @property
    def verdict(self) -> Verdict:
        """What is said now."""
        return self._verdict

    def clear(self) -> None:
        """Begins anew."""
        self._judge = Judge()
        self._since = 1.0
        self.meter.clear()
        self.lost.clear()
        self.figures.setText(_figures(FLOOR_DB, FLOOR_DB))
        self._say(Verdict.WAITING)
        self._dress()

    def show_level(self, level: Level) -> None:
        """Shows the next level; figures change five times a second, so that they can be read."""
        self.meter.show_level(level)
        self._since += level.seconds
        if self._since >= 0.2:
            self._since = 0.0
            text = _figures(self.meter.peak, decibel(level.rms))
            self.figures.setText(text)
            self.meter.setAccessibleDescription(text)
        self._say(self._judge.hear(level))
        if level.gaps:
            self.lost.setText(tr("sound lost {gaps}×").format(gaps=level.gaps))

    def _say(self, verdict: Verdict) -> None:
        if verdict is self._verdict:
            return
        self._verdict = verdict
        text = verdict.value if verdict.bad or self._praises else ""
        self.hint.setText(text)
        self.hint.setToolTip(text)
        self.setAccessibleName(text)
        tone = "error" if verdict.bad else "muted"
        if tone != self.hint.property("tone"):
            self.hint.setProperty("tone", tone)
            self.hint.style().unpolish(self.hint)
            self.hint.style().polish(self.hint)
        if verdict.bad:
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _dress(self) -> None:
        self.figures.setFont(theme().font(0.88, fixed=True))
        widest = self.figures.fontMetrics().horizontalAdvance(_figures(-88.0, -88.0)) + 6
        self.figures.setFixedWidth(widest)


def _figures(peak: float, rms: float) -> str:
    """Both levels for people; silence has none."""
    return tr("peak {db} · RMS {db2} dBFS").format(db=_db(peak), db2=_db(rms))


def _db(value: float) -> str:
    return " −∞" if value <= FLOOR_DB + 20 else f"{round(value):3d}".replace("-", "−")


def _share(decibels: float) -> float:
    """How far along the bar a level is, in [0, 1]."""
    return min(1.0, max(0.0, 1 - decibels / BOTTOM_DB))
