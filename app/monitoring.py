"""Listens to a source only to see how loud it is: nothing is kept. No Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.levels import Level, measure
from app.ring import Ring
from app.sources import Source
from engines.errors import MicrophoneUnavailable

_CAPACITY = 1 << 16
_DRAIN_SECONDS = 0.05


class Monitoring:
    """One source, from :meth:`start` to :meth:`stop`.

    Args:
        source: what is listened to.
        on_level: told about twenty times a second, from a thread of its own.
        on_problem: told once when the source ended though it should not have.
    """

    def __init__(
        self,
        source: Source,
        on_level: Callable[[Level], None],
        on_problem: Callable[[MicrophoneUnavailable], None],
    ) -> None:
        self._source = source
        self._on_level, self._on_problem = on_level, on_problem
        self._ring = Ring(_CAPACITY, np.int16)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Opens the source.

        Raises:
            MicrophoneUnavailable: it is absent or busy.
        """
        rate = self._source.start(self._take, self._ended)
        self._thread = threading.Thread(target=self._drain, args=(rate,), name="monitor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Closes the source; may be called again."""
        self._source.stop()
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _take(self, samples: NDArray[np.int16], _lost: bool) -> None:
        self._ring.write(samples)  # what does not fit is not missed

    def _ended(self, problem: MicrophoneUnavailable | None) -> None:
        if problem is not None:
            self._on_problem(problem)

    def _drain(self, rate: int) -> None:
        block = np.empty(_CAPACITY, np.int16)
        while not self._stop.wait(_DRAIN_SECONDS):
            count = self._ring.read_into(block)
            if count:
                self._on_level(measure(block[:count], rate))
