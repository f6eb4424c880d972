from __future__ import annotations

import pytest

from engines.contract import Hypothesis
from engines.text.ranking import combined, rank

BECKETT = (
    Hypothesis("Never tried, ever failed.", acoustic=-3.1, tokens=7, lm=-52.9, lm_tokens=7),
    Hypothesis("Ever tried. Ever failed.", acoustic=-3.9, tokens=7, lm=-45.9, lm_tokens=7),
    Hypothesis("Ever tried, ever feeled.", acoustic=-6.0, tokens=8, lm=-58.2, lm_tokens=9),
)


def test_weight_zero_keeps_the_recognisers_order():
    assert [index for index, _ in rank(BECKETT, 0.0)] == [0, 1, 2]


def test_weight_one_trusts_the_language_model_alone():
    assert [index for index, _ in rank(BECKETT, 1.0)] == [1, 0, 2]


def test_scores_are_interpolated_log_probabilities():
    assert combined(BECKETT[1], 0.35) == pytest.approx(0.65 * -3.9 + 0.35 * -45.9)


def test_normalised_scores_are_per_token():
    assert combined(BECKETT[2], 0.5, normalised=True) == pytest.approx(0.5 * -6.0 / 8 + 0.5 * -58.2 / 9)


def test_equal_scores_keep_the_recognisers_order():
    same = [Hypothesis("a", -1.0, 1, -2.0, 1), Hypothesis("b", -1.0, 1, -2.0, 1)]
    assert [index for index, _ in rank(same, 0.5)] == [0, 1]


def test_a_list_without_language_model_scores_is_ranked_by_sound():
    unscored = [Hypothesis("a", -2.0, 1), Hypothesis("b", -1.0, 1)]
    assert [index for index, _ in rank(unscored, 0.3)] == [1, 0]
