"""Log-mel features against the definition and against transformers."""

from __future__ import annotations

import numpy as np
import pytest

from engines.audio.features import BANDS, log_mel, mel_filters


def speechlike(seconds: float, seed: int = 0):
    noise = np.random.default_rng(seed).normal(0, 0.1, round(seconds * 16_000))
    return (noise * np.sin(np.arange(noise.size) / 2_000)).astype(np.float32)


def test_shape_and_range():
    mel = log_mel(speechlike(2.0), 30.0)
    assert mel.shape == (1, BANDS, 3000)
    assert mel.dtype == np.float32
    assert mel.max() - mel.min() <= 2.0 + 1e-5


@pytest.mark.parametrize("count", [0, 1, 50, 199, 200, 201, 400, 16_000])
def test_any_length_is_padded(count):
    mel = log_mel(np.full(count, 0.25, np.float32), 5.0)
    assert mel.shape == (1, BANDS, 500)
    assert np.isfinite(mel).all()


def test_what_is_longer_is_cut():
    samples = speechlike(6.0)
    np.testing.assert_allclose(log_mel(samples, 5.0)[..., :495], log_mel(samples[:80_000], 5.0)[..., :495], atol=1e-4)


def test_silence_is_flat():
    mel = log_mel(np.zeros(16_000, np.float32), 30.0)
    assert np.ptp(mel) == 0


def test_a_tone_lands_in_its_band():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    band = int(log_mel(tone, 1.0)[0, :, 50].argmax())
    frequencies = np.linspace(0, 8000, 201)
    centre = float((mel_filters()[band] * frequencies).sum() / mel_filters()[band].sum())
    assert centre == pytest.approx(1000, abs=40)


@pytest.mark.parity
@pytest.mark.parametrize("seconds", [0.3, 7.123, 30.0, 31.0])
def test_features_are_those_of_transformers(seconds):
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    samples = speechlike(seconds)
    theirs = transformers.WhisperFeatureExtractor()(samples, sampling_rate=16_000, return_tensors="np").input_features
    np.testing.assert_allclose(log_mel(samples, 30.0), theirs, atol=2e-4)
