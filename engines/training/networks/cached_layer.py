"""A transformer layer whose past is kept outside of it, so that a stream goes through it frame by frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.training.networks.trunk import turned


class Layer(nn.Module):
    """A pre-norm transformer layer that looks at keys and values of the past and of its own."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.parts = heads, width // heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.inner_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, bias: Tensor, keys: Tensor, values: Tensor, rotary: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Runs it.

        Args:
            x: ``(B, T, width)``.
            bias: to the attention, ``(T, P + T)`` or with B and heads before, about -1e4 where nothing may be seen.
            keys: ``(B, P, width)`` of the past, not turned.
            values: ``(B, P, width)`` likewise.
            rotary: cosines and sines of P + T positions; None where positions are told otherwise.

        Returns:
            states like ``x``, and keys and values ``(B, P + T, width)`` with the own ones behind.
        """
        query, own_keys, own_values = self.qkv(self.norm(x)).chunk(3, dim=-1)
        keys, values = torch.cat([keys, own_keys], dim=1), torch.cat([values, own_values], dim=1)
        q, k, v = (self._parted(part) for part in (query, keys, values))
        if rotary is not None:
            late = -x.shape[1]
            q, k = turned(q, (rotary[0][late:], rotary[1][late:])), turned(k, rotary)
        scores = (q * self.parts[1] ** -0.5) @ k.transpose(2, 3) + bias
        attended = scores.softmax(-1) @ v
        x = x + self.dropout(self.out(attended.transpose(1, 2).flatten(2)))
        return x + self.dropout(self.down(F.gelu(self.up(self.inner_norm(x))))), keys, values

    def _parted(self, x: Tensor) -> Tensor:
        return x.unflatten(2, self.parts).transpose(1, 2)
