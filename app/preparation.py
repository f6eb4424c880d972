"""Makes engines ready one after the other, the first as early as can be. No Qt."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.needs import models_needed
from engines.catalog import EngineDescription
from engines.contract import Preparing, Request
from engines.errors import TriptychError
from engines.runtime.cancellation import check
from export.prepare import prepare


@dataclass(frozen=True)
class Progress:
    """Something is being fetched or built that these engines wait for."""

    engines: tuple[str, ...]
    event: Preparing


@dataclass(frozen=True)
class Prepared:
    """An engine can start."""

    engine: str


@dataclass(frozen=True)
class Unprepared:
    """An engine cannot be made ready."""

    engine: str
    error: TriptychError


def preparing(wanted: Sequence[tuple[EngineDescription, Request]]) -> Iterator[Progress | Prepared | Unprepared]:
    """Prepares every engine's models in turn; what one engine lacks does not keep the others from starting.

    Args:
        wanted: engines in the order in which they run, each with what is asked of it.

    Raises:
        Cancelled: the work was cancelled.
    """
    for index, (engine, request) in enumerate(wanted):
        waiting = tuple(other.id for other, _ in wanted[index:])
        try:
            with contextlib.closing(prepare(models_needed(engine, request))) as steps:
                for step in steps:
                    check()
                    yield Progress(waiting, step)
        except TriptychError as error:
            check()
            yield Unprepared(engine.id, error)
        else:
            yield Prepared(engine.id)
