"""English text from folders of Debian packages: WordNet's example phrases and the fortunes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engines.errors import CorpusInvalid
from engines.training.data.lines import Line, sentences, speakable, tidy

_WORDNET: Final = ("data.noun", "data.verb", "data.adj", "data.adv")
_QUOTED: Final = re.compile(r'"([^"]+)"')
_RUDE: Final = re.compile(r"\b(?:fuck|shit|cunt|nigg|whore|rape|faggot|sex|penis|vagina|bitch)", re.IGNORECASE)
_DULL: Final = {
    "offensive",
    "drugs",
    "perl",
    "linux",
    "debian",
    "knghtbrd",
    "linuxcookie",
    "ascii-art",
    "art",
    "computers",
}


def wordnet(folder: Path) -> Iterator[Line]:
    """Example phrases of WordNet, written as sentences: with a capital and, where they are clauses, a full stop.

    Args:
        folder: the one that holds ``data.noun`` and the others.

    Raises:
        CorpusInvalid: they are not there.
    """
    files = [folder / name for name in _WORDNET if (folder / name).is_file()]
    if not files:
        raise CorpusInvalid(
            f"There are no files of WordNet in {folder}.",
            "Install the Debian package wordnet-base, or name its folder.",
        )
    for file in files:
        for row in file.read_text(encoding="utf-8", errors="replace").splitlines():
            for phrase in _QUOTED.findall(row.partition("|")[2]):
                text = written(tidy(phrase))
                if len(text.split()) >= 2 and speakable(text, "en") and not _RUDE.search(text):
                    yield Line(text, "en", "wordnet")


def written(phrase: str) -> str:
    """A phrase as one writes it when it stands alone: "the cat slept" becomes "The cat slept." with its stop."""
    if not phrase:
        return ""
    text = re.sub(r"\bi\b(?!\.)", "I", phrase[0].upper() + phrase[1:])
    return text if text[-1] in ".!?" else text.rstrip(",;:- ") + "."


def fortunes(folder: Path) -> Iterator[Line]:
    """Sentences of the fortune files, without signatures, verses' line breaks and what is not plain prose.

    Args:
        folder: holds files of sayings between lines of ``%``.

    Raises:
        CorpusInvalid: there are none.
    """
    files = [
        file
        for file in sorted(folder.glob("*"))
        if file.is_file() and not file.suffix and file.name not in _DULL and not file.is_symlink()
    ]
    if not files:
        raise CorpusInvalid(
            f"There are no fortune files in {folder}.", "Install the Debian package fortunes, or name its folder."
        )
    for file in files:
        for saying in re.split(r"(?m)^%\s*$", file.read_text(encoding="utf-8", errors="replace")):
            body = re.split(r"(?m)^\s*(?:--|\u2014)", saying)[0]
            for text in sentences(tidy(body)):
                plain = text[0].isupper() and text[-1] in ".!?" and len(text.split()) >= 2
                if plain and speakable(text, "en") and not _RUDE.search(text):
                    yield Line(text, "en", "fortunes")
