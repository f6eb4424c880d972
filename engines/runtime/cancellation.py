"""Cancellation between decoding steps.

The host runs an engine in one thread and listens for *cancel* in another. Long loops call :func:`check` once per step.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from engines.errors import Cancelled


class CancelToken:
    """A flag that one thread sets and another looks at."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Asks the work to stop at its next check."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._event.is_set()


_current: ContextVar[CancelToken | None] = ContextVar("cancel_token", default=None)


@contextmanager
def cancellable(token: CancelToken) -> Iterator[None]:
    """Makes ``token`` the one that :func:`check` looks at in this context."""
    reset = _current.set(token)
    try:
        yield
    finally:
        _current.reset(reset)


def check() -> None:
    """Raises Cancelled if the work in this context was cancelled."""
    token = _current.get()
    if token is not None and token.cancelled:
        raise Cancelled("The run was cancelled.")
