from __future__ import annotations

import numpy as np
import pytest

from engines.evaluation import probing
from engines.evaluation.probing import Pair, Told, one_hot


def _pairs(shift: float, groups: int = 6, each: int = 4, seed: int = 0) -> list[Pair]:
    random = np.random.default_rng(seed)
    made = []
    for group in range(groups):
        for _ in range(each):
            rows = random.normal(size=(2, 12, 8)).astype(np.float32)
            rows[1, :, 3] += shift
            made.append(Pair(group, rows[0], rows[1]))
    return made


def test_what_is_there_is_told() -> None:
    told = probing.tell(_pairs(3.0))
    assert told.share > 0.95
    assert told.heard


def test_what_is_not_there_is_guessed() -> None:
    told = probing.tell(_pairs(0.0))
    assert 0.2 < told.share < 0.8
    assert not told.heard


def test_equal_inputs_are_half_right() -> None:
    rows = one_hot([1, 2, 1], 4)
    told = probing.tell([Pair(group, rows, rows) for group in range(4)])
    assert told.share == 0.5
    assert not told.heard


def test_a_last_token_that_differs_is_told() -> None:
    pairs = [Pair(group, one_hot([group, 5, 0], 8), one_hot([group, 5, 1], 8)) for group in range(2, 8)]
    assert probing.tell(pairs).share == 1.0


def test_a_probe_carries_over_to_other_recordings() -> None:
    assert probing.carried(_pairs(3.0), _pairs(3.0, seed=1)).heard
    assert probing.carried(_pairs(3.0), _pairs(-3.0, seed=1)).share < 0.1


def test_nothing_to_pool_is_no_error() -> None:
    assert not probing.pooled(np.zeros((0, 3), np.float32)).any()


def test_intervals_hold_the_share() -> None:
    low, high = Told(10, 10).bounds
    assert low < 1 == pytest.approx(high)
    assert Told(10, 10).p == pytest.approx(1 / 1024)
    assert Told(5, 10).p > 0.5


def test_one_group_is_too_few() -> None:
    with pytest.raises(ValueError, match="two groups"):
        probing.tell(_pairs(1.0, groups=1))
    with pytest.raises(ValueError, match="asked about"):
        probing.carried(_pairs(1.0), [])
