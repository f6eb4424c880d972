"""Streams of units: joining equal neighbours, undoing it, and what a stream costs in bits.

Speech language models read each run of equal units once (SpeechGPT, arXiv 2305.11000; the unit HiFi-GAN of
arXiv 2107.05604 predicts the durations anew). Here the durations are kept beside the units, so that nothing is lost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.contract import TokenStream
from engines.errors import TokensInvalid

LOST = -1
"""Stands for a frame that was lost."""


class Runs(NamedTuple):
    """Equal neighbours joined.

    Attributes:
        units: ``(N,)`` int32, no two neighbours equal.
        durations: ``(N,)`` int32 frames, each at least 1.
    """

    units: NDArray[np.int32]
    durations: NDArray[np.int32]


def collapse(ids: NDArray[np.integer]) -> Runs:
    """Joins equal neighbours of ``(T,)`` ids, T ≥ 0."""
    ids = np.asarray(ids)
    if ids.ndim != 1:
        raise ValueError(f"one id per frame is wanted, not {ids.shape}")
    if not ids.size:
        return Runs(np.zeros(0, np.int32), np.zeros(0, np.int32))
    starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    return Runs(ids[starts].astype(np.int32), np.diff(np.append(starts, ids.size)).astype(np.int32))


def expand(units: NDArray[np.integer], durations: NDArray[np.integer]) -> NDArray[np.int32]:
    """Undoes :func:`collapse`: ``(T,)`` ids, T the sum of the durations.

    Raises:
        TokensInvalid: there are not as many durations as units, or one of them is negative.
    """
    units, durations = np.asarray(units), np.asarray(durations)
    if units.shape != durations.shape or units.ndim != 1:
        raise TokensInvalid(
            f"{units.size} units came with {durations.size} durations.", "Give one duration for each unit."
        )
    if durations.size and durations.min() < 0:
        raise TokensInvalid("A unit has a negative duration.", "Give durations in frames, from 0.")
    return np.repeat(units, durations).astype(np.int32)


def halve(states: NDArray[np.floating]) -> NDArray[np.float32]:
    """Means of neighbouring frames, ``(T, d)`` → ``((T + 1) // 2, d)``; a last frame without neighbour stays itself."""
    states = np.asarray(states, np.float32)
    whole = states.shape[0] // 2 * 2
    pairs = states[:whole].reshape(-1, 2, states.shape[1]).mean(1)
    return np.concatenate([pairs, states[whole:]])


def check_ids(ids: NDArray[np.integer], sizes: Sequence[int], *, lost: bool = False) -> NDArray[np.int32]:
    """Checks a stream of tokens that came from elsewhere.

    Args:
        ids: ``(codebooks, T)``, or ``(T,)`` for one codebook.
        sizes: entries of each codebook.
        lost: whether frames may be lost (-1).

    Returns:
        ``(codebooks, T)`` int32.

    Raises:
        TokensInvalid: there are fewer or more codebooks, or an id that is none.
    """
    found = np.atleast_2d(np.asarray(ids))
    if found.ndim != 2 or found.shape[0] != len(sizes) or not np.issubdtype(found.dtype, np.integer):
        given = " × ".join(map(str, found.shape))
        raise TokensInvalid(
            f"The tokens come as {given} {found.dtype} where whole numbers for {len(sizes)} codebooks are wanted.",
            "Use tokens of the same tokeniser.",
        )
    for row, size in zip(found, sizes, strict=True):
        if row.size and (int(row.max()) >= size or int(row.min()) < (LOST if lost else 0)):
            raise TokensInvalid(
                f"There is a token {int(row.max() if row.max() >= size else row.min())} in a codebook of {size}.",
                "Use tokens of the same tokeniser.",
            )
    return found.astype(np.int32)


def bits_per_second(ids: NDArray[np.integer], sizes: Sequence[int], frame_seconds: float, *, joined: bool) -> float:
    """What a stream ``(codebooks, T)`` takes: log2 of the codebooks' sizes for each frame, or for each run.

    Args:
        ids: of at least one codebook; runs are those of the first.
        sizes: entries of each codebook.
        frame_seconds: seconds per frame.
        joined: whether runs of equal ids count once (durations are not counted).
    """
    frames = ids.shape[-1]
    if not frames:
        return 0.0
    count = collapse(np.atleast_2d(ids)[0]).units.size if joined else frames
    return float(count * sum(math.log2(size) for size in sizes) / (frames * frame_seconds))


def stream(
    name: str,
    ids: NDArray[np.int32],
    sizes: Sequence[int],
    frame_seconds: float,
    *,
    segment: int = 0,
    start: float = 0.0,
    joined: bool = False,
    generated: bool = False,
) -> TokenStream:
    """Evidence of a stream.

    Args:
        name: of the tokeniser, for people.
        ids: ``(codebooks, T)`` or ``(T,)``.
        sizes: entries of each codebook.
        frame_seconds: seconds per frame.
        segment: index of the stretch of speech.
        start: of its first frame, in seconds.
        joined: whether the language model reads or writes runs.
        generated: whether it was written and not heard.
    """
    ids = check_ids(ids, sizes, lost=True)
    return TokenStream(
        name=name,
        segment=segment,
        start=start,
        frame_seconds=frame_seconds,
        ids=ids,
        sizes=tuple(sizes),
        bits_per_second=bits_per_second(ids, sizes, frame_seconds, joined=joined),
        durations=collapse(ids[0]).durations if joined else None,
        direction="out" if generated else "in",
    )
