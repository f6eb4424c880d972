"""How late words come: average lagging and the time from the end of speech until its text is final.

LAAL is the length-adaptive average lagging of Papi et al. 2022 (arXiv 2206.05807, eq. 2): the mean lag of words behind
an ideal writer who spreads them evenly over the speech, where the longer of hypothesis and reference decides on his
pace, so that writing too much is no advantage. Here times are those on the clock (computation-aware), and without a
reference the hypothesis alone decides; it then equals the average lagging of Ma et al. 2020 (arXiv 2007.16193).
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_KEPT = 1000
"""Phrases over which figures are taken: an hour of speech or more."""


def laal(times: Sequence[float], seconds: float, reference_words: int = 0) -> float:
    """Length-adaptive average lagging.

    Args:
        times: per word the seconds from the beginning of the speech until it was final; ascending.
        seconds: length of the speech, above 0.
        reference_words: length of the reference; 0 without one.

    Returns:
        seconds; for words that all came after the speech the delay of the first.

    Raises:
        ValueError: there are no words, or no speech.
    """
    if not times or seconds <= 0:
        message = "Lagging needs words and speech."
        raise ValueError(message)
    step = seconds / max(len(times), reference_words)
    lags = []
    for index, time in enumerate(times):
        lags.append(time - index * step)
        if time >= seconds:
            break
    return statistics.fmean(lags)


@dataclass(frozen=True)
class Delays:
    """How late an engine was, over a run.

    Attributes:
        phrases: how many it finished.
        last: seconds from the end of speech to its final text, of the last phrase.
        median: the same, over the run.
        worst: the same.
        laal: mean over the phrases that had words, in seconds; None before the first.
    """

    phrases: int = 0
    last: float | None = None
    median: float | None = None
    worst: float | None = None
    laal: float | None = None


class DelayMeter:
    """Gathers the delays of one engine; keeps the last thousand phrases."""

    def __init__(self) -> None:
        self._delays: deque[float] = deque(maxlen=_KEPT)
        self._lags: deque[float] = deque(maxlen=_KEPT)
        self._count = 0

    def add(self, delay: float, times: Sequence[float], seconds: float) -> float | None:
        """Takes a finished phrase; returns its LAAL, None where it has no words.

        Args:
            delay: seconds from the end of speech until its text was final.
            times: per word seconds from the beginning of the phrase until it was final.
            seconds: length of the phrase.
        """
        self._count += 1
        self._delays.append(delay)
        if not times or seconds <= 0:
            return None
        self._lags.append(laal(times, seconds))
        return self._lags[-1]

    def figures(self) -> Delays:
        """The figures so far."""
        if not self._delays:
            return Delays()
        return Delays(
            self._count,
            self._delays[-1],
            statistics.median(self._delays),
            max(self._delays),
            statistics.fmean(self._lags) if self._lags else None,
        )
