"""Strengths of engines from which of two was found better: the Bradley–Terry model, with intervals.

The model (Bradley & Terry 1952) says that i is preferred to j with probability γᵢ / (γᵢ + γⱼ). It is fitted by the
minorisation–maximisation of Hunter 2004 ("MM algorithms for generalized Bradley–Terry models", §2). A tie counts as
half a vote for each. Every engine has one more tie, with an imaginary opponent of strength 1: without it an engine that
never lost would be infinitely strong (Ford 1957); with it few votes stay near the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RESAMPLES: Final = 1000
_STEPS: Final = 500
_CLOSE: Final = 1e-8


@dataclass(frozen=True)
class Choice:
    """One judgement of two engines.

    Attributes:
        first: id of an engine.
        second: id of another one.
        won: of the first: 1 if it was found better, 0 if the second was, 0.5 for a tie.
    """

    first: str
    second: str
    won: float


@dataclass(frozen=True)
class Strength:
    """How strong an engine is among those that were judged.

    Attributes:
        engine: its id.
        score: the probability in (0, 1) that it is preferred to the imaginary opponent of strength 1, which is about
            the average engine.
        low: lower end of the 95 % bootstrap interval.
        high: its upper end.
        wins: votes for it.
        ties: votes that were ties.
        losses: votes for another.
    """

    engine: str
    score: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int

    @property
    def votes(self) -> int:
        """How often it was judged."""
        return self.wins + self.ties + self.losses


def strengths(choices: Sequence[Choice], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Strength]:
    """Strengths of all engines that were judged, strongest first.

    The intervals are percentiles over votes that are drawn anew with replacement; votes are taken as independent, which
    those of one listener on one recording are not quite.

    Args:
        choices: judgements, in any order; an engine cannot be judged against itself.
        resamples: how many times votes are drawn.
        seed: of the draws.
    """
    engines = sorted({name for choice in choices for name in (choice.first, choice.second)})
    if not engines:
        return []
    at = {engine: number for number, engine in enumerate(engines)}
    first = np.array([at[choice.first] for choice in choices])
    second = np.array([at[choice.second] for choice in choices])
    won = np.array([choice.won for choice in choices], dtype=np.float64)
    times = np.concatenate(
        [
            np.ones((1, len(choices))),
            np.random.default_rng(seed).multinomial(
                len(choices), np.full(len(choices), 1 / len(choices)), size=resamples
            ),
        ]
    )
    scores = _fitted(*_tables(first, second, won, times, len(engines)))
    low, high = np.quantile(scores[1:], [0.025, 0.975], axis=0) if resamples else (scores[0], scores[0])
    found = []
    for engine, number in at.items():
        mine = np.concatenate([won[first == number], 1 - won[second == number]])
        wins, losses = int(np.sum(mine == 1)), int(np.sum(mine == 0))
        score = float(scores[0, number])
        low_, high_ = min(score, float(low[number])), max(score, float(high[number]))
        found.append(Strength(engine, score, low_, high_, wins, mine.shape[0] - wins - losses, losses))
    return sorted(found, key=lambda one: -one.score)


def _tables(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    won: NDArray[np.float64],
    times: NDArray[np.float64],
    count: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of wins ``(draws, engines)``, and how often two met ``(draws, engines, engines)``."""
    draws = times.shape[0]
    wins = np.zeros((draws, count))
    met = np.zeros((draws, count, count))
    for vote in range(first.shape[0]):
        one, other, weight = first[vote], second[vote], times[:, vote]
        wins[:, one] += weight * won[vote]
        wins[:, other] += weight * (1 - won[vote])
        met[:, one, other] += weight
        met[:, other, one] += weight
    return wins, met


def _fitted(wins: NDArray[np.float64], met: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities to be preferred to the imaginary opponent, ``(draws, engines)``, all draws at once."""
    strength = np.ones_like(wins)
    for _ in range(_STEPS):
        pairs = met / (strength[:, :, None] + strength[:, None, :])
        better = (wins + 0.5) / (pairs.sum(axis=2) + 1 / (strength + 1))
        change = float(np.abs(better / (better + 1) - strength / (strength + 1)).max())
        strength = better
        if change < _CLOSE:
            break
    found: NDArray[np.float64] = strength / (strength + 1)
    return found
