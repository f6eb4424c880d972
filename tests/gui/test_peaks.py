"""The numbers behind the waveform."""

from __future__ import annotations

import numpy as np

from app.widgets.peaks import BANDS, peaks, spectrogram
from engines.contract import SAMPLE_RATE


def test_peaks_keep_every_extreme_at_every_zoom() -> None:
    samples = np.zeros(SAMPLE_RATE * 600, np.float32)
    samples[123_456], samples[7_654_321] = 0.9, -0.7
    found = peaks(samples)
    for start, end, columns in ((0, 600, 800), (0, 600, 37), (7, 8.5, 500), (470, 490, 1000)):
        pairs = found.between(start, end, columns)
        assert pairs.shape == (columns, 2)
        inside = samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]
        assert np.isclose(pairs[:, 1].max(), inside.max())
        assert np.isclose(pairs[:, 0].min(), inside.min())
    assert found.loudest == np.float32(0.9)


def test_clipping_is_found_where_it_is() -> None:
    samples = np.zeros(SAMPLE_RATE * 3, np.float32)
    samples[SAMPLE_RATE : SAMPLE_RATE + 10] = 1.0
    assert np.allclose(peaks(samples).clipped, 1.0, atol=0.01)
    assert not peaks(samples * np.float32(0.5)).clipped.size


def test_shorter_than_one_block_and_empty() -> None:
    assert peaks(np.full(3, 0.5, np.float32)).between(0, 0.01, 10).max() == 0.5
    assert not peaks(np.zeros(0, np.float32)).between(0, 1, 10).any()


def test_spectrogram_shows_a_tone_at_its_height() -> None:
    at = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    low = spectrogram(np.sin(2 * np.pi * 300 * at).astype(np.float32), 0, 1, 50)
    high = spectrogram(np.sin(2 * np.pi * 4000 * at).astype(np.float32), 0, 1, 50)
    assert low.shape == (BANDS, 50)
    assert low[:, 25].argmax() > high[:, 25].argmax()  # row 0 is the highest band
    assert low.max() == high.max() == 255


def test_spectrogram_of_silence_is_blank() -> None:
    assert not spectrogram(np.zeros(SAMPLE_RATE, np.float32), 0, 1, 20).any()
