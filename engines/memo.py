"""Equal work is done once: results kept by what they were computed from, within a bound of memory.

The cost of the first computation is kept beside the value, so that a stage served from here can still report what it
would have cost.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple, TypeVar, cast

import numpy as np

from engines import counting
from engines.counting import Ran

Value = TypeVar("Value")

DEFAULT_BYTES = 512 * 2**20


class Entry(NamedTuple):
    """A kept value.

    Attributes:
        value: what was computed.
        seconds: what that took.
        ran: the graphs that ran for it; None where nobody counted.
    """

    value: object
    seconds: float
    ran: Mapping[Ran, int] | None = None


class Memo:
    """Values by key, least recently used first out.

    Keys begin with the component's name and contain the utterance's digest and every option that changes the value. Not
    thread-safe: it belongs to the one thread that runs engines.

    Args:
        limit: bytes that all values together may take; 0 keeps nothing (isolated mode).
    """

    def __init__(self, limit: int = DEFAULT_BYTES) -> None:
        self._limit = limit
        self._entries: OrderedDict[tuple[Hashable, ...], tuple[Entry, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes that the kept values take, by estimate."""
        return self._bytes

    def get(self, key: tuple[Hashable, ...]) -> Entry | None:
        """The entry, or None; using it makes it young again."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(
        self, key: tuple[Hashable, ...], value: object, seconds: float, ran: Mapping[Ran, int] | None = None
    ) -> None:
        """Keeps a value that took ``seconds`` and these runs; one that is larger than the whole memo is not kept."""
        self._drop(key)
        size = size_of(value)
        if size > self._limit:
            return
        self._entries[key] = (Entry(value, seconds, ran), size)
        self._bytes += size
        while self._bytes > self._limit:
            self._drop(next(iter(self._entries)))

    def get_or_compute(self, key: tuple[Hashable, ...], compute: Callable[[], Value]) -> tuple[Value, float, bool]:
        """Returns the value, what it cost or would have cost in seconds, and whether it was shared."""
        entry = self.get(key)
        if entry is not None:
            counting.served(entry.ran)
            return cast(Value, entry.value), entry.seconds, True
        with counting.part() as ran:
            began = time.perf_counter()
            value = compute()
            seconds = time.perf_counter() - began
        self.put(key, value, seconds, ran)
        return value, seconds, False

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()
        self._bytes = 0

    def _drop(self, key: tuple[Hashable, ...]) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self._bytes -= found[1]


def size_of(value: object) -> int:
    """Bytes of a value by estimate: arrays in full, containers and dataclasses by their parts."""
    if isinstance(value, np.ndarray):
        return int(value.nbytes) + sys.getsizeof(np.ndarray)
    if isinstance(value, dict):
        return sys.getsizeof(value) + sum(size_of(k) + size_of(v) for k, v in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return sys.getsizeof(value) + sum(size_of(item) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return sum(size_of(getattr(value, field.name)) for field in dataclasses.fields(value))
    return sys.getsizeof(value)
