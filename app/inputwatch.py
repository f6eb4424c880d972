"""Notices while something is recorded that the sound server took another microphone for it, and says so."""

from __future__ import annotations

import os
import sys

from PySide6.QtCore import QObject, QTimer

from app.background import Job
from app.language import tr
from app.pulseaudio import recorded_by
from app.recorder import Recorder

EVERY_MS = 2_000


class InputWatch(QObject):
    """PulseAudio and PipeWire move a stream when the default is changed; other systems leave it where it is."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._recorder: Recorder | None = None
        self._name: str | None = None
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self._look)

    def start(self, recorder: Recorder) -> None:
        """Watches a recording that has begun."""
        self._recorder, self._name = recorder, None
        if sys.platform.startswith("linux"):
            self._timer.start()
            self._look()

    def stop(self) -> None:
        """The recording is over."""
        self._recorder = None
        self._timer.stop()

    def _look(self) -> None:
        recorder = self._recorder
        job = Job(lambda: (recorder, recorded_by(os.getpid())), "input-watch")
        job.finished.connect(self._compare)
        job.start()

    def _compare(self, found: tuple[Recorder, str | None]) -> None:
        recorder, name = found
        if recorder is not self._recorder or self._recorder is None or name is None:
            return
        before, self._name = self._name, name
        if before is not None and before != name:
            self._recorder.note(tr("The sound system moved the recording to {name}.").format(name=name))
