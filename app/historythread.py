"""The history's own thread: one store, used nowhere else; answers come on the window's thread."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.language import tr
from engines.errors import HistoryDamaged, TriptychError
from engines.history.store import BUSY_SECONDS, Store

log = logging.getLogger(__name__)

AGAIN_MS = 30_000
"""After what time it is tried again to keep what could not be kept."""
MOST_WAITING = 200
"""Runs that wait to be kept at most; the oldest are given up."""

Work = Callable[[Store], Any]


class HistoryThread(QObject):
    """Does one thing after the other.

    What is to be kept and cannot be (the history is locked, the disk is full) waits and is tried again. A damaged
    database is set aside and built anew, once, and what was asked is then asked again.

    Args:
        home: the history's folder; the user's by default.
        busy_seconds: how long to wait for another program.
        parent: the window.
    """

    said = Signal(str)
    failed = Signal(object)
    """A :class:`TriptychError`; of the same trouble in keeping only the first."""
    kept = Signal()
    """Something was kept or changed."""
    _answered = Signal(object, object)
    _stuck = Signal()

    def __init__(
        self, home: Path | None = None, *, busy_seconds: float = BUSY_SECONDS, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._home = home
        self._busy = busy_seconds
        self._thread = ThreadPoolExecutor(1, "history")
        self._store: Store | None = None
        self._waiting: deque[Work] = deque(maxlen=MOST_WAITING)
        self._trouble = ""
        self._closing = False
        self._again = QTimer(self, interval=AGAIN_MS, singleShot=True)
        self._again.timeout.connect(lambda: self._submit(self._flush))
        self._answered.connect(lambda then, value: then(value))
        self._stuck.connect(self._again.start)

    def ask(
        self,
        work: Work,
        then: Callable[[Any], object] | None = None,
        otherwise: Callable[[TriptychError], object] | None = None,
    ) -> None:
        """Does something with the store.

        Args:
            work: called in the history's thread; what it raises comes as :attr:`failed`.
            then: called with what it returned, on the window's thread.
            otherwise: called with what it raised, likewise; :attr:`failed` is then not sent.
        """
        self._submit(self._ask, work, then, otherwise)

    def keep(self, work: Work) -> None:
        """Keeps something with the store, now or as soon as that is possible."""
        self._submit(self._keep, work)

    def close(self) -> None:
        """Keeps what waits, throws away for good what was deleted, and ends; nothing is signalled any more."""
        if not self._closing:
            self._submit(self._end)
            self._closing = True
            self._again.stop()
            self._thread.shutdown(wait=True)

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _submit(self, work: Callable[..., None], *arguments: object) -> None:
        if not self._closing:
            self._thread.submit(self._guarded, work, *arguments)

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except TriptychError as error:
            self._tell(self.failed, error)
        except Exception as error:
            log.exception("the history failed")
            message = tr("Something went wrong in the history: {error}.").format(error=error or type(error).__name__)
            self._tell(self.failed, TriptychError(message, tr("The log has the details.")))

    def _ask(
        self,
        work: Work,
        then: Callable[[Any], object] | None,
        otherwise: Callable[[TriptychError], object] | None,
    ) -> None:
        try:
            value = self._done(work)
        except TriptychError as error:
            if otherwise is None:
                raise
            self._tell(self._answered, otherwise, error)
            return
        if then is not None:
            self._tell(self._answered, then, value)

    def _keep(self, work: Work) -> None:
        self._waiting.append(work)
        self._flush()

    def _flush(self) -> None:
        """Keeps what waits, in order, until something is in the way."""
        while self._waiting:
            try:
                self._done(self._waiting[0])
            except TriptychError as error:
                if error.kind != self._trouble:
                    self._trouble = error.kind
                    self._tell(self.failed, error)
                self._tell(self._stuck)
                return
            except Exception:
                self._waiting.popleft()  # or it would be in the way for ever
                raise
            self._waiting.popleft()
            self._trouble = ""
            self._tell(self.kept)

    def _done(self, work: Work) -> Any:
        try:
            return work(self._opened())
        except HistoryDamaged:
            if self._store is None:
                raise
            damaged = self._store
            self._tell(self.said, damaged.rebuild())
            return work(damaged)

    def _opened(self) -> Store:
        if self._store is None:
            store = Store(self._home, busy_seconds=self._busy)
            with contextlib.suppress(TriptychError):  # another time, then
                store.purge(left_over=True)
            self._store = store
            if store.said:
                self._tell(self.said, store.said)
        return self._store

    def _end(self) -> None:
        try:
            self._flush()
            if self._store is not None:
                self._store.purge()
        finally:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _tell(self, signal: Any, *values: object) -> None:
        try:
            signal.emit(*values)
        except RuntimeError:  # the window is gone
            log.debug("the history spoke after the window had gone")
