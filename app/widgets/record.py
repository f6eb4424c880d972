"""The record button: starts and stops, and shows level, clipping and elapsed time while it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QWidget

from app.icons import icon
from app.language import tr
from app.theme import palette, theme
from app.widgets.wavepaint import clock

FLOOR_DB = -54.0
"""Level in dB of full scale at which the meter begins."""


@dataclass(frozen=True)
class Wording:
    """What a record button is called.

    Attributes:
        text: while nothing runs.
        symbol: the icon's name.
        begin: what it does, for a screen reader.
        end: what it does while it runs.
        begin_tip: its tool tip.
        end_tip: the same while it runs.
    """

    text: str
    symbol: str
    begin: str
    end: str
    begin_tip: str
    end_tip: str


RECORD = Wording(
    tr("Record"),
    "record",
    tr("Record from the microphone"),
    tr("Stop recording"),
    tr("Record (Ctrl+R)"),
    tr("Stop and keep the recording (Ctrl+R)"),
)
LIVE = Wording(
    tr("Live"),
    "live",
    tr("Let the engines write while you speak"),
    tr("Stop listening"),
    tr("Speak, and every engine that you chose writes along (Ctrl+L)"),
    tr("Stop listening and keep the recording (Ctrl+L)"),
)


class RecordButton(QPushButton):
    """A checkable button; ``toggled(True)`` starts a recording.

    Args:
        wording: what it is called.
    """

    def __init__(self, wording: Wording = RECORD, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wording = wording
        self.setCheckable(True)
        self.setProperty("look", "record")
        self._level = 0.0
        self._clips = False
        self.toggled.connect(lambda _: self.refresh())
        theme().changed.connect(self._dress)
        self.refresh()

    def show_level(self, peak: float, seconds: float) -> None:
        """Shows the latest peak in [0, 1] and the elapsed time; a clipped peak stays marked until the end."""
        decibel = 20 * math.log10(max(peak, 1e-6))
        self._level = min(1.0, max(0.0, 1 - decibel / FLOOR_DB))
        self._clips = self._clips or peak >= 0.999
        text = tr("Stop  {clock}").format(clock=clock(seconds))
        if text != self.text():
            self.setText(text)
        self.update()

    def sizeHint(self) -> QSize:
        """Wide enough for the elapsed time, so that nothing moves when recording starts."""
        shown = self.text()
        widest = super().sizeHint()
        extra = self.fontMetrics().horizontalAdvance(tr("Stop  00:00")) - self.fontMetrics().horizontalAdvance(shown)
        return QSize(widest.width() + max(0, extra), widest.height())

    def minimumSizeHint(self) -> QSize:
        """As :meth:`sizeHint`."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the button and, while recording, the level along its lower edge."""
        super().paintEvent(event)
        if not self.isChecked():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        track = QRectF(10, self.height() - 7, self.width() - 20, 3)
        painter.setBrush(QColor(255, 255, 255, 70))
        painter.drawRoundedRect(track, 1.5, 1.5)
        track.setWidth(track.width() * self._level)
        painter.setBrush(QColor("#ffd27a") if self._clips else QColor("#ffffff"))
        painter.drawRoundedRect(track, 1.5, 1.5)

    def refresh(self) -> None:
        """Shows the state from its beginning: no level, no time."""
        self._level, self._clips = 0.0, False
        said, runs = self._wording, self.isChecked()
        self.setText(tr("Stop  0:00") if runs else said.text)
        self.setAccessibleName(said.end if runs else said.begin)
        self.setToolTip(said.end_tip if runs else said.begin_tip)
        self._dress()

    def _dress(self) -> None:
        if self.isChecked():
            self.setIcon(icon("stop", "#ffffff"))
        else:
            self.setIcon(icon(self._wording.symbol, palette().record))
