"""Pictures of what was measured: one figure over another with intervals, and a radar; SVG without any library.

Every ink is written twice: as a colour, for programs that know no style sheets, and as a class, so that a page can set
it for light and dark (:func:`style`). A paradigm has the colour that it has in the window.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

INKS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "baseline": ("#8a5a00", "#e0aa52"),
        "text": ("#1560c0", "#5fabff"),
        "latent": ("#7440c8", "#ba93f8"),
        "token": ("#0a7553", "#3ecf9d"),
        "ink": ("#212529", "#e9ecef"),
        "soft": ("#5c636a", "#adb5bd"),
        "grid": ("#e4e8eb", "#30363c"),
        "paper": ("#ffffff", "#16191d"),
    }
)
"""Name → colour on light and on dark paper."""
_WIDTH, _LEFT, _TOP, _PANEL, _TALL = 760, 64, 40, 660, 280
_MARKERS: Final = ("circle", "square", "triangle", "diamond", "cross", "ring")
_NEAR: Final = 13.0


@dataclass(frozen=True)
class Spot:
    """One measurement.

    Attributes:
        x: across.
        y: up.
        low: lower bound of y's 95 % interval; None where there is none.
        high: its upper bound.
    """

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """Measurements of one engine.

    Attributes:
        name: for people.
        ink: a name of :data:`INKS`.
        spots: at least one.
        joined: whether a line goes through them.
    """

    name: str
    ink: str
    spots: tuple[Spot, ...]
    joined: bool = False


@dataclass(frozen=True)
class Axis:
    """One direction.

    Attributes:
        title: with the unit.
        log: whether equal steps are equal factors; all values are above 0 then.
        ticks: places with their labels; found out where there are none.
        top: greatest value that is drawn, what lies beyond is drawn on the edge; None draws everything.
    """

    title: str
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    top: float | None = None


def style() -> str:
    """Rules for a page that holds pictures: the inks for light and for dark."""
    light, dark = (" ".join(f"--ink-{name}: {pair[side]};" for name, pair in INKS.items()) for side in (0, 1))
    rules = [f".f-{name} {{ fill: var(--ink-{name}); }} .s-{name} {{ stroke: var(--ink-{name}); }}" for name in INKS]
    return "\n".join(
        [f":root {{ {light} }}", f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}", *rules, ""]
    )


def fill(ink: str) -> str:
    """Attributes of what is filled."""
    return f'class="f-{ink}" fill="{INKS[ink][0]}"'


def stroke(ink: str) -> str:
    """Attributes of a line."""
    return f'class="s-{ink}" fill="none" stroke="{INKS[ink][0]}"'


def words(x: float, y: float, text: str, ink: str = "ink", anchor: str = "start", size: int = 12) -> str:
    """Text at a place."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {place} {fill(ink)}>{html.escape(text)}</text>"


def opened(title: str, width: int, height: int) -> list[str]:
    """The beginning of a picture, on paper."""
    size = f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" role="img"'
    name = html.escape(title)
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} aria-label="{name}">',
        f"<title>{name}</title>",
        f'<rect width="{width}" height="{height}" {fill("paper")}/>',
    ]


