"""Levels in decibel, and what is said about them."""

from __future__ import annotations

import numpy as np
import pytest

from app.levels import FLOOR_DB, Judge, Level, Verdict, decibel, measure
from engines.audio.samples import list_samples, load_sample
from engines.audio.wav import to_pcm16


def judged(*peaks: tuple[float, float]) -> Verdict:
    """The last verdict on ``(peak, seconds)``."""
    judge, verdict = Judge(), Verdict.WAITING
    for peak, seconds in peaks:
        for _ in range(round(seconds / 0.05)):
            verdict = judge.hear(Level(peak, peak / 2))
    return verdict


def test_level_of_a_sine_and_of_full_scale() -> None:
    sine = to_pcm16(np.sin(np.arange(48_000) * 2 * np.pi / 48) * 0.5)
    level = measure(sine, 48_000)
    assert decibel(level.peak) == pytest.approx(-6.02, abs=0.01)
    assert decibel(level.rms) == pytest.approx(-9.03, abs=0.01)
    assert level.seconds == 1.0
    assert measure(np.array([-32_768], np.int16), 8_000).peak == 1.0
    assert decibel(0.0) == FLOOR_DB


def test_verdicts() -> None:
    assert judged((0.1, 2.0)) is Verdict.WAITING
    assert judged((0.1, 3.0)) is Verdict.GOOD
    assert judged((0.01, 3.0)) is Verdict.LOW
    assert judged((0.8, 3.0)) is Verdict.HIGH
    assert judged((0.0, 1.05)) is Verdict.SILENT
    assert judged((1.0, 0.05)) is Verdict.CLIPS, "at once"


def test_verdicts_pass_when_the_level_is_mended() -> None:
    assert judged((1.0, 1.0), (0.2, 1.9)) is Verdict.CLIPS
    assert judged((1.0, 1.0), (0.2, 6.0)) is Verdict.GOOD
    assert judged((0.0, 3.0), (0.2, 0.05)) is Verdict.GOOD
    assert judged((0.01, 9.0), (0.2, 0.05)) is Verdict.GOOD
    assert judged((0.2, 3.0), (0.01, 4.0)) is Verdict.GOOD, "somebody pauses"
    assert judged((0.2, 3.0), (0.01, 6.0)) is Verdict.LOW


@pytest.mark.parametrize("sample", list_samples(), ids=lambda sample: sample.id)
def test_bundled_speech_is_not_complained_about(sample) -> None:
    utterance = load_sample(sample.id)
    pcm = to_pcm16(np.asarray(utterance.samples))
    judge = Judge()
    said = {judge.hear(measure(pcm[at : at + 800], 16_000)) for at in range(0, pcm.shape[0], 800)}
    assert not {Verdict.SILENT, Verdict.CLIPS} & said
    assert Verdict.GOOD in said
