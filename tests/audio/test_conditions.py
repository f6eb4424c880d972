"""Noise is where it is said to be, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from engines.audio.conditions import Condition, Kind, apply, apply_all, name_of, parse, parse_all, title_of
from engines.audio.distortion import telephone
from engines.audio.loudness import active_level
from engines.audio.noise import noise
from engines.audio.samples import list_samples, load_sample
from engines.contract import Samples
from engines.errors import BadOption


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


@pytest.mark.parametrize("kind", ["white", "pink", "babble", "hum"])
@pytest.mark.parametrize("snr", [20.0, 0.0, -5.0])
def test_noise_has_exactly_the_ratio(speech: Samples, kind: Kind, snr: float) -> None:
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
    made = noise("pink", 160_000, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(made)) ** 2
    frequencies = np.fft.rfftfreq(160_000, 1 / 16_000)
    bands = [power[(frequencies >= low) & (frequencies < 2 * low)].mean() for low in (125, 250, 500, 1000, 2000)]
    steps = np.diff(10 * np.log10(bands))
    assert steps == pytest.approx([-3.0] * 4, abs=0.6)


def test_telephone_leaves_the_band_alone() -> None:
    def rms(samples: Samples) -> float:
        return float(np.sqrt(np.mean(np.square(samples))))

    low = (0.5 * np.sin(2 * np.pi * 100 * np.arange(16_000) / 16_000)).astype(np.float32)
    assert rms(telephone(low)) < 0.01
    assert rms(telephone(tone(1.0))) == pytest.approx(rms(tone(1.0)), rel=0.02)
    assert telephone(np.zeros(0, np.float32)).shape == (0,)


@pytest.mark.parametrize(
    "name", ["clean", "telephone", "babble-10", "pink--5", "white-2.5", "hum-0", "room-0.8", "gaps-20"]
)
def test_names_are_read_as_they_are_written(name: str) -> None:
    assert parse(name).name == name


@pytest.mark.parametrize(
    "name", ["", "quiet", "babble", "babble-x", "white-900", "clean-5", "white-nan", "gaps-90", "speed-9"]
)
def test_unknown_conditions_are_refused(name: str) -> None:
    with pytest.raises(BadOption):
        parse(name)


def test_the_noise_of_the_evaluation_is_what_it_was() -> None:
    # Records are keyed on these names: what they were measured on must not change.
    expected = {
        "telephone": (-0.0046841, 0.0953183, -0.1307960),
        "white-10": (-0.0630863, 0.2279667, -0.2560399),
        "babble-10": (-0.0405624, 0.2361479, -0.2207114),
        "pink--5": (-0.1695512, -0.1214590, -0.3002432),
    }
    clip = np.array(load_sample("en-caller").samples)[:48_000]
    for name, values in expected.items():
        heard = apply(parse(name), clip, "clip-7")
        assert heard[[100, 20_000, 40_000]].tolist() == pytest.approx(values, abs=2e-6), name


def test_paired_amounts_are_one_draw(speech: Samples) -> None:
    loud, soft = (apply(Condition("white", snr), speech, "a", paired=True) - speech for snr in (20.0, 40.0))
    assert np.corrcoef(loud, soft)[0, 1] == pytest.approx(1.0, abs=1e-3)
    apart = apply(Condition("white", 40.0), speech, "a") - speech
    assert abs(np.corrcoef(loud, apart)[0, 1]) < 0.1


def test_conditions_come_about_in_order() -> None:
    found = parse_all("gaps-10+telephone+babble-10+room-0.8+clean+speed-1.2")
    assert name_of(found) == "speed-1.2+room-0.8+babble-10+telephone+gaps-10"
    assert title_of(found) == "speed 1.2×, room 0.8 s, babble 10 dB, telephone, packet loss 10%"
    assert name_of(parse_all("clean")) == "clean"
    with pytest.raises(BadOption, match="both"):
        parse_all("babble-10+babble-5")


def test_chains_are_what_their_parts_are(speech: Samples) -> None:
    whole = apply_all(parse_all("telephone+white-5"), speech, "a", seed=3)
    assert np.array_equal(whole, telephone(apply(Condition("white", 5.0), speech, "a", seed=3)))
