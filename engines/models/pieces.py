"""The small inventory of pieces that CTC heads predict and engines of speech write.

Gemma's own vocabulary is far larger than a little training data can cover. The inventory is a part of it: the pieces
that are frequent in the training texts, and every letter, so that any word can be spelled. A text is cut into pieces
by Viterbi search with unigram scores (Kudo, arXiv 1804.10959). CTC labels are those pieces that lower-case words
without punctuation are made of; texts are written with all of them.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import GraphInvalid

MARK = "▁"
"""Stands for the space before a word, as in Gemma's vocabulary."""

_LONGEST = 16
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Piece:
    """One piece.

    Attributes:
        text: as in the language model's vocabulary, with ``▁`` for a space.
        id: in the trimmed vocabulary of the language model's graph.
        score: unigram log-probability.
        ctc: whether it is a CTC label too.
    """

    text: str
    id: int
    score: float
    ctc: bool


class Inventory:
    """The pieces in order; places in it are the labels of the training bench.

    Args:
        pieces: unique texts; among them every letter that shall be written.
        characters: labels of the character CTC, ``▁`` among them.
    """

    def __init__(self, pieces: tuple[Piece, ...], characters: tuple[str, ...]) -> None:
        self.pieces = pieces
        self.characters = characters
        self._places = {piece.text: place for place, piece in enumerate(pieces)}
        self._written = {piece.text: piece.score for piece in pieces}
        self._spoken = {piece.text: piece.score for piece in pieces if piece.ctc}

    @classmethod
    def read(cls, file: Path) -> Inventory:
        """Reads ``pieces.json``.

        Raises:
            GraphInvalid: the file is missing or not what it should be.
        """
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            pieces = tuple(Piece(p["text"], int(p["id"]), float(p["score"]), bool(p["ctc"])) for p in data["pieces"])
            return cls(pieces, tuple(data["characters"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GraphInvalid(
                f"The list of pieces {file.name} is missing or damaged.", "Reinstall Triptych."
            ) from error

    def write(self, file: Path) -> None:
        """Writes ``pieces.json``."""
        rows = [{"text": p.text, "id": p.id, "score": round(p.score, 4), "ctc": p.ctc} for p in self.pieces]
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        head = json.dumps(list(self.characters), ensure_ascii=False)
        file.write_text(f'{{"characters": {head},\n"pieces": [\n{lines}\n]}}\n', encoding="utf-8")

    def __len__(self) -> int:
        return len(self.pieces)

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """``(n,)`` ids in the trimmed vocabulary, by place."""
        return np.array([piece.id for piece in self.pieces], np.int64)

    @cached_property
    def ctc(self) -> NDArray[np.int64]:
        """``(P,)`` places of the CTC labels: column ``c`` of a CTC head (1 … P) stands for place ``ctc[c - 1]``."""
        return np.array([place for place, piece in enumerate(self.pieces) if piece.ctc], np.int64)

    def place(self, text: str) -> int:
        """Place of a piece.

        Raises:
            KeyError: it is none.
        """
        return self._places[text]

    def cut(self, text: str) -> list[int] | None:
        """Places of the pieces of a text as it is written, a space before it assumed; None if it cannot be spelled."""
        found = _viterbi(MARK + " ".join(text.split()).replace(" ", MARK), self._written)
        return None if found is None else [self._places[piece] for piece in found]

    def cut_spoken(self, text: str) -> list[int] | None:
        """Places of the CTC labels of a text's words (see :func:`spoken`); None if they cannot be spelled."""
        places: list[int] = []
        for word in spoken(text).split():
            found = _viterbi(MARK + word, self._spoken)
            if found is None:
                return None
            places += [self._places[piece] for piece in found]
        return places

    def characters_of(self, text: str) -> list[int] | None:
        """Character-CTC columns (1 …) of a text's words, ``▁`` before each; None if one is missing."""
        columns = {character: column for column, character in enumerate(self.characters, 1)}
        try:
            return [columns[c] for word in spoken(text).split() for c in MARK + word]
        except KeyError:
            return None

    def text(self, places: list[int]) -> str:
        """The text that pieces make."""
        return "".join(self.pieces[place].text for place in places).replace(MARK, " ").strip()


def spoken(text: str) -> str:
    """The words of a text as they are said: lower case, no punctuation but apostrophes inside words."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFC", text).lower().replace("’", "'")))


def _viterbi(text: str, scores: dict[str, float]) -> list[str] | None:
    """The likeliest cut of a text into pieces."""
    best = [0.0] + [-math.inf] * len(text)
    back = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        for begin in range(max(0, end - _LONGEST), end):
            score = scores.get(text[begin:end])
            if score is not None and best[begin] + score > best[end]:
                best[end], back[end] = best[begin] + score, begin
    if best[-1] == -math.inf:
        return None
    found: list[str] = []
    end = len(text)
    while end:
        found.append(text[back[end] : end])
        end = back[end]
    return found[::-1]
