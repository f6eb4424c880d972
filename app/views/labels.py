"""Short writings along the time axis that must not run into one another."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple


class Label(NamedTuple):
    """A writing.

    Attributes:
        text: what is written.
        x: its middle, in pixels.
        width: in pixels.
        weight: what matters more is placed first.
        item: what it belongs to.
    """

    text: str
    x: float
    width: float
    weight: float
    item: int = 0


def placed(labels: Iterable[Label], rows: int, left: float, right: float) -> list[tuple[Label, int, float]]:
    """Gives labels a row each, weightiest first; those without room are left out.

    Args:
        labels: in any order.
        rows: how many rows there are.
        left: least x of a label's edge, in pixels.
        right: greatest x of a label's edge.

    Returns:
        Labels with their row and the x of their left edge.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(rows)]
    found = []
    for label in sorted(labels, key=lambda one: -one.weight):
        start = min(max(left, label.x - label.width / 2), right - label.width)
        if start < left:
            continue
        end = start + label.width
        for row, boxes in enumerate(taken):
            at = bisect_left(boxes, (start, end))
            if (at == 0 or boxes[at - 1][1] <= start) and (at == len(boxes) or boxes[at][0] >= end):
                boxes.insert(at, (start, end))
                found.append((label, row, start))
                break
    return found


def readable(piece: str) -> str:
    """A piece of text as it is written: word-initial marks and spaces are left out, a bare space is shown."""
    return piece.replace("▁", " ").strip() or "␣"
