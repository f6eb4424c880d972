"""Codes made of units as they come: a short chunk first, longer ones later, each behind what was made before it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.errors import TokensInvalid
from engines.models.codes import Codes
from engines.runtime import cancellation

if TYPE_CHECKING:
    from engines.models.stage_two import Prompt

_FIRST: Final = 16
"""Frames of the first chunk: a third of a second."""
_LONGEST: Final = 64
_GROWTH: Final = 2
_AHEAD: Final = 10
"""Frames behind a chunk whose units are looked at, where there are such."""
_BEFORE: Final = 50
"""Frames before a chunk whose codes are looked at."""
_UNKNOWN: Final = -1


class CodeSource(Protocol):
    """What scores codes; see :class:`engines.models.stage_two.StageTwo`."""

    def scores(self, units: NDArray[np.int64], codes: NDArray[np.int64], prompt: Prompt) -> NDArray[np.float32]:
        """Scores ``(T, codes)`` of the first codebook."""
        ...

    def rest(self, units: NDArray[np.int64], codes: NDArray[np.int64], prompt: Prompt) -> NDArray[np.int64]:
        """Codes ``(books - 1, T)`` of the others."""
        ...

    def checked(self, units: NDArray[np.integer]) -> NDArray[np.int64]:
        """Units that exist."""
        ...

    @property
    def shape(self) -> _Shape: ...  # noqa: D102 -- told above


class _Shape(Protocol):
    @property
    def books(self) -> int: ...


class CodeStream:
    """Takes units at 25 Hz and gives codes at 50 Hz as soon as what they look at is known.

    Args:
        source: scores codes.
        prompt: the voice.
        books: codebooks that are made.
        rounds: in which the first one is made.
        temperature: of the first one.
        seed: of what is drawn.
        most: frames of 50 Hz that are made at most.
    """

    def __init__(
        self, source: CodeSource, prompt: Prompt, *, books: int, rounds: int, temperature: float, seed: int, most: int
    ) -> None:
        self._source, self._prompt, self._books = source, prompt, books
        self._rounds, self._temperature, self._most = rounds, temperature, most
        self._random = np.random.default_rng(seed)
        self._units = np.zeros(0, np.int64)
        self._codes: NDArray[np.int64] = np.zeros((source.shape.books, 0), np.int64)
        self._before = 0
        """Frames that were let go."""
        self._next = _FIRST

    @property
    def frames(self) -> int:
        """Frames of 50 Hz that were taken."""
        return self._before + len(self._units)

    def push(self, units: NDArray[np.integer]) -> Iterator[Codes]:
        """Takes units ``(T,)`` at 25 Hz; yields codes ``(books, n)`` that they settle.

        Raises:
            TokensInvalid: a unit does not exist, or there are more than may be spoken.
            Cancelled: the user cancelled between two chunks.
        """
        more = np.repeat(self._source.checked(units), 2)
        if self.frames + len(more) > self._most:
            raise TokensInvalid(
                f"The units take more than {self._most / 50:g} s, which is the most that is spoken.",
                "Speak less at a time.",
            )
        self._units = np.concatenate([self._units, more])
        while len(self._units) - self._codes.shape[1] >= self._next + _AHEAD:
            yield self._chunk(self._next)

    def finish(self) -> Iterator[Codes]:
        """Yields the rest; nothing may be pushed afterwards."""
        while (left := len(self._units) - self._codes.shape[1]) > 0:
            yield self._chunk(min(left, self._next))

    def _chunk(self, length: int) -> Codes:
        """Makes so many frames behind those that were made."""
        done = self._codes.shape[1]
        units = self._units[: done + length + _AHEAD]
        codes = np.full((self._codes.shape[0], len(units)), _UNKNOWN, np.int64)
        codes[:, :done] = self._codes
        self._first_book(units, codes, done)
        if self._books > 1:
            cancellation.check()
            rest = self._source.rest(units, codes, self._prompt)
            codes[1 : self._books, done:] = rest[: self._books - 1, done:]
        made = codes[:, done : done + length]
        self._codes = np.concatenate([self._codes, made], axis=1)
        self._next = min(_LONGEST, self._next * _GROWTH)
        gone = max(0, self._codes.shape[1] - _BEFORE)
        self._codes, self._units, self._before = self._codes[:, gone:], self._units[gone:], self._before + gone
        return made[: self._books].astype(np.int32)

    def _first_book(self, units: NDArray[np.int64], codes: NDArray[np.int64], done: int) -> None:
        """Fills in the first codebook from ``done`` on: in each round the surest codes stay."""
        open_ones = len(units) - done
        for number in range(1, self._rounds + 1):
            cancellation.check()
            scores = self._source.scores(units, codes, self._prompt)[done:]
            masked = codes[0, done:] == _UNKNOWN
            ids, sure = self._drawn(scores)
            if number < self._rounds and self._temperature:
                # Noise that fades lets unlikely beginnings survive the first rounds (MaskGIT's choice temperature).
                left = 1 - number / self._rounds
                sure = sure + left * self._temperature * self._random.gumbel(size=len(sure))
            sure[~masked] = np.inf
            filled = np.where(masked, ids, codes[0, done:])
            again = (
                math.floor(open_ones * math.cos(math.pi / 2 * number / self._rounds)) if number < self._rounds else 0
            )
            again = min(again, int(masked.sum()) - 1)
            filled[np.argsort(sure, kind="stable")[: max(0, again)]] = _UNKNOWN
            codes[0, done:] = filled
            if not (filled == _UNKNOWN).any():
                return

    def _drawn(self, scores: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """A code per frame of scores ``(T, codes)``, and its log-probability."""
        values = scores.astype(np.float64)
        logs = values - values.max(1, keepdims=True)
        logs -= np.log(np.exp(logs).sum(1, keepdims=True))
        told = logs
        if self._temperature:
            told = logs / self._temperature + self._random.gumbel(size=logs.shape)
        ids = told.argmax(1)
        return ids, logs[np.arange(len(ids)), ids]
