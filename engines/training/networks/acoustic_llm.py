"""The language model that reads codes of the codec: a small network in front of it, and marks around the speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engines.training.networks.gemma import TorchGemma
from engines.training.networks.token_llm import TokenLanguageModel
from engines.training.tokens.examples import READ, Example, Layout


@dataclass(frozen=True)
class ReaderSize:
    """Sizes.

    Attributes:
        books: the first so many codebooks are read.
        codes: entries of each.
        stack: frames per place.
        width: of the small embeddings.
        inner: of the hidden layer.
        model: width of the language model.
    """

    books: int
    codes: int
    stack: int
    width: int
    inner: int
    model: int


class CodesToVectors(nn.Module):
    """A sum of small embeddings, one per codebook and per frame of a place, brought to the model's width.

    Args:
        size: of everything.
        length: of the vectors at the beginning.
    """

    def __init__(self, size: ReaderSize, length: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.embedding = nn.Embedding(size.stack * size.books * size.codes, size.width)
        self.norm = nn.LayerNorm(size.width)
        self.up = nn.Linear(size.width, size.inner)
        self.down = nn.Linear(size.inner, size.model)
        self.out = nn.LayerNorm(size.model, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.3)
        nn.init.constant_(self.out.weight, length / size.model**0.5)

    def forward(self, codes: Tensor) -> Tensor:
        """``(N, stack, books)`` → ``(N, model)`` in the scale of the head's rows."""
        size = self.size
        first = torch.arange(size.stack * size.books, device=codes.device) * size.codes
        summed = self.embedding(codes.flatten(1) + first).sum(1)
        found: Tensor = self.out(self.down(F.gelu(self.up(self.norm(summed)))))
        return found


class AcousticLanguageModel(TokenLanguageModel):
    """See the module; texts are written as :class:`TokenLanguageModel` writes them.

    Args:
        gemma: perhaps with a LoRA.
        head: ``(pieces + 1, width)`` rows of text, which are not trained.
        marks: ``(2, width)`` rows that the marks of speech begin with.
        reader: of codes.
        layout: of the whole head, without units.
    """

    def __init__(self, gemma: TorchGemma, head: Tensor, marks: Tensor, reader: CodesToVectors, layout: Layout) -> None:
        super().__init__(gemma, head, marks, torch.zeros(0), layout)
        self.reader = reader

    def _inputs(self, examples: Sequence[Example], rows: Tensor) -> tuple[Tensor, Tensor]:
        inputs, mask = super()._inputs(examples, rows)
        for number, each in enumerate(examples):
            if each.codes is not None and len(each.codes):
                places = torch.from_numpy(each.rows == READ).nonzero()[:, 0].to(rows.device)
                codes = torch.from_numpy(each.codes).to(rows.device)
                read = self.reader(codes) * self.gemma.scale
                inputs = inputs.index_put((torch.full_like(places, number), places), read.to(inputs.dtype))
        return inputs, mask


class ExportedReader(nn.Module):
    """Codes as the codec gives them: ``(books, T)``, T a multiple of the frames per place."""

    def __init__(self, reader: CodesToVectors) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, codes: Tensor) -> Tensor:
        """``(books, T)`` → ``(T / stack, model)``."""
        size = self.reader.size
        found: Tensor = self.reader(codes.T.reshape(-1, size.stack, size.books))
        return found
