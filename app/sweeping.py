"""Drives a sweep through the window's own controller: one severity after the other, seen in the cards as it runs."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QObject, QTimer, Signal

from app.background import Job
from app.comparison import Status
from app.controller import Controller
from app.sweep import Step, Sweep
from engines.contract import Task, Utterance
from engines.errors import TriptychError


class SweepRunner(QObject):
    """Runs one sweep at a time; whatever was read stays in it when it is stopped.

    Args:
        controller: runs the engines; a run that is cancelled there, or other speech in the window, ends the sweep.
        parent: owner.
    """

    making = Signal(object, tuple)
    """An :class:`Utterance` is about to be shown, and its conditions."""
    advanced = Signal(object, str)
    """The :class:`Sweep` has come further; the second is the title of what runs now."""
    ended = Signal(object)
    """The :class:`Sweep` is over, complete or not."""
    failed = Signal(object)

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._sweep: Sweep | None = None
        self._todo: list[Step] = []
        self._engines: tuple[str, ...] = ()
        self._step: Step | None = None
        self._heard: Utterance | None = None
        self._job: Job | None = None
        controller.running_changed.connect(self._running_changed)
        controller.utterance_loaded.connect(self._loaded)

    @property
    def running(self) -> bool:
        """Whether a sweep is under way."""
        return self._sweep is not None

    def start(self, sweep: Sweep, engines: Collection[str]) -> None:
        """Begins a sweep; one that is under way is stopped."""
        self.stop()
        self._sweep, self._engines, self._todo = sweep, tuple(engines), list(sweep.steps)
        self._next()

    def stop(self) -> None:
        """Ends the sweep at once; what engines have finished is kept."""
        if self._sweep is None:
            return
        self._keep()
        sweep = self._finish()
        self._controller.cancel()
        self.ended.emit(sweep)

    def _finish(self) -> Sweep | None:
        sweep, self._sweep, self._step, self._heard = self._sweep, None, None, None
        self._todo.clear()
        if self._job is not None:
            self._job.cancel()
            self._job = None
        return sweep

    def _next(self) -> None:
        sweep = self._sweep
        if sweep is None:
            return
        if not self._todo:
            self.ended.emit(self._finish())
            return
        step = self._step = self._todo.pop(0)
        self.advanced.emit(sweep, step.title)
        self._job = Job(lambda: sweep.heard(step), "stress")
        self._job.finished.connect(self._run)
        self._job.failed.connect(self._give_up)
        self._job.start()

    def _give_up(self, error: TriptychError) -> None:
        if self.sender() is self._job:
            self.ended.emit(self._finish())
            self.failed.emit(error)

    def _run(self, heard: Utterance) -> None:
        if self.sender() is not self._job or self._step is None:
            return
        self._job, self._heard = None, heard
        self.making.emit(heard, self._step.conditions)
        self._controller.show(heard)
        self._controller.run(heard, Task.TRANSCRIBE, None, only=self._engines)
        if not self._controller.running:  # nothing could even begin
            QTimer.singleShot(0, self._collect)

    def _running_changed(self, running: bool) -> None:
        if not running and self._heard is not None and self._controller.utterance is self._heard:
            QTimer.singleShot(0, self._collect)

    def _collect(self) -> None:
        if self._sweep is None or self._heard is None or self._controller.running:
            return
        cancelled = self._keep()
        self._heard = None
        if cancelled:
            self.ended.emit(self._finish())
        else:
            self._next()

    def _keep(self) -> bool:
        """Takes the readings of the step in hand; returns whether any was cancelled."""
        comparison = self._controller.comparison
        if self._sweep is None or self._step is None or self._heard is None or comparison is None:
            return False
        if comparison.utterance.digest != self._heard.digest:
            return False
        runs = [comparison.runs[engine] for engine in self._engines]
        self._sweep.take(self._step, runs)
        return any(run.status is Status.CANCELLED for run in runs)

    def _loaded(self, utterance: Utterance) -> None:
        if self._sweep is not None and utterance is not self._heard:
            self.ended.emit(self._finish())
