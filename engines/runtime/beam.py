"""Greedy decoding, sampling and beam search with an N-best list, over any model that can take a step.

The search knows nothing of the model: it asks a :class:`Stepper` for the logits of the next token of every live
hypothesis and says which of the previous rows each one continues.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engines.runtime import cancellation


class Stepper(Protocol):
    """A decoder with a key-value cache."""

    def step(self, tokens: NDArray[np.int64], origin: NDArray[np.int64]) -> NDArray[np.float32]:
        """Appends one token per hypothesis and returns the logits of the next.

        Args:
            tokens: ``(B,)`` the token that each hypothesis continues with.
            origin: ``(B,)`` the row of the previous step that each hypothesis continues.

        Returns:
            ``(B, V)`` logits.
        """
        ...


@dataclass(frozen=True)
class Path:
    """A finished or running hypothesis.

    Attributes:
        tokens: without the end token.
        log_probabilities: one per token, and one for the end token if it was reached.
        ended: whether the model itself ended it.
    """

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    ended: bool

    @property
    def score(self) -> float:
        """Sum of the log-probabilities in nats."""
        return float(sum(self.log_probabilities))

    @property
    def rank(self) -> float:
        """Sum over length: what hypotheses are ranked by, as in Whisper's own decoding."""
        return self.score / max(len(self.log_probabilities), 1)


@dataclass(frozen=True)
class Bounds:
    """What ends a search.

    Attributes:
        end: the token that ends a hypothesis.
        longest: most tokens of one hypothesis.
        repeats: a hypothesis whose last tokens are a phrase said more than this many times in a row is ended.
    """

    end: int
    longest: int
    repeats: int = 4


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), np.float32)


def loops(tokens: tuple[int, ...], repeats: int) -> bool:
    """Whether the end of a text is one phrase said more than ``repeats`` times in a row."""
    length = len(tokens)
    for period in range(1, min(24, length // (repeats + 1)) + 1):
        tail = tokens[length - period * (repeats + 1) :]
        if all(tail[i] == tail[i + period] for i in range(len(tail) - period)):
            return True
    return False


def beam_search(
    stepper: Stepper, first: NDArray[np.float32], mask: NDArray[np.float32], beam: int, bounds: Bounds
) -> Iterator[Path | list[Path]]:
    """Beam search; ends when as many hypotheses have ended as the beam is wide (Whisper, patience 1).

    Args:
        stepper: its cache holds the prompt in one row.
        first: ``(V,)`` logits after the prompt, already masked for the first token.
        mask: ``(V,)`` added to later logits: 0 or -inf.
        beam: how many hypotheses live at a time.
        bounds: what ends the search.

    Yields:
        the best path so far after every step, and last the list of paths, best first: those that have ended and, where
        the length bound stopped the search, the best unfinished ones up to the width of the beam.
    """
    live = [Path((), (), ended=False)]
    done: list[Path] = []
    scores = log_softmax(first)[None]
    while True:
        cancellation.check()
        live, origin, ended = _extend(live, scores, beam, bounds)
        done += ended
        if live:
            yield max(live, key=lambda path: path.score)
        if not live or len(done) >= beam or len(live[0].tokens) >= bounds.longest:
            break
        tokens = np.array([path.tokens[-1] for path in live], np.int64)
        scores = log_softmax(stepper.step(tokens, origin) + mask)
    # At the length bound the best unfinished ones fill the list, as in Whisper's own decoding.
    done += sorted(live, key=lambda path: -path.score)[: max(0, beam - len(done))]
    yield sorted(done, key=lambda path: -path.rank)


def _extend(
    live: list[Path], scores: NDArray[np.float32], beam: int, bounds: Bounds
) -> tuple[list[Path], NDArray[np.int64], list[Path]]:
    """The best continuations: those that live on, the rows they come from, and those that have ended."""
    sums = np.array([path.score for path in live], np.float64)
    totals = (sums[:, None] + scores).ravel()
    width = scores.shape[1]
    count = min(2 * beam, totals.size)
    best = np.argpartition(-totals, count - 1)[:count]
    best = best[np.argsort(-totals[best], kind="stable")]
    going: list[Path] = []
    rows: list[int] = []
    ended: list[Path] = []
    for rank, flat in enumerate(best):
        row, token = divmod(int(flat), width)
        if not np.isfinite(totals[flat]):
            continue
        path, log_probability = live[row], float(scores[row, token])
        if token == bounds.end:
            # An end only counts among the best of the beam, or short texts would crowd the list.
            if rank < beam:
                ended.append(Path(path.tokens, (*path.log_probabilities, log_probability), ended=True))
            continue
        if len(going) < beam:
            longer = Path((*path.tokens, token), (*path.log_probabilities, log_probability), ended=False)
            if loops(longer.tokens, bounds.repeats):
                ended.append(longer)
            else:
                going.append(longer)
                rows.append(row)
    return going, np.array(rows, np.int64), ended


def sample(
    stepper: Stepper,
    first: NDArray[np.float32],
    mask: NDArray[np.float32],
    bounds: Bounds,
    *,
    temperature: float = 0.0,
    seed: int = 0,
) -> Iterator[Path | list[Path]]:
    """Greedy decoding, or sampling where ``temperature`` is above 0.

    Arguments and yields are those of :func:`beam_search`; the log-probabilities are those at temperature 1.
    """
    generator = np.random.default_rng(seed)
    path = Path((), (), ended=False)
    scores = log_softmax(first)
    origin = np.zeros(1, np.int64)
    while True:
        cancellation.check()
        token = _choose(scores, temperature, generator)
        log_probabilities = (*path.log_probabilities, float(scores[token]))
        if token == bounds.end:
            path = Path(path.tokens, log_probabilities, ended=True)
            break
        path = Path((*path.tokens, token), log_probabilities, ended=False)
        yield path
        if len(path.tokens) >= bounds.longest or loops(path.tokens, bounds.repeats):
            break
        scores = log_softmax(stepper.step(np.array([token], np.int64), origin)[0] + mask)
    yield [path]


def _choose(scores: NDArray[np.float32], temperature: float, generator: np.random.Generator) -> int:
    if temperature <= 0:
        return int(np.argmax(scores))
    probabilities = np.exp(log_softmax(scores / temperature)).astype(np.float64)
    return int(generator.choice(probabilities.size, p=probabilities / probabilities.sum()))
