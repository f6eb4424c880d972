"""The speech with its play button: source, time and waveform in one row, and recordings that were cut off below it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.icons import icon
from app.language import tr
from app.theme import theme
from app.widgets.rescue import RescueBanner
from app.widgets.waveform import WaveformView
from app.widgets.wavepaint import clock
from engines.contract import Utterance


class SpeechStrip(QWidget):
    """Play button and times on the left, the waveform on the right; below, an offer to open what a crash left."""

    play_toggled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.waveform = WaveformView()
        self.play = QToolButton()
        self.play.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.play.setIconSize(QSize(22, 22))
        self.time = QLabel()
        self.length = QLabel()
        self.length.setProperty("tone", "small")
        for label in (self.time, self.length):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        side = QVBoxLayout()
        side.setSpacing(3)
        side.addStretch()
        side.addWidget(self.play, 0, Qt.AlignmentFlag.AlignHCenter)
        side.addWidget(self.time)
        side.addWidget(self.length)
        side.addStretch()
        self.rescue = RescueBanner()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.rescue)
        row.addLayout(side)
        row.addWidget(self.waveform, 1)
        self._playing = False
        self.play.clicked.connect(self.play_toggled)
        self.waveform.play_toggled.connect(self.play_toggled)
        self.waveform.seek_requested.connect(self._show_time)
        self.waveform.live.shown.connect(self._show_live)
        theme().changed.connect(self._dress)
        self._dress()
        self.show_utterance(None)

    def show_utterance(self, utterance: Utterance | None) -> None:
        """Shows other speech from its start."""
        self.waveform.show_utterance(utterance)
        self.play.setEnabled(utterance is not None)
        self.length.setText(clock(utterance.seconds, 0.1) if utterance is not None else "")
        self._show_time(0.0)

    def show_loading(self, loading: bool) -> None:
        """Says that a file is being read."""
        if loading:
            self.length.setText(tr("loading …"))
        elif self.waveform.utterance is not None:
            self.length.setText(clock(self.waveform.utterance.seconds, 0.1))
        else:
            self.length.setText("")

    def show_position(self, seconds: float) -> None:
        """Moves the cursor."""
        self.waveform.show_position(seconds)
        self._show_time(seconds)

    def show_playing(self, playing: bool) -> None:
        """Turns *play* into *pause* and back."""
        self._playing = playing
        self._dress()

    def _show_live(self, live: bool) -> None:
        """While something is recorded there is nothing to play, and its button tells the time."""
        self.play.setEnabled(not live and self.waveform.utterance is not None)
        if live:
            self.time.clear()
            self.length.clear()

    def _show_time(self, seconds: float) -> None:
        text = clock(seconds, 0.1)
        if text != self.time.text():
            self.time.setText(text)

    def _dress(self) -> None:
        self.play.setIcon(icon("pause" if self._playing else "play", size=22))
        self.play.setAccessibleName(tr("Pause") if self._playing else tr("Play the speech"))
        self.play.setToolTip(tr("Pause (space)") if self._playing else tr("Play (space)"))
        self.time.setFont(theme().font(fixed=True))
        widest = self.fontMetrics().horizontalAdvance("00:00:00.0") + 8
        self.time.setFixedWidth(widest)
        self.length.setFixedWidth(widest)
