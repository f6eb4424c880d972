"""How long the window's thread does not come back to its event loop, over hours and in constant memory."""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer

BEAT_MS = 5
_LONGEST_MS = 10_000


class Pulse(QObject):
    """Notes by how much every beat of a timer comes late."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._counts = np.zeros(_LONGEST_MS + 1, np.int64)
        self._longest = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer(self, interval=BEAT_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Begins."""
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """Ends."""
        self._timer.stop()

    @property
    def longest(self) -> float:
        """The longest stall in seconds."""
        return self._longest

    @property
    def over_50_ms(self) -> int:
        """Stalls that were longer."""
        return int(self._counts[51:].sum())

    def quantile(self, share: float) -> float:
        """Seconds, to the millisecond, that this share of all beats, in [0, 1], was late at most."""
        total = int(self._counts.sum())
        if not total:
            return 0.0
        return float(np.searchsorted(np.cumsum(self._counts), share * total)) / 1000

    def _beat(self) -> None:
        now = time.perf_counter()
        late = max(0.0, now - self._last - BEAT_MS / 1000)
        self._last = now
        self._longest = max(self._longest, late)
        self._counts[min(_LONGEST_MS, int(np.ceil(late * 1000)))] += 1
