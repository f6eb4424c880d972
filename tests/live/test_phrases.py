"""Phrases are found where they are, none is longer than it may be, and no sample of speech is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.audio.segmentation import FRAME_SECONDS
from engines.contract import SAMPLE_RATE, Samples
from engines.live.clock import StreamClock
from engines.live.delay import DelayMeter, laal
from engines.live.phrases import LONGEST_SECONDS, PhraseBegan, PhraseEnded, PhraseFinder
from tests.live.fakes import detect, pause, spoken


def found_in(samples: Samples, block: int = 800) -> list[PhraseBegan | PhraseEnded]:
    finder = PhraseFinder(detect)
    found = [event for at in range(0, samples.shape[0], block) for event in finder.hear(samples[at : at + block])]
    return found + finder.close()


def test_a_phrase_ends_at_a_pause_of_six_tenths() -> None:
    began, ended = found_in(np.concatenate([pause(2), spoken(3, 0.4, 2, 1)]))
    assert isinstance(began, PhraseBegan)
    assert began.at == pytest.approx(2 - 0.3, abs=2 * FRAME_SECONDS)
    assert isinstance(ended, PhraseEnded)
    assert ended.at == pytest.approx(7.4, abs=2 * FRAME_SECONDS)
    assert ended.samples.shape[0] / SAMPLE_RATE == pytest.approx(5.4 + 0.3 + 0.2, abs=3 * FRAME_SECONDS)


def test_a_long_phrase_ends_at_a_shorter_pause() -> None:
    ends = [event.at for event in found_in(spoken(9, 0.4, 3, 1)) if isinstance(event, PhraseEnded)]
    assert ends == pytest.approx([9, 12.4], abs=2 * FRAME_SECONDS)
    ends = [event.at for event in found_in(spoken(11.5, 0.22, 3, 1)) if isinstance(event, PhraseEnded)]
    assert ends == pytest.approx([11.5, 14.72], abs=2 * FRAME_SECONDS)


def test_a_stream_that_ends_while_somebody_speaks() -> None:
    assert [type(event) for event in found_in(spoken(2))] == [PhraseBegan, PhraseEnded]
    assert found_in(pause(2)) == []
    assert found_in(pause(0)) == []


@settings(max_examples=40, deadline=None)
@given(
    parts=st.lists(st.floats(0.05, 25), min_size=1, max_size=6),
    block=st.sampled_from([160, 511, 512, 800, 4096, 50_000]),
)
def test_phrases_are_in_order_bounded_and_hold_all_speech(parts: list[float], block: int) -> None:
    samples = spoken(*parts)
    found = found_in(samples, block)
    numbers = [event.phrase for event in found]
    assert numbers == sorted(numbers)
    assert [type(event) for event in found] == [PhraseBegan, PhraseEnded] * (len(found) // 2)
    ended = [event for event in found if isinstance(event, PhraseEnded)]
    assert all(event.samples.shape[0] <= (LONGEST_SECONDS + 0.3) * SAMPLE_RATE for event in ended)
    dropped = sum(1 for event in ended if not event.samples.size)
    heard = sum(np.count_nonzero(event.samples) for event in ended)
    # a blip, and less than a frame at either edge of a stretch, may go
    assert heard >= np.count_nonzero(samples) - 0.4 * SAMPLE_RATE * dropped - 1024 * len(parts) - 512


def test_memory_is_bounded_in_silence_and_in_speech() -> None:
    finder = PhraseFinder(detect)
    for _ in range(100):
        finder.hear(pause(1))
    assert len(finder._frames) < 12
    for _ in range(100):
        finder.hear(spoken(1))
        assert len(finder._frames) * FRAME_SECONDS <= LONGEST_SECONDS + 1
    assert finder.seconds == pytest.approx(200, abs=FRAME_SECONDS)


def test_the_clock_takes_the_earliest_block_and_follows_drift() -> None:
    clock = StreamClock()
    late = [0.0, 0.3, 0.05, 0.9, 0.0]
    for index, lateness in enumerate(late):
        clock.heard(1.0, 10 + index + 1 + lateness)
    assert clock.when(2.0) == pytest.approx(12.0, abs=0.01)
    assert clock.drift == pytest.approx(0.0)
    for index in range(3600):  # a sound card that is slow by 50 ppm
        clock.heard(1.0, 16 + index + index * 50e-6)
    assert clock.when(clock.seconds) == pytest.approx(15 + 3600 * (1 + 50e-6), abs=0.02)
    assert clock.drift == pytest.approx(0.18, abs=0.01)
    clock.heard(0.0, 99_999.0)
    assert clock.drift == pytest.approx(0.18, abs=0.01)


def test_lagging_of_an_ideal_writer_is_that_of_his_first_word() -> None:
    assert laal([1, 2, 3, 4], 4) == pytest.approx(1)
    assert laal([1.5, 2.5, 3.5, 4.5], 4) == pytest.approx(1.5)


def test_lagging_of_words_that_all_come_after_the_speech_is_the_delay_of_the_first() -> None:
    assert laal([5, 5, 5, 6], 4) == 5


def test_writing_too_much_is_no_advantage_against_a_reference_and_too_little_none_either() -> None:
    assert laal([1, 2, 3, 4, 4, 4, 4, 4], 4, 4) == pytest.approx(np.mean([1, 1.5, 2, 2.5]))
    assert laal([2, 4], 4, 4) == pytest.approx(np.mean([2, 3]))
    with pytest.raises(ValueError, match="words"):
        laal([], 4)


def test_delays_over_a_run() -> None:
    meter = DelayMeter()
    assert meter.figures().phrases == 0
    assert meter.add(1.0, [], 2.0) is None
    assert meter.add(3.0, [2.0], 2.0) == 2.0
    assert meter.add(2.0, [1.0, 2.0], 2.0) == 1.0
    found = meter.figures()
    assert (found.phrases, found.last, found.median, found.worst, found.laal) == (3, 2.0, 2.0, 3.0, 1.5)
