"""Sentences with their English, from the message catalogues of programs that tell stories (gettext ``.mo``)."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engines.errors import CorpusInvalid
from engines.training.data.lines import Line, sentences, speakable, tidy

_MARKUP: Final = re.compile(r"[$%{}<>|_=~*/\\^#\[\]@&+]")
_HINT: Final = (
    "Unpack catalogues of Debian packages, for example of wesnoth-1.16-data and the campaigns wesnoth-1.16-*, "
    "and name the folder."
)


def catalogues(folder: Path, language: str) -> list[Path]:
    """All ``.mo`` files of a language below a folder.

    Raises:
        CorpusInvalid: there are none.
    """
    found = sorted(path for path in folder.rglob("*.mo") if language in path.parts)
    if not found:
        raise CorpusInvalid(f"There are no message catalogues for {language!r} below {folder}.", _HINT)
    return found


def translated(folder: Path, language: str) -> Iterator[Line]:
    """Sentences of a language with their English.

    A message of several sentences is taken apart where both sides have equally many.

    Args:
        folder: is searched for ``<language>/…/*.mo``.
        language: ISO 639-1 code.

    Raises:
        CorpusInvalid: there are no catalogues.
    """
    seen: set[str] = set()
    for english, foreign in _messages(folder, language):
        ours, theirs = sentences(tidy(english)), sentences(tidy(foreign))
        pairs = list(zip(ours, theirs, strict=True)) if len(ours) == len(theirs) else [(tidy(english), tidy(foreign))]
        for source, text in pairs:
            if text.casefold() not in seen and _parallel(source, text, language):
                seen.add(text.casefold())
                yield Line(text, language, "catalogues", english=source)


def english(folder: Path, language: str = "es") -> Iterator[Line]:
    """The English side of the catalogues of one language, every sentence once.

    Raises:
        CorpusInvalid: there are no catalogues.
    """
    seen: set[str] = set()
    for source, _ in _messages(folder, language):
        for text in sentences(tidy(source)):
            plain = text[0].isupper() and text[-1] in ".!?" and speakable(text, "en")
            if plain and text.casefold() not in seen:
                seen.add(text.casefold())
                yield Line(text, "en", "catalogues")


def _messages(folder: Path, language: str) -> Iterator[tuple[str, str]]:
    for path in catalogues(folder, language):
        try:
            with path.open("rb") as file:
                table: dict[object, object] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # noqa: SLF001
        except (OSError, ValueError, UnicodeDecodeError):
            continue  # a broken catalogue is one catalogue less
        for english, foreign in table.items():
            if isinstance(english, str) and isinstance(foreign, str) and english and foreign:
                source = english.rpartition("^")[2]  # what stands before is a note to the translator
                if not _MARKUP.search(source) and not _MARKUP.search(foreign):
                    yield source, foreign


def _parallel(source: str, text: str, language: str) -> bool:
    """Whether both sides are plain, differ, and are of like length."""
    words, others = len(source.split()), len(text.split())
    like = max(words, others) <= 1.8 * min(words, others) + 2
    ended = (source[-1] in ".!?") == (text[-1] in ".!?")
    names = words <= 2 and source[-1] not in ".!?"
    return like and ended and not names and source != text and speakable(source, "en") and speakable(text, language)
