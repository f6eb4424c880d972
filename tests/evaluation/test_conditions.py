"""Noise is where it is said to be, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from engines.audio.samples import list_samples, load_sample
from engines.contract import Samples
from engines.errors import BadOption
from engines.evaluation import conditions
from engines.evaluation.conditions import Condition, active_level, apply, parse


@pytest.fixture
def speech() -> Samples:
    return np.array(load_sample(list_samples()[0].id).samples)


def tone(seconds: float, amplitude: float = 0.5) -> Samples:
    return (amplitude * np.sin(2 * np.pi * 440 * np.arange(int(16_000 * seconds)) / 16_000)).astype(np.float32)


def test_active_level_of_a_tone_is_its_own() -> None:
    assert active_level(tone(5.0)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_active_level_does_not_count_pauses() -> None:
    half = np.concatenate([tone(3.0), np.zeros(10 * 16_000, np.float32), tone(3.0)])
    rms = float(np.sqrt(np.mean(np.square(half))))
    assert active_level(half) == pytest.approx(0.5 / np.sqrt(2), rel=0.06)
    assert rms < 0.7 * active_level(half)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.003])
def test_active_level_follows_the_volume(speech: Samples, scale: float) -> None:
    assert active_level(speech * scale) == pytest.approx(scale * active_level(speech), rel=0.02)


def test_silence_has_no_level_and_gets_no_noise() -> None:
    silence = np.zeros(16_000, np.float32)
    assert active_level(silence) == 0.0
    assert active_level(np.zeros(0, np.float32)) == 0.0
    assert np.array_equal(apply(Condition("white", 0.0), silence, "x"), silence)


@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
@pytest.mark.parametrize("snr", [20.0, 0.0, -5.0])
def test_noise_has_exactly_the_ratio(speech: Samples, kind: conditions.Kind, snr: float) -> None:
    quiet = speech * np.float32(0.1)
    heard = apply(Condition(kind, snr), quiet, "clip")
    added = heard.astype(np.float64) - quiet
    ratio = 20 * np.log10(active_level(quiet) / np.sqrt(np.mean(np.square(added))))
    assert ratio == pytest.approx(snr, abs=0.01)
    assert heard.dtype == np.float32
    assert heard.shape == quiet.shape


def test_loud_sums_do_not_clip(speech: Samples) -> None:
    heard = apply(Condition("white", -10.0), speech / np.abs(speech).max(), "clip")
    assert np.abs(heard).max() <= 1.0


def test_noise_depends_on_seed_condition_and_clip(speech: Samples) -> None:
    first = apply(Condition("babble", 5.0), speech, "a")
    assert np.array_equal(first, apply(Condition("babble", 5.0), speech, "a"))
    assert not np.array_equal(first, apply(Condition("babble", 5.0), speech, "b"))
    assert not np.array_equal(first, apply(Condition("babble", 5.0), speech, "a", seed=1))


def test_pink_noise_falls_three_decibels_an_octave() -> None:
    made = conditions.noise("pink", 160_000, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(made)) ** 2
    frequencies = np.fft.rfftfreq(160_000, 1 / 16_000)
    bands = [power[(frequencies >= low) & (frequencies < 2 * low)].mean() for low in (125, 250, 500, 1000, 2000)]
    steps = np.diff(10 * np.log10(bands))
    assert steps == pytest.approx([-3.0] * 4, abs=0.6)


def test_telephone_leaves_the_band_alone() -> None:
    def rms(samples: Samples) -> float:
        return float(np.sqrt(np.mean(np.square(samples))))

    low = (0.5 * np.sin(2 * np.pi * 100 * np.arange(16_000) / 16_000)).astype(np.float32)
    assert rms(conditions.telephone(low)) < 0.01
    assert rms(conditions.telephone(tone(1.0))) == pytest.approx(rms(tone(1.0)), rel=0.02)
    assert conditions.telephone(np.zeros(0, np.float32)).shape == (0,)


@pytest.mark.parametrize("name", ["clean", "telephone", "babble-10", "pink--5", "white-2.5"])
def test_names_are_read_as_they_are_written(name: str) -> None:
    assert parse(name).name == name


@pytest.mark.parametrize("name", ["", "quiet", "babble", "babble-x", "white-900", "clean-5", "white-nan"])
def test_unknown_conditions_are_refused(name: str) -> None:
    with pytest.raises(BadOption):
        parse(name)
