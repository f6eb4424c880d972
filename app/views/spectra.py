"""Log-mel pictures of stretches of speech, as the encoder hears them, computed beside the window."""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.background import Job
from app.timeline import Span
from engines.audio.features import log_mel
from engines.contract import SAMPLE_RATE, Samples, Utterance

LONGEST = 30.0
"""Seconds of one picture at most."""
COLUMN_SECONDS = 0.01
_KEPT = 24
"""Pictures that are remembered: 12 minutes of speech, 6 MB."""


class Spectra(QObject):
    """Answers with a picture, or computes it and says when it is there."""

    ready = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._found: OrderedDict[tuple[str, Span], NDArray[np.uint8]] = OrderedDict()
        self._jobs: dict[QObject, tuple[str, Span]] = {}

    def picture(self, utterance: Utterance, span: Span) -> NDArray[np.uint8] | None:
        """The picture ``(80, columns)`` of a stretch, highest band first, 255 the loudest; None until it is there."""
        key = (utterance.digest, span)
        if key in self._found:
            self._found.move_to_end(key)
            return self._found[key]
        if key not in self._jobs.values():
            job = Job(lambda: heard(utterance.samples, span), "log-mel")
            job.finished.connect(self._take)
            self._jobs[job.start()] = key
        return None

    def forget(self) -> None:
        """Other speech is in the window."""
        for job in self._jobs:
            cast(Job, job).cancel()
        self._jobs.clear()
        self._found.clear()

    def _take(self, picture: NDArray[np.uint8]) -> None:
        key = self._jobs.pop(self.sender(), None)
        if key is not None:
            self._found[key] = picture
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
            self.ready.emit()


def heard(samples: Samples, span: Span) -> NDArray[np.uint8]:
    """The encoder's log-mel features of a stretch of at most :data:`LONGEST` seconds, ``(80, columns)``."""
    start, end = span[0], min(span[1], span[0] + LONGEST)
    piece = np.asarray(samples[max(0, round(start * SAMPLE_RATE)) : round(end * SAMPLE_RATE)], np.float32)
    features = log_mel(piece, max(COLUMN_SECONDS, round(end - start, 2)))[0]
    low = float(features.min(initial=0.0))
    scaled = (features - low) / max(float(features.max(initial=1.0)) - low, 1e-6)
    return np.ascontiguousarray((scaled[::-1] * 255).astype(np.uint8))
