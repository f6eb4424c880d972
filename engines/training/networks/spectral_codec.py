"""A codec whose ends are spectra: as much speech for a fraction of SEANet's work, since nothing runs at 16 kHz.

The encoder reads short-time spectra, compressed in amplitude, through causal blocks of ConvNeXt; the decoder's blocks
give amplitude and phase of short-time spectra, which are transformed back and overlapped (Vocos, arXiv 2306.00814;
amplitude and phase into the encoder as in APCodec, arXiv 2402.10533). In between are the same residual codebooks.
Windows last 40 ms: the encoder hears 30 ms behind a frame, the decoder needs nothing that comes later.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.training.networks.exported_codec import Exported
from engines.training.networks.quantiser import Codebook, ResidualQuantiser
from engines.training.tokens.codec_settings import HOP, CodecSettings

_STEP = HOP // 2
_WINDOW = 4 * _STEP
_BINS = _WINDOW // 2 + 1
_KERNEL = 7
_LATER = _WINDOW - _STEP
"""Samples behind a frame that its last window covers."""
_COMPRESSED = 0.3
_LOUDEST = 4.0
"""Greatest logarithm of an amplitude; a sine of full scale has 5.1, speech 2 to 3."""


class SpectralCodec(nn.Module):
    """Encoder, residual codebooks and decoder.

    Attributes:
        books: codebooks.
        quantiser: trains and uses them.
    """

    def __init__(self, settings: CodecSettings) -> None:
        super().__init__()
        width = settings.filters * 8
        self.settings, self.books = settings, settings.books
        self.encoder = SpectralEncoder(width, settings.hidden, 4 * settings.blocks)
        self.decoder = SpectralDecoder(width, settings.hidden, 4 * settings.blocks, 2 * settings.blocks)
        self.codebook = nn.ModuleList(Codebook(settings.codes, settings.hidden) for _ in range(settings.books))
        self.quantiser = ResidualQuantiser(list(self.codebook), settings.averaging, settings.revive)

    def encode(self, samples: Tensor) -> Tensor:
        """Latents ``(B, hidden, T)`` float32 of samples ``(B, T * 320)``; behind them is silence."""
        with torch.autocast(samples.device.type, torch.bfloat16):
            found = self.encoder(samples)
        return cast(Tensor, found.float())

    def decode(self, latents: Tensor) -> Tensor:
        """Samples ``(B, T * 320)`` float32 of latents ``(B, hidden, T)``."""
        with torch.autocast(latents.device.type, torch.bfloat16):
            found = self.decoder.spectra(latents)
        return self.decoder.samples(found.float())

    def trained(self) -> list[Tensor]:
        """What is trained by gradients: all but the codebooks."""
        return [*self.encoder.parameters(), *self.decoder.parameters()]

    def codebooks(self) -> dict[str, Tensor]:
        """What is trained by running averages."""
        return dict(self.codebook.named_buffers())

    def exported(self) -> Exported:
        """What is exported of it."""
        ends = ExportedSpectralEncoder(self), ExportedSpectralDecoder(self)
        return Exported(*ends, self.encoder.before, self.encoder.later, self.decoder.before)


class CausalBlock(nn.Module):
    """A depthwise convolution of what came before and a hidden layer at each place, with a residual path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, _KERNEL, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 3 * width)
        self.down = nn.Linear(3 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, states: Tensor) -> Tensor:
        """``(B, T, width)`` → the same."""
        mixed = self.depthwise(F.pad(states.transpose(1, 2), (_KERNEL - 1, 0))).transpose(1, 2)
        return cast(Tensor, states + self.scale * self.down(F.gelu(self.up(self.norm(mixed)))))


