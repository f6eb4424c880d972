"""Streams of codec codes: what is asked of them before a decoder sees them, and what stands in for lost frames."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engines.errors import TokensInvalid

Codes: TypeAlias = NDArray[np.int32]
"""``(codebooks, frames)``, coarsest codebook first; -1 where a frame was lost."""

LOST: Final = -1
_REPEATED: Final = 5
"""Frames for which the last sound goes on where frames are lost; behind that there is silence."""


def require_books(books: int | None, most: int) -> int:
    """How many codebooks to use; all where None is asked for.

    Raises:
        TokensInvalid: there are not so many, or none is asked for.
    """
    if books is None:
        return most
    if not 1 <= books <= most:
        raise TokensInvalid(f"{books} codebooks were asked for; there are {most}.", f"Ask for 1 to {most}.")
    return books


def require_codes(
    codes: NDArray[Any], books: int, size: int, *, lost: bool = False, exactly: int | None = None
) -> Codes:
    """Checks codes that come from outside.

    Args:
        codes: ``(k, T)`` integers.
        books: codebooks of the codec.
        size: entries of each.
        lost: whether frames may be lost (-1 in the first codebook).
        exactly: codebooks that there must be; any number from 1 to ``books`` by default.

    Raises:
        TokensInvalid: something is wrong, named in the sentence.
    """
    array = np.asarray(codes)
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        told = f"of shape {array.shape} and type {array.dtype}"
        raise TokensInvalid(f"Codes {told} are none of this codec.", "Give whole numbers, codebooks × frames.")
    if not 1 <= array.shape[0] <= books or (exactly is not None and array.shape[0] != exactly):
        wanted = f"{exactly}" if exactly is not None else f"1 to {books}"
        hint = f"Give {wanted} codebooks × frames, in the codec's order."
        raise TokensInvalid(f"The stream has {array.shape[0]} codebooks; the codec reads {wanted}.", hint)
    wrong = (array >= size) | (array < LOST)
    if wrong.any():
        book, frame = (int(place[0]) for place in np.nonzero(wrong))
        message = f"The id {int(array[book, frame])} in frame {frame} does not exist in codebook {book + 1}."
        raise TokensInvalid(message, f"Ids go from 0 to {size - 1}; the stream is of another codec or damaged.")
    gone = (array == LOST).any(axis=0)
    if gone.any() and not lost:
        raise TokensInvalid(f"{_named(np.flatnonzero(gone))} lost.", "Send them again, or ask for concealment.")
    result = array.astype(np.int32)
    result[:, gone] = LOST
    return result


def require_next(at: int | None, expected: int, *, lost: bool) -> int:
    """How many frames are missing before a chunk.

    Args:
        at: number of the chunk's first frame; None where it follows by itself.
        expected: number of the frame that comes next.
        lost: whether frames may be missing.

    Raises:
        TokensInvalid: frames are missing although none may, or come twice.
    """
    if at is None or at == expected:
        return 0
    if at < expected:
        message = f"The stream gives frame {at} again; frame {expected} comes next."
        raise TokensInvalid(message, "Send every frame once, in order.")
    if not lost:
        named = _named(np.arange(expected, at))
        raise TokensInvalid(f"{named} missing from the stream.", "Send them again, or ask for concealment.")
    return at - expected


class Concealer:
    """Stands in for lost frames: the last frame for up to a tenth of a second, then silence.

    Args:
        silence: ``(codebooks,)`` codes of a silent frame.
    """

    def __init__(self, silence: NDArray[np.int32]) -> None:
        self._silence = silence
        self._last = silence
        self._run = 0

    def fill(self, codes: Codes) -> Codes:
        """The same frames without lost ones ``(k, T)``; what came in earlier calls is remembered."""
        books = codes.shape[0]
        result = codes.copy()
        for frame in np.flatnonzero((codes == LOST).any(axis=0)).tolist():
            known = frame > 0 and not (codes[:, frame - 1] == LOST).any()
            last = codes[:, frame - 1] if known else self._last[:books]
            self._run = 1 if known else self._run + 1
            self._last = last
            result[:, frame] = last if self._run <= _REPEATED else self._silence[:books]
        if codes.shape[1] and not (codes[:, -1] == LOST).any():
            self._last, self._run = codes[:, -1], 0
        return result


def _named(frames: NDArray[np.int64]) -> str:
    """``"Frame 3 is"`` or ``"Frames 3 to 7 are"``; of several gaps the first, with the number of all."""
    breaks = np.flatnonzero(np.diff(frames) > 1)
    last = int(frames[breaks[0]]) if breaks.size else int(frames[-1])
    first, count = int(frames[0]), frames.shape[0]
    some = f"Frame {first}" if first == last else f"Frames {first} to {last}"
    if breaks.size:
        return f"{some} and {count - (last - first + 1)} more are"
    return f"{some} is" if first == last else f"{some} are"
