"""How far decoded speech is from the original, spectrum by spectrum; numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.contract import Samples

SIZES: Final = (2048, 1024, 512, 256)
"""Samples per window; a quarter of it is the hop."""
_RANGE: Final = 80.0
"""Decibels below the loudest bin of the original that are looked at."""


def log_spectral_distance(reference: Samples, heard: Samples, sizes: Sequence[int] = SIZES) -> float:
    """Multi-resolution log-spectral distance in dB.

    Per frame the root mean square over frequency of the difference of the log power spectra (Gray and Markel 1976),
    then the mean over frames and resolutions. What lies more than 80 dB below the loudest bin of the original counts as
    silence in both.

    Args:
        reference: ``(n,)`` the original.
        heard: ``(m,)`` at the same rate; what is longer of the two is cut.
        sizes: samples per window.

    Returns:
        dB ≥ 0; 0 for equal sounds.
    """
    length = min(reference.shape[0], heard.shape[0])
    distances = []
    for size in sizes:
        wanted, found = (_power(samples[:length], size) for samples in (reference, heard))
        floor = max(float(wanted.max(initial=0.0)), 1e-10) * 10 ** (-_RANGE / 10)
        ratio = 10 * np.log10(np.maximum(wanted, floor) / np.maximum(found, floor))
        distances.append(float(np.sqrt(np.mean(ratio**2, axis=1)).mean()))
    return float(np.mean(distances))


def _power(samples: Samples, size: int) -> NDArray[np.float32]:
    """Power spectra ``(frames, size // 2 + 1)`` under a Hann window, at least one frame."""
    padded = np.pad(samples, (0, max(0, size - samples.shape[0])))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 4]
    spectrum = np.fft.rfft(frames * np.hanning(size).astype(np.float32), axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)
