"""Stage two: units of speech to the codec's codes, in the voice of a prompt.

The two stages are AudioLM's (arXiv 2209.03143). The first codebook is made by masked prediction (SoundStorm, arXiv
2305.09636). What it leaves of the codec's latent is told as a vector, the mean of what may be, and put into codes by
the other codebooks as the codec itself does it; docs/decisions/0015 tells why they are not predicted one by one. Both
come from one stack of layers that is told which is wanted. Layers are a Conformer's (arXiv 2005.08100) without its
second feed-forward part. Codes come in as the codec's own vectors and are told by their likeness to them, so that a
small network need not learn what each of 8 × 1024 codes is.

A prompt is read once: its places see each other alone, and what follows looks at their keys and values, which are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.models.stage_two import FIRST, PROMPT, REST
from engines.training.networks.trunk import ConvolutionModule, rotary_table, turned

_NEVER = -1e4


@dataclass(frozen=True)
class StageTwoSize:
    """Sizes.

    Attributes:
        units: entries of the table of units.
        books: codebooks.
        codes: entries of each.
        hidden: width of the codec's vectors.
        width: of all states.
        layers: of the network.
        heads: of attention.
        inner: width of feed-forward parts.
        kernel: of the depthwise convolutions, odd.
        dropout: in training.
    """

    units: int
    books: int = 8
    codes: int = 1024
    hidden: int = 64
    width: int = 256
    layers: int = 6
    heads: int = 4
    inner: int = 1024
    kernel: int = 9
    dropout: float = 0.1


@dataclass(frozen=True)
class Past:
    """A prompt that was read.

    Attributes:
        keys: ``(layers, B, P, width)``, without positions.
        values: ``(layers, B, P, width)``.
        mask: ``(B, P)``, 1 where there is a place.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor


class Layer(nn.Module):
    """Convolution, attention and a feed-forward part, each with a residual path."""

    def __init__(self, size: StageTwoSize) -> None:
        super().__init__()
        self.parts = size.heads, size.width // size.heads
        self.convolution = ConvolutionModule(size.width, size.kernel, size.dropout)
        self.norm = nn.LayerNorm(size.width)
        self.qkv = nn.Linear(size.width, 3 * size.width)
        self.out = nn.Linear(size.width, size.width)
        self.inner_norm = nn.LayerNorm(size.width)
        self.up = nn.Linear(size.width, size.inner)
        self.down = nn.Linear(size.inner, size.width)
        self.dropout = nn.Dropout(size.dropout)

    def forward(
        self, x: Tensor, mask: Tensor, rotary: tuple[Tensor, Tensor], keys: Tensor, values: Tensor, past: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Runs it.

        Args:
            x: ``(B, T, width)``.
            mask: ``(B, T)``, 1 where there is a frame.
            rotary: cosines and sines of T positions.
            keys: ``(B, P, width)`` of the prompt, to which positions do not matter.
            values: ``(B, P, width)`` likewise.
            past: ``(B, P)`` their mask.

        Returns:
            states like ``x``, and the layer's own keys and values ``(B, T, width)``.
        """
        x = self.convolution(x, mask.unsqueeze(-1))
        q, own_keys, own_values = self.qkv(self.norm(x)).chunk(3, dim=-1)
        query, key, value = (self._parted(part) for part in (q, own_keys, own_values))
        scale = self.parts[1] ** -0.5
        seen = torch.cat(
            [
                (query * scale) @ self._parted(keys).transpose(2, 3) + _NEVER * (1 - past)[:, None, None],
                (turned(query, rotary) * scale) @ turned(key, rotary).transpose(2, 3)
                + _NEVER * (1 - mask)[:, None, None],
            ],
            dim=-1,
        )
        attended = seen.softmax(-1) @ torch.cat([self._parted(values), value], dim=2)
        x = x + self.dropout(self.out(attended.transpose(1, 2).flatten(2)))
        x = x + self.dropout(self.down(F.gelu(self.up(self.inner_norm(x)))))
        return x, own_keys, own_values

    def _parted(self, x: Tensor) -> Tensor:
        return x.unflatten(2, self.parts).transpose(1, 2)


class StageTwoNetwork(nn.Module):
    """See the module.

    Args:
        size: of everything.
        codebooks: ``(books, codes, hidden)`` of the codec; zeros where weights are loaded afterwards.
    """

    codebooks: Tensor
    means: Tensor
    deviations: Tensor

    def __init__(self, size: StageTwoSize, codebooks: Tensor | None = None) -> None:
        super().__init__()
        self.size = size
        given = torch.zeros(size.books, size.codes, size.hidden) if codebooks is None else codebooks.float()
        if given.shape != (size.books, size.codes, size.hidden):
            raise ValueError(f"codebooks {tuple(given.shape)} do not go with {size}")
        # Later books hold ever smaller rests: each is brought to the same size.
        deviation = given.flatten(1).std(1).clamp(min=1e-6) if codebooks is not None else torch.ones(size.books)
        self.register_buffer("means", given.mean(1, keepdim=True))
        self.register_buffer("deviations", deviation[:, None, None])
        self.register_buffer("codebooks", (given - self.means) / self.deviations)
        self.units = nn.Embedding(size.units + 1, size.width)
        self.known = nn.Parameter(torch.randn(size.books * size.hidden, size.width) * (size.hidden * 8) ** -0.5)
        self.levels = nn.Embedding(3, size.width)
        self.missing = nn.Parameter(torch.randn(size.width) * 0.5)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width)
        self.head = nn.Parameter(torch.randn(size.width, size.hidden) * 0.3 * size.width**-0.5)
        self.bias = nn.Parameter(torch.zeros(size.codes))
        self.latents = nn.ModuleList(nn.Linear(size.width, size.hidden) for _ in (FIRST, REST))
        nn.init.normal_(self.units.weight, std=0.5)
        nn.init.normal_(self.levels.weight, std=0.5)

    @property
    def nobody(self) -> int:
        """The unit that begins every prompt."""
        return self.size.units

    def prompt(self, units: Tensor, codes: Tensor, mask: Tensor) -> Past:
        """Reads prompts.

        Args:
            units: ``(B, P)`` at the codec's rate, :attr:`nobody` first.
            codes: ``(B, books, P)``, -1 where there is none, as in the first place.
            mask: ``(B, P)``, 1 where there is a place.
        """
        size = self.size
        level = torch.full((units.shape[0],), PROMPT, device=units.device)
        empty = self.known.new_zeros(size.layers, units.shape[0], 0, size.width)
        _, keys, values = self(units, codes, level, mask, Past(empty, empty, mask[:, :0]))
        return Past(keys, values, mask)

    def forward(
        self, units: Tensor, codes: Tensor, level: Tensor, mask: Tensor, past: Past
    ) -> tuple[Tensor, Tensor, Tensor]:
        """States of frames.

        Args:
            units: ``(B, T)`` at the codec's rate.
            codes: ``(B, books, T)``; -1 where a code is not known.
            level: ``(B,)`` what is wanted: :data:`engines.models.stage_two.FIRST`, ``REST`` or ``PROMPT``.
            mask: ``(B, T)``, 1 where there is a frame.
            past: the prompts.

        Returns:
            states ``(B, T, width)``, keys and values ``(layers, B, T, width)``.
        """
        size = self.size
        there = (codes >= 0).unsqueeze(-1).to(self.known.dtype)
        rows = codes.clamp(min=0) + torch.arange(size.books, device=codes.device)[:, None] * size.codes
        vectors = F.embedding(rows, self.codebooks.flatten(0, 1)) * there
        x = vectors.transpose(1, 2).flatten(2) @ self.known + self.units(units) + self.levels(level)[:, None]
        wanted = level.clamp(max=min(REST, size.books - 1))[:, None, None].expand(-1, 1, codes.shape[2])
        unknown = (codes.gather(1, wanted)[:, 0] < 0).unsqueeze(-1).to(x.dtype)
        x = (x + unknown * self.missing) * mask.unsqueeze(-1)
        rotary = rotary_table(x.shape[1], size.width // size.heads, x)
        keys, values = [], []
        for number, layer in enumerate(self.layers):
            x, key, value = layer(x, mask, rotary, past.keys[number], past.values[number], past.mask)
            keys.append(key)
            values.append(value)
        return self.norm(x), torch.stack(keys), torch.stack(values)

    def scores(self, states: Tensor) -> Tensor:
        """Scores ``(B, T, codes)`` of the first codebook from states ``(B, T, width)``."""
        told = states @ self.head * self.size.hidden**-0.5
        return cast(Tensor, told @ self.codebooks[0].T + self.bias)

    def told(self, states: Tensor, level: int) -> Tensor:
        """The codec's latent ``(B, T, hidden)``, or what the first codebook leaves of it, in first deviations."""
        return cast(Tensor, self.latents[level](states))

    def vectors(self, codes: Tensor) -> Tensor:
        """What codes ``(B, books, T)`` add to the latent, ``(B, books, T, hidden)``, in first deviations."""
        rows = codes.clamp(min=0) + torch.arange(self.size.books, device=codes.device)[:, None] * self.size.codes
        raw = (self.codebooks * self.deviations + self.means) / self.deviations[0]
        return F.embedding(rows, raw.flatten(0, 1))

    def quantised(self, rest: Tensor) -> Tensor:
        """Codes ``(B, books - 1, T)`` of the further codebooks nearest to a rest ``(B, T, hidden)``, one by one."""
        raw = (self.codebooks * self.deviations + self.means) / self.deviations[0]
        found = []
        for book in raw[1:]:
            ids = (rest @ book.T - book.square().sum(1) / 2).argmax(-1)
            rest = rest - F.embedding(ids, book)
            found.append(ids)
        return torch.stack(found, 1) if found else rest.new_zeros(rest.shape[0], 0, rest.shape[1], dtype=torch.long)


class ExportedStageTwo(nn.Module):
    """One piece of speech and the first codebook or the others; or a prompt."""

    def __init__(self, network: StageTwoNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, units: Tensor, codes: Tensor, level: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Runs it.

        Args:
            units: ``(T,)``.
            codes: ``(books, T)``; -1 where a code is not known.
            level: ``(1,)``.
            keys: ``(layers, P, width)``; P is 0 for a prompt.
            values: ``(layers, P, width)``.

        Returns:
            scores of the first codebook ``(T, codes)``, further codes ``(books - 1, T)``, keys and values ``(layers, T,
            width)``.
        """
        ones = torch.ones_like(units, dtype=keys.dtype)[None]
        past = Past(keys[:, None], values[:, None], torch.ones_like(keys[0, :, 0])[None])
        states, made_keys, made_values = self.network(units[None], codes[None], level, ones, past)
        rest = self.network.quantised(self.network.told(states, REST))
        return self.network.scores(states)[0], rest[0], made_keys[:, 0], made_values[:, 0]
