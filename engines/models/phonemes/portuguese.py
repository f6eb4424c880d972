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
_WORDS: Final = {"muito": "mwˈiŋtʊ", "muita": "mwˈiŋtæ", "muitos": "mwˈiŋtʊs", "muitas": "mwˈiŋtæs", "o": "ʊ", "e": "i",
                 "um": "ũ", "uma": "uma", "a": "a", "à": "a", "as": "as", "às": "as",
    "da": "da", "das": "das", "na": "na", "nas": "nas", "é": "ˈɛ"}  # fmt: skip
_NUCLEUS: Final = re.compile("[aeiouɐɔɛəɪʊ]\u0303?")
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
    ("([eiou])\u0303(?=ˈ?[mnɲ])", r"\1"),
    ("e\u0303", "eɪŋ"),
    ("([iu]|o(?!\u0303ɪ))\u0303", r"\1ŋ"),
    ("ŋ(?=[pb])", "m"),
    ("ɐ\u0303(?=[pb])", "ɐ\u0303m"),
    ("ɐ\u0303(?=[tdkɡsfvzʃʒ])", "ɐ\u0303ŋ"),
    ("ej", "eɪ"),
    ("([aoɔɐu])j", r"\1ɪ"),
    ("([aeioɔɛɐ])w", r"\1ʊ"),
    ("[ʁɹɾ](?=[pbtdkɡfvszʃʒmnlʎɲ])", "ɾə"),
    ("[ʁɹɾ]$", "r"),
    ("(?<=[pbtdkɡfv])ɾ", "r"),
    ("ʁ", "x"),
    ("ʎ", "lj"),
    ("(?<!ˈ)u(?=s?$)", "ʊ"),
    ("(?<!ˈ)ɐ(?=s?$)", "æ"),
    ("ɐ(?!\u0303)", "a"),
)


def brazilian(word: str, ipa: str) -> str:
    """Adds stress to a word's phonemes.

    Args:
        word: as it is spelled.
        ipa: gruut's phonemes in one string, without stress.

    Returns:
        IPA in the manner of espeak's ``pt-br``.
    """
    low = unicodedata.normalize("NFC", word.lower())
    if low in _WORDS:
        return _WORDS[low]
    ipa = unicodedata.normalize("NFD", re.sub("[ˈˌ]", "", ipa))
    if low.endswith("z"):
        ipa = re.sub("(?<=[aeiouɔɛɐ])js$", "s", ipa)  # the lexicon has the glide of Rio and São Paulo
    nuclei = [match.start() for match in _NUCLEUS.finditer(ipa)]
    if nuclei and low not in _CLITICS:
        index = _stressed(low, len(nuclei))
        at = nuclei[index]
        ipa = f"{ipa[:at]}ˈ{ipa[at:]}"
        if index >= 2:
            ipa = f"{ipa[: nuclei[0]]}ˌ{ipa[nuclei[0] :]}"
    for pattern, replacement in _REWRITES:
        ipa = re.sub(pattern, replacement, ipa)
    return re.sub("i(?=s?$)", "y", ipa) if re.search("es?$", low) and not ipa.endswith("ˈi") else ipa


def _stressed(word: str, count: int) -> int:
    """Which of ``count`` vowels of the pronunciation is stressed, from 0."""
    letters = list(re.finditer(r"[aeiouáéíóúâêôãõàü]", word))
    nuclei = [letter.start() for index, letter in enumerate(letters) if not _is_glide(word, letters[index])]
    accent = _ACUTE.search(word) or _TILDE.search(word)
    if accent:
        return min(sum(1 for start in nuclei if start < accent.start()), count - 1)
    from_end = 2 if re.search(r"(?:[aeo]s?|[ae]m|ens)$", word) and len(nuclei) > 1 else 1
    return max(0, count - from_end)


def _is_glide(word: str, letter: re.Match[str]) -> bool:
    """Whether a vowel letter is the weak half of a diphthong, or silent after q and g."""
    vowel, start = letter[0], letter.start()
    before = word[start - 1] if start else ""
    after = word[start + 1 : start + 2]
    if vowel == "u" and before and before in "qg" and after and after in "aeoiéêíáãóô":
        return True
    if vowel in "iu" and before and before in "aeoáéóâêôãõ":
        closes = bool(after) and after in "zlrnm" and word[start + 2 : start + 3] not in tuple("aeiouáéíóúâêôãõh")
        return not closes
    if vowel in "eo" and before and before in "ãõ":
        return True
    silent = before == "u" and start > 1 and word[start - 2] in "qg"
    return vowel in "iu" and before != "" and before in "iu" and before != vowel and not silent
