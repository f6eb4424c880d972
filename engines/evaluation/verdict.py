"""Answers, from the comparisons alone, whether Q-Former > convolution > CTC holds here."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engines.evaluation.summary import COMPARED, Compared, Figures

CLAIMED: Final = ("latent-qformer", "latent-convolution", "latent-ctc")
"""Best first, as the literature has it."""


@dataclass(frozen=True)
class Link:
    """One step of the claimed order on one test set.

    Attributes:
        better: id of the engine that is claimed to be better.
        worse: id of the other.
        points: word error rate of the first minus that of the second, in points.
        low: lower bound of its 95 % interval.
        high: its upper bound.
        p: corrected, as it is printed.
        significant: whether the difference is one.
    """

    better: str
    worse: str
    points: float
    low: float
    high: float
    p: str
    significant: bool

    @property
    def holds(self) -> bool:
        """Whether the claim is borne out."""
        return self.significant and self.points < 0

    @property
    def turned(self) -> bool:
        """Whether the opposite is."""
        return self.significant and self.points > 0

    def __str__(self) -> str:
        measured = f"{self.points:+.1f} points [{self.low:+.1f}, {self.high:+.1f}], p {self.p}"
        if not self.significant:
            return f"`{self.better}` and `{self.worse}` cannot be told apart ({measured})"
        return f"`{self.better}` is {'better' if self.points < 0 else 'worse'} than `{self.worse}` ({measured})"


def answer(figures: Mapping[str, Figures], compared: Sequence[Compared]) -> list[str]:
    """The section that answers the question; empty where fewer than two of the adapters were measured."""
    present = [engine for engine in CLAIMED if engine in figures and figures[engine].rates]
    if len(present) < 2:
        return []
    steps = list(itertools.pairwise(present))
    if len(present) > 2:
        steps.append((present[0], present[-1]))
    chains: list[list[Link]] = []
    sentences: list[str] = []
    for group in COMPARED:
        pairs = {(one.first, one.second): one for one in compared if one.test_set == group.id}
        links = [link for step in steps if (link := _link(pairs, *step)) is not None]
        if len(links) == len(steps):
            chains.append(links)
            sentences.append(f"- **{group.title}**: {'; '.join(map(str, links))}.")
    if not chains:
        return []
    order = " > ".join(f"`{engine}`" for engine in present)
    return ["## Does Q-Former > convolution > CTC hold here?", "", _verdict(order, chains), "", *sentences, ""]


def _verdict(order: str, chains: Sequence[Sequence[Link]]) -> str:
    whole = sum(all(link.holds for link in links) for links in chains)
    turned = sum(link.turned for links in chains for link in links)
    held = sum(link.holds for links in chains for link in links)
    number = sum(map(len, chains))
    if whole == len(chains):
        verdict = f"Yes: {order}, and every step is a difference on every set."
    elif whole:
        verdict = f"On {whole} of {len(chains)} sets as a whole: {order}."
    else:
        verdict = f"No, not as a whole on any of {len(chains)} sets: {order} is not what was measured."
    apart = number - held - turned
    counts = (
        f"Of {number} comparisons {held} go the claimed way, {turned} the other way, and {apart} cannot be decided."
    )
    return f"{verdict} {counts}"


def _link(pairs: Mapping[tuple[str, str], Compared], better: str, worse: str) -> Link | None:
    found, sign = pairs.get((better, worse)), 100
    if found is None:
        found, sign = pairs.get((worse, better)), -100
    if found is None:
        return None
    low, high = sorted((sign * found.difference.low, sign * found.difference.high))
    return Link(better, worse, sign * found.difference.value, low, high, found.p, found.significant)