def over(title: str, series: Sequence[Series], x: Axis, y: Axis) -> str:
    """One figure over another; every series named beside its last spot and in a legend.

    Args:
        title: read out by screen readers, and drawn.
        series: at least one spot in all.
        x: direction across.
        y: direction up, which begins at 0 unless it is logarithmic.

    Raises:
        ValueError: there is nothing to draw, or a logarithmic direction has a value that is not above 0.
    """
    spots = [spot for one in series for spot in one.spots]
    if not spots:
        raise ValueError("there is nothing to draw")
    across, x_ticks = _scale([spot.x for spot in spots], x, _LEFT, _LEFT + _PANEL, from_zero=False)
    heights = [value for spot in spots for value in (spot.y, spot.low, spot.high) if value is not None]
    down, y_ticks = _scale(heights, y, _TOP + _TALL, _TOP, from_zero=True)
    columns = 3
    rows = -(-len(series) // columns)
    parts = opened(title, _WIDTH, _TOP + _TALL + 62 + 20 * rows)
    parts += [words(_LEFT, 20, y.title, size=13), *_grid(x_ticks, y_ticks, across, down)]
    parts.append(words(_LEFT + _PANEL / 2, _TOP + _TALL + 38, x.title, "soft", "middle"))
    taken: list[tuple[float, float]] = []
    for place, one in enumerate(series):
        marker = _MARKERS[sum(other.ink == one.ink for other in series[:place]) % len(_MARKERS)]
        placed = [(across(spot.x), down(spot.y), spot) for spot in one.spots]
        if one.joined and len(placed) > 1:
            line = " ".join(f"{at:.1f},{height:.1f}" for at, height, _ in placed)
            parts.append(f'<polyline points="{line}" {stroke(one.ink)} stroke-width="1.8"/>')
        for at, height, spot in placed:
            if spot.low is not None and spot.high is not None:
                ends = f"M{at:.1f} {down(spot.low):.1f}V{down(spot.high):.1f}"
                parts.append(f'<path d="{ends}" {stroke(one.ink)} stroke-opacity="0.55"/>')
            parts.append(_marker(marker, at, height, one.ink))
        if placed and not one.joined:
            parts.append(_label(placed[-1][0], placed[-1][1], one, taken))
        left, below = _LEFT + (place % columns) * (_PANEL / columns), _TOP + _TALL + 62 + 20 * (place // columns)
        parts += [_marker(marker, left + 5, below - 4, one.ink), words(left + 16, below, one.name)]
    return "\n".join([*parts, "</svg>", ""])


def _label(at: float, height: float, one: Series, taken: list[tuple[float, float]]) -> str:
    """The series' name beside a spot, moved down until it lies on no other."""
    right = at < _LEFT + 0.75 * _PANEL
    y = height + 4
    while any(abs(y - other) < _NEAR and abs(at - near) < 150 for near, other in taken):
        y += _NEAR
    taken.append((at, y))
    return words(at + (9 if right else -9), y, one.name, one.ink, "start" if right else "end", 11)


def _marker(shape: str, x: float, y: float, ink: str) -> str:
    match shape:
        case "square":
            return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" {fill(ink)}/>'
        case "triangle":
            return f'<path d="M{x:.1f} {y - 5:.1f}l5 9h-10z" {fill(ink)}/>'
        case "diamond":
            return f'<path d="M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z" {fill(ink)}/>'
        case "cross":
            return f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" {stroke(ink)} stroke-width="2"/>'
        case "ring":
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {stroke(ink)} stroke-width="2"/>'
        case _:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" {fill(ink)}/>'


def _grid(
    across_ticks: Sequence[tuple[float, str]], up_ticks: Sequence[tuple[float, str]],
    across: Callable[[float], float], down: Callable[[float], float],
) -> list[str]:  # fmt: skip
    parts = []
    for value, label in up_ticks:
        parts.append(f'<path d="M{_LEFT} {down(value):.1f}h{_PANEL}" {stroke("grid")}/>')
        parts.append(words(_LEFT - 8, down(value) + 4, label, "soft", "end"))
    for value, label in across_ticks:
        parts.append(f'<path d="M{across(value):.1f} {_TOP + _TALL}v5" {stroke("soft")}/>')
        parts.append(words(across(value), _TOP + _TALL + 19, label, "soft", "middle"))
    parts.append(f'<path d="M{_LEFT} {_TOP}V{_TOP + _TALL}H{_LEFT + _PANEL}" {stroke("soft")}/>')
    return parts


def _scale(
    values: Sequence[float], axis: Axis, first: float, last: float, *, from_zero: bool
) -> tuple[Callable[[float], float], list[tuple[float, str]]]:
    """Value → place between ``first`` and ``last``, and the ticks."""
    if axis.log and min(values) <= 0:
        raise ValueError("a logarithm needs values above 0")
    turned: Callable[[float], float] = math.log10 if axis.log else float
    places = list(axis.ticks)
    high = max(values) if axis.top is None else min(max(values), axis.top)
    low = min(*values, high)
    if not places:
        places = _decades(low, high) if axis.log else _steps(0.0 if from_zero else low, high)
    ends = [turned(value) for value, _ in (places[0], places[-1])] + ([] if axis.log else [turned(high)])
    start, end = min(*ends, turned(low)), max(*ends, turned(high))
    margin = 0.04 * (end - start) if axis.ticks else 0.0
    start, end = start - margin, end + margin
    wide = (end - start) or 1.0

    def place(value: float) -> float:
        share = (turned(max(value, 1e-300) if axis.log else value) - start) / wide
        return first + (last - first) * min(1.0, max(0.0, share))

    return place, places


def _steps(low: float, high: float) -> list[tuple[float, str]]:
    """Round ticks around a stretch, four to eight."""
    wide = (high - low) or abs(high) or 1.0
    raw = wide / 5
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    start = math.floor(low / step + 1e-9)
    count = math.ceil(high / step - 1e-9) - start
    return [(value, f"{value:.6g}") for value in (step * (start + number) for number in range(max(1, count) + 1))]


def _decades(low: float, high: float) -> list[tuple[float, str]]:
    """Ticks at 1, 2, 5 or at powers of ten around a stretch, at least two."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last = max(last, first + 1)
    within = (1, 2, 5) if last - first <= 2 else (1, 3) if last - first <= 4 else (1,)
    every = [factor * 10.0**power for power in range(first, last) for factor in within] + [10.0**last]
    below = [value for value in every if value <= low * 1.0001][-1:]
    above = [value for value in every if value >= high * 0.9999][:1]
    kept = [value for value in every if below[0] <= value <= above[0]]
    kept = kept if len(kept) > 1 else every[:2]
    return [(value, _short(value)) for value in kept]


def _short(value: float) -> str:
    for power, letter in ((12, "T"), (9, "G"), (6, "M")):
        if value >= 10**power:
            return f"{value / 10**power:g} {letter}"
    return f"{value:,.6g}"
