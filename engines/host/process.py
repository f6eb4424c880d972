"""One child process, seen from the parent."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from engines import paths
from engines.host import child
from engines.host.messages import Setup

_END_SECONDS = 5.0
_LOG_BYTES = 4 * 2**20


def log_path() -> Path:
    """The file that gets what engines print and the tracebacks of faults; it is begun anew when it grows large."""
    folder = paths.data() / "logs"
    folder.mkdir(exist_ok=True)
    file = folder / "engines.log"
    try:
        if file.stat().st_size > _LOG_BYTES:
            file.replace(folder / "engines.old.log")
    except OSError:
        pass
    return file


class Child:
    """A started child process and the pipe to it.

    Raises:
        OSError: the process could not be started.
    """

    def __init__(self, setup: Setup) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=child.main, args=(theirs, setup), name="triptych-engines", daemon=True)
        try:
            with _no_interrupts():
                self._process.start()
        except BaseException:
            self.pipe.close()
            raise
        finally:
            theirs.close()
        self._broken = False

    @property
    def pid(self) -> int | None:
        """Process id."""
        return self._process.pid

    @property
    def sentinel(self) -> int:
        """Becomes ready when the process ends."""
        return self._process.sentinel

    def send(self, message: object) -> None:
        """Sends a message; that the child is gone is noticed when it is listened to."""
        try:
            self.pipe.send(message)
        except (BrokenPipeError, ConnectionError):
            self._broken = True

    def received(self) -> Iterator[object]:
        """Yields the messages that have come."""
        try:
            while self.pipe.poll():
                yield self.pipe.recv()
        except (EOFError, OSError):
            self._broken = True

    @property
    def ended(self) -> bool:
        """Whether the process is over or cannot be talked to any more."""
        return self._broken or not self._process.is_alive()

    @property
    def epitaph(self) -> str:
        """How the process ended, in words."""
        code = self._process.exitcode
        if code is None:
            return "it stopped answering"
        if code >= 0:
            return f"exit status {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        return f"signal {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")

    def end(self) -> None:
        """Ends the process at once and waits for it."""
        self._process.kill()
        self._process.join(_END_SECONDS)
        self.pipe.close()


class _no_interrupts:  # noqa: N801 - reads as a statement
    """While a child is started, Ctrl-C is kept from it: it inherits the signal mask of the starting thread."""

    def __enter__(self) -> None:
        if sys.platform != "win32":
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32":
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
