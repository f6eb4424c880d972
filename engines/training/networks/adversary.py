"""Discriminators that look at complex spectra at several resolutions (arXiv 2210.13438, §3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

SIZES = (1024, 512, 256)
"""Samples per window."""


def _convolution(
    inputs: int, outputs: int, kernel: tuple[int, int], *, stride: int = 1, dilation: int = 1
) -> nn.Module:
    """Over (time, frequency), as wide as what comes in; ``stride`` is over frequency, ``dilation`` over time."""
    padding = ((kernel[0] - 1) * dilation // 2, (kernel[1] - 1) // 2)
    layer = nn.Conv2d(inputs, outputs, kernel, stride=(1, stride), dilation=(dilation, 1), padding=padding)
    return cast(nn.Module, weight_norm(layer))


class SpectrumDiscriminator(nn.Module):
    """Judges real and imaginary part of one spectrum.

    Args:
        size: samples per window.
        filters: channels.
    """

    def __init__(self, size: int, filters: int = 32) -> None:
        super().__init__()
        self._size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        self.layers = nn.ModuleList(
            [_convolution(2, filters, (3, 9))]
            + [_convolution(filters, filters, (3, 9), stride=2, dilation=2**power) for power in range(3)]
            + [_convolution(filters, filters, (3, 3))]
        )
        self.last = _convolution(filters, 1, (3, 3))

    def forward(self, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What it says ``(B, 1, T, F)`` of samples ``(B, n)``, above 0 for speech, and the features of its layers."""
        window = cast(Tensor, self.window)
        spectrum = torch.stft(samples, self._size, self._size // 4, window=window, normalized=True, return_complex=True)
        values = torch.view_as_real(spectrum).permute(0, 3, 2, 1)
        features = []
        for layer in self.layers:
            values = F.leaky_relu(layer(values), 0.2)
            features.append(values)
        return self.last(values), features


class Adversary(nn.Module):
    """All discriminators together.

    Args:
        sizes: samples per window of each.
    """

    def __init__(self, sizes: Sequence[int] = SIZES) -> None:
        super().__init__()
        self.judges = nn.ModuleList(SpectrumDiscriminator(size) for size in sizes)

    def against(self, speech: Tensor, decoded: Tensor) -> Tensor:
        """Hinge loss of the discriminators themselves; no gradient reaches what was decoded."""
        losses = []
        for judge in self.judges:
            real, _ = judge(speech)
            false, _ = judge(decoded.detach())
            losses.append(F.relu(1 - real).mean() + F.relu(1 + false).mean())
        return torch.stack(losses).mean()

    def of(self, speech: Tensor, decoded: Tensor) -> tuple[Tensor, Tensor]:
        """What the codec has to answer for: the hinge loss, and the relative L1 distance of features."""
        hinges, distances = [], []
        for judge in self.judges:
            with torch.no_grad():
                _, wanted = judge(speech)
            said, features = judge(decoded)
            hinges.append(F.relu(1 - said).mean())
            distances += [
                (found - real).abs().mean() / real.abs().mean().clamp(min=1e-6)
                for found, real in zip(features, wanted, strict=True)
            ]
        return torch.stack(hinges).mean(), torch.stack(distances).mean()
