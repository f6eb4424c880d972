"""Work beside the window: one thread per job, results and progress delivered on the window's own thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from app.language import tr
from engines.errors import Cancelled, TriptychError
from engines.runtime.cancellation import CancelToken, cancellable

log = logging.getLogger(__name__)

_running: set[Job] = set()


class Job(QObject):
    """A function that runs in a thread of its own.

    A generator's values arrive in ``progressed``, other functions' value in ``finished``. Signals come on the thread
    that made the job. A job keeps itself alive until it has ended.

    Args:
        work: called in the thread; looks at :func:`engines.runtime.cancellation.check` if it can be cancelled.
        name: for the thread, seen in crash logs.
    """

    progressed = Signal(object)
    finished = Signal(object)
    failed = Signal(object)
    """A :class:`TriptychError`; unexpected errors arrive as one, too, and are logged."""
    _ended = Signal()

    def __init__(self, work: Callable[[], Any], name: str) -> None:
        super().__init__()
        self._work = work
        self._token = CancelToken()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._ended.connect(lambda: _running.discard(self), Qt.ConnectionType.QueuedConnection)

    def start(self) -> Job:
        """Starts the thread; returns the job itself."""
        _running.add(self)
        self._thread.start()
        return self

    def cancel(self) -> None:
        """Asks the work to stop; it then ends without a further signal."""
        self._token.cancel()

    def wait(self, seconds: float) -> bool:
        """Waits for the end; returns whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with cancellable(self._token):
                value = self._work()
                if isinstance(value, Iterator):
                    self._consume(value)
                    value = None
            if not self._token.cancelled:
                self._send(self.finished, value)
        except Cancelled:
            pass
        except TriptychError as error:
            if not self._token.cancelled:
                self._send(self.failed, error)
        except Exception as error:
            log.exception("%s failed", self._thread.name)
            problem = TriptychError(
                tr("Something went wrong: {error}.").format(error=error or type(error).__name__),
                tr("The log has the details."),
            )
            self._send(self.failed, problem)
        self._send(self._ended)

    def _consume(self, values: Iterator[Any]) -> None:
        for value in values:
            if self._token.cancelled:
                raise Cancelled(tr("The work was cancelled."))
            self._send(self.progressed, value)

    @staticmethod
    def _send(signal: Any, *values: Any) -> None:
        try:
            signal.emit(*values)
        except RuntimeError:  # the application is gone
            log.debug("a job ended after the window")


def wait_for_all(seconds: float) -> None:
    """Cancels what still runs and waits for it, at most ``seconds`` in all (at the end of the program)."""
    for job in list(_running):
        job.cancel()
    for job in list(_running):
        job.wait(seconds)
