"""The parent's side of the host: a queue of runs, a child that works it off, and what happens to both."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, Pipe, wait
from types import TracebackType
from typing import Self

from engines import catalog
from engines.contract import Failed, Finished, Request, Stamped
from engines.errors import Cancelled, EngineCrashed
from engines.host.messages import Began, Cancel, Happened, Run, Setup, pack
from engines.host.process import Child, log_path
from engines.memo import DEFAULT_BYTES

Listener = Callable[[int, Stamped], None]

CANCEL_SECONDS = 2.0
"""How long an engine may take to heed a cancellation before its process is ended."""

_FALSE_STARTS = 2
"""How often a run is given to a new child when the old one ended before the engine began."""


@dataclass
class _Current:
    """The run that the child works on."""

    run: Run
    began: bool = False
    at: float = 0.0
    cancelled_at: float | None = None


class Host:
    """Runs engines, one at a time and in the order in which they were submitted, in a process of their own.

    All methods may be called from any thread and return at once.

    Args:
        listener: called with ``(run_id, stamped)`` for every event, from the host's thread; it must not block. Without
            one, read :meth:`events`. The last event of every run is ``Finished`` or ``Failed``.
        isolated: a fresh process for every run (or group of runs, see :meth:`submit`), with nothing shared.
        provider: ``"auto"`` or an execution provider's short name, for example ``"CUDA"``.
        threads: intra-op threads; 0 lets ONNX Runtime choose.
        catalogue: the engines there are; the program's own by default.
        memo_bytes: bound of what the engines share; not used when isolated.
        counting: whether ``Finished.work`` is wanted; it is counted behind the run and out of its time.
    """

    def __init__(
        self,
        listener: Listener | None = None,
        *,
        isolated: bool = False,
        provider: str = "auto",
        threads: int = 0,
        catalogue: catalog.Catalogue | None = None,
        memo_bytes: int = DEFAULT_BYTES,
        counting: bool = False,
    ) -> None:
        self._catalogue = catalogue or catalog.default()
        self._events: queue.SimpleQueue[tuple[int, Stamped]] = queue.SimpleQueue()
        self._listener: Listener = listener or (lambda run_id, stamped: self._events.put((run_id, stamped)))
        self._isolated = isolated
        self._setup = Setup(
            provider=provider,
            threads=threads,
            memo_bytes=0 if isolated else memo_bytes,
            factories=dict(self._catalogue.factories),
            log=str(log_path()),
            counting=counting,
        )
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: deque[Run] = deque()
        self._to_cancel: set[int] = set()
        self._closing = False
        self._alarm, self._bell = Pipe(duplex=False)
        self._child: Child | None = None
        self._current: _Current | None = None
        self._last: tuple[str, int] = ("", 0)
        self._false_starts = 0
        self._thread = threading.Thread(target=self._work, name="engine-host", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the child."""
        self.close()

    def submit(self, engine_id: str, request: Request, *, fresh: bool = False, group: int = 0) -> int:
        """Queues a run.

        Args:
            engine_id: as in the catalogue.
            request: what is asked.
            fresh: forget what earlier runs left in the memo, so that the cost is paid again.
            group: for repeated measurements with an isolated host: consecutive runs of one engine with the same group,
                other than 0, share a process.

        Returns:
            its id, under which its events come.

        Raises:
            UnknownEngine: there is no such engine.
            TaskUnsupported: it does not do the task.
            UnknownLanguage: it does not translate to the target.
            BadOption: an option is unknown or out of its range.
        """
        description = self._catalogue.describe(engine_id)
        description.require(request)
        options: Mapping[str, str | int | float | bool] = description.resolve(request.options)
        prepared = pack(replace(request, options=options))
        with self._lock:
            if self._closing:
                raise EngineCrashed("The engines have been shut down.", "Start Triptych again.")
            run = Run(next(self._ids), engine_id, prepared, fresh, group)
            self._waiting.append(run)
        self._ring()
        return run.run_id

    def cancel(self, run_id: int | None = None) -> None:
        """Cancels a run, or all of them; each ends with ``Failed(kind="Cancelled")`` unless it was over already."""
        with self._lock:
            if run_id is None:
                self._to_cancel.update(run.run_id for run in self._waiting)
                if self._current is not None:
                    self._to_cancel.add(self._current.run.run_id)
            else:
                self._to_cancel.add(run_id)
        self._ring()

    def events(self, timeout: float | None = None) -> Iterator[tuple[int, Stamped]]:
        """Yields events as they come; ends when none came for ``timeout`` seconds (None waits for ever)."""
        while True:
            try:
                yield self._events.get(timeout=timeout)
            except queue.Empty:
                return

    def close(self) -> None:
        """Ends the child and the host's thread; runs that are not over end as cancelled."""
        with self._lock:
            self._closing = True
        self._ring()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    @property
    def log(self) -> str:
        """Path of the file with what the engines printed and the tracebacks of faults."""
        return self._setup.log

    @property
    def child_pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        child = self._child
        return None if child is None else child.pid

    # --- the host's thread from here on ------------------------------------------------------------------------------

    def _ring(self) -> None:
        with self._lock:
            if not self._bell.closed:
                self._bell.send_bytes(b"!")

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._closing:
                    break
            self._heed_cancellations()
            self._start_next()
            self._listen()
        self._finish()

    def _finish(self) -> None:
        self._end_child()
        with self._lock:
            left = list(self._waiting)
            self._waiting.clear()
            current, self._current = self._current, None
            self._bell.close()
        self._alarm.close()
        if current is not None:
            self._report_cancelled(current.run, current.at)
        for run in left:
            self._report_cancelled(run, 0.0)

    def _heed_cancellations(self) -> None:
        with self._lock:
            asked = self._to_cancel
            self._to_cancel = set()
            dropped = [run for run in self._waiting if run.run_id in asked]
            self._waiting = deque(run for run in self._waiting if run.run_id not in asked)
        for run in dropped:
            self._report_cancelled(run, 0.0)
        current = self._current
        if current is None or self._child is None:
            return
        if current.run.run_id in asked and current.cancelled_at is None:
            current.cancelled_at = time.monotonic()
            self._child.send(Cancel(current.run.run_id))
        if current.cancelled_at is not None and time.monotonic() - current.cancelled_at >= CANCEL_SECONDS:
            self._end_child()
            self._over()
            self._report_cancelled(current.run, current.at)

    def _start_next(self) -> None:
        with self._lock:
            if self._current is not None or not self._waiting:
                return
            run = self._waiting.popleft()
            self._current = _Current(run)
        if self._isolated and (run.group == 0 or (run.engine, run.group) != self._last):
            self._end_child()
        self._last = (run.engine, run.group)
        if self._child is None:
            try:
                self._child = Child(self._setup)
            except OSError as error:
                self._over()
                reason = f"The engines could not be started: {error.strerror or error}."
                self._report(run, 0.0, Failed("EngineCrashed", reason, "Close other programs, then run it again."))
                return
        self._child.send(run)

    def _listen(self) -> None:
        """Waits for the child, the bell, or a cancellation that was not heeded."""
        sources: list[Connection | int] = [self._alarm]
        if self._child is not None:
            sources += [self._child.pipe, self._child.sentinel]
        timeout = None
        if self._current is not None and self._current.cancelled_at is not None:
            timeout = max(0.0, self._current.cancelled_at + CANCEL_SECONDS - time.monotonic())
        with self._lock:
            if self._to_cancel or self._closing or (self._waiting and self._current is None):
                timeout = 0.0
        ready = wait(sources, timeout)
        if self._alarm in ready:
            while self._alarm.poll():
                self._alarm.recv_bytes()
        if self._child is not None and (self._child.pipe in ready or self._child.sentinel in ready):
            self._hear(self._child)

    def _hear(self, child: Child) -> None:
        for message in child.received():
            if isinstance(message, Began) and self._current is not None:
                self._current.began = True
                self._false_starts = 0
            elif isinstance(message, Happened):
                self._happened(message)
            if self._child is not child:
                return
        if child.ended:
            self._crashed(child)

    def _happened(self, message: Happened) -> None:
        current = self._current
        if current is None or current.run.run_id != message.run_id:
            return
        current.at = message.stamped.at
        if isinstance(message.stamped.event, Finished | Failed):
            if self._isolated and current.run.group == 0:
                self._end_child()
            self._over()
        self._listener(message.run_id, message.stamped)

    def _crashed(self, child: Child) -> None:
        self._end_child()
        current = self._current
        self._over()
        if current is None:
            return
        if current.cancelled_at is not None:
            self._report_cancelled(current.run, current.at)
            return
        if not current.began and self._false_starts < _FALSE_STARTS:
            self._start_again(current.run)
            return
        name = self._catalogue.describe(current.run.engine).name
        error = EngineCrashed(
            f"The process that ran {name} ended unexpectedly ({child.epitaph}).",
            "It was started again; run the engine once more. The log is named by `triptych doctor`.",
        )
        self._report(current.run, current.at, Failed(error.kind, error.message, error.hint))

    def _start_again(self, run: Run) -> None:
        """The child ended before the engine began: killed while it was idle, or by a driver that was tried."""
        self._false_starts += 1
        if self._false_starts == _FALSE_STARTS and self._setup.provider == "auto":
            self._setup = replace(self._setup, provider="CPU")
        with self._lock:
            self._waiting.appendleft(run)

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _over(self) -> None:
        with self._lock:
            self._current = None

    def _report_cancelled(self, run: Run, at: float) -> None:
        error = Cancelled("The run was cancelled.")
        self._report(run, at, Failed(error.kind, error.message, error.hint))

    def _report(self, run: Run, at: float, event: Failed) -> None:
        self._listener(run.run_id, Stamped(run.engine, at, event))
