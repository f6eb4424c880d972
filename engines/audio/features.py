"""Whisper's log-mel features (Radford et al. 2022, §2.2), in numpy.

80 mel bands of Slaney's scale over 0–8 kHz, Hann window of 25 ms every 10 ms, log10 clipped to 8 below the loudest,
then ``(x + 4) / 4``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Samples

BANDS = 80
HOP = 160
WINDOW = 400
_SMALLEST = 1e-10


def log_mel(samples: Samples, seconds: float) -> NDArray[np.float32]:
    """Features of speech that is padded with silence.

    Args:
        samples: ``(n,)`` at 16 kHz.
        seconds: length to pad to; what is longer is cut off.

    Returns:
        ``(1, 80, 100 · seconds)``.
    """
    frames = round(seconds * SAMPLE_RATE) // HOP
    samples = samples[: frames * HOP]
    # Frames that lie in the padding altogether are silent: their energy needs no transform.
    sounding = min(frames, samples.shape[0] // HOP + 3)
    padded = np.zeros((sounding - 1) * HOP + WINDOW, np.float32)
    half = WINDOW // 2
    reflected = (
        np.pad(np.asarray(samples, np.float32), (half, 0), mode="reflect")
        if samples.shape[0] > half
        else (np.concatenate([np.zeros(half, np.float32), samples]))
    )
    if frames * HOP <= samples.shape[0]:  # no silence follows, so the end is reflected too
        reflected = np.concatenate([reflected, samples[-2 : -half - 2 : -1]])
    padded[: min(reflected.shape[0], padded.shape[0])] = reflected[: padded.shape[0]]
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * _hann()
    power = np.abs(np.fft.rfft(windows, axis=1)).astype(np.float32) ** 2
    energies = np.full((frames, BANDS), _SMALLEST, np.float32)
    energies[:sounding] = np.maximum(power[:frames] @ mel_filters().T, _SMALLEST)
    logs = np.log10(energies)
    logs = np.maximum(logs, logs.max() - 8.0)
    return np.ascontiguousarray(((logs + 4.0) / 4.0).T[None], np.float32)


@cache
def _hann() -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


@cache
def mel_filters() -> NDArray[np.float32]:
    """Triangular filters of equal area on Slaney's mel scale, ``(80, 201)``."""
    frequencies = np.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    edges = _to_hertz(np.linspace(0, _to_mel(SAMPLE_RATE / 2), BANDS + 2))
    widths = np.diff(edges)
    slopes = edges[:, None] - frequencies[None]
    rising = -slopes[:-2] / widths[:-1, None]
    falling = slopes[2:] / widths[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return filters.astype(np.float32)


def _to_mel(hertz: float) -> float:
    linear = hertz * 3 / 200
    return linear if hertz < 1000 else 15 + float(np.log(hertz / 1000)) * 27 / float(np.log(6.4))


def _to_hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = 1000 * np.exp((mels - 15) * np.log(6.4) / 27)
    return np.asarray(np.where(mels < 15, mels * 200 / 3, logarithmic), np.float64)
