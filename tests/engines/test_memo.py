from __future__ import annotations

import numpy as np
import pytest

from engines.memo import Memo, size_of


def test_the_second_ask_is_shared_and_tells_the_cost_of_the_first():
    memo = Memo()
    value, seconds, shared = memo.get_or_compute(("a", 1), lambda: "made")
    again, cost, was = memo.get_or_compute(("a", 1), lambda: pytest.fail("computed twice"))
    assert (value, again, shared, was) == ("made", "made", False, True)
    assert cost == seconds


def test_other_options_are_other_work():
    memo = Memo()
    memo.put(("nbest", "digest", 5), "five", 1.0)
    assert memo.get(("nbest", "digest", 1)) is None


def test_memory_is_bounded_and_the_least_used_goes_first():
    block = np.zeros(1000, np.float32)
    memo = Memo(limit=3 * size_of(block))
    for name in "abc":
        memo.put((name,), block, 0.0)
    memo.get(("a",))
    memo.put(("d",), block, 0.0)
    assert memo.get(("b",)) is None
    assert memo.get(("a",)) is not None
    assert memo.size <= 3 * size_of(block)


def test_nothing_is_kept_where_nothing_may_be():
    memo = Memo(limit=0)
    memo.put(("a",), 1, 0.0)
    assert len(memo) == 0


def test_a_failed_computation_leaves_nothing():
    memo = Memo()
    with pytest.raises(ValueError, match="broken"):
        memo.get_or_compute(("a",), lambda: (_ for _ in ()).throw(ValueError("broken")))
    assert len(memo) == 0


def test_replacing_a_value_does_not_count_it_twice():
    memo = Memo()
    memo.put(("a",), np.zeros(1000, np.float32), 0.0)
    size = memo.size
    memo.put(("a",), np.zeros(1000, np.float32), 0.0)
    assert memo.size == size
