"""One run of an engine, followed to its end: failures of its work told from things that it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from engines import errors
from engines.contract import Failed, Finished, Request, Stamped
from engines.host import Host

LACKING: Final = (errors.Unavailable, errors.AdapterMissing, errors.AdapterMismatch)
PATIENCE_SECONDS: Final = 180.0
"""An engine from which nothing came for so long is cancelled; the run counts as one that wrote nothing."""
TOO_SLOW: Final = f"Nothing came for {PATIENCE_SECONDS:.0f} s; it was cancelled."


def follow(
    host: Host, engine: str, request: Request, hear: Callable[[Stamped], bool], *, group: int = 0, fresh: bool = False
) -> bool:
    """Runs an engine to its end.

    Args:
        host: runs it.
        engine: its id.
        request: what is asked of it.
        hear: takes every event, and returns whether it was the last.
        group: see :meth:`engines.host.Host.submit`.
        fresh: likewise.

    Returns:
        False where nothing came for too long and the run was cancelled.
    """
    run_id = host.submit(engine, request, group=group, fresh=fresh)
    for stamped in _events(host, run_id):
        if hear(stamped):
            return True
    host.cancel(run_id)
    for stamped in _events(host, run_id):
        if isinstance(stamped.event, Failed | Finished):
            break
    return False


def _events(host: Host, run_id: int) -> Iterator[Stamped]:
    for found, stamped in host.events(timeout=PATIENCE_SECONDS):
        if found == run_id:
            yield stamped


def require_present(kind: str, message: str, hint: str) -> None:
    """Tells a failure of an engine that lacks something from one of its work.

    Raises:
        Unavailable: it lacks something.
        AdapterMissing: its trained weights are not there.
        AdapterMismatch: they do not fit.
    """
    cause = getattr(errors, kind, None)
    if isinstance(cause, type) and issubclass(cause, LACKING):
        raise cause(message, hint)
