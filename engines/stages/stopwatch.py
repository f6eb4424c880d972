"""Times the work of a stage that hands out pieces as it goes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Stopwatch:
    """Adds up the time that an iterator spends between being asked and answering.

    What the listener does with a piece is not the engine's work, and is not counted.

    Attributes:
        seconds: the sum so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Counts what is done inside."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """Passes the items on."""
        iterator = iter(items)
        while True:
            began = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - began
            yield item
