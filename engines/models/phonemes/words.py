"""Looks words up with gruut (MIT): lexicon, part of speech for English and French, and a model for unknown words."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from engines.models.phonemes.french import french
from engines.models.phonemes.italian import italian
from engines.models.phonemes.portuguese import brazilian

_GRUUT: Final = {"en": "en-us", "es": "es-es", "fr": "fr-fr", "it": "it-it", "pt": "pt"}
_PAUSES: Final = frozenset(",;:.!?")
_LETTER_A: Final = "ˈeɪ"


@dataclass(frozen=True)
class Pronounced:
    """A sentence in IPA as espeak writes it.

    Attributes:
        ipa: words separated by single spaces, punctuation directly after the word before it.
        dropped: how many words had no pronunciation.
    """

    ipa: str
    dropped: int


def pronounce(sentence: str, language: str) -> Pronounced:
    """Pronounces one normalised sentence.

    Args:
        sentence: as :func:`engines.models.phonemes.normalise.sentences` yields it.
        language: ``en``, ``es``, ``fr``, ``it`` or ``pt``.
    """
    if len(sentence) > 12 and sentence.isupper():
        sentence = sentence.lower()
    espeak = language != "pt"  # gruut's espeak table for Portuguese is European, its own is Brazilian
    pieces: list[str] = []
    dropped = 0
    for part in _sentences()(sentence, lang=_GRUUT[language], espeak=espeak, post_process=False):
        words = list(part)
        for index, word in enumerate(words):
            mark = word.text.strip()[:1]
            if mark in _PAUSES and not re.search(r"\w", word.text):
                if pieces:
                    pieces[-1] = pieces[-1].rstrip(",;:.!?") + mark
                continue
            ipa = _mended(words, index, language)
            if re.search(r"\w", ipa):
                pieces.append(_stressed(ipa))
            elif re.search(r"\w", word.text):
                dropped += 1
    return Pronounced(" ".join(pieces), dropped)


@cache
def _sentences() -> Callable[..., Iterable[Any]]:
    """The entry of gruut; its import takes most of a second and warns about its own dependencies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from gruut import sentences
    checked: Callable[..., Iterable[Any]] = sentences
    return checked


def _english(words: list[Any], index: int, ipa: str) -> str:
    """Mends what gruut says of single letters and of *the* before a vowel."""
    text = words[index].text
    if text == "A" and (_is_letter(words, index - 1) or _is_letter(words, index + 1)):
        return _LETTER_A
    if text.lower() == "a" and index > 0 and words[index + 1 : index + 2] and words[index + 1].text.lower() == "m":
        return _LETTER_A
    following = "".join(words[index + 1].phonemes or ()) if index + 1 < len(words) else ""
    if text.lower() == "the" and re.match(r"[ˈˌ]?[aeiouæɑɒɔəɚɛɜɪʊʌɐᵻ]", following):
        return "ði"
    return ipa


def _mended(words: list[Any], index: int, language: str) -> str:
    """The phonemes of a word, with what a language needs beyond its lexicon."""
    word = words[index]
    ipa = "".join(word.phonemes or ())
    if language == "en":
        return _english(words, index, ipa)
    if language == "pt":
        return brazilian(word.text, ipa)
    if language == "fr":
        return french(word.text, ipa, *_next(words, index))
    return italian(ipa) if language == "it" else ipa


def _next(words: list[Any], index: int) -> tuple[str, str]:
    """Spelling and phonemes of the word that follows without a pause; empty strings if there is none."""
    if index + 1 >= len(words) or not re.search(r"\w", words[index + 1].text):
        return "", ""
    return words[index + 1].text, "".join(words[index + 1].phonemes or ())


def _is_letter(words: list[Any], index: int) -> bool:
    return 0 <= index < len(words) and re.fullmatch(r"[A-Z]", words[index].text) is not None


def _stressed(ipa: str) -> str:
    """Gives a word that has only a secondary stress a primary one."""
    return ipa.replace("-", "") if "ˈ" in ipa or "ˌ" not in ipa else _raise_last(ipa.replace("-", ""))


def _raise_last(ipa: str) -> str:
    head, _, tail = ipa.rpartition("ˌ")
    return f"{head}ˈ{tail}"
