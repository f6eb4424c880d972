"""The four modality adapters: what shortens the trunk's 25 Hz states and maps them to the language model's width.

Convolutional downsampling by stacking (SLAM-ASR, arXiv 2402.08846) or by strided convolution, average pooling
(Qwen2-Audio, arXiv 2407.10759), a window-level Q-Former (SALMONN, arXiv 2310.13289), and CTC compression (Gaido et al.,
arXiv 2102.01578; frame averaging as in Wu et al., arXiv 2307.03917). All return vectors in the scale of the language
model's input embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.training.networks.trunk import TrunkOutput
from engines.training.recipes import Network

TOP = 8
"""Labels whose embeddings make up a vector of CTC compression."""


@dataclass
class Vectors:
    """A batch of adapted speech.

    Attributes:
        values: ``(B, N, width)``.
        counts: ``(B,)`` vectors that are real.
        frames: hidden frames per vector; None where they differ (CTC).
    """

    values: Tensor
    counts: Tensor
    frames: int | None


class Output(nn.Module):
    """Two linear maps, and a norm whose gain starts at the scale of embeddings."""

    def __init__(self, inputs: int, inner: int, width: int, scale: float) -> None:
        super().__init__()
        self.up = nn.Linear(inputs, inner)
        self.down = nn.Linear(inner, width)
        self.gain = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """``(…, inputs)`` → ``(…, width)``."""
        y = self.down(F.gelu(self.up(x)))
        return y * torch.rsqrt(y.float().pow(2).mean(-1, keepdim=True) + 1e-6).to(y.dtype) * self.gain


class Convolution(nn.Module):
    """Stacks frames, or convolves with a stride, then maps."""

    def __init__(self, hidden: int, network: Network, width: int, scale: float) -> None:
        super().__init__()
        self.stack = network.stack
        self.convolution = (
            nn.Conv1d(hidden, hidden, 2 * network.stack - 1, stride=network.stack, padding=network.stack - 1)
            if network.strided
            else None
        )
        self.out = Output(hidden if network.strided else hidden * network.stack, network.inner, width, scale)

    def vectors(self, hidden: Tensor) -> Tensor:
        """``(B, T, hidden)`` → ``(B, ceil(T / stack), width)``; padding must be zero."""
        if self.convolution is not None:
            return self.out(F.gelu(self.convolution(hidden.transpose(1, 2)).transpose(1, 2)))
        return self.out(in_groups(hidden, self.stack).flatten(2))

    def forward(self, trunk: TrunkOutput) -> Vectors:
        """See :class:`Vectors`."""
        counts = -(-trunk.lengths // self.stack)
        return Vectors(self.vectors(only_real(trunk)), counts, self.stack)


class Pooling(nn.Module):
    """Averages frames, then maps."""

    def __init__(self, hidden: int, network: Network, width: int, scale: float) -> None:
        super().__init__()
        self.stack = network.stack
        self.out = Output(hidden, network.inner, width, scale)

    def vectors(self, hidden: Tensor) -> Tensor:
        """``(B, T, hidden)`` → ``(B, ceil(T / stack), width)``; padding must be zero."""
        return self.out(in_groups(hidden, self.stack).mean(2))

    def forward(self, trunk: TrunkOutput) -> Vectors:
        """See :class:`Vectors`."""
        counts = -(-trunk.lengths // self.stack)
        return Vectors(self.vectors(only_real(trunk)), counts, self.stack)


class QLayer(nn.Module):
    """Self-attention of the queries, cross-attention to the window, feed-forward; norms before."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.qkv = nn.Linear(width, 3 * width)
        self.self_out = nn.Linear(width, width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.cross_out = nn.Linear(width, width)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)

    def forward(self, x: Tensor, frames: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Queries ``(B, Q, width)``, frames ``(B, W, width)``, bias ``(B, 1, 1, W)`` → queries, and ``(B, Q, W)``."""
        b, q, w = x.shape
        n, d = self.heads, w // self.heads
        a, k, v = self.qkv(self.norms[0](x)).view(b, q, 3, n, d).permute(2, 0, 3, 1, 4)
        x = x + self.self_out(attend(a, k, v, None)[0].transpose(1, 2).reshape(b, q, w))
        a = self.query(self.norms[1](x)).view(b, q, n, d).transpose(1, 2)
        k, v = self.key_value(frames).view(b, frames.shape[1], 2, n, d).permute(2, 0, 3, 1, 4)
        attended, weights = attend(a, k, v, bias)
        x = x + self.cross_out(attended.transpose(1, 2).reshape(b, q, w))
        return x + self.down(F.gelu(self.up(self.norms[2](x)))), weights.mean(1)


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Attention that keeps its weights: few queries, small windows."""
    scores = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
    weights = (scores if bias is None else scores + bias.float()).softmax(-1).to(v.dtype)
    return weights @ v, weights


class QFormer(nn.Module):
    """Learned queries read each window of frames."""

    def __init__(self, hidden: int, network: Network, width: int, scale: float) -> None:
        super().__init__()
        self.window, self.queries = network.window, network.queries
        self.query = nn.Parameter(torch.randn(network.queries, hidden) * 0.02)
        self.place = nn.Parameter(torch.randn(network.window, hidden) * 0.02)
        self.layers = nn.ModuleList(QLayer(hidden, network.heads, network.inner) for _ in range(network.layers))
        self.norm = nn.LayerNorm(hidden)
        self.down = nn.Linear(hidden, width)
        self.gain = nn.Parameter(torch.full((width,), scale))

    def vectors(self, hidden: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Reads windows.

        Args:
            hidden: ``(B, T, hidden)``, padding zero.
            real: ``(B, T)`` 1 for real frames.

        Returns:
            ``(B, ceil(T / window) · queries, width)`` and the last layer's weights, mean of heads, with ``window`` as
            last size.
        """
        windows = in_groups(hidden, self.window)
        b, n, w, d = windows.shape
        frames = (windows + self.place).reshape(b * n, w, d)
        bias = (in_groups(real.unsqueeze(-1), self.window).reshape(b * n, 1, 1, w) - 1) * 1e4
        x = self.query.expand(b * n, -1, -1)
        weights = x
        for layer in self.layers:
            x, weights = layer(x, frames, bias)
        y = self.down(self.norm(x)).reshape(b, n * self.queries, -1)
        y = y * torch.rsqrt(y.float().pow(2).mean(-1, keepdim=True) + 1e-6).to(y.dtype) * self.gain
        return y, weights.reshape(b, n * self.queries, w)

    def forward(self, trunk: TrunkOutput) -> Vectors:
        """See :class:`Vectors`."""
        hidden = only_real(trunk)
        values, _ = self.vectors(hidden, real_frames(trunk).to(hidden.dtype))
        counts = -(-trunk.lengths // self.window) * self.queries
        return Vectors(values, counts, None if self.window % self.queries else self.window // self.queries)


class CtcCompression(nn.Module):
    """One vector per run of a label: embeddings of its likeliest labels, and what a map of the mean state adds.

    Args:
        hidden: width of the states.
        network: ``inner`` is read.
        embeddings: ``(P, width)`` of the CTC's labels, in the scale of inputs.
    """

    embeddings: Tensor

    def __init__(self, hidden: int, network: Network, embeddings: Tensor) -> None:
        super().__init__()
        self.register_buffer("embeddings", embeddings, persistent=False)
        self.up = nn.Linear(hidden, network.inner)
        self.down = nn.Linear(network.inner, embeddings.shape[1])
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def vectors(self, hidden: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
        """Maps runs.

        Args:
            hidden: ``(…, N, hidden)`` means of the runs' states.
            ids: ``(…, N, TOP)`` labels, from 0.
            weights: ``(…, N, TOP)`` of them, summing to 1.

        Returns:
            ``(…, N, width)``.
        """
        heard = (self.embeddings[ids] * weights.unsqueeze(-1)).sum(-2)
        return heard + self.down(F.gelu(self.up(hidden)))

    def forward(self, trunk: TrunkOutput) -> Vectors:
        """See :class:`Vectors`."""
        probabilities = trunk.logits.float().softmax(-1)
        means, ids, weights, counts = compress(trunk.hidden, probabilities, trunk.lengths)
        return Vectors(self.vectors(means, ids, weights.to(means.dtype)), counts, None)


def compress(hidden: Tensor, probabilities: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Averages over runs of the same non-blank label, as :mod:`engines.latent.compression` does at run time.

    A clip without any such run becomes the one frame that is least surely blank.

    Returns:
        mean states ``(B, N, hidden)``, labels ``(B, N, TOP)`` from 0, their renormalised mean probabilities, and the
        number of runs ``(B,)``.
    """
    best = probabilities.argmax(-1)
    rows = []
    for row, length in enumerate(lengths.tolist()):
        labels = best[row, :length]
        if not bool((labels > 0).any()):
            labels = torch.zeros_like(labels)
            labels[probabilities[row, :length, 0].argmin()] = 1
        changed = torch.ones_like(labels, dtype=torch.bool)
        changed[1:] = labels[1:] != labels[:-1]
        run = changed.cumsum(0) - 1
        kept = labels[changed] > 0
        onto = torch.zeros(len(kept), length, device=hidden.device).index_put_(
            (run, torch.arange(length, device=hidden.device)), torch.ones((), device=hidden.device)
        )
        onto = onto[kept] / onto[kept].sum(1, keepdim=True)
        means = onto.to(hidden.dtype) @ hidden[row, :length]
        weights, ids = (onto @ probabilities[row, :length, 1:]).topk(TOP, dim=-1)
        rows.append((means, ids, weights / weights.sum(-1, keepdim=True)))
    means, ids, weights = (nn.utils.rnn.pad_sequence(list(part), batch_first=True) for part in zip(*rows, strict=True))
    counts = torch.tensor([len(part[0]) for part in rows], device=hidden.device)
    return means, ids, weights, counts


def in_groups(x: Tensor, size: int) -> Tensor:
    """``(B, T, d)`` → ``(B, ceil(T / size), size, d)``, padded with zeros."""
    x = F.pad(x, (0, 0, 0, -x.shape[1] % size))
    return x.reshape(x.shape[0], x.shape[1] // size, size, x.shape[2])


def real_frames(trunk: TrunkOutput) -> Tensor:
    """``(B, T')`` booleans."""
    return torch.arange(trunk.hidden.shape[1], device=trunk.hidden.device) < trunk.lengths[:, None]


def only_real(trunk: TrunkOutput) -> Tensor:
    """The states with padding set to zero."""
    return trunk.hidden * real_frames(trunk).unsqueeze(-1).to(trunk.hidden.dtype)


def build(kind: str, hidden: int, network: Network, embeddings: Tensor) -> nn.Module:
    """An adapter.

    Args:
        kind: ``convolution``, ``pooling``, ``qformer`` or ``ctc``.
        hidden: width of the trunk.
        network: sizes.
        embeddings: ``(P, width)`` of the CTC's labels, in the scale of the language model's inputs.
    """
    if kind == "ctc":
        return CtcCompression(hidden, network, embeddings)
    scale = float(embeddings.float().pow(2).mean().sqrt())
    makers = {"convolution": Convolution, "pooling": Pooling, "qformer": QFormer}
    return makers[kind](hidden, network, embeddings.shape[1], scale)
