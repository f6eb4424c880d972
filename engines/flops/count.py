"""Counts what runs of graphs cost; every graph is read once, and every way in which it ran is counted once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from engines.counting import Fed
from engines.flops import formulas
from engines.flops.formulas import Uncountable
from engines.flops.graph import Graph, load
from engines.flops.shapes import Shapes
from engines.flops.tensors import Tensor

_WAYS = 4096


@dataclass(frozen=True)
class Count:
    """What one run of a graph costs.

    Attributes:
        flops: floating-point operations; a multiplication with its addition counts two.
        products: the part of them that are products of matrices, convolutions, attention and transforms.
        unknown: operators that are not in it, because no formula is known or their shapes depend on data → how many.
    """

    flops: float
    products: float
    unknown: Mapping[str, int]


class Counted:
    """A graph that can be counted.

    Args:
        graph: it.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._shapes = Shapes(graph)
        self._kept: dict[tuple[Fed, ...], Count] = {}

    def count(self, inputs: Iterable[Fed]) -> Count:
        """What a run with these inputs costs."""
        key = tuple(inputs)
        if key not in self._kept:
            if len(self._kept) >= _WAYS:
                self._kept.clear()
            self._kept[key] = self._count(key)
        return self._kept[key]

    def _count(self, inputs: tuple[Fed, ...]) -> Count:
        known = self._shapes.follow({one.name: self._tensor(one) for one in inputs if one.name in self.graph.inputs})
        flops = products = 0.0
        unknown: Counter[str] = Counter()
        for node in self.graph.nodes:
            formula = formulas.formula(node.domain, node.name)
            label = f"{node.domain}:{node.name}" if node.domain else node.name
            if formula is None:
                unknown[label] += 1
                continue
            given = [known.get(name) if name else None for name in node.inputs]
            found = [known.get(name) if name else None for name in node.outputs]
            try:
                cost = formula(node.attributes, given, found)
            except (Uncountable, IndexError, KeyError, ValueError):
                unknown[label] += 1
                continue
            flops += cost
            if label in formulas.PRODUCTS or node.name in formulas.PRODUCTS:
                products += cost
        return Count(flops, products, dict(unknown))

    def _tensor(self, fed: Fed) -> Tensor:
        kind = self.graph.inputs[fed.name][0]
        if fed.values is None:
            return Tensor(kind, fed.shape)
        dtype = np.int32 if kind == 6 else np.int64
        return Tensor(kind, fed.shape, np.array(fed.values, dtype).reshape(fed.shape))


_parts: dict[str, Counted] = {}


def keep(model: bytes, path: Path) -> str:
    """Keeps the operators of a graph that lies in no file, not its weights.

    Args:
        model: the graph.
        path: of the file that it is a part of.

    Returns:
        the name under which it is found again.

    Raises:
        GraphInvalid: it is no graph.
    """
    name = f"{path}#{hashlib.sha256(model).hexdigest()[:12]}"
    if name not in _parts:
        _parts[name] = Counted(load(path, model))
    return name


def part_of(graph: str) -> Counted | None:
    """A graph that was kept, by its name."""
    return _parts.get(graph)


def opened(path: Path) -> Counted:
    """The graph of a file, read once as long as the file stays the same.

    Raises:
        GraphInvalid: it cannot be read.
        OSError: the file is gone.
    """
    state = path.stat()
    return _opened(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=32)
def _opened(path: Path, _changed: int, _size: int) -> Counted:
    return Counted(load(path))
