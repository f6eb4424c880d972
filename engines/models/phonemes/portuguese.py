"""Brazilian Portuguese: puts the stress where the spelling has it, and writes sounds as espeak does.

gruut's own Portuguese lexicon is Brazilian but has no stress marks. The stress of a Portuguese word follows from its
spelling (Acordo Ortográfico, bases VIII–XI): a written accent has it; otherwise words that end in a, e, o (with s, m,
ns) are stressed on the last syllable but one, all others on the last.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CLITICS: Final = frozenset(
    {
        "o", "a", "os", "as", "um", "uma", "uns", "umas", "de", "do", "da", "dos", "das", "em", "no", "na", "nos",
        "nas", "e", "ou", "que", "se", "me", "te", "lhe", "lhes", "por", "com", "sem", "para", "ao", "aos", "à", "às",
        "pelo", "pela", "pelos", "pelas", "mas",
    }
)  # fmt: skip
_VOWEL: Final = "[aeiouɐɔɛəɪʊ]\u0303?"
_NUCLEUS: Final = re.compile(_VOWEL)
_ACUTE: Final = re.compile("[áéíóúâêô]")
_TILDE: Final = re.compile("[ãõ]")
_REWRITES: Final = (
    ("g", "ɡ"),
    ("ɐ\u0303w\u0303", "ɐ\u0303ʊ\u0303"),
    ("e\u0303j\u0303", "eɪŋ"),
    ("ɐ\u0303j\u0303", "ɐ\u0303ɪ\u0303"),
    ("o\u0303j\u0303", "o\u0303ɪ\u0303"),
    ("u\u0303j\u0303", "uɪŋ"),
    ("w\u0303", "ʊ\u0303"),
    ("j\u0303", "ɪ\u0303"),
)


def brazilian(word: str, ipa: str) -> str:
    """Adds stress to a word's phonemes.

    Args:
        word: as it is spelled.
        ipa: gruut's phonemes in one string, without stress.

    Returns:
        IPA in the manner of espeak's ``pt-br``.
    """
    ipa = unicodedata.normalize("NFD", re.sub("[ˈˌ]", "", ipa))
    nuclei = list(_NUCLEUS.finditer(ipa))
    if not nuclei:
        return ipa
    if word.lower() in _CLITICS:
        return _rewrite(ipa, stressed=None)
    return _rewrite(ipa, stressed=nuclei[max(0, len(nuclei) - _from_end(word.lower()))].start())


def _from_end(word: str) -> int:
    """Which syllable is stressed, counted from the last as 1."""
    groups = list(re.finditer(r"[aeiouáéíóúâêôãõàü]", word))
    nuclei = [g for i, g in enumerate(groups) if not _is_glide(word, groups, i)]
    accent = _ACUTE.search(word) or _TILDE.search(word)
    if accent:
        after = sum(1 for nucleus in nuclei if nucleus.start() > accent.start())
        return after + 1
    if re.search(r"(?:[aeo]s?|[ae]m|ens)$", word) and len(nuclei) > 1:
        return 2
    return 1


def _is_glide(word: str, groups: list[re.Match[str]], index: int) -> bool:
    """Whether a vowel letter is the weak half of a diphthong (or silent after q and g)."""
    here = groups[index]
    letter, start = here[0], here.start()
    before = word[start - 1] if start else ""
    after = word[start + 1] if start + 1 < len(word) else ""
    if letter == "u" and before and before in "qg" and after and after in "aeoiéêíáãóô":
        return True
    if letter in "iu" and before and before in "aeoáéóâêôãõ":
        return not (after and after in "zlrnm" and not word[start + 2 : start + 3].strip("bcdfgpqstvz")) or after == ""
    if letter in "eo" and before and before in "ãõ":
        return True
    return letter in "iu" and before in "iu" and before not in ("", letter)


def _rewrite(ipa: str, stressed: int | None) -> str:
    if stressed is None:
        marked = ipa
    else:
        vowel = "a" if ipa[stressed] == "ɐ" and ipa[stressed + 1 : stressed + 2] != "\u0303" else ipa[stressed]
        marked = f"{ipa[:stressed]}ˈ{vowel}{ipa[stressed + 1 :]}"
    for old, new in _REWRITES:
        marked = marked.replace(old, new)
    marked = re.sub(r"([eiu]|o(?!\u0303ɪ))\u0303", r"\1ŋ", marked)
    marked = re.sub(r"ɐ\u0303(?=[tdkɡpbsfvzʃʒ])", "ɐ\u0303ŋ", marked)
    marked = re.sub(r"ej", "eɪ", marked)
    marked = re.sub(r"([aoɔɐu])j", r"\1ɪ", marked)
    marked = re.sub(r"([aeioɔɛɐ])w", r"\1ʊ", marked)
    marked = re.sub(r"u$", "ʊ", marked) if not marked.endswith("ˈu") else marked
    return marked.replace("ʁ", "x")
