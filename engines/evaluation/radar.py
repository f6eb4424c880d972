"""A radar: several shares per paradigm in one picture, each with its own direction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engines.evaluation.plots import fill, opened, stroke, words

_WIDTH, _HEIGHT, _RADIUS = 620, 470, 150
_CENTRE: Final = (_WIDTH / 2, 215.0)


@dataclass(frozen=True)
class Shape:
    """One paradigm.

    Attributes:
        name: for people.
        ink: a name of :data:`engines.evaluation.plots.INKS`.
        values: in [0, 1], one per direction; None where nothing was measured, which leaves a gap.
    """

    name: str
    ink: str
    values: tuple[float | None, ...]


def draw(title: str, directions: Sequence[str], shapes: Sequence[Shape]) -> str:
    """The picture; further out is more of what the direction names.

    Raises:
        ValueError: fewer than three directions, or a shape with another number of values.
    """
    number = len(directions)
    if number < 3 or any(len(shape.values) != number for shape in shapes):
        raise ValueError("a radar needs three directions, and one value for each")
    parts = opened(title, _WIDTH, _HEIGHT)
    for share in (0.25, 0.5, 0.75, 1.0):
        ring = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_at(place, number, share) for place in range(number)))
        parts.append(f'<polygon points="{ring}" {stroke("grid")}/>')
    for place, direction in enumerate(directions):
        x, y = _at(place, number, 1.0)
        parts.append(f'<path d="M{_CENTRE[0]:.1f} {_CENTRE[1]:.1f}L{x:.1f} {y:.1f}" {stroke("grid")}/>')
        beyond, below = _at(place, number, 1.1)
        anchor = "middle" if abs(beyond - _CENTRE[0]) < 10 else "start" if beyond > _CENTRE[0] else "end"
        parts.append(words(beyond, below + 4, direction, "ink", anchor))
    for place, shape in enumerate(shapes):
        parts += _shape(shape, number)
        left = 40 + place * (_WIDTH - 80) / max(1, len(shapes))
        parts.append(f'<rect x="{left:.1f}" y="{_HEIGHT - 26}" width="11" height="11" {fill(shape.ink)}/>')
        parts.append(words(left + 17, _HEIGHT - 16, shape.name))
    return "\n".join([*parts, "</svg>", ""])


def _shape(shape: Shape, number: int) -> list[str]:
    """Spots for what was measured, and lines between neighbours that both were."""
    spots = [None if value is None else _at(place, number, value) for place, value in enumerate(shape.values)]
    parts = []
    for place, here in enumerate(spots):
        there = spots[(place + 1) % number]
        if here is not None and there is not None:
            line = f"M{here[0]:.1f} {here[1]:.1f}L{there[0]:.1f} {there[1]:.1f}"
            parts.append(f'<path d="{line}" {stroke(shape.ink)} stroke-width="2"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {fill(shape.ink)}/>' for x, y in filter(None, spots)]
    return parts


def _at(place: int, number: int, share: float) -> tuple[float, float]:
    angle = 2 * math.pi * place / number - math.pi / 2
    return _CENTRE[0] + _RADIUS * share * math.cos(angle), _CENTRE[1] + _RADIUS * share * math.sin(angle)
