"""Loads speech beside the window; the latest request wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.background import Job
from app.recorded import Recording
from engines.audio.load import load
from engines.audio.samples import load_sample
from engines.contract import Utterance
from engines.errors import TriptychError


class Loader(QObject):
    """One file at a time."""

    loaded = Signal(object)
    """An :class:`Utterance`."""
    changed = Signal(bool)
    """Whether something is being loaded."""
    failed = Signal(object)
    """A :class:`TriptychError`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._job: Job | None = None

    def open_file(self, path: Path) -> None:
        """Loads a sound or video file."""
        self._start(lambda: load(path))

    def open_sample(self, sample_id: str) -> None:
        """Loads a bundled sample."""
        self._start(lambda: load_sample(sample_id))

    def open_recording(self, recording: Recording) -> None:
        """Loads what was recorded; what went wrong stands in its notes."""
        self._start(recording.utterance)

    def _start(self, work: Callable[[], Utterance]) -> None:
        if self._job is not None:
            self._job.cancel()
        self._job = Job(work, "load")
        self._job.finished.connect(self._end)
        self._job.failed.connect(self._fail)
        self.changed.emit(True)
        self._job.start()

    def _end(self, utterance: Utterance) -> None:
        if self.sender() is self._job:
            self._job = None
            self.changed.emit(False)
            self.loaded.emit(utterance)

    def _fail(self, error: TriptychError) -> None:
        if self.sender() is self._job:
            self._job = None
            self.changed.emit(False)
            self.failed.emit(error)


def described(utterance: Utterance, language: str | None, reference: str, translation: str) -> Utterance:
    """The utterance with what the window says about it; empty texts count as none."""
    return replace(
        utterance,
        language=language,
        reference=reference.strip() or None,
        reference_translation=translation.strip() or None,
    )
