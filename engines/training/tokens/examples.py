"""From parts of a sequence to numbers that the token language model learns from; and rows that units begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.models.pieces import Inventory
from engines.runtime.mixed_vocabulary import MARKS
from engines.tokens.prompts import Codes, Element, Heading, Words
from engines.tokens.units import collapse

LOG_FRAMES: Final = 0.5
"""Mean logarithm of a duration that is assumed for a unit that was never seen."""

READ: Final = -2
"""Stands where codes are read, which have no row."""


@dataclass(frozen=True)
class Layout:
    """Rows of the head: the pieces of an inventory, the end of text, K units, the begin and the end of speech.

    Attributes:
        pieces: how many pieces there are.
        units: K; 0 where codes are read in place of units.
        stack: frames of codes that a place stands for.
    """

    pieces: int
    units: int
    stack: int = 2

    @property
    def end_of_text(self) -> int:
        """Row of the end of text."""
        return self.pieces

    @property
    def first_unit(self) -> int:
        """Row of unit 0."""
        return self.pieces + 1

    @property
    def begin(self) -> int:
        """Row of the begin of speech."""
        return self.first_unit + self.units

    @property
    def end(self) -> int:
        """Row of the end of speech."""
        return self.begin + 1

    def __len__(self) -> int:
        return self.pieces + 1 + self.units + MARKS


@dataclass(frozen=True)
class Example:
    """A sequence of S places, the token that begins texts first.

    Attributes:
        rows: ``(S,)`` row of the head, -1 where a token of the whole vocabulary stands, -2 where codes do.
        tokens: ``(S,)`` token of the whole vocabulary, -1 where a row stands.
        learnt: ``(S,)`` whether the place is predicted.
        frames: ``(S,)`` duration of a unit that is predicted, else 0.
        codes: ``(N, stack, books)`` of the places where codes stand, in order; None where none do.
    """

    rows: NDArray[np.int64]
    tokens: NDArray[np.int64]
    learnt: NDArray[np.bool_]
    frames: NDArray[np.int64]
    codes: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.rows)


def example(
    elements: Sequence[Element],
    layout: Layout,
    inventory: Inventory,
    encode: Callable[[str], Sequence[int]],
    begin: int,
    *,
    random: np.random.Generator | None = None,
    drop: float = 0.0,
) -> Example | None:
    """Puts the parts of a sequence one behind the other.

    Args:
        elements: the parts.
        layout: of the head.
        inventory: cuts texts.
        encode: token ids of headings.
        begin: token that begins texts.
        random: decides which units of the heard speech are left out; needed where ``drop`` is above 0.
        drop: share of them.

    Returns:
        None where a text cannot be spelled.
    """
    rows, tokens, learnt, frames = [-1], [begin], [False], [0]
    codes: NDArray[np.int64] | None = None

    def add(new: Sequence[int], *, written: bool, durations: Sequence[int] | None = None) -> None:
        rows.extend(new)
        tokens.extend([-1] * len(new))
        learnt.extend([written] * len(new))
        frames.extend(durations if durations is not None and written else [0] * len(new))

    for element in elements:
        if isinstance(element, Heading):
            ids = list(encode(element.text))
            rows += [-1] * len(ids)
            tokens += ids
            learnt += [False] * len(ids)
            frames += [0] * len(ids)
        elif isinstance(element, Words):
            cut = inventory.cut(element.text) if element.text.strip() else []
            if cut is None:
                return None
            add([*cut, layout.end_of_text] if element.ends else cut, written=element.written)
        elif isinstance(element, Codes):
            codes = stacked(element.ids, layout.stack)
            if random is not None and drop:
                codes = codes[random.random(len(codes)) >= drop]
            add([layout.begin, *([READ] * len(codes)), layout.end], written=False)
        else:
            units, durations = collapse(element.ids)
            if not element.written and random is not None and drop:
                kept = random.random(len(units)) >= drop
                units, durations = units[kept], durations[kept]
            # Speech that a heading asks for is begun by who asks; in the middle of a text the model begins it.
            asked = not element.written or tokens[-1] >= 0
            add([layout.begin], written=not asked)
            add((units + layout.first_unit).tolist(), written=element.written, durations=durations.tolist())
            add([layout.end], written=element.written)
    return Example(
        np.array(rows, np.int64), np.array(tokens, np.int64), np.array(learnt, np.bool_), np.array(frames, np.int64),
        codes,
    )  # fmt: skip


def stacked(ids: NDArray[np.int32], stack: int) -> NDArray[np.int64]:
    """Codes ``(books, T)`` as places ``(ceil(T / stack), stack, books)``, the last filled up with its last frame."""
    whole = np.concatenate([ids, np.repeat(ids[:, -1:], -ids.shape[1] % stack, axis=1)], axis=1)
    return np.ascontiguousarray(whole.T.reshape(-1, stack, len(ids)), np.int64)


def log_frames(streams: Sequence[NDArray[np.int32]], size: int) -> NDArray[np.float32]:
    """Mean logarithm ``(K,)`` of each unit's durations, in frames.

    Args:
        streams: ids per frame.
        size: K.
    """
    sums, counts = np.zeros(size), np.zeros(size)
    for ids in streams:
        units, durations = collapse(ids)
        np.add.at(sums, units, np.log(durations))
        np.add.at(counts, units, 1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), LOG_FRAMES).astype(np.float32)


class Meanings:
    """What units were heard as: the mean of a CTC's posteriors over the frames of each unit.

    Args:
        size: K.
        labels: P, without the blank.
    """

    def __init__(self, size: int, labels: int) -> None:
        self._heard = np.zeros((size, labels))
        self._frames = np.zeros(size)

    def add(self, ids: NDArray[np.int32], posteriors: NDArray[np.float32]) -> None:
        """Counts a clip.

        Args:
            ids: ``(T,)`` units.
            posteriors: ``(T', 1 + P)``, column 0 the blank; T and T' may differ by one at the end.
        """
        count = min(len(ids), len(posteriors))
        np.add.at(self._heard, ids[:count], posteriors[:count, 1:])
        np.add.at(self._frames, ids[:count], 1)

    def rows(self, embeddings: NDArray[np.float32], silence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows ``(K + 2, W)`` to begin with: mean embeddings of what each unit was heard as.

        A unit whose frames were mostly blank means little by its label; what is not heard counts as silence. The marks
        begin as silence too. Every row is brought to the typical length of an embedding.

        Args:
            embeddings: ``(P, W)`` of the labels.
            silence: ``(W,)`` embedding that stands for silence.
        """
        heard = self._heard.sum(1, keepdims=True)
        spoken = np.divide(self._heard, heard, out=np.zeros_like(self._heard), where=heard > 0)
        # Labels of a CTC are short peaks in what is blank else: half as many as frames is as sure as it gets.
        sure = np.minimum(1.0, 2 * heard[:, 0] / np.maximum(self._frames, 1))[:, None]
        mixed = sure * (spoken @ embeddings) + (1 - sure) * silence
        rows = np.concatenate([mixed, np.repeat(silence[None], MARKS, axis=0)])
        typical = np.median(np.linalg.norm(embeddings, axis=1))
        lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        return np.asarray(rows * typical / lengths, np.float32)
