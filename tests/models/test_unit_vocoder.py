"""The unit vocoder: pieces equal the whole, the decoder equals the voice's own, and bad units are refused."""

import itertools

import numpy as np
import onnxruntime as ort
import pytest

from engines import paths
from engines.errors import AdapterMismatch, AdapterMissing, BadOption, GraphInvalid, TokensInvalid, WeightsMissing
from engines.models.latent_decoder import LatentDecoder
from engines.models.unit_speech import limited, places
from engines.models.unit_vocoder import UnitVocoder
from tests.models import vocoder_parts as parts

torch = pytest.importorskip("torch")


@pytest.fixture
def adapters(monkeypatch, tmp_path):
    folder = tmp_path / "adapters"
    monkeypatch.setattr(paths, "adapters", lambda: folder)
    return folder


@pytest.fixture
def vocoder(adapters, tmp_path):
    parts.install_decoder(tmp_path / "voice")
    parts.install_vocoder(adapters)
    return UnitVocoder.open()


def units(count, seed=0):
    return np.random.default_rng(seed).integers(0, parts.UNITS, count)


def joined(chunks):
    return np.concatenate([chunk.samples for chunk in chunks])


def whole(vocoder, ids, durations, ratio_change=1.0):
    """All at once: one run of the network, one of the decoder."""
    decoder = LatentDecoder.open()
    frames = np.repeat(ids, durations).astype(np.int64)
    ratio = decoder.rate / decoder.hop / 25 * ratio_change
    where = places(0, round(len(frames) * ratio), ratio, len(frames))
    return limited(decoder.whole(vocoder.latents(frames, where)))


def test_the_decoder_gives_what_the_voice_gives(tmp_path):
    file = parts.install_decoder(tmp_path / "voice")
    latents = np.random.default_rng(1).normal(size=(50, parts.WIDTH)).astype(np.float32)
    session = ort.InferenceSession(str(file))
    expected = session.run(None, {"input": latents.T[None], "scales": np.ones(1, np.float32)})[0].reshape(-1)
    decoder = LatentDecoder.open()
    assert (decoder.rate, decoder.hop, decoder.width) == (parts.RATE, 256, parts.WIDTH)
    np.testing.assert_allclose(decoder.whole(latents), expected, atol=1e-6)


def test_no_latent_beyond_the_context_is_heard(tmp_path):
    parts.install_decoder(tmp_path / "voice")
    decoder = LatentDecoder.open()
    latents = np.random.default_rng(1).normal(size=(60, parts.WIDTH)).astype(np.float32)
    other = latents.copy()
    other[30] += 5
    changed = np.flatnonzero(np.abs(decoder.whole(latents) - decoder.whole(other)) > 1e-6) // decoder.hop
    assert 30 - decoder.context <= changed.min() <= changed.max() <= 30 + decoder.context
    assert changed.max() > 32  # and not by being far too careful


@pytest.mark.parametrize("pace", [1.0, 0.7])
def test_chunks_joined_are_the_whole(vocoder, pace):
    ids, durations = units(90), np.random.default_rng(1).integers(0, 5, 90)
    chunks = list(vocoder.speak(ids, durations, pace=pace))
    expected = whole(vocoder, ids, durations, 1 / pace)
    assert len(chunks) > 3
    assert chunks[0].samples.size < 0.3 * vocoder.rate
    np.testing.assert_allclose(joined(chunks), expected, atol=2e-5)
    assert abs(len(expected) / vocoder.rate - durations.sum() / 25 / pace) < 0.02


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_shortest_speech(vocoder, count):
    ids, durations = units(count), np.ones(count, np.int64)
    np.testing.assert_allclose(joined(vocoder.speak(ids, durations)), whole(vocoder, ids, durations), atol=2e-5)


def test_units_that_come_one_by_one_are_spoken_as_those_known_at_once(vocoder):
    ids = units(120, seed=4)
    at_once = joined(vocoder.speak(ids))
    one_by_one = joined(vocoder.speak(iter(ids.tolist())))
    np.testing.assert_allclose(one_by_one, at_once, atol=2e-5)


def test_speech_begins_before_the_last_unit_is_known(vocoder):
    asked = []

    def source():
        for unit in units(200, seed=2).tolist():
            asked.append(unit)
            yield unit

    first = next(vocoder.speak(source()))
    assert first.samples.size
    assert len(asked) < 100


def test_durations_are_shared_by_equal_neighbours(vocoder):
    ids = units(20, seed=6)
    ids = ids[np.concatenate([[True], ids[1:] != ids[:-1]])]
    alone = vocoder.durations(ids)
    double = vocoder.durations(np.repeat(ids, 2)).reshape(-1, 2).sum(1)
    np.testing.assert_array_equal(np.maximum(alone, 2), double)
    assert alone.min() >= 1
    assert len(set(alone.tolist())) > 1


