"""Plays the speech in the window and what engines say, one at a time.

Opening and closing a loudspeaker can take long: the player is used from one thread of its own, in the order of the
requests.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.player import Player
from engines.audio.synthetic import Mark
from engines.contract import SAMPLE_RATE, Samples
from engines.errors import TriptychError

TICK_MS = 33
STRETCH = "stretch of the speech"
"""What :attr:`Playback.other_changed` says while :meth:`Playback.play_stretch` plays; no engine is called so."""
STRESSED = "the speech made worse"
"""The same while the speech is played as it was made worse: no more synthetic than it was."""
SHORTEST = 0.24
"""Seconds below which a stretch is widened."""
_FADE = 96
"""Samples over which a stretch swells and fades (6 ms)."""


class Playback(QObject):
    """Puts the player on Qt's signals.

    Args:
        player: makes no sound by itself; by default one on the system's loudspeaker.
        parent: the window.
    """

    moved = Signal(float)
    """Position in the speech of the window, in seconds."""
    changed = Signal(bool)
    """Whether the speech of the window plays."""
    other_changed = Signal(str)
    """Id of the engine whose speech plays; empty when it is over."""
    failed = Signal(object)
    _opened = Signal(int)
    _refused = Signal(int, object)

    def __init__(self, player: Player | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player = player or Player()
        self._thread = ThreadPoolExecutor(1, "playback")
        self._samples: Samples | None = None
        self._request = 0
        self._own = False
        self._other = ""
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._opened.connect(self._begin)
        self._refused.connect(self._refuse)

    def load(self, samples: Samples) -> None:
        """Takes the speech of the window, ``(n,)`` at 16 kHz."""
        self.stop()
        self._samples = samples

    def toggle(self, position: float) -> None:
        """Plays from ``position`` in seconds, or stops there."""
        if self._own:
            self.stop()
        elif self._samples is not None:
            at_end = position >= self._samples.shape[0] / SAMPLE_RATE - 0.05
            self._play(self._samples, SAMPLE_RATE, 0.0 if at_end else position, "")

    def seek(self, position: float) -> None:
        """Goes on from ``position`` if the speech plays."""
        if self._own and self._samples is not None:
            self._play(self._samples, SAMPLE_RATE, position, "")

    def play_stretch(self, start: float, end: float, *, gently: bool = False) -> None:
        """Plays a stretch of the window's speech, from and to in seconds; the cursor stays where it is.

        What is shorter than a syllable is heard with a little around it, and without clicks at its ends.

        Args:
            start: in seconds.
            end: in seconds.
            gently: only if nothing else plays.
        """
        if self._samples is None or (gently and (self._own or self._other not in {"", STRETCH})):
            return
        spare = max(0.0, SHORTEST - (end - start)) / 2
        first = max(0, round((start - spare) * SAMPLE_RATE))
        piece = np.array(self._samples[first : round((end + spare) * SAMPLE_RATE)], np.float32)
        edge = min(_FADE, piece.shape[0] // 2)
        if edge:
            ramp = np.linspace(0.0, 1.0, edge, dtype=np.float32)
            piece[:edge] *= ramp
            piece[-edge:] *= ramp[::-1]
            self._play(piece, SAMPLE_RATE, 0.0, STRETCH)

    def toggle_other(self, engine_id: str, samples: Samples, rate: int) -> None:
        """Plays what an engine said, ``(n,)`` at ``rate`` Hz, from its start, or stops it."""
        if self._other == engine_id:
            self.stop()
        else:
            self._play(samples, rate, 0.0, engine_id)

    def stop(self) -> None:
        """Stops whatever plays."""
        if self._own or self._other:
            self._thread.submit(self._player.stop)
        self._request += 1
        self._timer.stop()
        self._tell(own=False, other="")

    def close(self) -> None:
        """Stops for good and waits for the loudspeaker."""
        self.stop()
        self._thread.shutdown(wait=True, cancel_futures=False)

    def _play(self, samples: Samples, rate: int, start: float, other: str) -> None:
        self._timer.stop()
        self._request += 1
        request = self._request
        mark = Mark(other) if other not in {"", STRETCH, STRESSED} else None

        def open_loudspeaker() -> None:
            try:
                self._player.play(samples, rate, start=start, mark=mark)
            except TriptychError as error:
                _send(self._refused.emit, request, error)
            else:
                _send(self._opened.emit, request)

        self._tell(own=not other, other=other)
        self._thread.submit(open_loudspeaker)

    def _begin(self, request: int) -> None:
        if request == self._request:
            self._timer.start()

    def _refuse(self, request: int, error: TriptychError) -> None:
        if request == self._request:
            self._tell(own=False, other="")
            self.failed.emit(error)

    def _tick(self) -> None:
        if not self._player.playing:
            if self._own and self._samples is not None:
                self.moved.emit(self._samples.shape[0] / SAMPLE_RATE)
            self.stop()
        elif self._own:
            self.moved.emit(self._player.position)

    def _tell(self, *, own: bool, other: str) -> None:
        if own != self._own:
            self._own = own
            self.changed.emit(own)
        if other != self._other:
            self._other = other
            self.other_changed.emit(other)


def _send(emit: Callable[..., None], *values: object) -> None:
    """Emits unless the window is gone."""
    try:
        emit(*values)
    except RuntimeError:
        return
