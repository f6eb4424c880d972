"""What drives a session: the clock on the wall, or a clock of its own that is faster.

:class:`LiveThread` hears sound as it comes. :func:`simulate` hears a whole recording: time passes by the length of the
sound and by what the engines' work takes, so that words come when they would have come, however fast the machine gets
through.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from engines.catalog import EngineDescription
from engines.contract import SAMPLE_RATE, Failed, Finished, Request, Samples, StageFinished, Stamped, Utterance
from engines.live import governor
from engines.live.asking import Asked
from engines.live.events import LiveEvent, Out
from engines.live.phrases import Detect
from engines.live.session import Session

Listener: TypeAlias = Callable[[int, Stamped], None]
Tell: TypeAlias = Callable[[LiveEvent], None]

BLOCK = SAMPLE_RATE // 20
"""Samples that a recording is heard by."""
_log = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
_DRAIN_SECONDS = 30.0


class HostLike(Protocol):
    """What is needed of :class:`engines.host.Host`."""

    def submit(self, engine_id: str, request: Request) -> int:
        """Queues a run and returns its id."""
        ...

    def cancel(self, run_id: int | None = None) -> None:
        """Cancels a run."""
        ...

    def close(self) -> None:
        """Ends the child process."""
        ...


@dataclass(frozen=True, eq=False)
class Setting:
    """All that a live run needs but its sound.

    Attributes:
        engines: those that take part; their models are ready.
        asked: of every engine.
        detect: probability of speech, for one stream alone.
        open_host: makes a host that tells a listener.
        warm: a little speech with which models are opened; None begins without.
        limits: of the governor.
    """

    engines: Sequence[EngineDescription]
    asked: Asked
    detect: Detect
    open_host: Callable[[Listener], HostLike]
    warm: Utterance | None = None
    limits: governor.Limits = governor.DEFAULT


@dataclass(frozen=True, eq=False)
class _Sound:
    samples: Samples
    now: float
    lost: bool


class LiveThread:
    """Runs a session in a thread of its own, on the clock of the wall.

    Args:
        setting: what is run.
        tell: takes every event, in this thread; must not block.
    """

    def __init__(self, setting: Setting, tell: Tell) -> None:
        self._setting = setting
        self._tell = tell
        self._inbox: queue.SimpleQueue[_Sound | tuple[int, Stamped, float] | None] = queue.SimpleQueue()
        self._abandoned = False
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="live", daemon=True)

    def start(self) -> None:
        """Opens the engines; ``Ready`` is told when speech can come."""
        self._thread.start()

    def hear(self, samples: Samples, *, lost: bool = False) -> None:
        """Takes the sound that was just heard, ``(n,)`` at 16 kHz; from any thread, returns at once."""
        self._inbox.put(_Sound(samples, self._now(), lost))

    def stop(self) -> None:
        """No more sound comes. What was said is still written; ``Ended`` is the last event."""
        self._inbox.put(None)

    def abandon(self) -> None:
        """Ends at once; what was not written yet is left."""
        self._abandoned = True
        self._inbox.put(None)

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for the end; returns whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _work(self) -> None:
        host = self._setting.open_host(lambda run_id, stamped: self._inbox.put((run_id, stamped, self._now())))
        session = _session(self._setting, host, self._tell)
        try:
            self._drive(session)
        except Exception as error:  # noqa: BLE001 - whatever it is, the front end hears of it, and of the end
            _log.exception("A live run failed")
            for engine in self._setting.engines:
                self._tell(Out(self._now(), engine.id, "InternalError", *_fault(error)))
        finally:
            host.close()
            session.end(self._now())

    def _drive(self, session: Session) -> None:
        session.begin(self._now(), self._setting.warm)
        stopping: float | None = None
        while session.alive and not self._abandoned:
            try:
                message = self._inbox.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                session.hear(np.zeros(0, np.float32), self._now())
            else:
                if message is None:
                    stopping = self._now()
                    session.stop(stopping)
                elif isinstance(message, _Sound):
                    session.hear(message.samples, message.now, lost=message.lost)
                else:
                    session.happened(*message)
            if stopping is not None and (session.idle or self._now() - stopping > _DRAIN_SECONDS):
                return


def simulate(setting: Setting, samples: Samples, tell: Tell) -> None:
    """Hears a recording on a clock of its own.

    Args:
        setting: what is run.
        samples: ``(n,)`` at 16 kHz.
        tell: takes every event.
    """
    events: queue.SimpleQueue[tuple[int, Stamped]] = queue.SimpleQueue()
    host = setting.open_host(lambda run_id, stamped: events.put((run_id, stamped)))
    try:
        _Simulation(setting, host, events, tell).run(samples)
    finally:
        host.close()


class _Simulation:
    """Delivers what the engines did when it would have been done, had they begun on this clock."""

    def __init__(
        self, setting: Setting, host: HostLike, events: queue.SimpleQueue[tuple[int, Stamped]], tell: Tell
    ) -> None:
        self._setting = setting
        self._host = host
        self._events = events
        self._now = 0.0
        self._due: list[tuple[float, int, Stamped]] = []
        self._session = _session(setting, host, tell, self._submit, self._cancel)

    def run(self, samples: Samples) -> None:
        session = self._session
        session.begin(self._now, self._setting.warm)
        self._until(None)
        began = self._now
        for at in range(0, samples.shape[0], BLOCK):
            block = samples[at : at + BLOCK]
            self._until(began + (at + block.shape[0]) / SAMPLE_RATE)
            session.hear(np.asarray(block, np.float32), self._now)
        session.stop(self._now)
        self._until(None)
        session.end(self._now)

    def _submit(self, engine: str, request: Request) -> int:
        """Runs at once, however long that takes, and notes when it would have been done."""
        run_id = self._host.submit(engine, request)
        shared = 0.0
        while True:
            found, stamped = self._events.get()
            if found != run_id:
                continue
            if isinstance(stamped.event, StageFinished) and stamped.event.shared:
                shared += stamped.event.seconds
            self._due.append((self._now + max(0.0, stamped.at - shared), run_id, stamped))
            if isinstance(stamped.event, Finished | Failed):
                return run_id

    def _cancel(self, run_id: int) -> None:
        """The run ends here and now; what it would have done later is not done."""
        gone = [one for one in self._due if one[1] == run_id]
        self._due = [one for one in self._due if one[1] != run_id]
        if gone:
            cancelled = Failed("Cancelled", "The run was cancelled.")
            self._due.append((self._now, run_id, Stamped(gone[0][2].engine, 0.0, cancelled)))

    def _until(self, time_: float | None) -> None:
        """Lets time pass up to a moment, or until nothing is left to happen."""
        while self._due and (time_ is None or self._due[0][0] <= time_):
            at, run_id, stamped = self._due.pop(0)
            self._now = max(self._now, at)
            self._session.happened(run_id, stamped, self._now)
        if time_ is not None:
            self._now = max(self._now, time_)


def _fault(error: Exception) -> tuple[str, str]:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return f"Live work met a fault in the program ({reason}).", "Please report it; what was recorded is kept."


def _session(
    setting: Setting,
    host: HostLike,
    tell: Tell,
    submit: Callable[[str, Request], int] | None = None,
    cancel: Callable[[int], None] | None = None,
) -> Session:
    return Session(
        setting.engines,
        setting.asked,
        detect=setting.detect,
        submit=submit or host.submit,
        cancel=cancel or host.cancel,
        tell=tell,
        limits=setting.limits,
    )
