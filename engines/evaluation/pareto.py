"""Bit rate against quality, as a table of the best and one picture."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_COLOURS: Final = ("#0b7285", "#d9480f", "#5f3dc4", "#2b8a3e", "#c2255c", "#495057", "#e67700", "#1864ab")
_WIDTH, _HEIGHT = 820, 340
_LEFT, _TOP, _PANEL, _TALL, _GAP = 56, 30, 330, 230, 64
_WORST: Final = 1.0
"""The worst word error rate that is drawn; what is worse lies on the edge."""


@dataclass(frozen=True)
class Point:
    """One way of sending speech.

    Attributes:
        family: ways that are drawn in one colour and joined by a line.
        label: beside the point.
        bits: per second, > 0.
        wer: word errors per word of what is read back.
        opinion: DNSMOS overall, 1 to 5; None where it was not measured.
    """

    family: str
    label: str
    bits: float
    wer: float
    opinion: float | None = None


def best(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats: none of as few bits has fewer errors, by rising bit rate."""
    found: list[Point] = []
    for point in sorted(points, key=lambda point: (point.bits, point.wer)):
        if not found or point.wer < found[-1].wer:
            found.append(point)
    return found


def draw(points: Sequence[Point], original: Point | None = None) -> str:
    """An SVG: words read back wrong on the left, DNSMOS on the right, over bits per second.

    Args:
        points: at least one.
        original: what went through nothing; a dashed line. Its bits do not count.
    """
    families = list(dict.fromkeys(point.family for point in points))
    height = _HEIGHT + 16 * ((len(families) + 3) // 4)
    size = f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="11" role="img"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        "<title>Bit rate against quality</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    low, high = (math.log10(bits) for bits in _ends([point.bits for point in points]))

    def across(left: int) -> Callable[[Point], float]:
        return lambda point: left + _PANEL * (math.log10(point.bits) - low) / (high - low)

    right = _LEFT + _PANEL + _GAP
    top = min(_WORST, 1.1 * max(0.1, *(point.wer for point in points)))
    parts += _axes(
        _LEFT, "words read back wrong (lower is better)", low, high, [f"{100 * top * s:.0f} %" for s in _SHARES]
    )
    parts += _axes(right, "DNSMOS overall (higher is better)", low, high, [f"{1 + 4 * share:g}" for share in _SHARES])
    front = best(points)
    line = " ".join(f"{across(_LEFT)(point):.1f},{_down(min(point.wer, top) / top):.1f}" for point in front)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#adb5bd" stroke-width="5" stroke-linejoin="round"/>')
    if original is not None:
        parts += _dashed(_LEFT, _down(min(original.wer, top) / top))
        parts += _dashed(right, _down(((original.opinion or 1.0) - 1) / 4)) if original.opinion is not None else []
    for place, family in enumerate(families):
        own = sorted((point for point in points if point.family == family), key=lambda point: point.bits)
        colour = _COLOURS[place % len(_COLOURS)]
        parts += _family(own, colour, across(_LEFT), lambda point: _down(min(point.wer, top) / top))
        rated = [point for point in own if point.opinion is not None]
        parts += _family(rated, colour, across(right), lambda point: _down(((point.opinion or 1.0) - 1) / 4))
        x, y = _LEFT + (place % 4) * 188, _HEIGHT - 16 + 16 * (place // 4)
        parts.append(f'<rect x="{x}" y="{y - 8}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="{y + 1}" fill="#212529">{html.escape(family)}</text>')
    return "\n".join([*parts, "</svg>", ""])


_SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_TICKS: Final = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
_NEAR: Final = 32
"""Labels of points so near to each other in the drawing go above and below in turn."""


def _down(share: float) -> float:
    return _TOP + _TALL * (1 - share)


def _axes(left: int, title: str, low: float, high: float, labels: Sequence[str]) -> list[str]:
    parts = [
        f'<text x="{left}" y="{_TOP - 12}" fill="#212529">{title}</text>',
        f'<path d="M{left} {_TOP}V{_TOP + _TALL}H{left + _PANEL}" fill="none" stroke="#868e96"/>',
    ]
    for share, label in zip(_SHARES, labels, strict=True):
        y = _down(share)
        parts.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end" fill="#495057">{label}</text>')
        parts.append(f'<path d="M{left} {y:.1f}h{_PANEL}" stroke="#e9ecef"/>')
    for bits in _TICKS:
        share = (math.log10(bits) - low) / (high - low)
        if not -1e-9 < share < 1 + 1e-9:
            continue
        x = left + _PANEL * share
        text = f'text-anchor="middle" fill="#495057">{bits:,}'
        parts.append(f'<text x="{x:.0f}" y="{_TOP + _TALL + 16}" {text}</text>')
    middle = left + _PANEL // 2
    parts.append(f'<text x="{middle}" y="{_TOP + _TALL + 32}" text-anchor="middle" fill="#495057">bit/s</text>')
    return parts


def _family(
    points: Sequence[Point], colour: str, across: Callable[[Point], float], down: Callable[[Point], float]
) -> list[str]:
    spots = [(across(point), down(point)) for point in points]
    parts = []
    if len(spots) > 1:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    above, last = True, -math.inf
    for (x, y), point in zip(spots, points, strict=True):
        above, last = not above if x - last < _NEAR else True, x
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        where = f'x="{x + 3:.1f}" y="{y - 6 if above else y + 13:.1f}" font-size="10"'
        parts.append(f'<text {where} fill="{colour}">{html.escape(point.label)}</text>')
    return parts


def _dashed(left: int, y: float) -> list[str]:
    line = f'<path d="M{left} {y:.1f}h{_PANEL}" stroke="#495057" stroke-dasharray="4 3"/>'
    where = f'x="{left + 4}" y="{y - 4:.1f}" font-size="10"'
    return [line, f'<text {where} fill="#495057">original</text>']


def _ends(bits: Sequence[float]) -> tuple[int, int]:
    """The ticks around all bit rates, two different ones."""
    low = max((tick for tick in _TICKS if tick <= min(bits)), default=_TICKS[0])
    high = min((tick for tick in _TICKS if tick >= max(bits) and tick > low), default=_TICKS[-1])
    return low, high
