"""What every synthesiser does around its network: pieces of bounded length in, bounded length and level out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.contract import Samples

SENTENCE_PAUSE: Final = 0.30
"""Seconds of silence after a sentence."""
CLAUSE_PAUSE: Final = 0.12
"""Seconds of silence after a clause or a part of a long sentence."""

_CEILING: Final = 0.98
_EDGE_SECONDS: Final = 0.06
_FLOOR: Final = 0.004
_SECONDS_PER_SYMBOL: Final = 0.35
_SECONDS_BASE: Final = 2.0


@dataclass(frozen=True)
class Piece:
    """What the network is given at once.

    Attributes:
        phonemes: at most as many symbols as were allowed.
        pause: seconds of silence that follow.
    """

    phonemes: str
    pause: float


def pieces(phonemes: str, *, limit: int, early: bool) -> Iterator[Piece]:
    """Cuts a sentence where it is too long, at clauses first, at words next, inside a word only if it must.

    Args:
        phonemes: one sentence with its punctuation.
        limit: the largest number of symbols in a piece.
        early: cut after the first clause of a longish sentence, so that it can be heard while the rest is made.
    """
    rest = phonemes.strip()
    if early and len(rest) > 70:
        clause = re.match(r"[^,;:]{16,70}[,;:](?=\s)", rest)
        if clause and len(rest) - clause.end() > 16:
            yield Piece(clause[0], CLAUSE_PAUSE)
            rest = rest[clause.end() :].strip()
    while len(rest) > limit:
        window = rest[:limit]
        cut = max((m.end() for m in re.finditer(r"[,;:]\s", window) if m.end() > limit // 4), default=0)
        cut = cut or window.rfind(" ") + 1 or limit
        yield Piece(rest[:cut].strip(), CLAUSE_PAUSE)
        rest = rest[cut:].strip()
    if rest:
        yield Piece(rest, SENTENCE_PAUSE)


def finish(raw: NDArray[np.floating], rate: int, *, symbols: int, pause: float) -> Samples:
    """Makes a network's output fit to be played.

    Values that are no numbers become silence, silence at both ends is cut to 60 ms, a peak above 1 turns the whole
    piece down (it is never clipped and never wraps around), and what is longer than the phonemes can account for is
    cut off.

    Args:
        raw: any shape with one channel.
        rate: samples per second.
        symbols: how many phonemes were spoken.
        pause: seconds of silence to append.

    Returns:
        ``(n,)`` float32 in [-1, 1].
    """
    samples = np.nan_to_num(np.asarray(raw, np.float32).reshape(-1), nan=0.0, posinf=0.0, neginf=0.0)
    samples = samples[: int(rate * (_SECONDS_BASE + _SECONDS_PER_SYMBOL * symbols))]
    loud = np.flatnonzero(np.abs(samples) > _FLOOR)
    if loud.size:
        edge = int(_EDGE_SECONDS * rate)
        samples = samples[max(0, loud[0] - edge) : loud[-1] + 1 + edge]
    else:
        samples = samples[:0]
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak > 1.0:
        samples = samples * np.float32(_CEILING / peak)
    return np.concatenate([samples, np.zeros(int(pause * rate), np.float32)])
