"""The vocoder's network: units to the latents of a decoder, and durations of units where they are missing.

Units are embedded at 25 Hz and pass blocks of ConvNeXt (Liu et al. 2022, arXiv 2201.03545, in one dimension as in
Vocos, arXiv 2306.00814), are drawn apart to the latents' rate by linear interpolation, and pass finer blocks. All of it
is convolutions of bounded reach, so that speech can be made piece by piece with the result of the whole. Durations are
predicted from the runs of units alone (FastSpeech, arXiv 1905.09263; unit HiFi-GAN, arXiv 2107.05604).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class VocoderSize:
    """Sizes.

    Attributes:
        units: of the table.
        width: of all hidden states.
        layers: blocks at 25 Hz.
        fine: blocks at the latents' rate.
        durations: blocks of the predictor of durations.
        inner: of the blocks' hidden layer at 25 Hz; that of the others is half of it.
        kernel: of the blocks, odd.
        latents: values per latent.
        dropout: in training.
    """

    units: int
    width: int = 256
    layers: int = 4
    fine: int = 3
    durations: int = 2
    inner: int = 1024
    kernel: int = 7
    latents: int = 192
    dropout: float = 0.05

    @property
    def reach(self) -> int:
        """Frames of 25 Hz on either side that a state can depend on."""
        return self.layers * (self.kernel // 2)

    @property
    def fine_reach(self) -> int:
        """Latents on either side that a latent can depend on, at the latents' rate."""
        return self.fine * (self.kernel // 2)

    @property
    def duration_reach(self) -> int:
        """Runs of units on either side that a duration can depend on."""
        return self.durations * (self.kernel // 2)


class Block(nn.Module):
    """A depthwise convolution and a hidden layer at each place, with a residual path."""

    def __init__(self, width: int, inner: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """``(B, T, width)`` → the same."""
        mixed = self.depthwise(states.transpose(1, 2)).transpose(1, 2)
        inside = self.down(self.dropout(F.gelu(self.up(self.norm(mixed)))))
        return cast(Tensor, states + self.scale * inside)


class UnitVocoder(nn.Module):
    """Units to latents. Give padded places a mask of 0, so that they look like what is outside of the speech."""

    def __init__(self, size: VocoderSize) -> None:
        super().__init__()
        self.size = size
        half = size.inner // 2
        self.embedding = nn.Embedding(size.units, size.width)
        self.coarse = nn.ModuleList(
            Block(size.width, size.inner, size.kernel, size.dropout) for _ in range(size.layers)
        )
        self.place = nn.Linear(2, size.width)
        self.fine = nn.ModuleList(Block(size.width, half, size.kernel, size.dropout) for _ in range(size.fine))
        self.norm = nn.LayerNorm(size.width)
        self.head = nn.Linear(size.width, size.latents)
        self.register_buffer("mean", torch.zeros(size.latents))
        self.register_buffer("deviation", torch.ones(size.latents))
        self.run_embedding = nn.Embedding(size.units, size.width)
        self.runs = nn.ModuleList(Block(size.width, half, size.kernel, size.dropout) for _ in range(size.durations))
        self.length = nn.Linear(size.width, 1)
        nn.init.normal_(self.embedding.weight, std=0.5)
        nn.init.normal_(self.run_embedding.weight, std=0.5)

    def forward(
        self, units: Tensor, left: Tensor, right: Tensor, mix: Tensor, mask: Tensor, fine_mask: Tensor
    ) -> Tensor:
        """Latents.

        Args:
            units: ``(B, T)`` at 25 Hz.
            left: ``(B, M)``, for each latent the frame before it.
            right: ``(B, M)``, the frame behind it.
            mix: ``(B, M)`` in [0, 1), how near it is to the frame behind it.
            mask: ``(B, T)``, 1 where there is speech.
            fine_mask: ``(B, M)`` likewise.

        Returns:
            ``(B, M, latents)``, standardised by :attr:`mean` and :attr:`deviation`.
        """
        outside = mask.unsqueeze(-1)
        states = self.embedding(units) * outside
        for block in self.coarse:
            states = block(states) * outside
        columns = (-1, -1, states.shape[-1])
        before = states.gather(1, left.unsqueeze(-1).expand(columns))
        behind = states.gather(1, right.unsqueeze(-1).expand(columns))
        share = mix.unsqueeze(-1)
        states = before * (1 - share) + behind * share + self.place(torch.stack([mix, mix * mix], -1))
        outside = fine_mask.unsqueeze(-1)
        states = states * outside
        for block in self.fine:
            states = block(states) * outside
        return cast(Tensor, self.head(self.norm(states)))

    def log_durations(self, runs: Tensor, mask: Tensor) -> Tensor:
        """Logarithm of the frames of each run.

        Args:
            runs: ``(B, N)`` units, no two neighbours equal.
            mask: ``(B, N)``, 1 where there is a run.

        Returns:
            ``(B, N)``.
        """
        outside = mask.unsqueeze(-1)
        states = self.run_embedding(runs) * outside
        for block in self.runs:
            states = block(states) * outside
        return cast(Tensor, self.length(states).squeeze(-1))


class ExportedLatents(nn.Module):
    """Latents of one piece of speech, with the frames it stands in."""

    def __init__(self, network: UnitVocoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, units: Tensor, left: Tensor, right: Tensor, mix: Tensor) -> Tensor:
        """``(T,)`` units and ``(M,)`` places → ``(M, latents)``."""
        ones, fine = torch.ones_like(units, dtype=mix.dtype), torch.ones_like(mix)
        found = self.network(units[None], left[None], right[None], mix[None], ones[None], fine[None])
        return cast(Tensor, found[0] * self.network.deviation + self.network.mean)


class ExportedDurations(nn.Module):
    """Frames of each run of units."""

    def __init__(self, network: UnitVocoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, units: Tensor) -> Tensor:
        """``(N,)`` → ``(N,)`` frames, above 0, not rounded."""
        ones = torch.ones_like(units, dtype=torch.float32)
        return cast(Tensor, self.network.log_durations(units[None], ones[None])[0].clamp(-2.0, 4.0).exp())
