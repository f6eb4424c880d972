"""Chooses the inventory of pieces from the texts that will be trained on."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from num2words import num2words  # type: ignore[import-untyped] # it has no annotations
from tokenizers import Tokenizer

from engines.models.pieces import MARK, Inventory, Piece, spoken

LETTERS = {
    "en": "abcdefghijklmnopqrstuvwxyz'",
    "es": "áéíóúüñ",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "de": "äöüß",
}
"""Letters that CTC labels must be able to spell, per language (English letters always)."""

_PUNCTUATION = ".,?!;:-'\"¿¡()…"


def said(text: str, language: str) -> str:
    """The words of a text as they are said, numbers in words; see :func:`engines.models.pieces.spoken`."""

    def in_words(match: re.Match[str]) -> str:
        return f" {_number(match[0], language)} "

    return spoken(re.sub(r"\d{1,9}", in_words, text))


@lru_cache(maxsize=10_000)
def _number(digits: str, language: str) -> str:
    return str(num2words(int(digits), lang=language))


def choose(
    texts: Iterable[tuple[str, str]], tokenizer: Tokenizer, *, spoken_pieces: int = 1500, written_pieces: int = 900
) -> Inventory:
    """Chooses pieces by frequency, and all letters, digits and marks.

    Args:
        texts: ``(text, language)``; translations count as texts of theirs.
        tokenizer: of the trimmed language model.
        spoken_pieces: how many lower-case pieces become CTC labels.
        written_pieces: how many further pieces can be written.
    """
    low: Counter[str] = Counter()
    high: Counter[str] = Counter()
    letters = set(LETTERS["en"])
    for text, language in texts:
        letters |= set(LETTERS.get(language, ""))
        low.update(_pieces(tokenizer, said(text, language)))
        high.update(_pieces(tokenizer, text))
    alphabet = "".join(sorted(letters))
    singles = {mark + letter for letter in alphabet for mark in ("", MARK)}
    labels = _most(low, spoken_pieces, lambda piece: _spellable(piece, alphabet)) | singles
    capitals = {letter.upper() for letter in alphabet if len(letter.upper()) == 1}
    must = labels | {mark + c for c in capitals | set("0123456789") | set(_PUNCTUATION) for mark in ("", MARK)}
    must.add(MARK)
    known = {piece for piece in must if tokenizer.token_to_id(piece) is not None}
    known |= _most(high, written_pieces, lambda piece: piece not in known)
    total = sum(low.values()) + sum(high.values())
    pieces = tuple(
        Piece(p, tokenizer.token_to_id(p), math.log((low[p] + high[p] + 0.1) / total), p in labels)
        for p in sorted(known)
    )
    return Inventory(pieces, (MARK, *alphabet))


def _pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    return list(tokenizer.encode(" " + text, add_special_tokens=False).tokens) if text else []


def _most(counts: Counter[str], number: int, wanted: object) -> set[str]:
    assert callable(wanted)
    return {piece for piece, _ in [item for item in counts.most_common() if wanted(item[0])][:number]}


def _spellable(piece: str, alphabet: str) -> bool:
    return bool(piece) and all(c in alphabet for c in piece.removeprefix(MARK)) and piece != MARK
