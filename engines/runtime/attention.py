"""Where written tokens looked, computed after the text is written.

The graph gives the queries of the layers that see everything, before their rotation; their keys lie in the cache,
rotated. What is computed here is what the graph's attention computed on the way (rotary embedding: arXiv 2104.09864).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.runtime.kv_cache import KeyValueCache


@dataclass(frozen=True)
class WideLayers:
    """The layers whose attention can be told.

    Attributes:
        layers: their numbers.
        heads: query heads.
        head_width: values per head.
        rope_base: of the rotary frequencies.
    """

    layers: tuple[int, ...]
    heads: int
    head_width: int
    rope_base: float


def attention(
    wide: WideLayers, cache: KeyValueCache, queries: Sequence[NDArray[np.float32]], places: int
) -> NDArray[np.float32]:
    """How much each written token looked at each place of the input.

    Row ``t`` belongs to the place from which token ``t`` was predicted: the last of the input for the first token.

    Args:
        wide: the layers.
        cache: of one sequence, with all keys that were looked at.
        queries: per written token ``(layers, heads, D)``.
        places: P, places of the input.

    Returns:
        ``(layers, heads, T, P)``; a row sums to 1 less what was given to tokens written before.
    """
    layers, heads, width = len(wide.layers), wide.heads, wide.head_width
    if not queries:
        return np.zeros((layers, heads, 0, places), np.float32)
    count = len(queries)
    total = places + count - 1
    positions = np.arange(places - 1, total)
    rotated = _rotate(np.stack(queries, axis=2), positions, wide.rope_base)
    keys = np.stack([cache.arrays[2 * layer][0, :, :total] for layer in wide.layers])
    keys = np.repeat(keys, heads // keys.shape[1], axis=1)
    scores = rotated @ keys.swapaxes(2, 3) * np.float32(width**-0.5)
    scores[:, :, np.arange(total)[None] > positions[:, None]] = -np.inf
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return np.ascontiguousarray(scores[..., :places])


def _rotate(x: NDArray[np.float32], positions: NDArray[np.int64], base: float) -> NDArray[np.float32]:
    """Rotates halves of ``(…, T, D)``."""
    half = x.shape[-1] // 2
    angles = np.outer(positions, base ** (-np.arange(half) / half))
    cosines, sines = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cosines - second * sines, second * cosines + first * sines], axis=-1)
