"""What turns codes of the codec into vectors that a language model reads: the first codebooks of a few frames each."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.errors import AdapterMismatch
from engines.models.adapter_graph import HINT, Graph
from engines.models.codec import Codec
from engines.models.codes import Codes, require_codes
from engines.weights import cards
from engines.weights.cards import AdapterCard

FILE: Final = "reader.onnx"


class CodeReader:
    """Sums of small embeddings, one per codebook and per frame of a place, brought to the model's width.

    Args:
        card: of the adapter that it is part of.

    Attributes:
        books: the first so many codebooks are read.
        codes: entries of each.
        stack: frames per place.

    Raises:
        AdapterMismatch: card and graph do not belong together.
        GraphInvalid: the file is damaged.
    """

    def __init__(self, card: AdapterCard) -> None:
        shape = card.codes
        if shape is None:
            raise AdapterMismatch(f"The card of {card.id} does not say how codes are read.", HINT)
        self._shape, self._id = shape, card.id
        self.books, self.codes, self.stack = shape.books, shape.codes, shape.stack
        self._graph = Graph(cards.locate(card.id) / FILE, ("codes",), ("vectors",))
        tried = self.vectors(np.zeros((self.books, 3), np.int32))
        if tried.shape != (-(-3 // self.stack), card.width):
            raise AdapterMismatch(f"The graph of {card.id} gives {tried.shape} for three frames of codes.", HINT)

    def check(self, codec: Codec) -> None:
        """Checks the codec in use.

        Raises:
            AdapterMismatch: its codes are of another number, size or rate.
        """
        theirs = codec.codes, codec.frame_seconds
        if theirs != (self.codes, self._shape.frame_seconds) or codec.books < self.books:
            raise AdapterMismatch(
                f"The adapter {self._id} reads {self.books} codebooks of {self.codes} at "
                f"{1 / self._shape.frame_seconds:g} frames per second; the codec has {codec.books} of {codec.codes} at "
                f"{1 / codec.frame_seconds:g}.",
                HINT,
            )

    def vectors(self, codes: Codes) -> NDArray[np.float32]:
        """Vectors of codes.

        Args:
            codes: ``(books, T)`` without lost frames; the last place is filled up with its last frame.

        Returns:
            ``(ceil(T / stack), W)`` in the scale of the head's rows.

        Raises:
            TokensInvalid: there are other codebooks, or ids that do not exist.
        """
        checked = require_codes(codes, self.books, self.codes, exactly=self.books)
        if not checked.shape[1]:
            return self.vectors(np.zeros((self.books, self.stack), np.int32))[:0]
        spare = -checked.shape[1] % self.stack
        whole = np.concatenate([checked, np.repeat(checked[:, -1:], spare, axis=1)], axis=1)
        return self._graph.run({"codes": whole.astype(np.int64)})[0]
