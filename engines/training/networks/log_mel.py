"""Whisper's log-mel features in torch, for many clips at once on the device that trains.

The same figures as :func:`engines.audio.features.log_mel`, which computes a clip at a time and would hold up a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from engines.audio.features import HOP, WINDOW, mel_filters

_SMALLEST = 1e-10


def log_mel(samples: Tensor) -> Tensor:
    """Features of clips that end in silence.

    Args:
        samples: ``(B, n)`` float32 at 16 kHz; n is a multiple of 160 and at least 400. What comes behind n is silence.

    Returns:
        ``(B, 80, n / 160)`` float32.
    """
    half = WINDOW // 2
    padded = F.pad(F.pad(samples, (half, 0), mode="reflect"), (0, half))
    hann = torch.hann_window(WINDOW, device=samples.device, dtype=samples.dtype)
    windows = padded.unfold(1, WINDOW, HOP)[:, : samples.shape[1] // HOP] * hann
    power = torch.fft.rfft(windows).abs().square()
    filters = torch.from_numpy(mel_filters()).to(samples.device, samples.dtype)
    logs = (power @ filters.T).clamp(min=_SMALLEST).log10()
    logs = torch.maximum(logs, logs.amax((1, 2), keepdim=True) - 8.0)
    return ((logs + 4.0) / 4.0).transpose(1, 2)
