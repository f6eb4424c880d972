"""Paired tests against values worked out by hand, and against what they must say in plain cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.evaluation import significance
from engines.evaluation.alignment import outcomes
from engines.evaluation.metrics import Errors, word_errors
from engines.evaluation.significance import (
    bootstrap_bleu,
    bootstrap_error_rate,
    error_rate_interval,
    holm,
    mapsswe,
)


def errors(*pairs: tuple[int, int]) -> list[Errors]:
    return [Errors(hits=length - wrong, substitutions=wrong) for wrong, length in pairs]


def test_equal_systems_do_not_differ() -> None:
    one = errors((1, 10), (0, 5), (3, 7))
    found = bootstrap_error_rate(one, one)
    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_a_system_that_is_always_worse_is_found() -> None:
    found = bootstrap_error_rate(errors(*[(3, 10)] * 50), errors(*[(1, 10)] * 50))
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2)
    assert found.p == pytest.approx(2 / 10_001)


def test_the_interval_has_the_width_that_theory_gives() -> None:
    draws = np.random.default_rng(7).binomial(10, 0.2, 400)
    low, high = error_rate_interval(errors(*[(int(wrong), 10) for wrong in draws]))
    rate = draws.sum() / 4000
    deviation = draws.std() / 10 / math.sqrt(400)
    assert low == pytest.approx(rate - 1.96 * deviation, abs=0.001)
    assert high == pytest.approx(rate + 1.96 * deviation, abs=0.001)


def test_chance_is_taken_for_chance() -> None:
    """Under no difference p is about uniform: some 5 % of the draws stay below 0.05."""
    rng = np.random.default_rng(3)
    low = 0
    for trial in range(200):
        both = rng.binomial(8, 0.25, (2, 60))
        one, two = (errors(*[(int(wrong), 8) for wrong in row]) for row in both)
        low += bootstrap_error_rate(one, two, resamples=1000, seed=trial).p < 0.05
    assert 2 <= low <= 22


def test_seeds_decide() -> None:
    one, two = errors((1, 5), (2, 5), (0, 4)), errors((2, 5), (1, 5), (1, 4))
    assert bootstrap_error_rate(one, two, seed=1) == bootstrap_error_rate(one, two, seed=1)
    assert bootstrap_error_rate(one, two, seed=1) != bootstrap_error_rate(one, two, seed=2)


@pytest.mark.parametrize(
    ("one", "two"),
    [([], []), (errors((1, 2)), []), (errors((1, 2)), errors((1, 3))), ([Errors()], [Errors()])],
)
def test_what_cannot_be_compared_is_refused(one: list[Errors], two: list[Errors]) -> None:
    with pytest.raises(ValueError, match=r"utterances|words"):
        bootstrap_error_rate(one, two)


def test_outcomes_by_place() -> None:
    assert outcomes(["a", "b"], ["a", "b"]) == [0, 0, 0, 0, 0]
    assert outcomes(["a", "b"], ["x", "a", "c"]) == [1, 0, 0, 1, 0]
    assert outcomes(["a", "b"], ["a", "b", "c", "d"]) == [0, 0, 0, 0, 2]
    assert outcomes(["a"], []) == [0, 1, 0]
    assert outcomes([], ["a", "b"]) == [2]


@given(st.lists(st.sampled_from("abcd"), max_size=8), st.lists(st.sampled_from("abcd"), max_size=8))
def test_outcomes_add_up_to_the_word_errors(reference: list[str], hypothesis: list[str]) -> None:
    assert sum(outcomes(reference, hypothesis)) == word_errors(" ".join(reference), " ".join(hypothesis), None).total


def test_two_words_that_both_have_right_end_a_segment() -> None:
    assert mapsswe(["a b c d e"], ["x b y d e"], ["a b c d e"], None).segments == 1
    assert mapsswe(["a b c d e"], ["x b c y e"], ["a b c d e"], None).segments == 2
    assert mapsswe(["a b c d e"], ["x b c d e"], ["a b c y e"], None).segments == 2
    assert mapsswe(["a b", "c d"], ["x b", "y d"], ["a b", "c d"], None).segments == 2


def test_mapsswe_by_hand() -> None:
    """Segment differences 1, 1, 1, 1, 2, 0, -1, 1: mean 0.75, variance 0.7857, W = 2.3932, p = 0.0167."""
    cases = [
        ("a", "x", "a"), ("a", "x", "a"), ("a", "x", "a"), ("a", "x", "a"), ("a b", "x y", "a b"), ("a", "x", "y"),
        ("a", "a", "x"), ("a", "x", "a"),
    ]  # fmt: skip
    found = mapsswe(*zip(*cases, strict=True), language=None)
    assert found.segments == 8
    assert found.mean == pytest.approx(0.75)
    assert found.statistic == pytest.approx(0.75 / math.sqrt(0.785714 / 8), rel=1e-5)
    assert found.p == pytest.approx(0.016703, abs=1e-4)


def test_mapsswe_without_a_difference() -> None:
    assert mapsswe(["a b"], ["a b"], ["a b"], None).p == 1.0
    assert mapsswe([], [], []).p == 1.0
    assert mapsswe(["a"], ["x"], ["y"], None).p == 1.0
    assert mapsswe(["a"] * 6, ["x"] * 6, ["a"] * 6, None).p == 0.5**5
    with pytest.raises(ValueError, match="zip"):
        mapsswe(["a"], ["x"], [])


def test_bleu_by_sacrebleu() -> None:
    references = [f"the cat number {n} sat on the mat and slept" for n in range(30)]
    worse = [text.replace("sat on", "was at") for text in references]
    same = bootstrap_bleu(references, references, list(references), resamples=200)
    assert same.value == 0.0
    assert same.p > 0.9
    found = bootstrap_bleu(references, references, worse, resamples=200)
    assert found.value > 30
    assert 0 < found.low <= found.value <= found.high
    assert found.p < 0.05
    with pytest.raises(ValueError, match="same"):
        bootstrap_bleu([], [], [])


def test_holm_by_hand() -> None:
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert corrected == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(corrected) == ["a", "b", "c", "d"]
    assert holm({}) == {}
    assert holm({1: 0.9, 2: 0.8}) == {1: 1.0, 2: 1.0}


def test_resampling_keeps_the_size() -> None:
    sums = significance._resampled_sums(np.ones((9, 1), np.int64), 50, 0)
    assert (sums == 9).all()
