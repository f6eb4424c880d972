"""Strengths from votes: known answers, ties, intervals."""

from __future__ import annotations

import numpy as np
import pytest

from engines.evaluation.preference import Choice, strengths


def test_no_votes_no_strengths() -> None:
    assert strengths([]) == []


def test_two_engines_have_a_closed_form() -> None:
    # Where the likelihood is highest, s (7/(s+t) + 1/(s+1)) = 5.5 with s = γa and t = γb; 2.5 for b.
    votes = [Choice("a", "b", 1.0)] * 5 + [Choice("b", "a", 1.0)] * 2
    found = {one.engine: one for one in strengths(votes, resamples=0)}
    gamma = {name: one.score / (1 - one.score) for name, one in found.items()}
    for name, won in (("a", 5.5), ("b", 2.5)):
        expected = gamma[name] * (7 / (gamma["a"] + gamma["b"]) + 1 / (gamma[name] + 1))
        assert expected == pytest.approx(won, rel=1e-5)
    assert (found["a"].wins, found["a"].ties, found["a"].losses) == (5, 0, 2)
    assert found["b"].votes == 7


def test_many_votes_recover_what_made_them() -> None:
    rng = np.random.default_rng(0)
    true = {"a": 4.0, "b": 1.0, "c": 0.25}
    votes = []
    for _ in range(3000):
        one, other = rng.choice(list(true), 2, replace=False)
        votes.append(Choice(one, other, float(rng.random() < true[one] / (true[one] + true[other]))))
    found = {one.engine: one.score / (1 - one.score) for one in strengths(votes, resamples=0)}
    assert found["a"] / found["b"] == pytest.approx(4.0, rel=0.15)
    assert found["b"] / found["c"] == pytest.approx(4.0, rel=0.15)


def test_who_never_lost_is_strong_but_not_infinitely() -> None:
    best, worst = strengths([Choice("a", "b", 1.0)] * 3)
    assert best.engine == "a"
    assert 0.5 < best.score < 0.95
    assert best.score + worst.score == pytest.approx(1.0)
    assert best.low <= best.score <= best.high


def test_ties_are_half_a_vote_for_each() -> None:
    ties = strengths([Choice("a", "b", 0.5)] * 4)
    assert [one.score for one in ties] == pytest.approx([0.5, 0.5])
    assert [one.ties for one in ties] == [4, 4]
    mixed = strengths([Choice("a", "b", 1.0), Choice("a", "b", 0.0)] * 2)
    assert [one.score for one in mixed] == pytest.approx([0.5, 0.5])


def test_more_votes_narrow_the_interval_and_the_seed_fixes_it() -> None:
    few = [Choice("a", "b", 1.0)] * 3 + [Choice("a", "b", 0.0)] * 2
    wide, narrow = (strengths(few * times)[0] for times in (1, 20))
    assert narrow.high - narrow.low < 0.6 * (wide.high - wide.low)
    assert strengths(few) == strengths(few)
    assert strengths(few, seed=1)[0].score == strengths(few)[0].score


def test_sides_make_no_difference() -> None:
    votes = [Choice("a", "b", 1.0), Choice("b", "c", 1.0), Choice("a", "c", 0.5)]
    turned = [Choice(vote.second, vote.first, 1 - vote.won) for vote in votes]
    assert [one.score for one in strengths(votes, resamples=0)] == pytest.approx(
        [one.score for one in strengths(turned, resamples=0)]
    )
