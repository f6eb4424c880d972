"""Fetching models one after another, beside the window. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.language import tr
from engines.contract import Preparing
from engines.errors import TriptychError
from engines.runtime.cancellation import check
from engines.weights.store import WeightStore
from export import prepare


@dataclass(frozen=True)
class Step:
    """What became of a model.

    Attributes:
        model: its id.
        event: what is being done; None where it is done.
        error: why it is not ready; None where it is.
    """

    model: str
    event: Preparing | None = None
    error: TriptychError | None = None


def fetching(models: Iterable[str], folder: Path | None = None) -> Iterator[Step]:
    """Makes models ready to run; one that fails does not keep the others from it.

    Args:
        models: ids.
        folder: where archives and files are looked for first; with one, nothing is fetched from a network.

    Raises:
        Cancelled: the work was cancelled; the next call goes on from there.
    """
    for model in models:
        try:
            for event in prepare.prepare([model], offline=True if folder is not None else None, folder=folder):
                check()
                yield Step(model, event)
        except TriptychError as error:
            check()
            yield Step(model, error=error)
        else:
            yield Step(model)


@dataclass
class Remaining:
    """How long a transfer will still take, by how fast it was.

    Attributes:
        clock: seconds, monotonic.
    """

    clock: Callable[[], float] = time.monotonic
    _what: str = ""
    _began: float = 0.0
    _from: int = 0

    def seconds(self, event: Preparing) -> float | None:
        """Seconds that are left; None where it is not known yet."""
        now = self.clock()
        if event.what != self._what:
            self._what, self._began, self._from = event.what, now, event.done
        spent, moved = now - self._began, event.done - self._from
        if event.total is None or event.unit != "bytes" or spent < 2.0 or moved <= 0:
            return None
        return (event.total - event.done) * spent / moved


def lacking(store: WeightStore | None = None) -> tuple[str, ...]:
    """Ids of the models that are not ready to run."""
    store = store or WeightStore()
    return tuple(prepare.missing([model.id for model in store.catalogue.models], store))


def told(seconds: float) -> str:
    """A stretch of time for people: ``"about 3 minutes"``."""
    if seconds < 50:
        return tr("about {max:.0f} seconds").format(max=max(10, round(seconds, -1)))
    minutes = round(seconds / 60)
    return tr("about a minute") if minutes <= 1 else tr("about {minutes} minutes").format(minutes=minutes)
