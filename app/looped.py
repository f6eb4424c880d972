"""A sound file that is heard again and again, with a pause between, as if somebody spoke for hours."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np

from app.sources import Ended, Sink
from engines.audio.load import load
from engines.audio.wav import to_pcm16
from engines.contract import SAMPLE_RATE

_BLOCK = SAMPLE_RATE // 50


class LoopedSource:
    """See :class:`app.sources.Source`; it never ends by itself.

    Args:
        path: any sound file.
        pause: seconds of silence after each time.
        speed: how many times faster than real time.
    """

    def __init__(self, path: str | Path, pause: float = 1.5, speed: float = 1.0) -> None:
        self.name = self.device = Path(path).name
        self._path = path
        self._pause = pause
        self._speed = speed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, sink: Sink, ended: Ended) -> int:  # noqa: ARG002
        """Begins to play; see :meth:`app.sources.Source.start`.

        Raises:
            BadInput: the file cannot be read.
        """
        speech = to_pcm16(load(self._path).samples)
        samples = np.concatenate([speech, np.zeros(round(self._pause * SAMPLE_RATE), np.int16)])
        self._stop.clear()

        def play() -> None:
            began, played = time.monotonic(), 0
            while True:
                for at in range(0, samples.shape[0], _BLOCK):
                    due = began + played / SAMPLE_RATE / self._speed
                    if self._stop.wait(max(0.0, due - time.monotonic())):
                        return
                    block = samples[at : at + _BLOCK]
                    sink(block, False)
                    played += block.shape[0]

        self._thread = threading.Thread(target=play, name="looped-source", daemon=True)
        self._thread.start()
        return SAMPLE_RATE

    def stop(self) -> None:
        """Stops playing."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
