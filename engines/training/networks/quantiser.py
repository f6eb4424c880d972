"""Residual vector quantisation whose codebooks are running averages (arXiv 2107.03312, §III-C; 2210.13438, §3.2).

Each codebook codes what the ones before it left over. Codes follow the mean of what they are chosen for; they begin as
k-means of real latents, and a code that nothing chooses any more is put where something is left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_ITERATIONS = 8


@dataclass(frozen=True)
class Quantised:
    """What became of latents.

    Attributes:
        values: ``(B, d, T)``; gradients go to the latents as if they had not been quantised.
        codes: ``(B, books, T)``.
        commitment: squared distance of latents and codes over the latents' variance, mean over all codebooks, 0 in
            those that are not used.
    """

    values: Tensor
    codes: Tensor
    commitment: Tensor


class Codebook(nn.Module):
    """K codes of width d with their running averages, named as those of an EncodecModel."""

    embed: Tensor
    embed_avg: Tensor
    cluster_size: Tensor
    inited: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("inited", torch.zeros(1))
        self.register_buffer("cluster_size", torch.zeros(size))
        self.register_buffer("embed", torch.zeros(size, width))
        self.register_buffer("embed_avg", torch.zeros(size, width))


class ResidualQuantiser:
    """Uses and trains codebooks, which stay where they are.

    Args:
        codebooks: with the buffers ``embed`` ``(K, d)``, ``embed_avg``, ``cluster_size`` and ``inited``.
        decay: of the running averages.
        revive: share of the mean use below which a code is set anew.
    """

    def __init__(self, codebooks: Sequence[Any], decay: float, revive: float) -> None:
        self._books = codebooks
        self._decay, self._revive = decay, revive
        for book in codebooks:
            book.inited.zero_()

    @property
    def ready(self) -> bool:
        """Whether the codebooks have been set."""
        return all(bool(book.inited.item()) for book in self._books)

    def begin(self, latents: Tensor) -> None:
        """Sets all codebooks by k-means of latents ``(N, d)``; random numbers come from torch's generator."""
        residual = latents.detach().float()
        for book in self._books:
            centres, counts = kmeans(residual, book.embed.shape[0])
            book.embed.copy_(centres)
            book.cluster_size.copy_(counts)
            book.embed_avg.copy_(centres * counts[:, None])
            book.inited.fill_(1)
            residual = residual - centres[nearest(residual, centres)]

    def __call__(self, latents: Tensor, books: Tensor | int | None = None, *, train: bool = False) -> Quantised:
        """Quantises.

        Args:
            latents: ``(B, d, T)`` float32.
            books: how many codebooks are used, one number or one per item ``(B,)``; all by default.
            train: whether the codebooks follow.
        """
        size, width, frames = latents.shape
        rows = latents.transpose(1, 2).reshape(-1, width)
        used = torch.as_tensor(len(self._books) if books is None else books, device=latents.device).expand(size)
        each = used.repeat_interleave(frames)
        variance = rows.detach().var(0).sum() + 1e-9
        residual, total = rows, torch.zeros_like(rows)
        commitment, codes = rows.new_zeros(()), []
        for number, book in enumerate(self._books):
            active = each > number
            share = active.float()[:, None]
            ids = nearest(residual.detach(), book.embed)
            chosen = F.embedding(ids, book.embed)
            if train and bool(active.any()):
                self._follow(book, residual.detach()[active], ids[active])
            distance = ((residual - chosen).pow(2) * share).sum() / share.sum().clamp(min=1)
            commitment = commitment + distance / variance
            residual = residual - chosen * share
            total = total + chosen * share
            codes.append(ids)
        values = (rows + (total - rows).detach()).reshape(size, frames, width).transpose(1, 2)
        stacked = torch.stack(codes).reshape(len(codes), size, frames).transpose(0, 1)
        return Quantised(values, stacked, commitment / len(codes))

    def values(self, codes: Tensor) -> Tensor:
        """Latents ``(B, d, T)`` of codes ``(B, k, T)`` of the first k codebooks."""
        parts = [F.embedding(codes[:, number], self._books[number].embed) for number in range(codes.shape[1])]
        return torch.stack(parts).sum(0).transpose(1, 2)

    def _follow(self, book: Any, rows: Tensor, ids: Tensor) -> None:
        size = book.embed.shape[0]
        counts = torch.bincount(ids, minlength=size).float()
        sums = torch.zeros_like(book.embed).index_add_(0, ids, rows)
        book.cluster_size.mul_(self._decay).add_(counts, alpha=1 - self._decay)
        book.embed_avg.mul_(self._decay).add_(sums, alpha=1 - self._decay)
        mean = book.cluster_size.mean()
        dead = book.cluster_size < self._revive * mean
        if bool(dead.any()):
            taken = rows[torch.randint(len(rows), (int(dead.sum()),), device=rows.device)]
            book.cluster_size[dead] = mean
            book.embed_avg[dead] = taken * mean
        book.embed.copy_(book.embed_avg / book.cluster_size.clamp(min=1e-6)[:, None])


def nearest(rows: Tensor, centres: Tensor) -> Tensor:
    """For rows ``(N, d)`` the index of the nearest centre of ``(K, d)``."""
    return (rows @ centres.T).mul_(2).sub_(centres.pow(2).sum(1)).argmax(1)


def kmeans(rows: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from a random choice of rows.

    Args:
        rows: ``(N, d)``, N of any number ≥ 1.
        size: K.

    Returns:
        centres ``(K, d)`` and how many rows each has ``(K,)``, at least 1 for the averages' sake.
    """
    order = torch.randperm(len(rows), device=rows.device)
    centres = rows[order[torch.arange(size, device=rows.device) % len(rows)]].clone()
    counts = torch.ones(size, device=rows.device)
    for _ in range(_ITERATIONS):
        ids = nearest(rows, centres)
        counts = torch.bincount(ids, minlength=size).float()
        sums = torch.zeros_like(centres).index_add_(0, ids, rows)
        empty = counts == 0
        sums[empty] = rows[torch.randint(len(rows), (int(empty.sum()),), device=rows.device)]
        counts = counts.clamp(min=1)
        centres = sums / counts[:, None]
    return centres, counts
