"""The trunk that all adapters share: a CTC-trained continuation of the frozen speech encoder, 50 Hz → 25 Hz.

Convolution modules as in the Conformer (arXiv 2005.08100), an intermediate character CTC with self-conditioning
(arXiv 2104.02724), and a piece CTC whose labels are pieces of the language model's vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class TrunkSize:
    """Sizes of a trunk.

    Attributes:
        states: width of the encoder's states.
        width: of the trunk.
        layers: transformer layers at 25 Hz.
        heads: of them.
        inner: width of their feed-forward parts.
        kernel: of the depthwise convolutions, odd.
        characters: labels of the character CTC, without the blank.
        pieces: labels of the piece CTC, without the blank.
        dropout: in training.
    """

    states: int = 512
    width: int = 384
    layers: int = 3
    heads: int = 6
    inner: int = 1536
    kernel: int = 9
    characters: int = 60
    pieces: int = 1500
    dropout: float = 0.1


@dataclass
class TrunkOutput:
    """What a trunk makes of a batch.

    Attributes:
        hidden: ``(B, T', width)`` at 25 Hz.
        lengths: ``(B,)`` frames that are real.
        logits: ``(B, T', 1 + pieces)``, column 0 the blank.
        character_logits: ``(B, T, 1 + characters)`` at 50 Hz.
    """

    hidden: Tensor
    lengths: Tensor
    logits: Tensor
    character_logits: Tensor


class ConvolutionModule(nn.Module):
    """Gated pointwise, depthwise, pointwise; layer norm where the Conformer has batch norm."""

    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.inner_norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``(B, T, width)`` and a ``(B, T, 1)`` mask of real frames → the same."""
        y = F.glu(self.gate(self.norm(x)), dim=-1) * mask
        y = self.depthwise(y.transpose(1, 2)).transpose(1, 2)
        return x + self.dropout(self.out(F.silu(self.inner_norm(y))))


class Layer(nn.Module):
    """A pre-norm transformer layer with rotary positions."""

    def __init__(self, size: TrunkSize) -> None:
        super().__init__()
        self.heads = size.heads
        self.norm = nn.LayerNorm(size.width)
        self.qkv = nn.Linear(size.width, 3 * size.width)
        self.out = nn.Linear(size.width, size.width)
        self.inner_norm = nn.LayerNorm(size.width)
        self.up = nn.Linear(size.width, size.inner)
        self.down = nn.Linear(size.inner, size.width)
        self.dropout = nn.Dropout(size.dropout)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], bias: Tensor) -> Tensor:
        """``(B, T, width)`` → the same; ``bias`` is ``(B, 1, 1, T)``, -inf at padding."""
        b, t, w = x.shape
        q, k, v = self.qkv(self.norm(x)).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(turned(q, rotary), turned(k, rotary), v, attn_mask=bias)
        x = x + self.dropout(self.out(attended.transpose(1, 2).reshape(b, t, w)))
        return x + self.dropout(self.down(F.gelu(self.up(self.inner_norm(x)))))


def rotary_table(length: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines ``(length, width / 2)`` for :func:`turned`."""
    frequencies = 10_000.0 ** (-torch.arange(0, width, 2, device=like.device, dtype=torch.float32) / width)
    angles = torch.arange(length, device=like.device, dtype=torch.float32)[:, None] * frequencies
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def turned(x: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary position embedding (arXiv 2104.09864) of ``(…, T, width)``."""
    cosines, sines = rotary
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosines - b * sines, a * sines + b * cosines], dim=-1)


class Trunk(nn.Module):
    """See the module. Takes the encoder's states, gives :class:`TrunkOutput`."""

    def __init__(self, size: TrunkSize) -> None:
        super().__init__()
        self.size = size
        self.norm = nn.LayerNorm(size.states)
        self.inputs = nn.Linear(size.states, size.width)
        self.before = ConvolutionModule(size.width, size.kernel, size.dropout)
        self.character_head = nn.Linear(size.width, 1 + size.characters)
        self.condition = nn.Linear(1 + size.characters, size.width)
        self.shorten = nn.Conv1d(size.width, size.width, 3, stride=2, padding=1)
        self.after = ConvolutionModule(size.width, size.kernel, size.dropout)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.out_norm = nn.LayerNorm(size.width)
        self.head = nn.Linear(size.width, 1 + size.pieces)

    def forward(self, states: Tensor, lengths: Tensor) -> TrunkOutput:
        """Runs it.

        Args:
            states: ``(B, T, states)`` of the encoder at 50 Hz.
            lengths: ``(B,)`` frames that are real.
        """
        frames = torch.arange(states.shape[1], device=states.device)
        mask = (frames < lengths[:, None]).unsqueeze(-1).to(states.dtype)
        x = self.inputs(self.norm(states))
        x = self.before(x, mask)
        character_logits = self.character_head(x)
        x = (x + self.condition(character_logits.float().softmax(-1).to(x.dtype))) * mask
        x = F.gelu(self.shorten(x.transpose(1, 2)).transpose(1, 2))
        lengths = (lengths + 1) // 2
        real = frames[: x.shape[1]] < lengths[:, None]
        x = self.after(x, real.unsqueeze(-1).to(x.dtype))
        bias = torch.zeros(real.shape, dtype=x.dtype, device=x.device).masked_fill(~real, -1e4)[:, None, None]
        rotary = rotary_table(x.shape[1], x.shape[2] // self.size.heads, x)
        for layer in self.layers:
            x = layer(x, rotary, bias)
        hidden = self.out_norm(x)
        return TrunkOutput(hidden, lengths, self.head(hidden), character_logits)

    def loss(self, output: TrunkOutput, states_lengths: Tensor, labels: Tensor, characters: Tensor) -> Tensor:
        """CTC of pieces and, at half weight, of characters, in nats per label.

        Args:
            output: of :meth:`forward`.
            states_lengths: ``(B,)`` as given to it.
            labels: ``(B, L)`` columns of the piece CTC, padded with 0.
            characters: ``(B, M)`` columns of the character CTC, padded with 0.
        """
        pieces = _ctc(output.logits, output.lengths, labels)
        return 0.5 * pieces + 0.5 * _ctc(output.character_logits, states_lengths, characters)


def _ctc(logits: Tensor, lengths: Tensor, labels: Tensor) -> Tensor:
    counts = (labels > 0).sum(1)
    log_probs = logits.float().log_softmax(-1).transpose(0, 1)
    losses = F.ctc_loss(log_probs, labels, lengths, counts, reduction="none", zero_infinity=True)
    return losses.sum() / counts.sum()


def mask_states(states: Tensor, lengths: Tensor, random: torch.Generator) -> Tensor:
    """SpecAugment's idea (arXiv 1904.08779) on states: up to 2 stretches of .3 s per 3 s and 60 channels to 0."""
    states = states.clone()
    for row, length in enumerate(lengths.tolist()):
        for _ in range(max(1, 2 * length // 150)):
            width = int(torch.randint(0, 16, (1,), generator=random))
            begin = int(torch.randint(0, max(1, length - width), (1,), generator=random))
            states[row, begin : begin + width] = 0
        width = int(torch.randint(0, 60, (1,), generator=random))
        begin = int(torch.randint(0, states.shape[2] - width, (1,), generator=random))
        states[row, :, begin : begin + width] = 0
    return states
