"""Computes what the waveform view draws, beside the window."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.background import Job
from app.widgets.peaks import Peaks, peaks, spectrogram
from engines.contract import Samples


class Analysis(QObject):
    """Peaks of a recording once, and spectrograms of the stretches that are in sight."""

    peaks_ready = Signal(object)
    """:class:`Peaks`."""
    spectrum_ready = Signal(object, object)
    """The stretch ``(start, end)`` in seconds and its picture ``(bands, columns)`` uint8."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: dict[QObject, tuple[float, float]] = {}

    def forget(self) -> None:
        """Another recording comes: what is under way is not wanted any more."""
        for job in self._jobs:
            cast(Job, job).cancel()
        self._jobs.clear()

    def measure(self, samples: Samples) -> None:
        """Asks for the peaks of ``samples``, ``(n,)``."""
        job = Job(lambda: peaks(samples), "peaks")
        job.finished.connect(self._measured)
        self._jobs[job.start()] = (0.0, 0.0)

    def picture(self, samples: Samples, view: tuple[float, float], columns: int) -> None:
        """Asks for the spectrogram of a stretch, ``columns`` wide."""
        job = Job(lambda: spectrogram(samples, *view, columns), "spectrogram")
        job.finished.connect(self._pictured)
        self._jobs[job.start()] = view

    def _measured(self, found: Peaks) -> None:
        if self._jobs.pop(self.sender(), None) is not None:
            self.peaks_ready.emit(found)

    def _pictured(self, found: NDArray[np.uint8]) -> None:
        view = self._jobs.pop(self.sender(), None)
        if view is not None:
            self.spectrum_ready.emit(view, found)
