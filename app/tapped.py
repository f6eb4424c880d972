"""A source that is listened to while it is recorded: what goes to the recorder also goes to a live run. No Qt.

The audio callback only copies into a second preallocated ring; a thread of its own converts and hands on, so that live
work can neither delay nor lose what is recorded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.live import Feed
from app.ring import Ring
from app.sources import Ended, Sink, Source

_CAPACITY = 1 << 18  # 5 s at 48 kHz
_DRAIN_SECONDS = 0.05


class Tapped:
    """See :class:`app.sources.Source`.

    Args:
        source: what is recorded.
        hear: takes the same sound, ``(n,)`` at 16 kHz; see :class:`app.live.Feed`.
    """

    def __init__(self, source: Source, hear: Callable[..., None]) -> None:
        self.name = source.name
        self._source = source
        self._hear = hear
        self._ring = Ring(_CAPACITY, np.int16)
        self._gaps = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def device(self) -> str:
        """What the recorded source is called."""
        return self._source.device

    def start(self, sink: Sink, ended: Ended) -> int:
        """Begins to deliver to both; see :meth:`app.sources.Source.start`."""

        def both(block: NDArray[np.int16], lost: bool) -> None:
            sink(block, lost)
            if lost or self._ring.write(block) < block.shape[0]:
                self._gaps += 1

        rate = self._source.start(both, ended)
        self._thread = threading.Thread(target=self._drain, args=(Feed(self._hear, rate),), name="tap", daemon=True)
        self._thread.start()
        return rate

    def stop(self) -> None:
        """Ends delivery; what came before is still heard."""
        self._source.stop()
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _drain(self, feed: Feed) -> None:
        block = np.empty(_CAPACITY, np.int16)
        told = 0
        stopping = False
        while not stopping:
            stopping = self._stop.wait(_DRAIN_SECONDS)
            gaps = self._gaps
            count = self._ring.read_into(block)
            if count:
                feed.take(block[:count], gaps > told)
                told = gaps
