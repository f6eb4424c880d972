"""A model that listens and speaks at once, of Moshi's structure (arXiv 2410.00037), small.

Time goes in frames of 80 ms. A frame holds the codes of ``stack`` codec frames in the first ``books`` codebooks of what
is heard and of what is spoken, and one piece of text, the inner monologue. The Temporal Transformer reads the sum of
the embeddings of all that the last frame held, sees a bounded number of frames before, and gives a state and the scores
of the text; the Depth Transformer makes the frame's own codes of them, codebook by codebook. Codes come in as the
codec's own vectors and are told by their likeness to them, as in stage two, so that a small network need not learn what
each of 4 × 1024 codes is.

The codes of a frame are ordered by codebook and then by time: K = books · stack, place k is of codebook ``k // stack``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.training.networks.cached_layer import Layer
from engines.training.networks.trunk import rotary_table

_NEVER = -1e4


@dataclass(frozen=True)
class DuplexSize:
    """Sizes.

    Attributes:
        pieces: of text, padding aside.
        books: codebooks that are heard and spoken.
        codes: entries of each.
        hidden: width of the codec's vectors.
        stack: codec frames in a frame.
        width: of the Temporal Transformer.
        layers: of it.
        heads: of its attention.
        inner: width of its feed-forward parts.
        window: frames before a frame that its layers look back on.
        depth_width: of the Depth Transformer.
        depth_layers: of it.
        depth_heads: of its attention.
        depth_inner: width of its feed-forward parts.
        dropout: in training.
    """

    pieces: int
    books: int = 4
    codes: int = 1024
    hidden: int = 64
    stack: int = 4
    width: int = 320
    layers: int = 6
    heads: int = 5
    inner: int = 960
    window: int = 75
    depth_width: int = 192
    depth_layers: int = 2
    depth_heads: int = 4
    depth_inner: int = 768
    dropout: float = 0.1

    @property
    def places(self) -> int:
        """Codes of a stream per frame."""
        return self.books * self.stack

    @property
    def padding(self) -> int:
        """The text of a frame in which nothing begins."""
        return self.pieces

    @property
    def ending(self) -> int:
        """The text of the last padding before a word."""
        return self.pieces + 1

    @property
    def start(self) -> int:
        """The text before the first frame; never written."""
        return self.pieces + 2


@dataclass(frozen=True)
class Tokens:
    """Frames of all three streams.

    Attributes:
        text: ``(B, T)``; -1 where it is not known.
        own: ``(B, K, T)`` codes that are spoken; -1 before the first frame.
        heard: ``(B, K, T)`` codes that are heard; -1 where they were lost.
        mask: ``(B, T)``, 1 where there is a frame.
    """

    text: Tensor
    own: Tensor
    heard: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Weights:
    """What counts how much in the loss, a code of the last codebook being 1.

    Attributes:
        text: a piece of text.
        padding: a text that is padding.
        first: a code of the first codebook.
    """

    text: float = 4.0
    padding: float = 0.5
    first: float = 4.0


class DuplexNetwork(nn.Module):
    """See the module.

    Args:
        size: of everything.
        codebooks: ``(books, codes, hidden)`` of the codec; zeros where weights are loaded afterwards.
    """

    codebooks: Tensor

    def __init__(self, size: DuplexSize, codebooks: Tensor | None = None) -> None:
        super().__init__()
        self.size = size
        shape = size.books, size.codes, size.hidden
        given = torch.zeros(shape) if codebooks is None else codebooks.float()
        if given.shape != shape:
            raise ValueError(f"codebooks {tuple(given.shape)} do not go with {size}")
        # Later books hold ever smaller rests: each is brought to the same size.
        deviation = given.flatten(1).std(1).clamp(min=1e-6) if codebooks is not None else torch.ones(size.books)
        self.register_buffer("codebooks", (given - given.mean(1, keepdim=True)) / deviation[:, None, None])
        wide, deep, k = size.width, size.depth_width, size.places
        self.text = nn.Embedding(size.start + 1, wide)
        scale = (k * size.hidden) ** -0.5
        self.own = nn.Parameter(torch.randn(k * size.hidden, wide) * scale)
        self.heard = nn.Parameter(torch.randn(k * size.hidden, wide) * scale)
        self.layers = nn.ModuleList(
            Layer(wide, size.heads, size.inner, size.dropout) for _ in range(size.layers)
        )  # fmt: skip
        self.norm = nn.LayerNorm(wide)
        self.text_bias = nn.Parameter(torch.zeros(size.start))
        self.depth_text = nn.Embedding(size.start, deep)
        self.depth_state = nn.Parameter(torch.randn(k, wide, deep) * wide**-0.5)
        self.depth_place = nn.Parameter(torch.randn(k, deep) * 0.5)
        self.depth_code = nn.Parameter(torch.randn(k, size.hidden, deep) * size.hidden**-0.5)
        self.depth_layers = nn.ModuleList(
            Layer(deep, size.depth_heads, size.depth_inner, size.dropout) for _ in range(size.depth_layers)
        )
        self.depth_norm = nn.LayerNorm(deep)
        self.heads = nn.Parameter(torch.randn(k, deep, size.hidden) * 0.3 * deep**-0.5)
        self.bias = nn.Parameter(torch.zeros(size.books, size.codes))
        nn.init.normal_(self.text.weight, std=0.5)
        nn.init.normal_(self.depth_text.weight, std=0.5)

    def vectors(self, codes: Tensor) -> Tensor:
        """The codec's vectors ``(…, K, hidden)`` of codes ``(…, K)``; zeros where a code is -1."""
        size = self.size
        first = torch.arange(size.places, device=codes.device) // size.stack * size.codes
        there = (codes >= 0).unsqueeze(-1).to(self.own.dtype)
        return F.embedding(codes.clamp(min=0) + first, self.codebooks.flatten(0, 1)) * there

    def read(self, text: Tensor, own: Tensor, heard: Tensor) -> Tensor:
        """What the Temporal Transformer reads of frames: text ``(B, T)``, codes ``(B, T, K)`` → ``(B, T, width)``."""
        return cast(
            Tensor,
            self.text(text) + self.vectors(own).flatten(2) @ self.own + self.vectors(heard).flatten(2) @ self.heard,
        )

    def text_scores(self, states: Tensor) -> Tensor:
        """Scores ``(…, pieces + 2)`` of the text, by its likeness to what is read."""
        return states @ self.text.weight[: self.size.start].T * self.size.width**-0.5 + self.text_bias

    def temporal(self, x: Tensor, bias: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """States of frames.

        Args:
            x: of :meth:`read`, ``(B, T, width)``.
            bias: ``(T, P + T)``.
            keys: ``(layers, B, P, width)`` of frames before.
            values: likewise.

        Returns:
            states ``(B, T, width)``, keys and values ``(layers, B, P + T, width)``.
        """
        rotary = rotary_table(keys.shape[2] + x.shape[1], self.size.width // self.size.heads, x)
        made = []
        for layer, key, value in zip(self.layers, keys, values, strict=True):
            x, *kept = layer(x, bias, key, value, rotary)
            made.append(kept)
        return self.norm(x), torch.stack([key for key, _ in made]), torch.stack([value for _, value in made])

    def states(self, tokens: Tokens) -> Tensor:
        """States ``(B, T, width)`` of all frames, each of what came before it."""
        size, (rows, frames) = self.size, tokens.text.shape
        known = torch.where(tokens.text >= 0, tokens.text, size.padding)
        text = F.pad(known, (1, 0), value=size.start)[:, :-1]
        own, heard = (F.pad(codes, (1, 0), value=-1)[..., :-1].transpose(1, 2) for codes in (tokens.own, tokens.heard))
        places = torch.arange(frames, device=text.device)
        back = places[:, None] - places
        bias = torch.where((back >= 0) & (back <= size.window), 0.0, _NEVER).to(self.own.dtype)
        nothing = self.own.new_zeros(size.layers, rows, 0, size.width)
        return self.temporal(self.read(text, own, heard), bias, nothing, nothing)[0]

    def depth(self, states: Tensor, text: Tensor, own: Tensor) -> Tensor:
        """Scores ``(N, K, codes)`` of every code of N frames, given those before it.

        Args:
            states: of the frames, ``(N, width)``.
            text: ``(N,)`` of the frames.
            own: ``(N, K)``.
        """
        size = self.size
        before = F.pad(own, (1, 0), value=-1)[:, :-1]
        x = torch.einsum("nw,kwd->nkd", states, self.depth_state) + self.depth_place
        x = x + self.depth_text(text)[:, None] + torch.einsum("nkh,khd->nkd", self._before(before), self.depth_code)
        places = torch.arange(size.places, device=x.device)
        bias = torch.where(places[:, None] >= places, 0.0, _NEVER).to(x.dtype)
        nothing = x[:, :0]
        for layer in self.depth_layers:
            x, _, _ = layer(x, bias, nothing, nothing)
        told = torch.einsum("nkd,kdh->nkh", self.depth_norm(x), self.heads) * size.hidden**-0.5
        told = told.unflatten(1, (size.books, size.stack))
        scores = torch.einsum("nbsh,bch->nbsc", told, self.codebooks) + self.bias[:, None]
        return scores.flatten(1, 2)

    def _before(self, codes: Tensor) -> Tensor:
        """Vectors ``(N, K, hidden)`` of codes that stand one place too late: place k holds one of place k - 1."""
        size = self.size
        book = (torch.arange(size.places, device=codes.device) - 1).clamp(min=0) // size.stack
        there = (codes >= 0).unsqueeze(-1).to(self.own.dtype)
        return F.embedding(codes.clamp(min=0) + book * size.codes, self.codebooks.flatten(0, 1)) * there

    def losses(self, tokens: Tokens, read: Tokens, chosen: Tensor, weights: Weights) -> tuple[Tensor, Tensor, Tensor]:
        """Cross-entropies in nats.

        Args:
            tokens: what is to be told.
            read: what the Temporal Transformer reads of it, which may be wrong.
            chosen: ``(B, T)``, true for the frames whose codes are told; all of them must be frames.
            weights: of the texts.

        Returns:
            of the texts ``(B, T)`` and their weights, 0 where a text is not known; and of the codes ``(books,)``.
        """
        size = self.size
        states = self.states(read)
        there = (tokens.mask > 0) & (tokens.text >= 0)
        wanted = tokens.text.masked_fill(~there, -100)
        scores = self.text_scores(states).float()
        text = F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), reduction="none").view_as(wanted)
        each = torch.where(tokens.text >= size.padding, weights.padding, 1.0) * there
        own = tokens.own.transpose(1, 2)[chosen]
        known = torch.where(tokens.text >= 0, tokens.text, size.padding)[chosen]
        made = self.depth(states[chosen], known, own).float()
        codes = F.cross_entropy(made.flatten(0, 1), own.flatten(), reduction="none")
        return text, each, codes.view(-1, size.books, size.stack).mean((0, 2))

    @staticmethod
    def together(text: Tensor, books: Tensor, weights: Weights) -> Tensor:
        """The weighted mean of the nats of the text and of the codebooks ``(books,)``: what is lowered."""
        share = torch.ones_like(books)
        share[0] = weights.first
        return (weights.text * text + (books * share).sum()) / (weights.text + share.sum())
