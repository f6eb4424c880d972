"""Frames of a model that listens and speaks at once: how the codec's frames lie in them.

A frame holds K = books · stack codes of a stream, ordered by codebook and then by time, so that the coarsest codes of
all its codec frames come first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.models.codes import Codes


def stacked(codes: Codes, stack: int, silence: NDArray[np.int32]) -> NDArray[np.int32]:
    """Frames of codec frames.

    Args:
        codes: ``(books, T)``.
        stack: codec frames per frame.
        silence: ``(books,)`` codes of a silent codec frame, which fill the last frame up.

    Returns:
        ``(K, ceil(T / stack))``.
    """
    books, count = codes.shape
    frames = -(-count // stack)
    whole = np.repeat(silence[:books, None], frames * stack, axis=1).astype(np.int32)
    whole[:, :count] = codes
    return whole.reshape(books, frames, stack).transpose(0, 2, 1).reshape(books * stack, frames)


def unstacked(frames: NDArray[np.integer], books: int) -> Codes:
    """Codec frames ``(books, T · stack)`` of frames ``(K, T)``."""
    places, count = frames.shape
    stack = places // books
    parts = frames.reshape(books, stack, count).transpose(0, 2, 1)
    return parts.reshape(books, count * stack).astype(np.int32)
