"""Voice activity on real speech, on what is no speech, and over a length that does not fit in memory."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from engines.audio.samples import list_samples, load_sample
from engines.audio.vad import VoiceActivity
from engines.contract import SAMPLE_RATE, Segments
from engines.errors import GraphInvalid


@pytest.fixture(scope="module")
def detector(model_home: Path) -> VoiceActivity:
    return VoiceActivity.open(model_home / "silero-vad")


def covered(segments: Segments) -> float:
    return sum(end - start for start, end in segments.spans)


def require_well_formed(segments: Segments, seconds: float) -> None:
    behind = 0.0
    for start, end in segments.spans:
        assert behind <= start < end <= seconds
        assert end - start <= 30.0 + 1e-9
        behind = end


@pytest.mark.parametrize("sample", [sample.id for sample in list_samples()])
def test_real_speech_is_found(detector: VoiceActivity, sample: str) -> None:
    utterance = load_sample(sample)
    speech = detector.speech(utterance.samples)
    require_well_formed(speech, utterance.seconds)
    assert covered(speech) > 0.7 * utterance.seconds
    require_well_formed(detector.segments(utterance.samples), utterance.seconds)


def test_pauses_are_found_where_they_are(detector: VoiceActivity) -> None:
    voice = np.asarray(load_sample("es-folder").samples)
    pause = np.zeros(3 * SAMPLE_RATE, np.float32)
    speech = detector.speech(np.concatenate([pause, voice, pause, voice, pause]))
    middle = 3 + voice.size / SAMPLE_RATE
    assert speech.spans[0][0] == pytest.approx(3.0, abs=0.3)
    assert not any(start < middle + 0.5 and end > middle + 2.5 for start, end in speech.spans)
    assert not any(middle + 1 < start < middle + 2 or middle + 1 < end < middle + 2 for start, end in speech.spans)


def test_long_speech_is_cut_into_few_spans_at_a_pause(detector: VoiceActivity) -> None:
    utterance = load_sample("en-demonstration")
    segments = detector.segments(utterance.samples)
    require_well_formed(segments, utterance.seconds)
    assert len(segments.spans) == 2 or len(segments.spans) == 3
    assert covered(segments) > 0.9 * utterance.seconds
    level = np.abs(utterance.samples)
    for _, end in segments.spans[:-1]:
        around = level[int((end - 0.05) * SAMPLE_RATE) : int((end + 0.05) * SAMPLE_RATE)]
        assert around.mean() < 0.2 * level.mean(), "no word is cut"


@pytest.mark.parametrize("kind", ["silence", "noise", "hum", "chords", "one sample", "nothing"])
def test_what_is_no_speech_gives_no_spans(detector: VoiceActivity, kind: str) -> None:
    times = np.arange(40 * SAMPLE_RATE, dtype=np.float32) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * hertz * times) for hertz in (262, 330, 392)) / 6 * np.exp(-4 * (times % 0.5))
    samples = {
        "silence": np.zeros_like(times),
        "noise": np.random.default_rng(0).normal(0, 0.1, times.size),
        "hum": 0.1 * np.sin(2 * np.pi * 50 * times),
        "chords": chord,
        "one sample": np.ones(1),
        "nothing": np.zeros(0),
    }[kind]
    assert detector.segments(samples.astype(np.float32)) == Segments(())


def test_quiet_speech_is_found(detector: VoiceActivity) -> None:
    utterance = load_sample("en-caller")
    assert covered(detector.speech(np.asarray(utterance.samples) * np.float32(0.01))) > 0.8 * utterance.seconds


def test_blocks_are_seamless(detector: VoiceActivity) -> None:
    """What comes later changes nothing, wherever a block ends."""
    samples = np.asarray(load_sample("en-demonstration").samples)
    whole = detector.probabilities(samples)
    assert whole.shape == (-(-samples.size // 512),)
    np.testing.assert_allclose(detector.probabilities(samples[: 700 * 512]), whole[:700], atol=1e-6)


def test_ten_minutes_in_bounded_memory(detector: VoiceActivity, tmp_path: Path) -> None:
    voice = np.asarray(load_sample("en-caller").samples)
    path = tmp_path / "long.f32"
    long = np.memmap(path, "<f4", "w+", shape=(600 * SAMPLE_RATE,))
    for at in range(0, long.size - voice.size, 60 * SAMPLE_RATE):
        long[at : at + voice.size] = voice
    mapped = np.memmap(path, "<f4", "r")
    tracemalloc.start()
    began = time.monotonic()
    segments = detector.segments(mapped)
    seconds = time.monotonic() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    require_well_formed(segments, 600.0)
    assert len(segments.spans) == 10
    assert peak < 8e6, "a block at a time"
    assert seconds < 60, "much faster than real time even on a busy machine"


def test_check_stops_the_work(detector: VoiceActivity) -> None:
    calls = []

    def check() -> None:
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        detector.segments(np.zeros(120 * SAMPLE_RATE, np.float32), check)
    assert len(calls) == 3


def test_missing_graph_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(GraphInvalid, match="voice activity detector"):
        VoiceActivity.open(tmp_path)
