"""Prompts of tokens and vectors, and computing them once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.runtime.choice import Choice
from engines.runtime.decoder import Decoder, Logits
from engines.runtime.kv_cache import KeyValueCache, PrefixStore
from engines.runtime.lora import Lora

_AT_ONCE = 512
"""Places of a prompt that are computed at once."""

Part = Sequence[int] | NDArray[np.integer] | NDArray[np.floating]
"""Token ids, or vectors ``(N, W)`` in the scale of the graph's ``inputs_embeds``."""


@dataclass(frozen=True)
class Prompt:
    """Tokens and vectors as one sequence.

    Attributes:
        ids: ``(P,)``, -1 where a vector stands.
        embeds: ``(P, W)``, zeros where a token stands; None without vectors.
    """

    ids: NDArray[np.int64]
    embeds: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, parts: Sequence[Part], width: int) -> Prompt:
        """Puts parts one behind the other.

        Raises:
            ValueError: a vector has another width or is not finite, or there is nothing at all.
        """
        ids: list[NDArray[np.int64]] = []
        embeds: list[NDArray[np.float32]] = []
        given = False
        for part in parts:
            array = np.asarray(part)
            if array.ndim == 2:
                if array.shape[1] != width or not np.isfinite(array).all():
                    raise ValueError(f"vectors must be {width} finite numbers wide, these are {array.shape[1]}")
                given = given or len(array) > 0
                ids.append(np.full(len(array), -1, np.int64))
                embeds.append(array.astype(np.float32))
            else:
                ids.append(array.astype(np.int64).reshape(-1))
                embeds.append(np.zeros((array.size, width), np.float32))
        if not sum(map(len, ids)):
            raise ValueError("there is nothing to write from")
        return cls(np.concatenate(ids), np.concatenate(embeds) if given else None)

    def compute(
        self, decoder: Decoder, choice: Choice, prefixes: PrefixStore, lora: Lora | None, room: int = 64
    ) -> tuple[KeyValueCache, Logits]:
        """Computes it, but for what is known of it.

        Args:
            decoder: the model, adapted.
            choice: what may come next.
            prefixes: known prompts; one without vectors is kept there.
            lora: what the model is adapted with.
            room: places that will be needed behind it.

        Returns:
            its cache, and the scores of what may come next, ``(1, A)``.
        """
        tokens: list[int] = self.ids.tolist()
        weights = lora.digest if lora else ""
        plain = self.embeds is None
        cache = (
            prefixes.begin(tokens, decoder.shape, weights)
            if plain
            else KeyValueCache(decoder.shape, capacity=len(tokens) + room)
        )
        scores: Logits = np.zeros((1, 0), np.float32)
        for begin in range(cache.length, len(tokens), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            embeds = None if self.embeds is None else self.embeds[None, part]
            scores = choice.scores(decoder, cache, self.ids[None, part], embeds)
        if plain:
            prefixes.keep(tokens, cache, weights)
        return cache, scores
