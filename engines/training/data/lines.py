"""What is to be said: a line of text, how it is read out, and what it means in English."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SPEAKABLE: Final = {
    "en": re.compile(r"[A-Za-z0-9 ,.;:!?'’\-–—]+"),
    "es": re.compile(r"[A-Za-zÁÉÍÓÚÜÑáéíóúüñ0-9 ,.;:!?¡¿'’\-–—]+"),
    "fr": re.compile(r"[A-Za-zÀÂÇÉÈÊËÎÏÔÙÛÜŸÆŒàâçéèêëîïôùûüÿæœ0-9 ,.;:!?'’«»\-–—]+"),
    "de": re.compile(r"[A-Za-zÄÖÜäöüß0-9 ,.;:!?'’„“\-–—]+"),
}
_ENDS: Final = re.compile(r"(?<=[.!?…])[»”\"]?\s+(?=[«¿¡\"“]?[A-ZÀ-ÖØ-Þ0-9])")
_ABBREVIATED: Final = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Sr|Sra|Jr|Prof|Gen|Col|vs|etc|i\.e|e\.g|[A-Z])\.$")
_SPACES: Final = re.compile(r"\s+")
MOST_WORDS: Final = 20


@dataclass(frozen=True)
class Line:
    """One thing to be said.

    Attributes:
        text: as a person would write it, cased and punctuated.
        language: ISO 639-1 code.
        source: where it comes from, for example ``"wordnet"``.
        spoken: how it is read out, where a synthesiser would misread the text; else empty.
        english: its translation, where one is known; else empty.
    """

    text: str
    language: str
    source: str
    spoken: str = ""
    english: str = ""

    @property
    def said(self) -> str:
        """What a synthesiser is given."""
        return self.spoken or self.text


def tidy(text: str) -> str:
    """One line with plain quotes and single spaces; the dash between words becomes a spaced dash."""
    text = text.replace("\u2019", "'").replace("\u2018", "'").replace("\u2026", "...").replace("\u00a0", " ")
    text = text.replace("\u202f", " ").replace("\u2010", "-").replace("\u2011", "-").replace("\u00ad", "")
    text = re.sub(r"\s*(?:--+|\u2014|\u2015)\s*", " – ", text)
    return re.sub(r"\.{3,}", "...", _SPACES.sub(" ", text)).strip(" –")


def speakable(text: str, language: str, *, most_words: int = MOST_WORDS) -> bool:
    """Whether a text is plain words of a language, 1 to ``most_words`` of them, and nothing else."""
    words = text.split()
    return (
        1 <= len(words) <= most_words
        and _SPEAKABLE[language].fullmatch(text) is not None
        and any(character.isalpha() for character in text)
        and not any(len(word) > 24 for word in words)
        and not re.search(r"[A-Z]{5,}|\d{5,}|(\w)\1{3,}|[:;]-?[)(]|\w[.:]\w{2,}[./]", text)
    )


def sentences(text: str) -> list[str]:
    """Splits a paragraph where a sentence ends and a capital follows; abbreviations do not end one."""
    parts: list[str] = []
    for part in _ENDS.split(text):
        if parts and _ABBREVIATED.search(parts[-1]):
            parts[-1] += " " + part
        else:
            parts.append(part)
    return [part.strip() for part in parts if part.strip()]
