"""Runs the window live for long and tells what that does to it: memory, drift, lost sound, stalls, delays."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import psutil
from PySide6.QtCore import QEventLoop, QObject, QTimer

from app.pulse import Pulse
from app.recorded import Recording
from app.window import MainWindow
from engines.errors import TriptychError, Unavailable
from engines.live.delay import Delays
from engines.live.events import Ended, LiveEvent, Load, Out, Ready, Skipped

SAMPLE_MS = 5000
_SETTLED = 0.2
"""Share of the run that memory is given to find its level before growth is counted."""
_READY_SECONDS = 1800.0


@dataclass
class Report:
    """What came of it.

    Attributes:
        seconds: how long it listened.
        window_memory: ``(seconds, bytes)`` of the window's process, every five seconds.
        engine_memory: the same of its child processes.
        heard: seconds of sound that were listened to.
        drift: seconds by which the sound fell behind the clock.
        overflows: times that sound was lost, on the way to the disk or to the engines.
        phrases: how many there were.
        longest_stall: seconds that the window's thread was away at most.
        stall_p99: seconds that 99 of 100 beats were late at most.
        stalls: beats that were late by more than 50 ms.
        delays: engine → figures.
        loads: changes of what is done, as sentences.
        skipped: phrases that an engine left out.
        out: engines that could not go on, with the reason.
    """

    seconds: float = 0.0
    window_memory: list[tuple[float, int]] = field(default_factory=list)
    engine_memory: list[tuple[float, int]] = field(default_factory=list)
    heard: float = 0.0
    drift: float = 0.0
    overflows: int = 0
    phrases: int = 0
    longest_stall: float = 0.0
    stall_p99: float = 0.0
    stalls: int = 0
    delays: dict[str, Delays] = field(default_factory=dict)
    loads: list[str] = field(default_factory=list)
    skipped: int = 0
    out: dict[str, str] = field(default_factory=dict)


def growth(memory: Sequence[tuple[float, int]]) -> float | None:
    """Bytes per hour by which memory grows, once it has found its level; None where there is too little to tell.

    Args:
        memory: ``(seconds, bytes)``, in order.
    """
    if not memory:
        return None
    kept = [point for point in memory if point[0] >= _SETTLED * memory[-1][0]]
    if len(kept) < 3:
        return None
    seconds, sizes = np.array(kept, np.float64).T
    return float(np.polyfit(seconds, sizes, 1)[0] * 3600)


class Soak(QObject):
    """Presses *Live*, listens for so long, and measures.

    Args:
        window: whose live part has the source to listen to.
        seconds: to listen, from the moment on at which all engines are open.
        progress: told about every five seconds with what is measured so far.
    """

    def __init__(self, window: MainWindow, seconds: float, progress: Callable[[Report], None]) -> None:
        super().__init__(window)
        self.report = Report()
        self._window = window
        self._seconds = seconds
        self._progress = progress
        self._pulse = Pulse(self)
        self._loop = QEventLoop(self)
        self._problem: TriptychError | None = None
        self._began: float | None = None
        self._giving_up = QTimer(self, singleShot=True, interval=round(_READY_SECONDS * 1000))
        self._sampler = QTimer(self, interval=SAMPLE_MS)
        self._sampler.timeout.connect(self._sample)
        window.live.told.connect(self._take)
        window.live.ended.disconnect(window.intake.take)  # the recording is thrown away
        window.live.ended.connect(self._recorded)
        window.live.failed.connect(self._failed)
        window.live.changed.connect(self._changed)

    def run(self) -> Report:
        """Runs it.

        Raises:
            TriptychError: live work could not begin.
        """
        self._giving_up.timeout.connect(
            lambda: self._failed(Unavailable("The engines were not ready in half an hour."))
        )
        self._giving_up.start()
        self._window.toolbar.live.click()
        if self._problem is None:
            self._loop.exec()
        self._giving_up.stop()
        if self._problem is not None:
            raise self._problem
        return self.report

    def _take(self, event: LiveEvent) -> None:
        report = self.report
        match event:
            case Ready():
                self._giving_up.stop()
                self._began = time.monotonic()
                self._pulse.start()
                self._sampler.start()
                self._sample()
                QTimer.singleShot(round(self._seconds * 1000), self, self._stop)
            case Load(sentence=sentence) if sentence:
                report.loads.append(sentence)
            case Skipped():
                report.skipped += 1
            case Out(engine=engine, why=why):
                report.out[engine] = why
            case Ended():
                report.heard, report.drift, report.phrases = event.heard, event.drift, event.phrases
                report.overflows += event.gaps
                report.delays = event.delays
            case _:
                pass

    def _sample(self) -> None:
        assert self._began is not None
        now = time.monotonic() - self._began
        own = psutil.Process()
        engines = 0
        for child in own.children(recursive=True):
            try:
                engines += child.memory_info().rss
            except psutil.Error:
                continue
        self.report.window_memory.append((now, own.memory_info().rss))
        self.report.engine_memory.append((now, engines))
        self._measure(now)
        self._progress(self.report)

    def _measure(self, now: float) -> None:
        report = self.report
        report.seconds = now
        report.longest_stall, report.stall_p99 = self._pulse.longest, self._pulse.quantile(0.99)
        report.stalls = self._pulse.over_50_ms

    def _stop(self) -> None:
        self._sampler.stop()
        self._pulse.stop()
        if self._began is not None:
            self._measure(time.monotonic() - self._began)
        self._window.live.stop()

    def _recorded(self, recording: Recording) -> None:
        self.report.overflows += recording.overflows + bool(recording.dropped)
        recording.path.unlink(missing_ok=True)

    def _failed(self, error: TriptychError) -> None:
        self._problem = error
        self._loop.quit()

    def _changed(self, live: bool) -> None:
        if not live:
            QTimer.singleShot(0, self, self._loop.quit)
