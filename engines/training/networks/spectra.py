"""Distances of spectra at several resolutions, as losses (arXiv 1910.11480; mel form as in 2306.06546, §3.4)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

RESOLUTIONS = ((2048, 128), (1024, 80), (512, 48), (256, 24), (128, 12))
"""Samples per window, a quarter of which is the hop, and mel bands."""
_FLOOR = 1e-4
"""Amplitude of a band, where 1 is a sine of full scale, below which nothing is heard: -80 dB."""


class SpectralDistance(nn.Module):
    """Distances of spectra, each the mean of all resolutions.

    That of log-mel amplitudes hears quiet and loud alike; the convergence, the norm of the difference of the linear
    amplitudes over the norm of the reference's, holds the loud ones at their level.

    Args:
        resolutions: pairs of window and bands.
        rate: samples per second.
    """

    def __init__(self, resolutions: Sequence[tuple[int, int]] = RESOLUTIONS, rate: int = 16_000) -> None:
        super().__init__()
        self._resolutions = tuple(resolutions)
        for size, bands in self._resolutions:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)
            filters = torch.from_numpy(mel_filters(size, bands, rate))
            self.register_buffer(f"filters_{size}", filters, persistent=False)

    def forward(self, heard: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
        """Mean absolute difference of log-mel amplitudes in nats, and the convergence, of samples ``(B, n)``."""
        distances, convergences = [], []
        for size, _ in self._resolutions:
            filters: Tensor = getattr(self, f"filters_{size}")
            with torch.no_grad():
                wanted = self._amplitude(reference, size)
                norm = wanted.flatten(1).norm(dim=1).clamp(min=_FLOOR)
            found = self._amplitude(heard, size)
            distances.append((_log(filters @ found) - _log(filters @ wanted)).abs().mean())
            convergences.append(((found - wanted).flatten(1).norm(dim=1) / norm).mean())
        return torch.stack(distances).mean(), torch.stack(convergences).mean()

    def _amplitude(self, samples: Tensor, size: int) -> Tensor:
        window: Tensor = getattr(self, f"window_{size}")
        spectrum = torch.stft(samples, size, size // 4, window=window, return_complex=True, pad_mode="constant")
        power = spectrum.real.pow(2) + spectrum.imag.pow(2)
        return (power + 1e-12).sqrt() * (4 / size)  # a Hann window sums to half its length


def _log(amplitude: Tensor) -> Tensor:
    return amplitude.clamp(min=_FLOOR).log()


def mel_filters(size: int, bands: int, rate: int) -> NDArray[np.float32]:
    """Triangles on the mel scale ``(bands, size // 2 + 1)``, each summing to 1."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    at = np.linspace(0, rate / 2, size // 2 + 1)
    width = rate / size
    filters = np.zeros((bands, at.size), np.float32)
    for band in range(bands):
        low, middle, high = edges[band : band + 3]
        low, high = min(low, middle - width), max(high, middle + width)  # every band holds a bin
        rise, fall = (at - low) / (middle - low), (high - at) / (high - middle)
        filters[band] = np.maximum(0, np.minimum(rise, fall))
    filters /= filters.sum(1, keepdims=True)
    return filters
