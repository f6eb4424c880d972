"""A running recording: its last seconds as bars, where sound was lost, and how loud it is."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.language import tr
from app.levels import CLIPPED, Level
from app.theme import palette, theme
from app.widgets.meter import LevelRow
from app.widgets.wavepaint import paint_gaps

LIVE_SECONDS = 20.0
"""How much of a running recording is in sight."""
_STEP = 0.05
_BARS = round(LIVE_SECONDS / _STEP)


class LiveWave(QWidget):
    """Lies over the waveform while something is recorded, with the level where the times stand otherwise.

    Args:
        parent: the waveform.
    """

    shown = Signal(bool)

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Running recording"))
        self.levels = LevelRow(self)
        self._bars: deque[tuple[float, bool]] = deque(maxlen=_BARS)
        self._gaps = 0
        self._owed = 0.0
        self._peak, self._lost = 0.0, False
        theme().changed.connect(self._place)
        self.hide()

    @property
    def gaps(self) -> tuple[float, ...]:
        """Where sound was lost among what is in sight, in seconds from the left edge."""
        return tuple(index * _STEP for index, (_, lost) in enumerate(self._bars) if lost)

    def begin(self) -> None:
        """Begins anew."""
        self._bars.clear()
        self._gaps, self._owed, self._peak, self._lost = 0, 0.0, 0.0, False
        self.levels.clear()
        self._place()
        self.show()
        self.raise_()
        self.shown.emit(True)

    def end(self) -> None:
        """The recording is over, or something else is shown."""
        if not self.isHidden():
            self.hide()
            self.shown.emit(False)

    def add(self, level: Level) -> None:
        """Adds the latest stretch; one bar stands for a twentieth of a second, however long stretches are."""
        self.levels.show_level(level)
        self._peak = max(self._peak, level.peak)
        self._lost |= level.gaps > self._gaps
        self._gaps = level.gaps
        self._owed += level.seconds
        whole, self._owed = divmod(self._owed + 1e-9, _STEP)
        for _ in range(int(whole)):
            self._bars.append((self._peak, self._lost))
            self._lost = False
        if whole:
            self._peak = level.peak if self._owed > 1e-6 else 0.0
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps the level at the lower edge."""
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        height = self.fontMetrics().height() + 6
        self.levels.setGeometry(6, self.height() - height, max(1, self.width() - 12), height)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Paints the bars, clipped ones in red, and a dashed line where sound was lost."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = palette()
        painter.fillRect(self.rect(), QColor(colours.window))
        plot = QRectF(6, 6, max(1, self.width() - 12), self.levels.y() - 12)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.surface))
        painter.drawRoundedRect(plot.adjusted(-6, -2, 6, 2), 8, 8)
        middle, half, width = plot.center().y(), plot.height() / 2 - 4, plot.width() / _BARS
        for index, (peak, _) in enumerate(self._bars):
            painter.setBrush(QColor(colours.record if peak >= CLIPPED else colours.wave))
            bar = QRectF(plot.left() + index * width, middle - peak * half, max(1.0, width - 1), 2 * peak * half)
            painter.drawRoundedRect(bar.adjusted(0, -0.5, 0, 0.5), 1, 1)
        paint_gaps(painter, colours, plot, [plot.left() + at / LIVE_SECONDS * plot.width() for at in self.gaps])
        painter.end()
