"""Frames that wait: the bound, what is dropped and where, and the clock that tells how far a loop is behind."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from engines.errors import BadOption
from engines.tokens.backlog import Backlog, Pace

FRAME = np.zeros(4, np.float32)


def kinds(backlog: Backlog) -> list[str]:
    found = []
    while (arrival := backlog.take()) is not None:
        found.append(arrival.kind)
    return found


def test_frames_beyond_the_bound_are_dropped_in_their_place_and_counted():
    backlog = Backlog(2)
    assert [backlog.put(FRAME), backlog.put(None), backlog.put(FRAME), backlog.put(FRAME)] == [True, True, False, False]
    assert (backlog.waiting, backlog.most, backlog.dropped) == (2, 2, 2)
    first = backlog.take()
    assert first is not None
    assert (first.kind, first.samples is FRAME) == ("heard", True)
    assert backlog.put(FRAME)
    assert kinds(backlog) == ["lost", "dropped", "dropped", "heard"]
    assert (backlog.waiting, backlog.dropped) == (0, 2)
    assert backlog.take() is None


def test_what_is_dropped_takes_no_room():
    backlog = Backlog(1)
    for _ in range(10_000):
        backlog.put(FRAME)
    assert len(backlog._queue) == 2
    assert kinds(backlog).count("dropped") == 9_999


def test_a_live_source_fills_it_from_another_thread():
    backlog, found = Backlog(100), []
    thread = threading.Thread(target=lambda: [backlog.put(FRAME) for _ in range(50)])
    thread.start()
    while len(found) < 50:
        arrival = backlog.take(timeout=10)
        assert arrival is not None
        found.append(arrival.kind)
    thread.join()
    assert found == ["heard"] * 50
    assert backlog.take(timeout=0.01) is None


def test_a_backlog_holds_at_least_a_frame():
    with pytest.raises(BadOption, match="0 frames"):
        Backlog(0)


def test_the_clock_waits_for_frames_and_tells_how_far_behind_it_is():
    pace = Pace(0.08)
    pace.done(0, 0.03)
    assert (pace.now, pace.late) == (pytest.approx(0.11), 0)
    pace.done(1, 0.08)  # just in time
    assert pace.late == 0
    pace.done(2, 0.2)
    assert (pace.now, pace.late, pace.behind) == (pytest.approx(0.44), 1, pytest.approx(0.2))
    pace.done(3, 0.01)  # quick, but the one before held it up
    assert (pace.late, pace.behind) == (2, pytest.approx(0.2))
    pace.done(9, 0.01)
    assert (pace.now, pace.late) == (pytest.approx(0.81), 2)


def test_a_frame_may_have_to_wait_for_the_next():
    pace = Pace(0.08, ahead=1)
    pace.done(0, 0.01)
    assert pace.now == pytest.approx(0.17)
