"""Turns written text into sentences of words that can be looked up.

Order: Unicode forms, what cannot be spoken (counted), abbreviations, sentences, numbers, symbols.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from engines.models.phonemes.locales import LOCALES
from engines.models.phonemes.numbers import spell_numbers

_FORMS: Final = str.maketrans(
    {
        "’": "'", "‘": "'", "ʼ": "'", "“": " ", "”": " ", "„": " ", "«": " ", "»": " ", '"': " ", "`": " ",
        "–": "–", "—": ", ", "―": ", ", "…": "...", "¿": " ", "¡": " ", "*": " ", "_": " ", "~": " ", "|": " ",
        "[": ", ", "]": ", ", "{": ", ", "}": ", ", "(": ", ", ")": ", ", "\\": " ", "^": " ", "•": " ",
        "\u00ad": "", "\u200b": "", "\u2060": "", "\ufeff": "",
        "、": ", ", "，": ", ", "。": ". ", "．": ". ", "！": "! ", "？": "? ", "：": ": ", "；": "; ",
        "《": " ", "》": " ", "「": " ", "」": " ", "『": " ", "』": " ", "【": ", ", "】": ", ", "·": " ",
    }
)  # fmt: skip
_UNSPEAKABLE: Final = frozenset({"So", "Sk", "Cs", "Cn", "Co", "Cc", "Cf"})
_KEPT: Final = frozenset("°\n")


@dataclass(frozen=True)
class Cleaned:
    """Text without what has no sound.

    Attributes:
        text: the text.
        dropped: how many characters (emoji, control characters, …) were taken out.
    """

    text: str
    dropped: int


def clean(text: str) -> Cleaned:
    """Brings a text to one Unicode form (NFC; full-width to ASCII) and takes out what has no sound."""
    text = text.replace("º", "\ue000").replace("ª", "\ue001").replace("…", "...")
    text = unicodedata.normalize("NFKC", text).replace("\ue000", "º").replace("\ue001", "ª").translate(_FORMS)
    text = re.sub(r"[\r\n\u2028\u2029]+", "\n", text)
    kept, dropped = [], 0
    for character in text:
        category = unicodedata.category(character)
        if character in _KEPT or category not in _UNSPEAKABLE:
            kept.append(character)
        else:
            kept.append(" ")
            dropped += character not in "\t\v\f\u200d"
    return Cleaned("".join(kept), dropped)


def sentences(text: str, language: str) -> Iterator[str]:
    """Yields the sentences of a cleaned text with numbers and symbols written out.

    Args:
        text: as :func:`clean` returns it.
        language: a key of :data:`engines.models.phonemes.locales.LOCALES`.
    """
    for sentence in split(expand_abbreviations(text, language)):
        yield tidy(spell_symbols(spell_numbers(_addresses(sentence, language), language), language))


def expand_abbreviations(text: str, language: str) -> str:
    """Writes abbreviations out, so that their stops end no sentence."""
    table = LOCALES[language].abbreviations
    alternatives = "|".join(re.escape(short) for short in sorted(table, key=len, reverse=True))

    def expand(match: re.Match[str]) -> str:
        rest = match.string[match.end() :]
        ends = not rest.strip() or (re.match(r"\s+[A-ZÀ-Ý]", rest) and match[1] in {"etc", "p.m", "a.m", "ecc"})
        return table[match[1]] + ("." if ends else "")

    text = re.sub(rf"(?<![\w.])({alternatives})\.(?!\w)", expand, text)
    text = re.sub(r"\b([A-Z])\.(?=\s?[A-Z])", r"\1 ", text)  # initials
    return re.sub(r"(?<=\d)\s?([ap])\.?m\b\.?", r" \1 m", text) if language == "en" else text


def split(text: str) -> list[str]:
    """Cuts a text into sentences at stops, question and exclamation marks and line ends."""
    parts = re.split(r"(?<=[.!?])(?<!\.\.\.)['\")]*\s+|(?<=\.\.\.)\s+(?=[A-ZÀ-Ý])|\n+", text)
    return [part.strip() for part in parts if part and part.strip()]


def spell_symbols(text: str, language: str) -> str:
    """Replaces symbols by words; a few that only separate become spaces."""
    symbols = LOCALES[language].symbols
    text = re.sub(r"#(?=[^\W\d])", " ", text)  # a hashtag is read as its word
    text = re.sub("|".join(map(re.escape, symbols)), lambda m: f" {symbols[m[0]]} ", text)
    return re.sub(r"[/\u2044]", " ", text)


def tidy(text: str) -> str:
    """Removes doubled and stray spaces and punctuation."""
    text = re.sub(r"(?<=\w)[-–](?=\w)|\s[-–]+\s|[–]", " ", text)
    text = re.sub(r"(?<!\w)-+|-+(?!\w)", " ", text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    text = re.sub(r"[,;:]+(?=[,.;:!?])", "", text)
    return re.sub(r"^[\s,.;:!?]+(?=\w)", "", text).strip()


def _addresses(text: str, language: str) -> str:
    """Reads the stops in web and mail addresses aloud."""
    dot = {"en": "dot", "es": "punto", "fr": "point", "it": "punto", "pt": "ponto"}[language]
    text = re.sub(r"\bhttps?://(?:www\.)?", "", text)
    return re.sub(r"(?<=[A-Za-z])\.(?=[a-z]{2,})", f" {dot} ", text)
