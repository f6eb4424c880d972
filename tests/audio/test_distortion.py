"""Rooms, packets and haste do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.audio.distortion import (
    BURST_PACKETS,
    change_speed,
    drop_packets,
    lost_packets,
    reverberate,
    room_response,
)
from engines.audio.loudness import active_level
from engines.audio.samples import list_samples, load_sample
from engines.contract import SAMPLE_RATE, Samples


@pytest.fixture(scope="module")
def speech() -> Samples:
    return np.array(load_sample(list_samples()[0].id).samples[: 4 * SAMPLE_RATE])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pitch(samples: NDArray[np.floating]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.shape[0])))
    return float(np.argmax(spectrum) * SAMPLE_RATE / samples.shape[0])


@pytest.mark.parametrize("decay", [0.3, 0.8, 2.0])
def test_the_room_decays_in_its_time(decay: float) -> None:
    # Schroeder 1965: the energy that is still to come falls by 60 dB in RT60; measured from -5 to -35 dB.
    tail = room_response(decay, rng())[100:]
    curve = 10 * np.log10(np.cumsum((tail**2)[::-1])[::-1] / np.sum(tail**2))
    start, end = (int(np.argmax(curve <= level)) for level in (-5, -35))
    assert 2 * (end - start) / SAMPLE_RATE == pytest.approx(decay, rel=0.12)


def test_the_room_is_farther_than_its_critical_distance() -> None:
    response = room_response(0.5, rng())
    ratio = 10 * np.log10(response[0] ** 2 / np.sum(response[1:] ** 2))
    assert ratio == pytest.approx(10 * np.log10(0.057**2 * 60 / 0.5 / 4), abs=0.1)


def test_a_room_keeps_length_and_level(speech: Samples) -> None:
    heard = reverberate(speech * np.float32(0.2), 0.8, rng())
    assert heard.shape == speech.shape
    assert heard.dtype == np.float32
    assert active_level(heard) == pytest.approx(active_level(speech * np.float32(0.2)), rel=0.01)
    assert not np.allclose(heard, speech * np.float32(0.2), atol=0.01)


def test_a_long_recording_goes_through_the_room_in_blocks() -> None:
    ticks = np.zeros(300_000, np.float32)
    ticks[[10, 140_000, 299_000]] = 0.5
    response = room_response(0.3, rng(4))
    heard = reverberate(ticks, 0.3, rng(4))
    whole = np.zeros(ticks.shape[0] + response.shape[0])
    for at in np.flatnonzero(ticks):
        whole[at : at + response.shape[0]] += ticks[at] * response
    whole = whole[: ticks.shape[0]]
    assert np.corrcoef(heard, whole)[0, 1] == pytest.approx(1.0, abs=1e-6)


def test_silence_stays_silent_in_a_room() -> None:
    silence = np.zeros(5000, np.float32)
    assert np.array_equal(reverberate(silence, 0.5, rng()), silence)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.65])
def test_packets_are_lost_in_their_share_and_in_bursts(share: float) -> None:
    lost = lost_packets(200_000, share, rng(1))
    assert lost.mean() == pytest.approx(share, abs=0.01)
    bursts = np.count_nonzero(np.diff(np.concatenate([[0], lost.astype(int)])) == 1)
    assert lost.sum() / bursts == pytest.approx(BURST_PACKETS, rel=0.05)


def test_more_loss_loses_the_same_and_more() -> None:
    before = np.zeros(500, np.bool_)
    for share in (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65):
        lost = lost_packets(500, share, rng(7))
        assert not (before & ~lost).any()
        before = lost
    assert not lost_packets(500, 0.0, rng(7)).any()


def test_lost_packets_are_silent_and_the_rest_is_untouched(speech: Samples) -> None:
    heard = drop_packets(speech, 0.3, rng())
    lost = np.repeat(lost_packets(-(-speech.shape[0] // 320), 0.3, rng()), 320)[: speech.shape[0]]
    assert not heard[lost].any()
    assert np.array_equal(heard[~lost], speech[~lost])


@pytest.mark.parametrize("factor", [0.4, 0.8, 1.5, 3.0])
def test_speed_changes_the_length_and_not_the_pitch(factor: float) -> None:
    tone = (0.4 * np.sin(2 * np.pi * 220 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)
    heard = change_speed(tone, factor)
    assert heard.shape == (round(tone.shape[0] / factor),)
    assert pitch(heard) == pytest.approx(220, abs=3)
    inner = heard[1000:-1000]
    assert float(np.sqrt(np.mean(inner**2))) == pytest.approx(0.4 / np.sqrt(2), rel=0.05)


def test_speech_keeps_its_level_at_another_speed(speech: Samples) -> None:
    assert active_level(change_speed(speech, 1.5)) == pytest.approx(active_level(speech), rel=0.1)
    assert change_speed(speech, 1.0) is speech


@pytest.mark.parametrize("count", [1, 7, 300, 1000])
def test_very_short_sounds_are_no_failure(count: int) -> None:
    sound = np.full(count, 0.1, np.float32)
    for heard in (change_speed(sound, 2.0), change_speed(sound, 0.5)):
        assert np.isfinite(heard).all()
    assert reverberate(sound, 0.5, rng()).shape == (count,)
    assert drop_packets(sound, 0.5, rng()).shape == (count,)
