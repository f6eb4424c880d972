"""The codec whose ends are spectra: its graphs say what its network says, in blocks, streams and as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from engines.models import codec as module

torch = pytest.importorskip("torch")

from engines.training.networks.spectral_codec import SpectralCodec  # noqa: E402
from engines.training.tokens.codec_settings import CodecSettings  # noqa: E402
from tests.models import tiny_codec  # noqa: E402


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_codec.write(tmp_path_factory.mktemp("adapters"), tiny_codec.spectral())


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
def test_graphs_say_what_the_network_says(tiny, speech):
    codec, network = tiny
    whole = speech[: 320 * 100]
    with torch.no_grad():
        latents = network.encoder(torch.from_numpy(whole)[None])
        found = network.quantiser(latents).codes
        heard = network.decoder(network.quantiser.values(found))
    codes = codec.encode(whole)
    assert (codes == found[0].numpy()).mean() > 0.99
    assert len(np.unique(codes)) > 4
    np.testing.assert_allclose(codec.decode(found[0].numpy()), heard[0].clamp(-1, 1).numpy(), atol=1e-4)


def test_there_and_back_without_codes_nothing_is_lost():
    """The transforms at both ends undo each other, but for the first 30 ms, which too few windows cover."""
    from torch.nn import functional

    network = SpectralCodec(CodecSettings(filters=4, hidden=8, books=1, codes=16, network="spectral"))
    samples = torch.randn(1, 3200)
    parts = functional.conv1d(functional.pad(samples, (0, 480))[:, None], network.encoder.basis, stride=160)
    bins = parts.shape[1] // 2
    spectrum = torch.complex(parts[:, :bins], parts[:, bins:])
    spectra = torch.cat([spectrum.abs().log(), spectrum.angle()], dim=1).transpose(1, 2)
    heard = network.decoder.samples(spectra)
    torch.testing.assert_close(heard[:, 480:], samples[:, 480:], atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [1, 3, 4, 25, 1000])
def test_a_stream_sounds_like_the_whole(codec, codes, size):
    whole = codec.decode(codes)
    stream = codec.stream()
    parts = [stream.push(codes[:, start : start + size]) for start in range(0, codes.shape[1], size)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


def test_long_speech_in_blocks_comes_to_the_same(codec, speech, codes, monkeypatch):
    whole = codec.decode(codes)
    monkeypatch.setattr(module, "_BLOCK", 40)
    assert codec.later == 2
    assert (codec.encode(speech) == codes).mean() > 0.99
    np.testing.assert_allclose(codec.decode(codes), whole, atol=1e-4)


def test_a_frame_hears_two_frames_ahead_and_no_more(codec, speech, codes):
    changed = speech.copy()
    changed[320 * 60 :] = 0
    found = codec.encode(changed)
    np.testing.assert_array_equal(found[:, :58], codes[:, :58])
    assert (found[:, 58:] != codes[:, 58:]).any()


def test_a_short_training_lowers_the_loss():
    from engines.training.tokens.codec import CodecTrainee

    settings = CodecSettings(
        filters=4, hidden=8, books=2, codes=16, network="spectral", free_steps=6, crop_seconds=0.4, waveform=0.0
    )
    torch.manual_seed(0)
    network = SpectralCodec(settings)

    class Voices:
        def batches(self, epoch, size):
            return [[0] * size for _ in range(16)]

        def read(self, batch, step):
            random = np.random.default_rng(step % 4)
            tones = np.sin(np.arange(6400) * random.uniform(0.03, 0.3, (len(batch), 1)))
            return (0.2 * tones).astype(np.float32)

    trainee = CodecTrainee(network, Voices(), [np.zeros(6400, np.float32)], settings, batch_seconds=0.8)
    optimiser = torch.optim.AdamW(trainee.parameters(), lr=3e-3)
    losses = []
    for step in range(30):
        loss = trainee.loss([0, 0], step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    assert trainee.evaluate()["distance"] > 0
