"""The codec: what it says of any speech, chunk by chunk as of the whole, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import AdapterMismatch, AdapterMissing, AudioUnusable, GraphInvalid, TokensInvalid
from engines.models import codec as module
from engines.models.codec import Codec
from engines.models.codes import Concealer

torch = pytest.importorskip("torch")

from tests.models import tiny_codec  # noqa: E402


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_codec.write(tmp_path_factory.mktemp("adapters"))


@pytest.fixture(scope="module")
def codec(tiny):
    return tiny[0]


@pytest.fixture(scope="module")
def speech():
    random = np.random.default_rng(0)
    return (0.1 * random.standard_normal(16_000 * 3 + 77)).astype(np.float32)


@pytest.fixture(scope="module")
def codes(codec, speech):
    return codec.encode(speech)


@pytest.mark.parity
def test_graphs_say_what_transformers_says(tiny, speech):
    codec, network = tiny
    whole = torch.from_numpy(speech[: 320 * 100])
    with torch.no_grad():
        found = network.model.encode(whole[None, None], bandwidth=network.model.config.target_bandwidths[-1])
        heard = network.model.decode(found.audio_codes, found.audio_scales).audio_values
    codes = codec.encode(whole.numpy())
    assert (codes == found.audio_codes[0, 0].numpy()).mean() > 0.999
    assert len(np.unique(codes)) > 4
    np.testing.assert_allclose(codec.decode(codes), heard[0, 0].clamp(-1, 1).numpy(), atol=1e-4)
    assert np.abs(codec.decode(codes)).max() > 1e-3


def test_a_frame_is_twenty_milliseconds_and_the_last_is_filled_up(codec, speech, codes):
    assert codes.shape == (4, 151)
    assert codes.dtype == np.int32
    assert codec.decode(codes).shape == (151 * 320,)
    assert codec.encode(speech[:1]).shape == (4, 1)
    assert codec.frame_seconds == 0.02


def test_bit_rates(codec):
    assert codec.bits_per_second() == 4 * 4 * 50
    assert codec.bits_per_second(1) == 200
    with pytest.raises(TokensInvalid, match="5 codebooks were asked for; there are 4"):
        codec.bits_per_second(5)


@pytest.mark.parametrize("size", [1, 3, 4, 25, 1000])
def test_a_stream_sounds_like_the_whole(codec, codes, size):
    whole = codec.decode(codes)
    stream = codec.stream()
    parts = [stream.push(codes[:, start : start + size]) for start in range(0, codes.shape[1], size)]
    assert stream.frames == codes.shape[1]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_long_speech_in_blocks_comes_to_the_same(codec, speech, codes, monkeypatch):
    whole = codec.decode(codes)
    monkeypatch.setattr(module, "_BLOCK", 40)
    assert (codec.encode(speech) == codes).mean() > 0.999
    np.testing.assert_allclose(codec.decode(codes), whole, atol=1e-5)


def test_the_first_codebooks_alone_are_speech_too(codec, codes):
    first = codec.decode(codes, 2)
    np.testing.assert_array_equal(first, codec.decode(codes[:2]))
    assert not np.allclose(first, codec.decode(codes))
    assert codec.stream(2).push(codes[:2]).shape == first.shape


def test_what_is_too_loud_is_limited_and_never_wraps(tmp_path, speech):
    loud, _ = tiny_codec.write(tmp_path, loudness=1000.0)
    samples = loud.decode(loud.encode(speech))
    assert np.abs(samples).max() == 1.0
    assert np.isfinite(samples).all()
    steps = np.abs(np.diff(np.round(samples * 32767).astype(np.int16).astype(np.int32)))
    assert steps.max() <= 65534


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: np.concatenate([c, c]), "has 8 codebooks; the codec reads 1 to 4"),
        (lambda c: c[:0], "has 0 codebooks"),
        (lambda c: c[0], r"of shape \(151,\)"),
        (lambda c: c.astype(np.float32), "type float32"),
        (lambda c: np.where(np.arange(151) == 7, 16, c), "The id 16 in frame 7 does not exist in codebook 1"),
        (lambda c: np.where(np.arange(151) == 7, -2, c), "The id -2 in frame 7"),
        (lambda c: np.where(np.arange(151) == 7, -1, c), "Frame 7 is lost"),
        (lambda c: np.where((np.arange(151) % 50) // 2 == 2, -1, c), "Frames 4 to 5 and 4 more are lost"),
    ],
)
def test_streams_that_are_no_streams_of_this_codec_are_refused(codec, codes, change, sentence):
    with pytest.raises(TokensInvalid, match=sentence):
        codec.decode(change(codes))


def test_a_gap_in_a_stream_is_named_or_concealed(codec, codes):
    stream = codec.stream()
    stream.push(codes[:, :10], at=0)
    with pytest.raises(TokensInvalid, match="Frames 10 to 13 are missing from the stream"):
        stream.push(codes[:, 14:20], at=14)
    with pytest.raises(TokensInvalid, match="gives frame 3 again; frame 10 comes next"):
        stream.push(codes[:, 3:20], at=3)
    with pytest.raises(TokensInvalid, match="has 3 codebooks; the codec reads 4"):
        stream.push(codes[:3, 10:20])
    hidden = codec.stream(conceal=True)
    parts = [hidden.push(codes[:, :10], at=0), hidden.push(codes[:, 14:], at=14)]
    lossy = codes.copy()
    lossy[:, 10:14] = -1
    joined = np.concatenate(parts)
    assert joined.shape == (151 * 320,)
    np.testing.assert_allclose(joined, codec.decode(lossy, conceal=True), atol=1e-5)
    np.testing.assert_allclose(joined[: 10 * 320], codec.decode(codes)[: 10 * 320], atol=1e-5)
    np.testing.assert_allclose(joined[-100 * 320 :], codec.decode(codes)[-100 * 320 :], atol=1e-5)
    with pytest.raises(TokensInvalid, match="100000 frames are missing"):
        hidden.push(codes[:, :1], at=100_151)


def test_lost_frames_repeat_the_last_and_fade_to_silence():
    silence = np.array([9, 9], np.int32)
    codes = np.array([[1] + [-1] * 7 + [2, -1], [3] + [-1] * 7 + [4, -1]], np.int32)
    whole = Concealer(silence).fill(codes)
    assert whole[0].tolist() == [1] * 6 + [9] * 2 + [2, 2]
    for cut in range(1, 10):
        parts = Concealer(silence)
        joined = np.concatenate([parts.fill(codes[:, :cut]), parts.fill(codes[:, cut:])], axis=1)
        assert (joined == whole).all(), cut
    assert Concealer(silence).fill(codes[:, 1:3])[1].tolist() == [9, 9]


@pytest.mark.parametrize(
    "samples",
    [np.zeros(0, np.float32), np.zeros((2, 400), np.float32), np.full(400, np.nan, np.float32)],
)
def test_sound_that_is_none_is_refused(codec, samples):
    with pytest.raises(AudioUnusable):
        codec.encode(samples)


def test_a_missing_or_damaged_codec_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    with pytest.raises(AdapterMissing, match="codec"):
        Codec.open()
    codec, _ = tiny_codec.write(tmp_path)
    assert Codec.open().books == 4
    wrong = codec.card.model_copy(update={"codec": codec.card.codec.model_copy(update={"books": 5})})
    with pytest.raises(AdapterMismatch, match=r"does not take|gives \(4, 3\) codes"):
        Codec(tmp_path / "codec", wrong)
    (tmp_path / "codec" / "decoder.onnx").write_bytes(b"broken")
    with pytest.raises(GraphInvalid, match=r"codec/decoder\.onnx"):
        Codec.open()
