"""The child process: runs one engine at a time and reports what happens.

A second thread listens for *cancel* and for the end of the parent, which ends this process at once.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from multiprocessing.connection import Connection

from engines import catalog
from engines.contract import Engine, Event, Failed, Finished, StageFinished, StageStarted, Stamped
from engines.counting import Notes, counting
from engines.errors import Cancelled, TriptychError
from engines.flops.tally import tally
from engines.host import memory
from engines.host.messages import Began, Cancel, Happened, Run, Setup, unpack
from engines.memo import Memo
from engines.models.components import Components
from engines.runtime import providers
from engines.runtime.cancellation import CancelToken, cancellable


def main(pipe: Connection, setup: Setup) -> None:
    """Works until the parent closes its end of the pipe."""
    _detach_from_terminal(setup.log)
    work: queue.SimpleQueue[Run] = queue.SimpleQueue()
    tokens: dict[int, CancelToken] = {}
    listener = threading.Thread(target=_listen, args=(pipe, work, tokens), name="listener", daemon=True)
    listener.start()
    worker = _Worker(pipe, setup)
    while True:
        run = work.get()
        worker.run(run, tokens[run.run_id])
        tokens.pop(run.run_id, None)


def _detach_from_terminal(log: str) -> None:
    """Sends what this process prints to the log, and leaves Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handle = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    os.close(null)
    faulthandler.enable(file=sys.__stderr__ or 2)


def _listen(pipe: Connection, work: queue.SimpleQueue[Run], tokens: dict[int, CancelToken]) -> None:
    while True:
        try:
            message = pipe.recv()
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone: nobody is left to work for
        if isinstance(message, Run):
            tokens[message.run_id] = CancelToken()
            work.put(message)
        elif isinstance(message, Cancel):
            token = tokens.get(message.run_id)
            if token is not None:
                token.cancel()


class _Worker:
    """Runs engines in the main thread; they share components and a memo."""

    def __init__(self, pipe: Connection, setup: Setup) -> None:
        self._pipe = pipe
        self._setup = setup
        self._components = Components(memo=Memo(setup.memo_bytes))
        self._engines: dict[str, Engine] = {}
        self._configured = False

    def run(self, run: Run, token: CancelToken) -> None:
        memory.reset_peak()
        if run.fresh:
            self._components.memo.clear()
        at = 0.0
        with cancellable(token):
            try:
                for at, event in self._timed(run, token):
                    self._send(run, at, event)
            except TriptychError as error:
                self._send(run, at, Failed(error.kind, error.message, error.hint))
            except MemoryError:
                sentence = f"The memory was not enough for the engine {run.engine}."
                self._send(run, at, Failed("EngineCrashed", sentence, "Close other programs, or use shorter speech."))
            except Exception as error:  # noqa: BLE001 - whatever an engine raises costs one message, not the process
                print(time.strftime("%Y-%m-%d %H:%M:%S"), f"engine {run.engine}", file=sys.stderr)
                traceback.print_exc()
                sys.stderr.flush()
                self._send(run, at, _internal(run.engine, error))

    def _timed(self, run: Run, token: CancelToken) -> Iterator[tuple[float, Event]]:
        """Stamps events with the engine's own time: opening models is left out, shared work is counted in full."""
        if not self._configured:
            providers.configure(self._setup.provider, self._setup.threads)
            self._configured = True
        self._tell(Began(run.run_id))
        events = iter(self._engine(run.engine).run(unpack(run.request)))
        counted = counting() if self._setup.counting and run.request.evidence else nullcontext()
        try:
            with counted as notes:
                yield from self._stamped(events, token, notes)
        finally:
            if isinstance(events, Generator):
                events.close()

    def _stamped(
        self, events: Iterator[Event], token: CancelToken, notes: Notes | None
    ) -> Iterator[tuple[float, Event]]:
        clock = 0.0
        while True:
            opening = self._components.opening_seconds
            began = time.perf_counter()
            event = next(events, None)
            clock += time.perf_counter() - began - (self._components.opening_seconds - opening)
            if event is None:
                raise RuntimeError("the engine ended without a result")
            if token.cancelled:
                raise Cancelled("The run was cancelled.")
            if isinstance(event, StageFinished) and event.shared:
                clock += event.seconds
            if isinstance(event, Finished):
                peak = memory.peak_bytes()
                yield clock, Finished(event.result, peak, None if notes is None else tally(notes))
                return
            if notes is not None and isinstance(event, StageStarted | StageFinished):
                notes.stage = event.stage if isinstance(event, StageStarted) else ""
            yield clock, event
            if isinstance(event, Failed):
                return

    def _engine(self, engine_id: str) -> Engine:
        if engine_id not in self._engines:
            self._engines[engine_id] = catalog.build(self._setup.factories[engine_id], self._components)
        return self._engines[engine_id]

    def _send(self, run: Run, at: float, event: Event) -> None:
        self._tell(Happened(run.run_id, Stamped(run.engine, at, event)))

    def _tell(self, message: Began | Happened) -> None:
        try:
            self._pipe.send(message)
        except (BrokenPipeError, ConnectionError):
            os._exit(0)  # the parent is gone


def _internal(engine: str, error: Exception) -> Failed:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return Failed(
        "InternalError",
        f"The engine {engine} met a fault in the program ({reason}).",
        "Please report it with the log, which `triptych doctor` names.",
    )
