"""The language of the window: English sentences in the source, translations in ``resources/languages``.

A sentence is looked up by its English words with gettext, as most free desktop programs do; what has no translation
stays English. ``make languages`` gathers the sentences (``triptych.pot``), brings every language's ``triptych.po`` up
to date and compiles it.

The language is chosen once, before any module with sentences of its own is imported: tables at the head of a module
are translated while it is imported. Another choice therefore holds from the next start on.
"""

from __future__ import annotations

import gettext
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engines import paths
from engines.languages import NAMES

DOMAIN: Final = "triptych"
SOURCE: Final = "en"
"""Language of the source."""


class _Chosen:
    """What the window speaks at present."""

    def __init__(self) -> None:
        self.code = SOURCE
        self.texts = gettext.NullTranslations()


_chosen = _Chosen()


def tr(sentence: str) -> str:
    """The sentence in the window's language; placeholders in braces stay for :meth:`str.format`.

    Args:
        sentence: a literal in English, or a variable whose values are gathered elsewhere.
    """
    return _chosen.texts.gettext(sentence) if sentence else ""


def current() -> str:
    """ISO 639-1 code of the window's language."""
    return _chosen.code


def offered() -> tuple[str, ...]:
    """ISO 639-1 codes of the languages that there are, English first."""
    found = sorted(file.parent.parent.name for file in _folder().glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    return (SOURCE, *found)


def use(wanted: Sequence[str]) -> str:
    """Chooses the window's language.

    Args:
        wanted: names such as ``de``, ``pt-BR`` or ``zh_CN``, the dearest first.

    Returns:
        the code of the first that there is; English where there is none.
    """
    known = offered()
    code = next(
        (short for short in (name.replace("_", "-").split("-")[0] for name in wanted) if short in known), SOURCE
    )
    take(code, gettext.translation(DOMAIN, _folder(), [code], fallback=True))
    return code


def take(code: str, texts: gettext.NullTranslations) -> None:
    """Takes translations from anywhere; tests give some that cannot be mistaken for English."""
    _chosen.code, _chosen.texts = code, texts


def language_name(code: str) -> str:
    """A spoken language's name in the window's language, or the code itself where it is unknown.

    Args:
        code: ISO 639-1, as in :data:`engines.languages.NAMES`.
    """
    return tr(NAMES.get(code, code))


def _folder() -> Path:
    return paths.resources() / "languages"
