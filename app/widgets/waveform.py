"""The speech at the top of the window: waveform, speech shading and spectrogram on one time axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.language import tr
from app.theme import palette, theme
from app.timeline import TimeLine
from app.widgets import peaks as numbers
from app.widgets.analysis import Analysis
from app.widgets.livewave import LIVE_SECONDS, LiveWave
from app.widgets.timehands import turn_axis, zoom_by_key
from app.widgets.wavepaint import (
    Axis,
    paint_axis,
    paint_cursor,
    paint_gaps,
    paint_mark,
    paint_spectrum,
    paint_speech,
    paint_wave,
    tell_gaps,
)
from engines.contract import Utterance

MARGIN = 6


class WaveformView(QWidget):
    """Shows an utterance of any length; click or arrow keys seek, Ctrl+wheel or +/- zoom, the wheel pans.

    The static picture is painted once into a pixmap; a moving cursor repaints two thin strips.
    """

    seek_requested = Signal(float)
    """Seconds from the start."""
    play_toggled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Waveform"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.time = TimeLine(self)
        self._peaks: numbers.Peaks | None = None
        self._spectrum: NDArray[np.uint8] | None = None
        self._speech: tuple[tuple[float, float], ...] = ()
        self._picture: QPixmap | None = None
        self._analysis = Analysis(self)
        self._analysis.peaks_ready.connect(self._show_peaks)
        self._analysis.spectrum_ready.connect(self._show_spectrum)
        self.live = LiveWave(self)
        self._compact = False
        self._message = tr("Record, open or drop speech here.")
        self._later = QTimer(self, interval=120, singleShot=True)
        self._later.timeout.connect(self._compute_spectrum)
        self.time.moved.connect(self._moved)
        self.time.cursor_moved.connect(self._cursor_moved)
        self.time.marked.connect(self.update)
        theme().changed.connect(self._restyle)

    # --- what is shown ------------------------------------------------------------------------------------------------

    @property
    def utterance(self) -> Utterance | None:
        """What is shown."""
        return self.time.utterance

    @property
    def position(self) -> float:
        """The cursor in seconds."""
        return self.time.position

    def show_utterance(self, utterance: Utterance | None) -> None:
        """Shows another utterance from its start; what has to be computed is computed beside the window."""
        self._analysis.forget()
        self.live.end()
        self._peaks, self._spectrum, self._speech = None, None, ()
        self.time.show(utterance)
        if utterance is not None:
            self._analysis.measure(utterance.samples)
            self._compute_spectrum()
        self._describe()
        self._invalidate()

    def set_compact(self, compact: bool) -> None:
        """Takes less height, for low windows."""
        if compact != self._compact:
            self._compact = compact
            self.updateGeometry()
            self._invalidate()

    def show_speech(self, spans: tuple[tuple[float, float], ...]) -> None:
        """Shades the stretches with speech, ``(start, end)`` in seconds."""
        if spans != self._speech:
            self._speech = spans
            self._describe()
            self._invalidate()

    def show_position(self, seconds: float) -> None:
        """Moves the cursor; called many times a second during playback."""
        self.time.move_cursor(seconds)

    def _cursor_moved(self, old: float, new: float) -> None:
        for at in (old, new):
            self.update(int(self._x(at)) - 7, 0, 14, self.height())

    def start_live(self) -> None:
        """Shows a recording as it comes."""
        self.show_utterance(None)
        self.time.show(None, LIVE_SECONDS)
        self.live.begin()

    # --- computing ----------------------------------------------------------------------------------------------------

    def _show_peaks(self, found: numbers.Peaks) -> None:
        self._peaks = found
        self._describe()
        self._invalidate()

    def _compute_spectrum(self) -> None:
        if self.utterance is not None:
            columns = max(64, int(self._plot().width() * self.devicePixelRatioF()))
            self._analysis.picture(self.utterance.samples, self.time.view, columns)

    def _show_spectrum(self, view: tuple[float, float], found: NDArray[np.uint8]) -> None:
        if view == self.time.view:
            self._spectrum = found
            self._invalidate()

    # --- geometry -----------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Tall enough for both pictures and the axis."""
        return QSize(640, (78 if self._compact else 116) + self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """As tall as :meth:`sizeHint`; narrow is fine."""
        return QSize(200, self.sizeHint().height())

    def _plot(self) -> QRectF:
        return QRectF(MARGIN, 6, max(1, self.width() - 2 * MARGIN), self.height() - self.fontMetrics().height() - 12)

    def _x(self, seconds: float) -> float:
        return Axis(self._plot(), self.time.view).x(seconds)

    def _seconds(self, x: float) -> float:
        return min(self._end(), max(0.0, Axis(self._plot(), self.time.view).seconds(x)))

    def _end(self) -> float:
        """Where the speech ends; the axis may go on behind it."""
        return self.time.length if self.utterance is None else min(self.time.length, max(0.05, self.utterance.seconds))

    def _moved(self) -> None:
        self._spectrum = None
        self._invalidate()
        self._later.start()

    def _tell_place(self) -> None:
        left = float(self.mapTo(self.window(), self._plot().topLeft().toPoint()).x())
        self.time.place(left, left + self._plot().width())

    # --- painting -----------------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints the picture and, over it, cursor and focus."""
        self._tell_place()  # whatever was laid out meanwhile, what lies on the same axis moves along
        painter = QPainter(self)
        if self._picture is None:
            self._picture = self._paint_picture()
        painter.drawPixmap(0, 0, self._picture)
        colours = palette()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.utterance is not None:
            if self.time.mark is not None:
                paint_mark(painter, colours, Axis(self._plot(), self.time.view), self.time.mark)
            paint_cursor(painter, colours, self._plot(), self._x(self.position))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.focus), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)

    def _paint_picture(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        colours = palette()
        picture.fill(QColor(colours.window))
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self._plot()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.surface))
        painter.drawRoundedRect(plot.adjusted(-6, -2, 6, 2), 8, 8)
        wave, spectrum = QRectF(plot), QRectF(plot)
        wave.setHeight(plot.height() * 0.56)
        spectrum.setTop(wave.bottom() + 3)
        axis = Axis(plot, self.time.view)
        if self.utterance is None:
            painter.setPen(QColor(colours.muted))
            painter.drawText(plot, Qt.AlignmentFlag.AlignCenter, self._message)
        else:
            paint_speech(painter, colours, wave, axis, self._speech)
            if self._peaks is not None:
                paint_wave(painter, colours, wave, axis, self._peaks)
            if self._spectrum is not None:
                paint_spectrum(painter, colours, spectrum, self._spectrum)
            paint_gaps(painter, colours, plot, [axis.x(at) for at in self.utterance.gaps if _within(at, axis.view)])
            paint_axis(painter, colours, axis, QRectF(self.rect()))
        painter.end()
        return picture

    def _restyle(self) -> None:
        self.updateGeometry()
        self._invalidate()

    def _invalidate(self) -> None:
        self._picture = None
        self.update()

    def _describe(self) -> None:
        if self.utterance is None:
            self.setAccessibleDescription(self._message)
            return
        text = tr("{source}, {seconds:.1f} seconds.").format(
            source=self.utterance.source, seconds=self.utterance.seconds
        )
        if self._speech:
            text += tr(" {speech} stretches of speech.").format(speech=len(self._speech))
        if self._peaks is not None and self._peaks.clipped.size:
            text += tr(" The recording clips.")
        text = f"{text} {tell_gaps(self.utterance.gaps)}".strip()
        self.setAccessibleDescription(text)
        self.setToolTip(tr("{text} Click to move, space to play.").format(text=text))

    # --- hands --------------------------------------------------------------------------------------------------------

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """Another width needs another picture; the spectrogram is stretched until it is computed again."""
        self.live.resize(self.size())
        self._picture = None
        self._later.start()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Seeks."""
        if event.buttons() & Qt.MouseButton.LeftButton and self.utterance is not None:
            self._seek(self._seconds(event.position().x()))

    mouseMoveEvent = mousePressEvent  # noqa: N815 -- dragging seeks as well; the name is Qt's

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Pans, or zooms around the pointer with Ctrl."""
        if self.utterance is None or not turn_axis(self.time, event, self._seconds(event.position().x())):
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space plays, arrows move by a second, Home and End go to the ends, + and - zoom."""
        steps = {Qt.Key.Key_Left: -1.0, Qt.Key.Key_Right: 1.0, Qt.Key.Key_PageUp: -10.0, Qt.Key.Key_PageDown: 10.0}
        key = Qt.Key(event.key())
        if self.utterance is None or zoom_by_key(self.time, event, self.position):
            event.setAccepted(self.utterance is not None)
        elif key == Qt.Key.Key_Space:
            self.play_toggled.emit()
        elif key in steps:
            self._seek(self.position + steps[key])
        elif key == Qt.Key.Key_Home:
            self._seek(0.0)
        elif key == Qt.Key.Key_End:
            self._seek(self._end())
        else:
            super().keyPressEvent(event)

    def _seek(self, seconds: float) -> None:
        seconds = min(self._end(), max(0.0, seconds))
        self.show_position(seconds)
        self.seek_requested.emit(seconds)


def _within(seconds: float, view: tuple[float, float]) -> bool:
    return view[0] <= seconds <= view[1]
