"""Learning curves: read from the files that training writes, drawn as one picture.

A curve is a CSV with a header: ``seconds`` of training, counted anew in every ``stage``, the ``loss`` and, where it was
measured, the ``wer`` of development recordings in percent. Stages follow each other in the drawing.
"""

from __future__ import annotations

import csv
import html
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engines.errors import BadInput

_COLOURS: Final = ("#0b7285", "#d9480f", "#5f3dc4", "#2b8a3e", "#c2255c", "#495057", "#e67700", "#1864ab")
_WIDTH, _HEIGHT = 760, 300
_LEFT, _TOP, _PANEL, _TALL, _GAP = 52, 30, 300, 200, 72
_BLOCKS: Final = "▁▂▃▄▅▆▇█"

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curve:
    """How one training run went.

    Attributes:
        name: of what was trained.
        loss: ``(minutes, loss)`` pairs.
        wer: ``(minutes, word error rate)`` pairs, on development recordings.
    """

    name: str
    loss: Points = ()
    wer: Points = ()


def read(file: Path, name: str = "") -> Curve:
    """Reads a curve.

    Args:
        file: the CSV.
        name: of what was trained; the file's stem by default.

    Raises:
        BadInput: it cannot be read or has none of the columns.
    """
    hint = "Curves are written by `triptych train`."
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{file} cannot be read as a learning curve.", hint) from error
    if rows and not {"seconds", "loss"} <= set(rows[0]):
        raise BadInput(f"{file} has no columns seconds and loss.", hint)
    minutes = _minutes(rows)
    return Curve(name or file.stem, _points(rows, minutes, "loss", 1.0), _points(rows, minutes, "wer", 0.01))


def _minutes(rows: Sequence[Mapping[str, str]]) -> list[float | None]:
    """Minutes since the first stage began, line by line."""
    before, last, stage = 0.0, 0.0, rows[0].get("stage") if rows else None
    found: list[float | None] = []
    for row in rows:
        if row.get("stage") != stage:
            before, last, stage = before + last, 0.0, row.get("stage")
        seconds = _number(row.get("seconds"))
        last = last if seconds is None else seconds
        found.append(None if seconds is None else (before + seconds) / 60)
    return found


def _points(rows: Sequence[Mapping[str, str]], minutes: Sequence[float | None], column: str, scale: float) -> Points:
    found = []
    for row, place in zip(rows, minutes, strict=True):
        value = _number(row.get(column))
        if place is not None and value is not None:
            found.append((place, scale * value))
    return tuple(found)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def sparkline(values: Sequence[float], width: int = 24) -> str:
    """Values as a row of blocks, from 0 to the largest."""
    if not values:
        return ""
    count = min(width, len(values))
    chosen = [values[round(place * (len(values) - 1) / max(1, count - 1))] for place in range(count)]
    top = max(*chosen, 1e-12)
    return "".join(_BLOCKS[min(7, int(8 * max(0.0, value) / top))] for value in chosen)


def smoothed(points: Points, count: int = 120) -> Points:
    """Means of at most ``count`` equal stretches."""
    if len(points) <= count:
        return points
    edges = [round(place * len(points) / count) for place in range(count + 1)]
    stretches = [points[first:last] for first, last in itertools.pairwise(edges)]
    return tuple((sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in stretches)


def draw(curves: Sequence[Curve]) -> str:
    """An SVG of all curves: loss on the left, word error rate on the right, over minutes of training."""
    height = _HEIGHT + 16 * ((len(curves) + 3) // 4)
    size = f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="11" role="img"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        "<title>Learning curves</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    parts += _panel(_LEFT, "loss", [smoothed(curve.loss) for curve in curves], percent=False)
    parts += _panel(
        _LEFT + _PANEL + _GAP, "word error rate, development", [curve.wer for curve in curves], percent=True
    )
    for place, curve in enumerate(curves):
        x, y = _LEFT + (place % 4) * 172, _HEIGHT - 16 + 16 * (place // 4)
        parts.append(f'<rect x="{x}" y="{y - 8}" width="10" height="10" fill="{_COLOURS[place % len(_COLOURS)]}"/>')
        parts.append(f'<text x="{x + 15}" y="{y + 1}" fill="#212529">{html.escape(curve.name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(left: int, title: str, lines: Sequence[Points], *, percent: bool) -> list[str]:
    every = [point for line in lines for point in line]
    parts = [
        f'<text x="{left}" y="{_TOP - 12}" fill="#212529">{title}</text>',
        f'<path d="M{left} {_TOP}V{_TOP + _TALL}H{left + _PANEL}" fill="none" stroke="#868e96"/>',
    ]
    if not every:
        middle = left + _PANEL // 2
        return [*parts, f'<text x="{middle}" y="{_TOP + 100}" text-anchor="middle" fill="#868e96">no data</text>']
    right = max(*(x for x, _ in every), 1e-9)
    top = max(min(max(y for _, y in every), 1.2 if percent else float("inf")), 1e-9)
    for share in (0.0, 0.5, 1.0):
        y = _TOP + _TALL * (1 - share)
        label = f"{100 * top * share:.0f} %" if percent else f"{top * share:.3g}"
        parts.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end" fill="#495057">{label}</text>')
        parts.append(f'<path d="M{left} {y:.1f}h{_PANEL}" stroke="#e9ecef"/>')
        at, minutes = f'x="{left + _PANEL * share:.0f}" y="{_TOP + _TALL + 16}"', f"{right * share:.3g} min"
        parts.append(f'<text {at} text-anchor="middle" fill="#495057">{minutes}</text>')
    for place, line in enumerate(lines):
        spots = [
            f"{left + _PANEL * x / right:.1f},{_TOP + _TALL * (1 - min(y, top) / top):.1f}" for x, y in line
        ]  # fmt: skip
        colour = _COLOURS[place % len(_COLOURS)]
        if len(spots) == 1:
            across, down = spots[0].split(",")
            parts.append(f'<circle cx="{across}" cy="{down}" r="2.5" fill="{colour}"/>')
        elif spots:
            parts.append(f'<polyline points="{" ".join(spots)}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    return parts
