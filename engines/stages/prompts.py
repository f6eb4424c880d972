"""What the language model is asked, behind the speech. Training and run time use the same words."""

from __future__ import annotations

from typing import Literal

from engines.languages import name_of

Content = Literal["transcript", "translation", "speech"]


def prompt(content: Content, language: str) -> str:
    r"""The text between the speech's vectors and the answer, for example ``"\nEnglish transcript:"``.

    Args:
        content: whether what was said is asked for, what it means, or how it sounds.
        language: ISO 639-1 code of the answer's language.

    Raises:
        UnknownLanguage: no such code.
    """
    return f"\n{name_of(language)} {content}:"
