"""Between the window and the engines: loads speech, prepares models, runs engines and folds their events.

Events arrive on the host's thread. They are queued and folded on the window's thread in batches, at most for
``BUDGET`` seconds at a time, so that the window never waits for an engine.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from app.background import Job
from app.comparison import Comparison, EngineRun
from app.language import tr
from app.preparation import Prepared, Progress, Unprepared, preparing
from app.settings import Running, Settings
from engines.catalog import Catalogue, EngineDescription
from engines.contract import OptionValue, Request, Stamped, Task, Utterance
from engines.errors import BadInput, Cancelled, TriptychError
from engines.host import Host
from engines.host.parent import Listener

BATCH_MS = 30
"""How often queued events are folded."""
BUDGET = 0.012
"""Seconds that one batch may take."""
SHOW_SECONDS = 0.05
"""A card is brought up to date at most this often."""


class HostLike(Protocol):
    """What the controller needs of :class:`engines.host.Host`."""

    def submit(self, engine_id: str, request: Request) -> int:
        """Queues a run and returns its id."""
        ...

    def cancel(self, run_id: int | None = None) -> None:
        """Cancels one run or all."""
        ...

    def close(self) -> None:
        """Ends the child process."""
        ...


class Controller(QObject):
    """The window's state apart from what is on screen.

    Args:
        catalogue: the engines there are.
        settings: what the user chose; read at every run.
    """

    utterance_loaded = Signal(object)
    """A new :class:`Utterance`, with its references and language if they are known."""
    comparison_reset = Signal()
    """There is a new comparison, none of whose engines has run."""
    run_changed = Signal(object)
    """An :class:`EngineRun` has come further."""
    running_changed = Signal(bool)
    failed = Signal(object)
    """A :class:`TriptychError` that belongs to no engine."""

    def __init__(self, catalogue: Catalogue, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.catalogue = catalogue
        self.settings = settings
        self.utterance: Utterance | None = None
        self.comparison: Comparison | None = None
        self.held = ""
        """Why nothing can be run at present, one sentence; empty where it can."""
        self._host: HostLike | None = None
        self._host_for: tuple[str, int] | None = None
        self._queue: deque[tuple[int, Stamped]] = deque()
        self._engine_of: dict[int, str] = {}
        self._unprepared: set[str] = set()
        self._dirty: dict[str, float] = {}
        self._shown: dict[str, float] = {}
        self._preparing: list[Job] = []
        self._running = False
        self._timer = QTimer(self, interval=BATCH_MS)
        self._timer.timeout.connect(self._work_off)

    # --- speech -----------------------------------------------------------------------------------------------------

    def show(self, utterance: Utterance) -> None:
        """Takes another utterance; what runs is cancelled."""
        self.cancel()
        self._engine_of.clear()
        self.utterance = utterance
        self.comparison = None
        self._dirty.clear()
        self._update_running()
        self.utterance_loaded.emit(utterance)
        self.comparison_reset.emit()

    def show_again(self, comparison: Comparison) -> None:
        """Takes speech and results that were kept, without running anything; what runs is cancelled."""
        self.show(comparison.utterance)
        self.comparison = comparison
        self.comparison_reset.emit()
        for engine_id in comparison.runs:
            self._show(engine_id)

    # --- running ----------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether an engine is at work or being prepared."""
        return self._running

    def run(self, utterance: Utterance, task: Task, target: str | None, *, only: Collection[str] | None = None) -> None:
        """Runs every engine; models that are missing are prepared first.

        Args:
            utterance: the speech, with language and references as they are in the window now.
            task: what is asked.
            target: ISO 639-1 code, or None.
            only: ids of the engines to run; the others wait. None runs all.
        """
        if self.refused():
            return
        self.cancel()
        self._engine_of.clear()
        engines = self.catalogue.engines
        options = {engine.id: self.options(engine) for engine in engines}
        self.comparison = Comparison(utterance, task, target, engines, options)
        self.comparison_reset.emit()
        self._begin(tuple(engine for engine in engines if only is None or engine.id in only))

    def rerun(self, engine_id: str) -> None:
        """Runs one engine again with its present settings, on the same speech and task."""
        if self.comparison is None or self.refused():
            return
        engine = self.catalogue.describe(engine_id)
        self._forget(engine_id)
        self.comparison.options[engine_id] = self.options(engine)
        self.run_changed.emit(self.comparison.restart(engine_id))
        self._begin((engine,))

    def refused(self) -> bool:
        """Whether nothing can be run at present; says why."""
        if self.held:
            self.failed.emit(BadInput(self.held, tr("Wait until it has ended, or cancel it.")))
        return bool(self.held)

    def cancel(self) -> None:
        """Cancels everything; each engine says so in its card."""
        for job in self._preparing:
            job.cancel()
        self._preparing.clear()
        if self._host is not None:
            self._host.cancel()
        for engine_id in tuple(self._unprepared):
            self._fail(engine_id, Cancelled(tr("The run was cancelled.")))
        self._update_running()

    def let_rest(self) -> Callable[[], None]:
        """Cancels everything and gives the child process up, whose models take memory; the next run opens another.

        Returns:
            what ends the process; that may take a while, so it is to be called beside the window.
        """
        self.cancel()
        host, self._host = self._host, None
        return host.close if host is not None else _nothing

    def options(self, engine: EngineDescription) -> Mapping[str, OptionValue]:
        """An engine's settings that differ from its defaults, with the server of the preferences where it fits."""
        running = self.settings.running
        chosen = {name: value for name, value in running.options.get(engine.id, {}).items() if name in engine.options}
        for name in ("server_url", "server_model", "server_key"):
            if name in engine.options and not chosen.get(name) and getattr(running, name):
                chosen[name] = getattr(running, name)
        return chosen

    def close(self) -> None:
        """Ends the child process; nothing runs afterwards."""
        self._timer.stop()
        for job in self._preparing:
            job.cancel()
        if self._host is not None:
            self._host.close()
            self._host = None

    # --- inside -----------------------------------------------------------------------------------------------------

    def _begin(self, engines: tuple[EngineDescription, ...]) -> None:
        assert self.comparison is not None
        wanted = []
        for engine in engines:
            request = self.comparison.request(engine.id)
            try:
                engine.require(request)
                engine.resolve(request.options)
            except TriptychError as error:
                self._fail(engine.id, error)
            else:
                wanted.append((engine, request))
                self._unprepared.add(engine.id)
        job = Job(lambda: preparing(wanted), "prepare")
        job.progressed.connect(self._prepared)
        job.failed.connect(self.failed)
        self._preparing.append(job)
        self._update_running()
        job.start()

    def _prepared(self, step: Progress | Prepared | Unprepared) -> None:
        if self.sender() not in self._preparing or self.comparison is None:
            return
        if isinstance(step, Progress):
            for engine_id in step.engines:
                if engine_id in self._unprepared:
                    self._fold(Stamped(engine_id, 0.0, step.event))
        elif isinstance(step, Unprepared):
            self._fail(step.engine, step.error)
        elif step.engine in self._unprepared:
            self._unprepared.discard(step.engine)
            try:
                run_id = self._ready_host().submit(step.engine, self.comparison.request(step.engine))
            except TriptychError as error:
                self._fail(step.engine, error)
            else:
                self._engine_of[run_id] = step.engine
        self._update_running()

    def _ready_host(self) -> HostLike:
        running = self.settings.running
        wanted = (running.provider, running.threads)
        if self._host is not None and self._host_for != wanted:
            self._host.close()
            self._host = None
        if self._host is None:
            self._host = self._open_host(lambda run_id, stamped: self._queue.append((run_id, stamped)), running)
            self._host_for = wanted
        return self._host

    def _open_host(self, listener: Listener, running: Running) -> HostLike:
        return Host(
            listener,
            provider=running.provider,
            threads=running.threads,
            catalogue=self.catalogue,
            counting=True,
        )

    def _work_off(self) -> None:
        until = time.perf_counter() + BUDGET
        while self._queue and time.perf_counter() < until:
            run_id, stamped = self._queue.popleft()
            if self._engine_of.get(run_id) == stamped.engine:
                self._fold(stamped)
        now = time.monotonic()
        for engine_id in [one for one in self._dirty if now - self._shown.get(one, 0.0) >= SHOW_SECONDS]:
            self._show(engine_id)
        self._update_running()

    def _fold(self, stamped: Stamped) -> None:
        if self.comparison is None:
            return
        run = self.comparison.apply(stamped)
        self._dirty.setdefault(stamped.engine, time.monotonic())
        if run.status.over:
            self._show(stamped.engine)

    def _fail(self, engine_id: str, error: TriptychError) -> None:
        self._unprepared.discard(engine_id)
        if self.comparison is not None:
            self.comparison.fail(engine_id, error)
            self._show(engine_id)

    def _show(self, engine_id: str) -> None:
        self._dirty.pop(engine_id, None)
        self._shown[engine_id] = time.monotonic()
        if self.comparison is not None:
            run: EngineRun = self.comparison.runs[engine_id]
            self.run_changed.emit(run)

    def _forget(self, engine_id: str) -> None:
        for run_id in [run for run, engine in self._engine_of.items() if engine == engine_id]:
            del self._engine_of[run_id]
            if self._host is not None:
                self._host.cancel(run_id)

    def _update_running(self) -> None:
        runs = self.comparison.runs if self.comparison is not None else {}
        active = bool(self._unprepared) or any(not runs[engine].status.over for engine in self._engine_of.values())
        if active and not self._timer.isActive():
            self._timer.start()
        elif not active and not self._queue and not self._dirty:
            self._timer.stop()
        if active != self._running:
            self._running = active
            self.running_changed.emit(active)


def _nothing() -> None:
    """There is no process to end."""
