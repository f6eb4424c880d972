"""How a cost grows with the length of the utterance: a power law ``y = a·x^b`` with an interval for b.

The law is a straight line through logarithms, fitted by least squares; the interval is Student's, for the slope. A cost
that does not follow a power law shows in R² and in the picture.
"""

from __future__ import annotations

import html
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_STUDENT: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip
"""The 97.5 % quantile of Student's distribution with 1, 2, … degrees of freedom; 2.0 is close enough beyond."""
_LEAST: Final = 3
_COLOURS: Final = ("#0b7285", "#d9480f", "#5f3dc4", "#2b8a3e", "#c2255c", "#495057", "#e67700", "#1864ab")
_WIDTH, _HEIGHT, _LEFT, _TOP, _WIDE, _TALL = 640, 380, 68, 34, 400, 290

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class PowerLaw:
    """``y = scale · x^exponent``.

    Attributes:
        scale: y at x = 1.
        exponent: 1 grows evenly, below 1 more slowly, above 1 faster.
        low: lower end of the exponent's 95 % interval.
        high: upper end.
        r_squared: of the logarithms, in [0, 1].
        points: how many it was fitted to.
    """

    scale: float
    exponent: float
    low: float
    high: float
    r_squared: float
    points: int

    def at(self, x: float) -> float:
        """Y by the law."""
        return float(self.scale * x**self.exponent)


def fit(points: Points) -> PowerLaw | None:
    """Fits a power law.

    Args:
        points: ``(x, y)``, of which those above 0 are taken.

    Returns:
        the law; None for fewer than three different x.
    """
    taken = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    if len({x for x, _ in taken}) < _LEAST:
        return None
    middle, height = statistics.fmean(x for x, _ in taken), statistics.fmean(y for _, y in taken)
    spread = sum((x - middle) ** 2 for x, _ in taken)
    slope = sum((x - middle) * (y - height) for x, y in taken) / spread
    left = sum((y - height - slope * (x - middle)) ** 2 for x, y in taken)
    whole = sum((y - height) ** 2 for _, y in taken)
    freedom = len(taken) - 2
    reach = _student(freedom) * math.sqrt(left / freedom / spread)
    explained = 1.0 if whole <= 1e-18 else max(0.0, 1 - left / whole)
    return PowerLaw(math.exp(height - slope * middle), slope, slope - reach, slope + reach, explained, len(taken))


def _student(freedom: int) -> float:
    return _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else 2.0


def told(law: PowerLaw | None) -> str:
    """A law in words, for a table."""
    if law is None:
        return "too few lengths"
    return f"∝ length^{law.exponent:.2f} [{law.low:.2f}, {law.high:.2f}]"


def draw(series: Mapping[str, Points], title: str, unit: str) -> str:
    """An SVG: a cost over the length of the utterance, both by logarithm, with the fitted laws as lines.

    Args:
        series: name of an engine → ``(seconds of speech, cost)``.
        title: what the cost is.
        unit: of the cost.
    """
    taken = {name: [(x, y) for x, y in points if x > 0 and y > 0] for name, points in series.items()}
    everything = [point for points in taken.values() for point in points]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="11" role="img"><title>{html.escape(title)} by length of speech</title>'
        '<rect width="100%" height="100%" fill="#ffffff"/>'
        f'<text x="{_LEFT}" y="18" font-weight="bold">{html.escape(title)} ({html.escape(unit)})</text>'
    )
    if not everything:
        return head + f'<text x="{_LEFT}" y="{_TOP + 40}">Nothing was measured.</text></svg>'
    across = _Scale([x for x, _ in everything], _LEFT, _LEFT + _WIDE)
    up = _Scale([y for _, y in everything], _TOP + _TALL, _TOP)
    parts = [head, f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDE}" height="{_TALL}" fill="none" stroke="#ced4da"/>']
    for tick in across.ticks():
        x = across(tick)
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_TOP + _TALL}" stroke="#f1f3f5"/>')
        parts.append(f'<text x="{x:.1f}" y="{_TOP + _TALL + 15}" text-anchor="middle">{tick:g} s</text>')
    for tick in up.ticks():
        y = up(tick)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + _WIDE}" y2="{y:.1f}" stroke="#f1f3f5"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = _LEFT + _WIDE / 2
    parts.append(f'<text x="{middle}" y="{_TOP + _TALL + 34}" text-anchor="middle">length of the utterance</text>')
    for number, (name, points) in enumerate(taken.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        law = fit(points)
        if law is not None:
            ends = [(x, law.at(x)) for x in (min(p[0] for p in points), max(p[0] for p in points))]
            line = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in ends)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-dasharray="5 3"/>')
        parts += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        y = _TOP + 10 + 30 * number
        parts.append(f'<text x="{_LEFT + _WIDE + 12}" y="{y}" fill="{colour}">{html.escape(name)}</text>')
        parts.append(f'<text x="{_LEFT + _WIDE + 12}" y="{y + 13}" fill="#868e96">{html.escape(told(law))}</text>')
    return "".join([*parts, "</svg>"])


class _Scale:
    """Places of positive numbers by their logarithm."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        low, high = math.log10(min(values)), math.log10(max(values))
        spare = max(0.05 * (high - low), 0.02)
        self._low, self._high = low - spare, high + spare
        self._begin, self._end = begin, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._begin + share * (self._end - self._begin)

    def ticks(self) -> list[float]:
        """Round numbers within reach: 1, 2 and 5 times powers of ten, or fewer where they would be many."""
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        few = (1, 2, 5) if self._high - self._low < 2.5 else (1,)
        found = [digit * 10.0**power for power in powers for digit in few]
        return [tick for tick in found if self._low <= math.log10(tick) <= self._high]