class SpectralEncoder(nn.Module):
    """Samples to latents.

    Attributes:
        before: frames before a frame that its latent depends on.
        later: frames behind it.
    """

    basis: Tensor

    def __init__(self, width: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.before, self.later = blocks * (_KERNEL - 1), math.ceil(_LATER / HOP)
        self.register_buffer("basis", _analysis(), persistent=False)
        self.enter = nn.Linear(2 * 3 * _BINS, width)
        self.enter_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(CausalBlock(width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, hidden)

    def forward(self, samples: Tensor) -> Tensor:
        """``(B, T * 320)`` → ``(B, hidden, T)``."""
        with torch.autocast(samples.device.type, enabled=False):
            parts = F.conv1d(F.pad(samples, (0, _LATER))[:, None], self.basis, stride=_STEP)
            real, imaginary = parts[:, :_BINS], parts[:, _BINS:]
            power = real.pow(2) + imaginary.pow(2) + 1e-7
            factor = power.pow((_COMPRESSED - 1) / 2)
            read = torch.cat([real * factor, imaginary * factor, power.pow(_COMPRESSED / 2)], dim=1)
            pairs = read.transpose(1, 2).reshape(read.shape[0], -1, 2 * read.shape[1])
        states = self.enter_norm(self.enter(pairs))
        for block in self.blocks:
            states = block(states)
        return cast(Tensor, self.leave(self.norm(states)).transpose(1, 2))


class SpectralDecoder(nn.Module):
    """Latents to samples.

    Attributes:
        before: frames before a frame that its samples depend on.
    """

    basis: Tensor

    def __init__(self, width: int, hidden: int, blocks: int, fine: int) -> None:
        super().__init__()
        overlap = math.ceil(_LATER / HOP)
        self.before = blocks * (_KERNEL - 1) + math.ceil(fine * (_KERNEL - 1) / 2) + overlap
        self.register_buffer("basis", _synthesis(), persistent=False)
        self.enter = nn.Linear(hidden, width)
        self.enter_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(CausalBlock(width) for _ in range(blocks))
        self.part = nn.Linear(width, 2 * width)
        self.fine = nn.ModuleList(CausalBlock(width) for _ in range(fine))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, 2 * _BINS)

    def spectra(self, latents: Tensor) -> Tensor:
        """``(B, hidden, T)`` → ``(B, 2 * T, 2 * bins)``: logarithms of amplitudes, and phases in radians."""
        states = self.enter_norm(self.enter(latents.transpose(1, 2)))
        for block in self.blocks:
            states = block(states)
        states = self.part(states).reshape(states.shape[0], -1, states.shape[2])
        for block in self.fine:
            states = block(states)
        return cast(Tensor, self.leave(self.norm(states)))

    def samples(self, spectra: Tensor) -> Tensor:
        """What :meth:`spectra` gives → ``(B, T * 320)``."""
        logarithms, phases = spectra.transpose(1, 2).chunk(2, dim=1)
        amplitudes = logarithms.clamp(max=_LOUDEST).exp()
        parts = torch.cat([amplitudes * phases.cos(), amplitudes * phases.sin()], dim=1)
        return F.conv_transpose1d(parts, self.basis, stride=_STEP)[:, 0, :-_LATER]

    def forward(self, latents: Tensor) -> Tensor:
        """``(B, hidden, T)`` → ``(B, T * 320)``."""
        return self.samples(self.spectra(latents))


def _waves() -> tuple[Tensor, Tensor]:
    angles = torch.arange(_WINDOW, dtype=torch.float64) * (2 * math.pi / _WINDOW)
    turns = torch.arange(_BINS, dtype=torch.float64)[:, None] * angles
    window = torch.hann_window(_WINDOW, dtype=torch.float64)
    return torch.cat([turns.cos(), -turns.sin()]), window


def _analysis() -> Tensor:
    """``(2 * bins, 1, window)``: real and imaginary parts of a windowed transform."""
    waves, window = _waves()
    return (waves * window)[:, None].float()


def _synthesis() -> Tensor:
    """``(2 * bins, 1, window)``: the way back; squares of four overlapping Hann windows sum to 1.5."""
    waves, window = _waves()
    ends = torch.ones(_BINS, dtype=torch.float64)
    ends[1:-1] = 2
    return (waves * window * (ends.repeat(2)[:, None] / _WINDOW / 1.5))[:, None].float()


class ExportedSpectralEncoder(nn.Module):
    """Samples ``(T * 320,)`` to codes ``(books, T)``."""

    def __init__(self, network: SpectralCodec) -> None:
        super().__init__()
        self.encoder = network.encoder
        self.embeddings = nn.ParameterList([book.embed.clone() for book in network.codebook])

    def forward(self, samples: Tensor) -> Tensor:
        """Codes of whole frames."""
        residual = self.encoder(samples[None])[0].T
        codes = []
        for embedding in self.embeddings:
            ids = (2 * residual @ embedding.T - embedding.pow(2).sum(1)).argmax(1)
            residual = residual - F.embedding(ids, embedding)
            codes.append(ids)
        return torch.stack(codes)


class ExportedSpectralDecoder(nn.Module):
    """Codes ``(k, T)`` of the first k codebooks to samples ``(T * 320,)``."""

    first: Tensor

    def __init__(self, network: SpectralCodec) -> None:
        super().__init__()
        self.decoder = network.decoder
        self.embedding = nn.Parameter(torch.cat([book.embed for book in network.codebook]).clone())
        self.register_buffer("first", torch.arange(network.books) * network.settings.codes)

    def forward(self, codes: Tensor) -> Tensor:
        """Samples of codes, not limited."""
        latents = F.embedding(codes + self.first[: codes.shape[0], None], self.embedding).sum(0)
        return cast(Tensor, self.decoder(latents.T[None])[0])
