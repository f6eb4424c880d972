"""Which tokens of a vocabulary may be written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.runtime.decoder import Decoder, Logits
from engines.runtime.kv_cache import KeyValueCache


@dataclass(frozen=True)
class Choice:
    """Some tokens of the vocabulary and their rows of the head, or all.

    With some, the head of the whole vocabulary, a third of the work of a step, is not computed.

    Attributes:
        ids: ``(A,)`` ascending, or None for all.
        head: ``(A, W)``, the head's rows of them; None with all.
        end: tokens that end a text.
    """

    ids: NDArray[np.int64] | None
    head: NDArray[np.float32] | None
    end: frozenset[int]

    def token(self, place: int) -> int:
        """The id of the token whose score stands at a place."""
        return place if self.ids is None else int(self.ids[place])

    def scores(
        self,
        decoder: Decoder,
        cache: KeyValueCache,
        ids: NDArray[np.int64],
        embeds: NDArray[np.float32] | None = None,
    ) -> Logits:
        """Appends tokens ``(B, S)`` to a cache and returns the scores of what may come next, ``(B, A)``.

        The memory is used again by the next call.
        """
        if self.head is None:
            return decoder.advance(cache, ids, embeds=embeds)
        states = decoder.hidden(cache, ids, embeds)[:, -1]
        scores: Logits = states @ self.head.T
        return scores
