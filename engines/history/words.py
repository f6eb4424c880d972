"""How texts are searched: whole words and their beginnings, without regard to case and accents, in every script."""

from __future__ import annotations

import re
from typing import Final

_UNSPACED: Final = re.compile(
    r"([\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff])"
)

_UNASKABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Controls, of which NUL would end the query, and halves of letters, which are not UTF-8."""


def spaced(text: str) -> str:
    """Text with every letter of a script that writes no spaces as a word of its own."""
    return " ".join(_UNSPACED.sub(r" \1 ", text).split())


def query(text: str) -> str:
    """What a person typed as an FTS5 query: all words must occur, the last letters of each may be missing.

    Nothing in it is an operator. Empty where there is no letter or figure.
    """
    terms = [term for term in _UNASKABLE.sub(" ", text).split() if any(letter.isalnum() for letter in term)]
    return " ".join('"' + spaced(term.replace('"', " ")) + '"*' for term in terms)
