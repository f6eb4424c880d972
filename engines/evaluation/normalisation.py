"""Brings texts to a form in which only what was said differs, as the Whisper paper does (Radford et al. 2022, C)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Final, cast

UNSPACED: Final = frozenset({"zh", "ja", "th", "lo", "my", "bo", "km", "yue"})
"""Languages that are written without spaces between words."""


def normalise(text: str, language: str | None) -> str:
    """Lower case, no punctuation; for English numbers, spellings and contractions in one form."""
    return " ".join(_normaliser("en" if language == "en" else None)(text).split())


@cache
def _normaliser(language: str | None) -> Callable[[str], str]:
    if language == "en":
        from whisper_normalizer.english import EnglishTextNormalizer

        return cast(Callable[[str], str], EnglishTextNormalizer())
    from whisper_normalizer.basic import BasicTextNormalizer

    return cast(Callable[[str], str], BasicTextNormalizer())


def units(text: str, language: str | None) -> list[str]:
    """The words of a normalised text; in languages without spaces its characters (Latin words stay whole)."""
    if language in UNSPACED:
        return re.findall(r"[a-z0-9]+|\S", text)
    return text.split()


def bare(word: str) -> str:
    """One word without punctuation, in one case, for comparing words in place."""
    kept = (char for char in unicodedata.normalize("NFKC", word) if unicodedata.category(char)[0] not in "PSZC")
    return "".join(kept).casefold()
