"""Purities and PNMI where they can be known."""

from __future__ import annotations

import numpy as np
import pytest

from engines.evaluation.unit_quality import entropy, judge, pnmi


def test_units_that_are_phones():
    found = judge([np.array([0, 0, 1, 1])], [["a", "a", "b", "b"]], 4, 0.04)
    assert (found.phone_purity, found.cluster_purity, found.pnmi) == (1, 1, pytest.approx(1))
    assert (found.frames, found.entropy, found.used) == (4, 1, 0.5)
    assert found.joined_rate == pytest.approx(2 / 0.16)
    assert found.bits_per_second == pytest.approx(50)
    assert found.joined_bits_per_second == pytest.approx(25)


def test_two_units_for_a_phone_cost_cluster_purity_alone():
    found = judge([np.array([0, 1, 2, 2])], [["a", "a", "b", "b"]], 3, 0.04)
    assert (found.phone_purity, found.cluster_purity, found.pnmi) == (1, 0.75, pytest.approx(1))


def test_units_that_know_nothing():
    assert pnmi(np.full((4, 5), 1 / 20)) == pytest.approx(0, abs=1e-9)
    assert pnmi(np.array([[0.5], [0.5]])) == 0
    assert entropy(np.array([1.0, 0])) == 0


def test_chance_is_what_few_frames_feign():
    random = np.random.default_rng(1)
    found = judge([random.integers(0, 40, 80)], [[str(p) for p in random.integers(0, 9, 80)]], 40, 0.04)
    assert found.pnmi > 0.3
    assert found.chance == pytest.approx(found.pnmi, abs=0.15)


def test_frames_without_a_phone_are_left_out():
    found = judge([np.array([0, 1, 1]), np.array([2, 2])], [["a", None, "b", "b"], [None, "b"]], 3, 0.04)
    assert found.frames == 3
    with pytest.raises(ValueError, match="no frame"):
        judge([np.array([0])], [[None]], 2, 0.04)
