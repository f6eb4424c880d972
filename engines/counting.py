"""Notes which graphs ran with which shapes, for whoever counts what that cost; nobody else pays for it.

Sessions are opened as :class:`Session`. While nobody counts, a run costs one comparison more than ONNX Runtime's own.
While somebody does, every run is noted under the stage that the engine is in, and what the memo serves as shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort

_FEW = 16
"""Integers of an input that are noted with their values: lengths, offsets and the like decide on the work."""


class Fed(NamedTuple):
    """What a tensor was.

    Attributes:
        name: of the graph's input or output.
        shape: of it.
        values: of an input of few integers, flattened; None for all others.
    """

    name: str
    shape: tuple[int, ...]
    values: tuple[int, ...] | None = None


class Ran(NamedTuple):
    """One way in which a graph ran.

    Attributes:
        graph: path of its file.
        inputs: by name.
        outputs: as far as they are known.
    """

    graph: str
    inputs: tuple[Fed, ...]
    outputs: tuple[Fed, ...] = ()


class Place(NamedTuple):
    """Where a run is noted.

    Attributes:
        stage: of the engine; empty between stages.
        shared: whether the result came from the memo.
    """

    stage: str
    shared: bool


@dataclass
class Notes:
    """What ran.

    Attributes:
        stage: what the next runs belong to.
        runs: how often each graph ran with the same shapes, by place.
        unnoted: stages of which something came from the memo that was computed while nobody counted.
    """

    stage: str = ""
    runs: Counter[tuple[Place, Ran]] = field(default_factory=Counter)
    unnoted: set[str] = field(default_factory=set)
    _parts: list[Counter[Ran]] = field(default_factory=list)

    def add(self, ran: Ran) -> None:
        """Notes a run."""
        self.runs[Place(self.stage, shared=False), ran] += 1
        for part in self._parts:
            part[ran] += 1

    def serve(self, part: Mapping[Ran, int] | None) -> None:
        """Notes what the memo saved; None where nobody counted when it was computed."""
        if part is None:
            self.unnoted.add(self.stage)
            return
        for ran, times in part.items():
            self.runs[Place(self.stage, shared=True), ran] += times
            for outer in self._parts:
                outer[ran] += times


_notes: Notes | None = None


@contextmanager
def counting() -> Iterator[Notes]:
    """Counts the runs inside; not to be nested, and for one thread alone."""
    global _notes  # noqa: PLW0603 - one process, one counter
    _notes = Notes()
    try:
        yield _notes
    finally:
        _notes = None


@contextmanager
def aside() -> Iterator[None]:
    """Leaves out what is done inside, such as gathering evidence."""
    global _notes  # noqa: PLW0603
    kept, _notes = _notes, None
    try:
        yield
    finally:
        _notes = kept


@contextmanager
def part() -> Iterator[Counter[Ran] | None]:
    """Notes what runs inside once more, for the memo; None while nobody counts."""
    notes = _notes
    if notes is None:
        yield None
        return
    found: Counter[Ran] = Counter()
    notes._parts.append(found)  # noqa: SLF001 - a friend
    try:
        yield found
    finally:
        notes._parts[:] = [one for one in notes._parts if one is not found]  # noqa: SLF001


def served(part: Mapping[Ran, int] | None) -> None:
    """The memo served what these runs had computed."""
    if _notes is not None:
        _notes.serve(part)


class Session(ort.InferenceSession):  # type: ignore[misc]  # the library has no types
    """A session that notes its runs.

    Args:
        model: path or bytes of a graph.
        options: of the session.
        graph: what its runs are noted under; by default the path.
        rest: as ONNX Runtime takes it.
    """

    def __init__(
        self, model: str | bytes, options: ort.SessionOptions | None = None, graph: str = "", **rest: Any
    ) -> None:
        super().__init__(model, options, **rest)
        self.graph = graph or (model if isinstance(model, str) else "")

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], run_options: Any = None) -> Any:
        """As in ONNX Runtime."""
        found = super().run(output_names, input_feed, run_options)
        if _notes is not None:
            names = output_names or [output.name for output in self.get_outputs()]
            outputs = tuple(Fed(name, tuple(np.shape(value))) for name, value in zip(names, found, strict=True))
            _notes.add(Ran(self.graph, tuple(map(_fed, input_feed, input_feed.values())), outputs))
        return found

    def io_binding(self) -> Binding:
        """As in ONNX Runtime."""
        return Binding(self)

    def run_with_iobinding(self, iobinding: Any, run_options: Any = None) -> None:
        """As in ONNX Runtime."""
        super().run_with_iobinding(iobinding, run_options)
        if _notes is not None:
            fed = iobinding.fed if isinstance(iobinding, Binding) else {}
            _notes.add(Ran(self.graph, tuple(map(_fed, fed, fed.values()))))


class Binding(ort.IOBinding):  # type: ignore[misc]
    """A binding that knows what was bound."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.fed: dict[str, Any] = {}

    def bind_cpu_input(self, name: str, arr_on_cpu: Any) -> None:
        """As in ONNX Runtime."""
        super().bind_cpu_input(name, arr_on_cpu)
        self.fed[name] = arr_on_cpu

    def bind_ortvalue_input(self, name: str, ortvalue: ort.OrtValue) -> None:
        """As in ONNX Runtime."""
        super().bind_ortvalue_input(name, ortvalue)
        self.fed[name] = ortvalue

    def clear_binding_inputs(self) -> None:
        """As in ONNX Runtime."""
        super().clear_binding_inputs()
        self.fed.clear()


def _fed(name: str, value: Any) -> Fed:
    """What is noted of an input; an array or an OrtValue."""
    if isinstance(value, ort.OrtValue):
        shape = tuple(value.shape())
        few = "int" in value.data_type() and int(np.prod(shape)) <= _FEW
        return Fed(name, shape, tuple(int(one) for one in value.numpy().ravel()) if few else None)
    array = np.asarray(value)
    few = array.dtype.kind in "iu" and array.size <= _FEW
    return Fed(name, array.shape, tuple(int(one) for one in array.ravel()) if few else None)
