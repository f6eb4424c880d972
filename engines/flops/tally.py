"""From notes of what ran to the work of each stage.

Steps of a decoder differ in one length alone, and what they cost grows evenly with it. Where that holds for the first,
the middle and the last of such a row of runs, those in between are read off the line instead of counted one by one.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from engines.counting import Notes, Ran
from engines.errors import GraphInvalid
from engines.flops.count import Count, Counted, opened, part_of
from engines.work import GraphWork, StageWork, Work

_LEAST: Final = 5
"""Runs of a row that is worth a line."""
_EVEN: Final = 1e-9


def tally(notes: Notes) -> Work:
    """The work of what was noted; a graph that cannot be read any more is told as unknown."""
    costs = _costs(list(dict.fromkeys(ran for _, ran in notes.runs)))
    stages: dict[str, list[float]] = {}
    unknown: dict[str, Counter[str]] = {}
    graphs: dict[str, list[float]] = {}
    for (place, ran), times in notes.runs.items():
        cost = costs[ran]
        sums = stages.setdefault(place.stage, [0.0, 0.0, 0, 0])
        sums[0] += times * cost.flops
        sums[1] += times * cost.flops if place.shared else 0.0
        sums[2] += times
        sums[3] += times * positions(ran)
        found = unknown.setdefault(place.stage, Counter())
        for name, many in cost.unknown.items():
            found[name] += many * times
        whole = graphs.setdefault(ran.graph, [0, 0.0])
        whole[0] += times
        whole[1] += times * cost.flops
    for stage in sorted(notes.unnoted - set(stages)):
        stages[stage] = [0.0, 0.0, 0, 0]
    return Work(
        tuple(
            StageWork(
                stage,
                sums[0],
                sums[1],
                int(sums[2]),
                int(sums[3]),
                dict(unknown.get(stage, {})),
                stage in notes.unnoted,
            )
            for stage, sums in stages.items()
        ),
        tuple(_graph_work(graph, int(runs), flops) for graph, (runs, flops) in graphs.items()),
    )


def positions(ran: Ran) -> int:
    """Places of a language model that a run computed: its graph takes ids and what it remembers."""
    names = {fed.name for fed in ran.inputs}
    if "past.0.key" not in names:
        return 0
    return next((math.prod(fed.shape) for fed in ran.inputs if fed.name == "input_ids"), 0)


def _graph_work(graph: str, runs: int, flops: float) -> GraphWork:
    path = Path(graph.partition("#")[0])
    label = f"{path.parent.name}/{path.name}" + ("" if "#" not in graph else " (lower part)")
    found = _opened(graph)
    if found is None:
        return GraphWork(label, runs, flops, 0, 0)
    return GraphWork(label, runs, flops, found.graph.parameters, found.graph.file_bytes)


def _opened(graph: str) -> Counted | None:
    part = part_of(graph)
    if part is not None:
        return part
    try:
        return opened(Path(graph))
    except (GraphInvalid, OSError):
        return None


def _costs(runs: Sequence[Ran]) -> dict[Ran, Count]:
    """What each run costs."""
    found: dict[Ran, Count] = {}
    for row in _rows(runs):
        graph = _opened(row[0].graph)
        if graph is None:
            found |= dict.fromkeys(row, Count(0.0, 0.0, {Path(row[0].graph).name: 1}))
        elif len(row) >= _LEAST and (line := _line(graph, row)) is not None:
            found |= dict(zip(row, line, strict=True))
        else:
            found |= {ran: graph.count(ran.inputs) for ran in row}
    return found


def _line(graph: Counted, row: Sequence[Ran]) -> list[Count] | None:
    """The costs of a row by its first and last run; None where its middle does not lie on their line."""
    last, half = len(row) - 1, len(row) // 2
    first, middle, end = (graph.count(row[at].inputs) for at in (0, half, last))
    step = (end.flops - first.flops) / last
    if not (first.unknown == middle.unknown == end.unknown):
        return None
    if abs(first.flops + half * step - middle.flops) > _EVEN * max(abs(middle.flops), 1.0):
        return None
    rise = (end.products - first.products) / last
    return [Count(first.flops + at * step, first.products + at * rise, first.unknown) for at in range(len(row))]


def _rows(runs: Sequence[Ran]) -> Iterator[list[Ran]]:
    """Cuts runs into rows of one graph whose lengths grow by the same from each to the next."""
    for _, several in itertools.groupby(sorted(runs, key=_kind), key=_kind):
        row: list[Ran] = []
        step: tuple[int, ...] | None = None
        for ran in several:
            new = _step(row[-1], ran) if row else None
            if row and step is not None and new != step:
                yield row
                row, step, new = [], None, None
            row.append(ran)
            step = new if new is not None else step
        yield row


def _kind(ran: Ran) -> tuple[str, tuple[tuple[str, int], ...]]:
    return ran.graph, tuple((fed.name, len(fed.shape) + len(fed.values or ())) for fed in ran.inputs)


def _step(before: Ran, after: Ran) -> tuple[int, ...]:
    return tuple(two - one for one, two in zip(_numbers(before), _numbers(after), strict=True))


def _numbers(ran: Ran) -> list[int]:
    return [number for fed in ran.inputs for number in (*fed.shape, *(fed.values or ()))]


def told_unknown(unknown: Mapping[str, int]) -> str:
    """Operators and how often they ran, for people; empty where there are none."""
    return ", ".join(f"{name} ({times}×)" for name, times in sorted(unknown.items()))
