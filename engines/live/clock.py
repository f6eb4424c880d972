"""When a place in a stream was spoken, on the clock of who listens."""

from __future__ import annotations

_CREEP = 1e-4
"""How much faster than the sound the clock may seem to run: sound cards differ by less than 100 ppm."""


class StreamClock:
    """Relates places in the stream to the clock.

    Blocks come late by what buffers and busy threads add; the earliest block tells best when its sound was made. An
    earlier one may be told of slowly, since the two clocks drift apart.

    Attributes:
        seconds: of sound so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._offset: float | None = None
        self._first: float | None = None
        self._latest = 0.0

    def heard(self, seconds: float, now: float) -> None:
        """A block of a length ended now; one without a length tells nothing."""
        if seconds <= 0:
            return
        self.seconds += seconds
        self._latest = now - self.seconds
        if self._first is None or self._offset is None:
            self._first = self._offset = self._latest
        self._offset = min(self._offset + _CREEP * seconds, self._latest)

    def when(self, place: float) -> float:
        """The time on the clock at which the sound at a place of the stream, in seconds, was made."""
        return place + (self._offset or 0.0)

    @property
    def drift(self) -> float:
        """Seconds by which the sound fell behind the clock since the first block; below 0 where it ran ahead."""
        return self._latest - (self._first or 0.0)
