"""Text and units of speech as one vocabulary: some tokens of the language model and the rows of a trained table.

As in AudioPaLM (arXiv 2306.12925) and SpeechGPT (arXiv 2305.11000) the embedding is extended by audio rows, and one
softmax runs over both. Here the language model's graph stays as it is: rows go in as vectors, and scores come from its
last hidden state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Mode = Literal["text", "units", "both"]
MODES: tuple[Mode, ...] = get_args(Mode)

MARKS = 2
"""Rows behind those of the units: one begins speech, one ends it."""


@dataclass(frozen=True)
class UnitTable:
    """What was trained for K units.

    Attributes:
        rows: ``(K + 2, W)`` in the scale of the head's rows: the units, the begin and the end of speech.
        bias: ``(K + 2,)`` added to their scores.
        log_frames: ``(K,)`` mean natural logarithm of the units' durations in frames.
        tempo: ``(W,)``; its product with the hidden state behind a unit is added to that logarithm.
    """

    rows: NDArray[np.float32]
    bias: NDArray[np.float32]
    log_frames: NDArray[np.float32]
    tempo: NDArray[np.float32]

    @property
    def size(self) -> int:
        """K."""
        return len(self.rows) - MARKS


@dataclass(frozen=True)
class Speech:
    """Units as a part of a sequence.

    Attributes:
        units: ``(N,)`` in [0, K).
        begin: whether the begin of speech stands before them.
        end: whether the end of speech stands behind them.
    """

    units: NDArray[np.integer]
    begin: bool = True
    end: bool = True


@dataclass(frozen=True)
class Vectors:
    """Speech as vectors of its own, which are read and never written; the marks of speech stand around it.

    Attributes:
        rows: ``(N, W)`` in the scale of the head's rows.
    """

    rows: NDArray[np.float32]


MixedPart = Sequence[int] | NDArray[np.integer] | Speech | Vectors
"""Token ids of the language model, units, or vectors."""


class MixedVocabulary:
    """Places of everything that may be written: A tokens of text, K units, the begin and the end of speech.

    Args:
        ids: ``(A,)`` ascending tokens of text, those of ``ends`` among them.
        head: ``(A, W)`` rows of the language model's head.
        ends: tokens that end a text.
        table: of the units.
        scale: of inputs to rows of the head.
    """

    def __init__(
        self, ids: NDArray[np.int64], head: NDArray[np.float32], ends: frozenset[int], table: UnitTable, scale: float
    ) -> None:
        if len(ids) != len(head) or head.shape[1] != table.rows.shape[1]:
            raise ValueError(f"{len(ids)} tokens and rows {head.shape}, {table.rows.shape} do not go together")
        self.ids = ids
        self.ends = ends
        self.table = table
        self.head = np.concatenate([head, table.rows]).astype(np.float32)
        self.bias = np.concatenate([np.zeros(len(ids)), table.bias]).astype(np.float32)
        self.scale = np.float32(scale)
        self.begin = len(ids) + table.size
        self.end = self.begin + 1

    def __len__(self) -> int:
        return len(self.head)

    @cached_property
    def _places(self) -> dict[int, int]:
        return {int(token): place for place, token in enumerate(self.ids)}

    @cached_property
    def _ending(self) -> NDArray[np.int64]:
        return np.array([place for place, token in enumerate(self.ids.tolist()) if token in self.ends], np.int64)

    def is_text(self, place: int) -> bool:
        """Whether a place is a token of text."""
        return place < len(self.ids)

    def is_unit(self, place: int) -> bool:
        """Whether a place is a unit."""
        return len(self.ids) <= place < self.begin

    def is_end(self, place: int) -> bool:
        """Whether a place ends a text."""
        return self.is_text(place) and int(self.ids[place]) in self.ends

    def unit(self, place: int) -> int:
        """The unit at a place."""
        return place - len(self.ids)

    def allowed(self, mode: Mode, *, speaking: bool, last: int | None) -> NDArray[np.bool_]:
        """What may come next, ``(len(self),)``.

        Args:
            mode: ``text``: tokens of text; ``units``: units and the end of speech; ``both``: while speech is being
                written units and its end, else tokens of text and the begin of speech.
            speaking: whether speech has begun and not ended.
            last: place written just before, if any: runs are joined, so a unit never follows itself, and speech never
                ends before it has a unit, nor begins where it has just ended.
        """
        found = np.zeros(len(self), np.bool_)
        if mode == "text" or (mode == "both" and not speaking):
            found[: len(self.ids)] = True
            found[self.begin] = mode == "both" and last != self.end
            return found
        found[len(self.ids) : self.begin] = True
        found[self.end] = last is not None and self.is_unit(last)
        if last is not None and self.is_unit(last):
            found[last] = False
        return found

    def end_of(self, mode: Mode, *, speaking: bool) -> int:
        """The place that ends what is being written."""
        return self.end if speaking and mode != "text" else int(self._ending[0])

    def encode(self, parts: Sequence[MixedPart]) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
        """Parts as the graph takes them, one behind the other.

        Returns:
            ids ``(P,)``, -1 where a vector stands; vectors ``(P, W)``, zeros where a token stands; places ``(P,)``, -1
            for tokens that may not be written and for vectors.

        Raises:
            ValueError: there is no such unit.
        """
        ids: list[int] = []
        places: list[int] = []
        given: list[tuple[int, NDArray[np.float32]]] = []
        for part in parts:
            if isinstance(part, Vectors):
                given.append((len(places) + 1, part.rows))
                places += [self.begin, *([-1] * len(part.rows)), self.end]
                ids += [-1] * (len(part.rows) + 2)
            elif isinstance(part, Speech):
                units = np.asarray(part.units, np.int64)
                if units.size and (units.min() < 0 or units.max() >= self.table.size):
                    raise ValueError(f"units must be from 0 to {self.table.size - 1}")
                here = [self.begin] * part.begin + (units + len(self.ids)).tolist() + [self.end] * part.end
                places += here
                ids += [-1] * len(here)
            else:
                tokens = np.asarray(part, np.int64).tolist()
                ids += tokens
                places += [self._places.get(token, -1) for token in tokens]
        vectors = self.vectors(np.array(places, np.int64))
        for place, rows in given:
            vectors[place : place + len(rows)] = rows * self.scale
        return np.array(ids, np.int64), vectors, np.array(places, np.int64)

    def vectors(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Input vectors ``(P, W)`` of units and marks; zeros for text."""
        found = np.zeros((len(places), self.head.shape[1]), np.float32)
        own = places >= len(self.ids)
        found[own] = self.head[places[own]] * self.scale
        return found

    def scores(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores ``(N, len(self))`` from hidden states ``(N, W)``."""
        found: NDArray[np.float32] = states @ self.head.T + self.bias
        return found

    def frames(self, unit: int, state: NDArray[np.float32]) -> int:
        """Duration of a unit from the hidden state behind it, in frames (as pGSLM predicts it, arXiv 2109.03264)."""
        logarithm = float(self.table.log_frames[unit] + state @ self.table.tempo)
        return max(1, round(float(np.exp(min(logarithm, 6.0)))))
