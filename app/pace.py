"""Notices sound that was lost though nobody said so: less came than time went by.

Some drivers drop samples without a flag. What came then lags behind the clock for good, whereas a thread that had to
wait catches up, and a sound card's clock drifts slowly. The clock is monotonic.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

TOLERANCE_SECONDS = 0.25
"""What may be late without being missed: blocks come in bursts."""
_PATIENCE_SECONDS = 2.0
_SETTLED_SECONDS = 1.0
_DRIFT = 0.001
"""Seconds per second that a sound card's clock may be wrong."""


@dataclass(frozen=True)
class Loss:
    """Sound that never came.

    Attributes:
        at: samples of the source that came before it.
        seconds: how much is missing.
    """

    at: int
    seconds: float


class Pace:
    """How one source keeps up with the clock.

    Args:
        rate: samples per second that it promised.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._floor: float | None = None
        self._looked = 0.0
        self._late: tuple[float, int] | None = None
        self._recent: deque[tuple[float, float]] = deque()

    def look(self, now: float, came: int) -> Loss | None:
        """Takes note of how much came; returns what was found to be lost.

        Args:
            now: monotonic time in seconds.
            came: samples since the source began, not counting what is still on its way.
        """
        if not came:
            return None
        behind = now - came / self.rate
        if self._floor is None or behind < self._floor:
            self._floor = behind
        else:
            self._floor = min(behind, self._floor + _DRIFT * (now - self._looked))
        self._looked = now
        if behind - self._floor <= TOLERANCE_SECONDS:
            self._late = None
            return None
        if self._late is None:
            self._late = (now, came)
            self._recent.clear()
        self._recent.append((now, behind))
        while now - self._recent[0][0] > _SETTLED_SECONDS:
            self._recent.popleft()
        began, at = self._late
        lags = [lag for _, lag in self._recent]
        if now - began < _PATIENCE_SECONDS or max(lags) - min(lags) > TOLERANCE_SECONDS:
            return None
        lost = Loss(at, min(lags) - self._floor)
        self._floor, self._late = min(lags), None
        return lost
