"""Beam search, greedy decoding and sampling over models small enough to enumerate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from engines.errors import Cancelled
from engines.runtime.beam import Bounds, Path, beam_search, log_softmax, loops, sample
from engines.runtime.cancellation import CancelToken, cancellable

END = 0


class Markov:
    """The next token depends on the last two; keeps whole rows, so that a wrong origin changes the result."""

    def __init__(self, vocabulary: int, seed: int) -> None:
        self.table = np.random.default_rng(seed).normal(0, 1.5, (vocabulary + 1, vocabulary, vocabulary)).astype("f4")
        self.rows: list[tuple[int, ...]] = [()]

    @property
    def first(self):
        return self.table[-1, 0]

    def step(self, tokens, origin):
        self.rows = [(*self.rows[row], int(token)) for token, row in zip(tokens, origin, strict=True)]
        return np.stack([self.logits(row) for row in self.rows])

    def logits(self, tokens):
        if not tokens:
            return self.first
        return self.table[tokens[-2] if len(tokens) > 1 else -1, tokens[-1]]

    def log_probabilities(self, tokens):
        return [float(log_softmax(self.logits(tokens[:i]))[token]) for i, token in enumerate(tokens)]


def last(paths):
    *_, found = paths
    assert isinstance(found, list)
    return found


def nothing(vocabulary):
    return np.zeros(vocabulary, np.float32)


def test_log_softmax_survives_minus_infinity_and_large_values():
    scores = log_softmax(np.array([[1e4, -np.inf, 1e4]], np.float32))
    assert scores[0, 0] == pytest.approx(np.log(0.5), abs=1e-6)
    assert scores[0, 1] == -np.inf


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_best_of_all_texts(seed):
    model = Markov(4, seed)
    texts = [(*text, END) for length in range(4) for text in itertools.product((1, 2, 3), repeat=length)]
    best = max(texts, key=lambda text: sum(model.log_probabilities(text)))
    found = last(beam_search(model, model.first, nothing(4), 64, Bounds(END, longest=4, repeats=9)))
    path = max((path for path in found if path.ended), key=lambda path: path.score)
    assert path.tokens == best[:-1]


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_the_tokens_whatever_the_reordering(seed):
    model = Markov(6, seed)
    found = last(beam_search(model, model.first, nothing(6), 4, Bounds(END, longest=12, repeats=9)))
    assert len(found) >= 4
    for path in found:
        tokens = (*path.tokens, END) if path.ended else path.tokens
        assert path.log_probabilities == pytest.approx(model.log_probabilities(tokens), abs=1e-5)
    assert [path.rank for path in found] == sorted((path.rank for path in found), reverse=True)


def test_a_beam_of_one_is_greedy():
    for seed in range(5):
        bounds = Bounds(END, longest=20, repeats=9)
        wide, greedy = Markov(8, seed), Markov(8, seed)
        (path,) = last(sample(greedy, greedy.first, nothing(8), bounds))
        assert last(beam_search(wide, wide.first, nothing(8), 1, bounds))[0].tokens == path.tokens


def test_masked_tokens_are_never_written():
    model = Markov(5, 1)
    mask = nothing(5)
    mask[[1, 3]] = -np.inf
    found = last(beam_search(model, model.first + mask, mask, 4, Bounds(END, longest=8, repeats=9)))
    assert not {1, 3} & {token for path in found for token in path.tokens}


def test_sampling_is_reproducible_by_seed_and_differs_between_seeds():
    def drawn(seed):
        model = Markov(8, 0)
        return last(sample(model, model.first, nothing(8), Bounds(END, 20, 9), temperature=1.0, seed=seed))[0].tokens

    assert drawn(3) == drawn(3)
    assert len({drawn(seed) for seed in range(8)}) > 1


def test_a_phrase_said_over_and_over_ends_the_text():
    class Parrot:
        def step(self, tokens, origin):
            logits = np.full((len(tokens), 5), -5, np.float32)
            logits[np.arange(len(tokens)), np.where(tokens == 1, 2, 1)] = 5
            return logits

    first = np.array([-5, 5, -5, -5, -5], np.float32)
    bounds = Bounds(END, longest=200, repeats=4)
    for paths in (sample(Parrot(), first, nothing(5), bounds), beam_search(Parrot(), first, nothing(5), 3, bounds)):
        assert len(last(paths)[0].tokens) <= 12


def test_loops():
    assert loops((7, *(1, 2) * 5), 4)
    assert not loops((7, *(1, 2) * 4), 4)
    assert not loops(tuple(range(60)), 4)


def test_an_empty_text_has_a_rank():
    assert Path((), (-0.5,), ended=True).rank == -0.5


@pytest.mark.parametrize("beam", [1, 3])
def test_cancel_is_heard_between_steps(beam):
    model, token = Markov(5, 0), CancelToken()
    bounds = Bounds(END, longest=100, repeats=99)
    mask = nothing(5)
    mask[END] = -np.inf
    start = model.first + mask
    paths = sample(model, start, mask, bounds) if beam == 1 else beam_search(model, start, mask, beam, bounds)
    with cancellable(token):
        next(paths)
        token.cancel()
        with pytest.raises(Cancelled):
            list(paths)
