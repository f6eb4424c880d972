"""Italian: the stress of words for which the lexicon has none, or two."""

from __future__ import annotations

import re
from typing import Final

_NUCLEUS: Final = re.compile("(?<![ɡk])[iʊ](?![aeiouɛɔɪʊ])|[aeouɛɔɪ]|[iʊ]$")
_ANTEPENULT: Final = re.compile("(?:id[aoeɪ]|ik[aoe]|iʧ[ɪi]|ol[aoeɪ]|[ai]bil[eɪ]|im[aoeɪ]|zero|sːero|sero|ʎere)$")


def italian(ipa: str) -> str:
    """Stresses a word of several syllables on the last but one, or the third from the end in endings that ask for it.

    Args:
        ipa: as gruut gives it; a word with a stress keeps it, of two the last.
    """
    if "ˈ" in ipa or "ˌ" in ipa:
        head, mark, tail = ipa.rpartition("ˈ")
        return head.replace("ˈ", "ˌ") + mark + tail if mark else ipa
    nuclei = [match.start() for match in _NUCLEUS.finditer(ipa)]
    if len(nuclei) < 2:
        return ipa
    at = nuclei[-3] if len(nuclei) > 2 and _ANTEPENULT.search(ipa) else nuclei[-2]
    return f"{ipa[:at]}ˈ{ipa[at:]}"
