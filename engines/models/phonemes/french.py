"""French liaison, and the words that bear no stress.

gruut's own liaison step appends the linking sound to the entry of its lexicon, so that it stays there for the rest of
the process (2.4.0), and some entries hold one already. The step is therefore switched off, such entries are mended, and
the liaisons that every speaker makes are added here: after determiners, clitic pronouns, short prepositions, a few
adverbs and adjectives.
"""

from __future__ import annotations

from typing import Final

_LINKS: Final = {
    **dict.fromkeys(
        ("les", "des", "ces", "mes", "tes", "ses", "nos", "vos", "leurs", "aux", "plusieurs", "quelques", "quels",
         "quelles", "certains", "deux", "trois", "six", "dix", "nous", "vous", "ils", "elles", "dans", "chez", "sans",
         "sous", "très", "plus", "moins", "bons", "grands", "petits", "autres", "beaux"), "z"),
    **dict.fromkeys(("un", "mon", "ton", "son", "aucun", "on", "en", "bien", "rien"), "n"),
    **dict.fromkeys(("est", "c'est", "sont", "quand", "grand", "petit", "tout", "cet", "vingt", "cent"), "t"),
}  # fmt: skip
_WEAK: Final = frozenset(
    {
        "de", "du", "des", "le", "la", "les", "ne", "me", "te", "se", "ce", "ces", "un", "une", "au", "aux", "et", "en",
        "à", "mon", "ma", "mes", "ton", "ta", "tes", "son", "sa", "ses", "notre", "votre", "nos", "vos", "je", "tu",
        "il", "elle", "on", "nous", "vous", "ils", "elles", "que", "qui", "ou", "dans", "par", "pour", "sur", "avec",
    }
)  # fmt: skip
_ASPIRATED: Final = (
    "haricot", "haut", "héros", "honte", "hasard", "huit", "hors", "hibou", "hall", "hamster", "handicap", "haine",
    "hanche", "harpe", "hache", "hockey", "holland", "hutte", "hongr", "hurl", "hausse", "hériss", "homard", "onz",
    "oui",
)  # fmt: skip
_SOUNDED: Final = frozenset({"six", "dix"})
_MUTE_T: Final = frozenset({"ont", "est", "sont", "font", "vont", "tout", "c'est", "n'est", "n'ont", "fait"})
_DETERMINERS: Final = frozenset({"les", "des", "ces", "mes", "tes", "ses", "nos", "vos", "leurs"})
_VOWELS: Final = frozenset("aeiouyøœɔɛəɑ")


def french(word: str, ipa: str, following: str, following_ipa: str) -> str:
    """Adds the liaison to a word and takes the stress from one that never has it.

    Args:
        word: as it is spelled.
        ipa: its phonemes alone.
        following: the next word's spelling; empty before a pause.
        following_ipa: the next word's phonemes.
    """
    low, after = word.lower(), following.lower()
    if low in _WEAK:
        ipa = ipa.replace("ˈ", "").replace("ˌ", "")
    ipa = _without_link(low, ipa)
    if low == "tous" and after in _DETERMINERS:
        ipa = "tu"
    link = _LINKS.get(low, "")
    onset = following_ipa.lstrip("ˈˌ")[:1]
    links = bool(link) and (onset in _VOWELS or after == "yeux") and bool(onset)
    return ipa + link if links and not after.startswith(_ASPIRATED) and not ipa.endswith(link) else ipa


def _without_link(word: str, ipa: str) -> str:
    """Takes away a linking sound that the lexicon has at the end of a word."""
    if word.endswith(("s", "x", "ez")) and word not in _SOUNDED:
        return ipa.removesuffix("z")
    if word.endswith("n") and ipa.endswith("\u0303n"):
        return ipa[:-1]
    return ipa.removesuffix("t") if word in _MUTE_T else ipa
