"""A sweep as text for people: engines down, severities across."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from app.sweep import Sweep, sentences
from engines.audio.conditions import SCALES
from engines.evaluation.breaking import BROKEN, Curve, Point, breaking


def columns() -> int:
    """Width of the terminal."""
    return shutil.get_terminal_size((100, 24)).columns


def render(sweep: Sweep, curves: Sequence[Curve], width: int = 100) -> str:
    """A table with a row per engine, then what it means.

    Args:
        sweep: as far as it has come.
        curves: of it.
        width: of the terminal in columns.
    """
    return "\n".join(_lines(sweep, curves, max(40, width)))


def _lines(sweep: Sweep, curves: Sequence[Curve], width: int) -> Iterator[str]:
    scale = SCALES[sweep.kind]
    base = f" · {', '.join(one.title for one in sweep.base)}" if sweep.base else ""
    utterance = sweep.utterance
    under = f"{sweep.metric} under {scale.name}{base} · seed {sweep.seed}"
    yield f"{utterance.source} · {utterance.seconds:.1f} s · {under}"
    yield ""
    unit = scale.unit if scale.unit in "×%" else f" {scale.unit}"
    rows = [["engine", "clean", *(f"{amount:g}{unit}" for amount in sweep.amounts), "breaks"]]
    for curve in curves:
        rates = {point.amount: point for point in curve.points}
        cells = []
        for step in sweep.steps:
            point = rates.get(step.amount)
            lost = point is not None and point.reading.text is None
            cells.append(
                "failed" if lost else "–" if point is None or point.errors is None else f"{point.errors.rate:.1%}"
            )
        rows.append([curve.engine, *cells, _breaks(curve, unit)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            cell.ljust(widths[at]) if at == 0 else cell.rjust(widths[at]) for at, cell in enumerate(row)
        ).rstrip()
    yield ""
    for failure in dict.fromkeys(
        f"{curve.engine}: {point.reading.failure}"
        for curve in curves
        for point in curve.points
        if point.reading.failure
    ):
        yield from textwrap.wrap(failure, width)
    yield from textwrap.wrap(f"“Breaks” is where {BROKEN:.0%} is reached, linear between what was tried.", width)
    for sentence in sentences(sweep, curves):
        yield from textwrap.wrap(sentence, width)


def _cell(point: Point | None) -> str:
    if point is None:
        return "–"
    if point.reading.text is None:
        return "failed"
    return "–" if point.errors is None else f"{point.errors.rate:.1%}"


def _breaks(curve: Curve, unit: str) -> str:
    found = breaking(curve.rates())
    if found.amount is not None:
        return f"{found.amount:.3g}{unit}"
    return "on clean" if found.state == "already" else "–"
