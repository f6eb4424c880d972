"""The published EnCodec's own class, loaded from a checkpoint of the same make that is written here."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import AudioUnusable, GraphInvalid, TokensInvalid, WeightsMissing
from engines.models.encodec import EnCodec

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    config = transformers.EncodecConfig(num_filters=4, hidden_size=8, codebook_size=16, target_bandwidths=[0.6, 1.2])
    model = transformers.EncodecModel(config)
    for layer in model.quantizer.layers:
        layer.codebook.embed.normal_().mul_(0.1)
    place = tmp_path_factory.mktemp("encodec")
    model.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def codec(folder):
    return EnCodec.open(folder)


def test_it_codes_at_its_own_rate(codec):
    samples = (0.1 * np.random.default_rng(0).standard_normal(24_000)).astype(np.float32)
    codes = codec.encode(samples)
    assert (codec.rate, codec.hop, codec.books, codec.codes) == (24_000, 320, 4, 16)
    assert codes.shape == (4, 75)
    assert codec.bits_per_second(2) == pytest.approx(600)
    heard = codec.decode(codes, 2)
    assert heard.shape == (24_000,)
    np.testing.assert_array_equal(heard, codec.decode(codes[:2]))
    with torch.no_grad():
        given = torch.from_numpy(samples)[None, None]
        wanted = codec._model.encode(given, bandwidth=1.2).audio_codes[0, 0].numpy()
    np.testing.assert_array_equal(codes, wanted)


def test_wrong_codes_and_sound_are_refused(codec):
    with pytest.raises(TokensInvalid, match="has 9 codebooks; the codec reads 1 to 4"):
        codec.decode(np.zeros((9, 3), np.int32))
    with pytest.raises(TokensInvalid, match="id 16"):
        codec.decode(np.full((2, 3), 16, np.int32))
    with pytest.raises(TokensInvalid, match="no frames"):
        codec.decode(np.zeros((2, 0), np.int32))
    with pytest.raises(AudioUnusable):
        codec.encode(np.zeros(0, np.float32))


def test_a_checkpoint_that_is_not_there_or_damaged_is_named(folder, tmp_path, monkeypatch):
    with pytest.raises(WeightsMissing, match="holds no checkpoint"):
        EnCodec.open(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsMissing, match="nobody/nothing is not on this machine"):
        EnCodec.open("nobody/nothing")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(GraphInvalid, match="damaged"):
        EnCodec.open(tmp_path)


def test_stereo_checkpoints_are_refused(tmp_path):
    config = transformers.EncodecConfig(
        num_filters=2, hidden_size=4, codebook_size=4, target_bandwidths=[0.3], audio_channels=2, normalize=True
    )
    transformers.EncodecModel(config).save_pretrained(tmp_path)
    with pytest.raises(GraphInvalid, match="stereo"):
        EnCodec.open(tmp_path)
