"""Choosing tokens one after the other: greedily, by sampling, or by beam search."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.errors import BadOption
from engines.runtime import cancellation
from engines.runtime.decoder import Decoder, Logits
from engines.runtime.kv_cache import KeyValueCache


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn.

    Attributes:
        temperature: 0 takes the likeliest; otherwise logits are divided by it.
        top_k: draws from that many of the likeliest; 0 from all.
        top_p: draws from the smallest set with at least that much probability (nucleus sampling, arXiv 1904.09751).
        seed: the same seed draws the same tokens.

    Raises:
        BadOption: a value makes no sense.
    """

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the ranges."""
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise BadOption(f"A temperature of {self.temperature} is not possible.", "Give 0 or more.")
        if self.top_k < 0 or not 0 < self.top_p <= 1:
            raise BadOption("top_k must be 0 or more and top_p above 0 and at most 1.")


class Sampler:
    """Draws tokens from logits."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._random = np.random.default_rng(sampling.seed)

    def __call__(self, logits: NDArray[np.float32]) -> int:
        """The next token, from logits ``(V,)``."""
        s = self._sampling
        if s.temperature == 0:
            return int(logits.argmax())
        count = min(s.top_k or len(logits), len(logits))
        likeliest = np.argpartition(logits, -count)[-count:]
        likeliest = likeliest[np.argsort(-logits[likeliest], kind="stable")]
        scores = logits[likeliest].astype(np.float64) / s.temperature
        chances = np.exp(scores - scores[0])
        chances /= chances.sum()
        inside = int(np.searchsorted(np.cumsum(chances), s.top_p)) + 1
        chances = chances[:inside] / chances[:inside].sum()
        return int(likeliest[: len(chances)][self._random.choice(len(chances), p=chances)])


def generate(
    decoder: Decoder,
    cache: KeyValueCache,
    logits: Logits,
    *,
    max_tokens: int,
    sampling: Sampling,
    end: frozenset[int],
) -> Iterator[int]:
    """Yields tokens until one of ``end``, ``max_tokens``, or a loop.

    Args:
        decoder: the model.
        cache: holds the prompt.
        logits: ``(1, V)`` after the prompt.
        max_tokens: upper bound.
        sampling: how tokens are drawn.
        end: tokens that end the text; they are not yielded.

    Raises:
        Cancelled: the work was cancelled.
    """
    draw = Sampler(sampling)
    written: list[int] = []
    ids = np.zeros((1, 1), np.int64)
    for step in range(max_tokens):
        cancellation.check()
        token = draw(logits[0])
        if token in end:
            return
        written.append(token)
        yield token
        if repeats(written) or step == max_tokens - 1:
            return
        ids[0, 0] = token
        logits = decoder.advance(cache, ids)


def repeats(tokens: Sequence[int], *, times: int = 4, longest: int = 24) -> bool:
    """Whether the end of ``tokens`` is one phrase over and over.

    Args:
        tokens: what was written so far.
        times: how often a phrase must stand there; one token alone must stand there three times as often.
        longest: longest phrase looked for, in tokens.
    """
    for period in range(1, longest + 1):
        span = period * (times * 3 if period == 1 else times)
        if span > len(tokens):
            continue
        tail = tokens[-span:]
        if all(tail[place] == tail[place + period] for place in range(span - period)):
            return True
    return False
