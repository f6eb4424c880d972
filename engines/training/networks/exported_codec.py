"""The codec as it is exported: plain causal convolutions, codes instead of straight-through values.

transformers' layers pad by arithmetic on tensors that a tracer would freeze; for whole frames the padding is constant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Exported:
    """A codec as two graphs.

    Attributes:
        encoder: samples ``(T * 320,)`` to codes ``(books, T)``.
        decoder: codes ``(k, T)`` to samples ``(T * 320,)``.
        encoder_before: frames before a frame that its codes depend on.
        encoder_later: frames behind it.
        decoder_before: frames before a frame that its samples depend on.
    """

    encoder: nn.Module
    decoder: nn.Module
    encoder_before: int
    encoder_later: int
    decoder_before: int


def exported(model: Any) -> Exported:
    """What is exported of an EncodecModel without LSTM, causal, padded by zeros, mono."""
    hop = model.config.hop_length
    before = look_back(model.encoder, hop, raising=False), look_back(model.decoder, hop, raising=True)
    return Exported(ExportedEncoder(model), ExportedDecoder(model), before[0], 0, before[1])


class _Causal(nn.Module):
    """A convolution that sees what came before alone."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        inner = layer.conv
        self.weight, self.bias = nn.Parameter(inner.weight.detach().clone()), inner.bias
        self.stride, self.dilation = inner.stride[0], inner.dilation[0]
        self.before = (inner.kernel_size[0] - 1) * self.dilation + 1 - self.stride

    def forward(self, values: Tensor) -> Tensor:
        padded = F.pad(values, (self.before, 0))
        return F.conv1d(padded, self.weight, self.bias, stride=self.stride, dilation=self.dilation)


class _Raising(nn.Module):
    """A transposed convolution without what would come after the last frame."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        inner = layer.conv
        self.weight, self.bias = nn.Parameter(inner.weight.detach().clone()), inner.bias
        self.stride = inner.stride[0]
        self.after = inner.kernel_size[0] - self.stride

    def forward(self, values: Tensor) -> Tensor:
        return F.conv_transpose1d(values, self.weight, self.bias, stride=self.stride)[..., : -self.after]


class _Residual(nn.Module):
    """A residual block."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.block = nn.Sequential(*_plain(layer.block))
        self.shortcut = next(iter(_plain([layer.shortcut])))

    def forward(self, values: Tensor) -> Tensor:
        shortcut: Tensor = self.shortcut(values)
        return shortcut + self.block(values)


def _plain(layers: Iterable[nn.Module]) -> list[nn.Module]:
    kinds = {"EncodecConv1d": _Causal, "EncodecConvTranspose1d": _Raising, "EncodecResnetBlock": _Residual}
    return [kinds[type(layer).__name__](layer) if type(layer).__name__ in kinds else layer for layer in layers]


class ExportedEncoder(nn.Module):
    """Samples ``(T * 320,)`` to codes ``(books, T)``.

    Args:
        model: an EncodecModel without LSTM, padded by zeros.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_plain(model.encoder.layers))
        self.embeddings = nn.ParameterList([layer.codebook.embed.clone() for layer in model.quantizer.layers])

    def forward(self, samples: Tensor) -> Tensor:
        """Codes of whole frames."""
        residual = self.layers(samples[None, None])[0].T
        codes = []
        for embedding in self.embeddings:
            ids = (2 * residual @ embedding.T - embedding.pow(2).sum(1)).argmax(1)
            residual = residual - F.embedding(ids, embedding)
            codes.append(ids)
        return torch.stack(codes)


class ExportedDecoder(nn.Module):
    """Codes ``(k, T)`` of the first k codebooks to samples ``(T * 320,)``.

    Args:
        model: as for :class:`ExportedEncoder`.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_plain(model.decoder.layers))
        books = [layer.codebook.embed for layer in model.quantizer.layers]
        self.embedding = nn.Parameter(torch.cat(books).clone())
        self.register_buffer("first", torch.arange(len(books)) * books[0].shape[0])

    def forward(self, codes: Tensor) -> Tensor:
        """Samples of codes, not limited."""
        first: Tensor = self.first
        rows = codes + first[: codes.shape[0], None]
        latents = F.embedding(rows, self.embedding).sum(0)
        samples: Tensor = self.layers(latents.T[None])[0, 0]
        return samples


def look_back(part: Any, hop: int, *, raising: bool) -> int:
    """Frames before a frame that an encoder's codes, or a decoder's samples, depend on.

    Args:
        part: encoder or decoder of an EncodecModel without LSTM.
        hop: samples per frame.
        raising: whether it is the decoder.
    """
    step = hop if raising else 1
    samples = 0
    for layer in part.modules():
        kind = type(layer).__name__
        if kind == "EncodecConv1d":
            inner = layer.conv
            samples += ((inner.kernel_size[0] - 1) * inner.dilation[0] + 1 - inner.stride[0]) * step
            step *= inner.stride[0]
        elif kind == "EncodecConvTranspose1d":
            samples += step
            step //= layer.conv.stride[0]
    return math.ceil(samples / hop)