def test_pitch_keeps_the_length_and_nothing_is_lost(vocoder):
    ids, durations = units(60), np.full(60, 2)
    plain = joined(vocoder.speak(ids, durations))
    for pitch in (0.8, 1.25):
        raised = joined(vocoder.speak(ids, durations, pitch=pitch))
        assert abs(raised.size - plain.size) < 0.02 * vocoder.rate


def test_loud_speech_is_limited_and_never_wraps(vocoder):
    sound = joined(vocoder.speak(units(40), np.full(40, 2), gain=4.0))
    assert np.abs(sound).max() <= 1.0
    assert limited(np.array([np.nan, np.inf, -np.inf, 0.5, 30, -30], np.float32)).tolist() == [0, 0, 0, 0.5, 1, -1]


@pytest.mark.parametrize(
    ("ids", "durations", "reason"),
    [
        ([], None, "no units"),
        ([0, parts.UNITS], None, f"a unit {parts.UNITS}, but the vocoder has {parts.UNITS}"),
        ([-1], None, "a unit -1"),
        ([0.5], None, "whole numbers"),
        (np.zeros((2, 2), int), None, "no units"),
        ([1, 2], [1], "2 units came with 1 durations"),
        ([1, 2], [1, -1], "not whole numbers"),
        ([1, 2], [0, 0], "all zero"),
        ([1, 2], [1.5, 2.0], "not whole numbers"),
        ([1] * 3, [10_000] * 3, "take 1200 s, but 60 s is the most"),
    ],
)
def test_impossible_units_are_refused(vocoder, ids, durations, reason):
    with pytest.raises(TokensInvalid, match=reason):
        list(vocoder.speak(ids, durations))


def test_units_without_an_end_are_stopped(vocoder):
    spoken = []
    with pytest.raises(TokensInvalid, match=r"go on, but 2 s is the most"):
        spoken.extend(vocoder.speak(itertools.cycle([1, 2, 3]), longest=2.0))
    assert joined(spoken).size == pytest.approx(2 * vocoder.rate, rel=0.02)


def test_a_wrong_unit_in_a_stream_is_named(vocoder):
    with pytest.raises(TokensInvalid, match="a unit 99"):
        list(vocoder.speak(iter([1, 2, 99])))
    with pytest.raises(TokensInvalid, match="no units"):
        list(vocoder.speak(iter([])))


@pytest.mark.parametrize("option", [{"pace": 0.1}, {"pitch": 3.0}, {"gain": -1.0}, {"longest": float("nan")}])
def test_impossible_options_are_refused(vocoder, option):
    with pytest.raises(BadOption, match=f"{next(iter(option))} cannot be"):
        vocoder.speak([1], [1], **option)


def test_what_does_not_fit_is_refused(vocoder, adapters, tmp_path):
    vocoder.check_units(parts.UNITS, "b" * 64)
    with pytest.raises(AdapterMismatch, match="other units"):
        vocoder.check_units(parts.UNITS, "c" * 64)
    (adapters / "vocoder" / "latents.onnx").write_bytes(b"no graph")
    with pytest.raises(GraphInvalid, match="damaged"):
        UnitVocoder.open()
    (adapters / "vocoder" / "latents.onnx").unlink()
    with pytest.raises(AdapterMissing, match=r"latents\.onnx"):
        UnitVocoder.open()


def test_another_decoder_is_refused(adapters, tmp_path):
    parts.install_decoder(tmp_path / "voice")
    parts.install_vocoder(adapters, decoder_graph="other")
    with pytest.raises(AdapterMismatch, match="another voice's decoder"):
        UnitVocoder.open()


def test_a_voice_that_is_not_prepared_is_named(adapters, tmp_path):
    with pytest.raises(WeightsMissing, match="piper-en-us-joe"):
        LatentDecoder.open()


def test_the_real_voice_cut_in_two_says_what_it_says_whole(model_home):
    from engines.training.data.latents import open_voice
    from engines.weights.store import WeightStore

    cut = open_voice()
    piper = ort.InferenceSession(str(WeightStore().path("piper-en-us-joe") / "en_US-joe-medium.onnx"))
    feeds = {
        "input": np.array([cut._voice.ids("həlˈoʊ wˈɜːld")], np.int64),
        "input_lengths": np.array([2 * len("həlˈoʊ wˈɜːld") + 3], np.int64),
        "scales": np.array([0, 1, 0], np.float32),  # no noise: the same every time
    }
    expected = piper.run(None, feeds)[0].reshape(-1)
    latents = cut._session.run(None, feeds)[0][0].T
    decoder = LatentDecoder.open()
    assert latents.shape == (expected.size // decoder.hop, decoder.width)
    np.testing.assert_allclose(decoder.whole(latents), expected, atol=1e-5)
    piece = decoder.whole(latents[20 - decoder.context : 40 + decoder.context])
    begin = decoder.context * decoder.hop
    np.testing.assert_allclose(piece[begin : begin + 20 * 256], expected[20 * 256 : 40 * 256], atol=1e-5)
