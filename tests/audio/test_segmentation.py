"""Spans of speech from frame probabilities, without the network."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engines.audio.segmentation import pack, pad, speech_runs


def frames(*parts: tuple[float, int]) -> np.ndarray:
    return np.concatenate([np.full(count, value, np.float32) for value, count in parts])


def test_runs_begin_at_the_upper_and_end_at_the_lower_threshold() -> None:
    runs = speech_runs(frames((0.4, 10), (0.9, 20), (0.4, 10), (0.1, 20), (0.9, 10)), 30)
    assert np.allclose(runs, [(10 * 0.032, 40 * 0.032), (60 * 0.032, 70 * 0.032)])


def test_short_pauses_do_not_end_a_run_and_clicks_do_not_begin_one() -> None:
    assert len(speech_runs(frames((0.9, 20), (0.1, 2), (0.9, 20)), 30)) == 1
    assert speech_runs(frames((0.1, 20), (0.9, 2), (0.1, 20)), 30) == []


def test_run_without_pauses_is_cut_where_speech_is_least_probable() -> None:
    sure = frames((0.99, 700), (0.6, 9), (0.99, 700))
    runs = speech_runs(sure, 30)
    assert len(runs) == 2
    assert abs(runs[0][1] - 704 * 0.032) < 0.1
    assert runs[0][1] == runs[1][0]
    assert all(end - start <= 30 for start, end in speech_runs(frames((0.99, 10_000)), 30))


def test_padding_stops_in_the_middle_of_a_pause_and_at_the_ends() -> None:
    assert pad([(0.1, 1.0), (1.2, 2.0), (5.0, 5.9)], 0.2, 6.0) == [(0.0, 1.1), (1.1, 2.2), (4.8, 6.0)]


def test_cuts_are_at_the_longest_pauses() -> None:
    runs = [(0.0, 9.0), (9.2, 18.0), (18.9, 27.0), (27.1, 36.0), (36.2, 45.0)]
    assert pack(runs, 30) == [(0.0, 18.0), (18.9, 45.0)]


def test_long_pauses_are_left_out() -> None:
    assert pack([(0.0, 1.0), (3.5, 4.0)], 30) == [(0.0, 1.0), (3.5, 4.0)]
    assert pack([], 30) == []


@given(st.lists(st.tuples(st.floats(0.1, 28), st.floats(0.1, 4)), max_size=40))
def test_packing_keeps_every_run_and_the_limit(lengths: list[tuple[float, float]]) -> None:
    runs, at = [], 0.0
    for speech, pause in lengths:
        runs.append((at, at + speech))
        at += speech + pause
    spans = pack(runs, 30)
    assert all(end - start <= 30 for start, end in spans)
    assert all(one[1] < two[0] for one, two in itertools.pairwise(spans))
    assert all(any(start <= run[0] and run[1] <= end for start, end in spans) for run in runs)
