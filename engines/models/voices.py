"""The voices that ship with the program (``resources/voices/voices.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

import numpy as np

from engines import paths
from engines.contract import Samples
from engines.errors import VoiceUnavailable, WeightsCorrupt


@dataclass(frozen=True)
class Voice:
    """A voice of Kokoro.

    Attributes:
        id: for example ``"af_heart"``.
        language: ISO 639-1 code.
        locale: with the region, for example ``"en-gb"``.
        name: for people.
        sex: ``"female"`` or ``"male"``.
        file: its file under ``resources/voices``.
        sha256: hex digest of the file.
        licence: SPDX id.
        credit: whom to name.
    """

    id: str
    language: str
    locale: str
    name: str
    sex: str
    file: str
    sha256: str
    licence: str
    credit: str


@cache
def voices() -> tuple[Voice, ...]:
    """All voices, in the order of the file; the first of a language is its default."""
    document = tomllib.loads((paths.resources() / "voices" / "voices.toml").read_text(encoding="utf-8"))
    return tuple(Voice(**entry) for entry in document["voices"])


def spoken_languages() -> tuple[str, ...]:
    """ISO 639-1 codes of the languages that have a voice, each once."""
    return tuple(dict.fromkeys(voice.language for voice in voices()))


def default_voice(language: str) -> Voice:
    """The first voice of a language.

    Raises:
        VoiceUnavailable: there is none.
    """
    for voice in voices():
        if voice.language == language:
            return voice
    raise VoiceUnavailable(
        f"There is no voice for the language {language!r}.", f"Choose one of {', '.join(spoken_languages())}."
    )


def find_voice(identifier: str) -> Voice:
    """The voice of that id.

    Raises:
        VoiceUnavailable: there is none.
    """
    for voice in voices():
        if voice.id == identifier:
            return voice
    raise VoiceUnavailable(
        f"There is no voice {identifier!r}.", f"Choose one of {', '.join(voice.id for voice in voices())}."
    )


def load_style(voice: Voice) -> Samples:
    """Reads a voice's style vectors: float32 ``(510, 256)``, row n - 1 for n phonemes.

    Raises:
        WeightsCorrupt: the file is missing or broken.
    """
    path = paths.resources() / "voices" / voice.file
    try:
        styles = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise WeightsCorrupt(f"The voice {voice.id} cannot be read.", "Install the program again.") from error
    if styles.shape != (510, 256):
        raise WeightsCorrupt(f"The voice {voice.id} has the wrong shape {styles.shape}.", "Install the program again.")
    style: Samples = styles.astype(np.float32)
    return style
