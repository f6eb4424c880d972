"""At which λ the winner of an N-best list changes, exactly.

A hypothesis's combined score is a straight line in λ, from its acoustic score at 0 to its language-model score at 1.
The winner over λ is the upper envelope of these lines, and it changes where they cross (the parametric line search of
Och, *Minimum error rate training*, ACL 2003, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engines.contract import Hypothesis
from engines.text.ranking import combined


class Reign(NamedTuple):
    """A stretch of λ over which one hypothesis wins.

    Attributes:
        start: where it begins, in [0, 1]; 0 for the first.
        winner: the hypothesis's index in the list.
    """

    start: float
    winner: int


def reigns(hypotheses: Sequence[Hypothesis], *, normalised: bool = False) -> list[Reign]:
    """The winners from λ = 0 to λ = 1, in order.

    Args:
        hypotheses: the list; those without a language-model score cannot win.
        normalised: divide each log-probability by its own token count first.

    Returns:
        at least one reign if any hypothesis has a language-model score, else an empty list.
    """
    ends = {
        index: (combined(h, 0.0, normalised=normalised), combined(h, 1.0, normalised=normalised))
        for index, h in enumerate(hypotheses)
        if h.lm is not None
    }
    if not ends:
        return []
    slopes = {index: one - zero for index, (zero, one) in ends.items()}
    winner = min(ends, key=lambda index: (-ends[index][0], -slopes[index], index))
    found = [Reign(0.0, winner)]
    while True:
        here, height = found[-1].winner, ends[found[-1].winner][0]
        crossings = [
            ((height - ends[index][0]) / (slopes[index] - slopes[here]), -slopes[index], index)
            for index in ends
            if slopes[index] > slopes[here]
        ]
        if not crossings or min(crossings)[0] >= 1.0:
            return found
        crossing, _, index = min(crossings)
        found.append(Reign(max(crossing, found[-1].start), index))
