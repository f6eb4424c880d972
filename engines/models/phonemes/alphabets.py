"""The phoneme alphabets that the synthesisers were trained on, and their ids.

Piper reads espeak's IPA decomposed into code points. Kokoro reads the alphabet of misaki
(https://github.com/hexgrad/misaki, Apache-2.0, ``EN_PHONES.md`` and the published espeak-to-misaki correspondences):
affricates and diphthongs are single symbols, and English is written phonemically.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Alphabet: TypeAlias = Literal["espeak", "kokoro"]

_ANY: Final = (
    ("ɾɾ", "r"),
    ("tʃ", "ʧ"),
    ("dʒ", "ʤ"),
    ("aɪ", "I"),
    ("aʊ", "W"),
    ("eɪ", "A"),
    ("oʊ", "O"),
    ("əʊ", "Q"),
    ("ɔɪ", "Y"),
)
_ITALIAN: Final = (("ts", "ʦ"), ("dz", "ʣ"))
_ENGLISH: Final = (
    ("ʔn\u0329", "tᵊn"),
    ("ʔən", "tᵊn"),
    ("ɚɹ", "əɹ"),
    ("ɚ", "əɹ"),
    ("r", "ɹ"),
    ("x", "k"),
    ("ç", "k"),
    ("ɐ", "ə"),
    ("ɬ", "l"),
    ("ɜːɹ", "ɜɹ"),
    ("ɜː", "ɜɹ"),
    ("ɪə", "iə"),
    ("ː", ""),
    ("o", "ɔ"),
    ("ɾ", "T"),
    ("ʔ", "t"),
)


@dataclass(frozen=True)
class Encoded:
    """Phonemes as ids.

    Attributes:
        ids: one per symbol that the alphabet has.
        dropped: how many symbols it has not.
    """

    ids: tuple[int, ...]
    dropped: int


def to_alphabet(ipa: str, language: str, alphabet: Alphabet) -> str:
    """Rewrites espeak's IPA in the alphabet of a synthesiser."""
    ipa = unicodedata.normalize("NFD", ipa).replace("g", "ɡ").replace("\u0361", "").replace("\u032f", "")
    ipa = ipa.replace("c\u0327", "ç")
    if alphabet == "espeak":
        return ipa
    for old, new in (*_ANY, *(_ITALIAN if language == "it" else ()), *(_ENGLISH if language == "en" else ())):
        ipa = ipa.replace(old, new)
    if language == "en":
        ipa = re.sub("(\\w)\u0329", r"ᵊ\1", ipa)
        ipa = re.sub(r"əl(?![ˈˌæaɑeɛəiɪoɔuʊʌAIOWY])", "ᵊl", ipa)
        ipa = re.sub(r"T(?=\s|$)", "t", ipa)
        ipa = re.sub(r"(?<![^\s])ə(?=\s)", "ɐ", ipa)  # the article
    return ipa


def encode(phonemes: str, table: Mapping[str, int]) -> Encoded:
    """Looks symbols up; those that are missing are left out and counted (white space is not counted)."""
    ids = tuple(table[symbol] for symbol in phonemes if symbol in table)
    dropped = sum(1 for symbol in phonemes if symbol not in table and not symbol.isspace())
    return Encoded(ids, dropped)
