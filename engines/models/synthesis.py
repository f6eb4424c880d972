"""Chooses the synthesiser for a language, and writes marked speech files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import numpy as np
import soundfile

from engines.contract import Samples, Synthesiser
from engines.errors import BadInput, BadOption, VoiceUnavailable, WeightsMissing
from engines.models import kokoro, piper
from engines.models.voices import find_voice

EngineName: TypeAlias = Literal["piper", "kokoro"]

ENGINES: Final[Mapping[str, tuple[EngineName, ...]]] = MappingProxyType(
    {
        "en": ("piper", "kokoro"),
        "es": ("kokoro",),
        "fr": ("kokoro",),
        "it": ("kokoro",),
        "pt": ("kokoro",),
        "zh": ("kokoro",),
    }
)
"""Language → synthesisers that speak it, the default first (measured in ``docs/decisions/0004-speech-out.md``)."""

WEIGHTS: Final[Mapping[EngineName, str]] = MappingProxyType({"piper": piper.WEIGHTS, "kokoro": kokoro.WEIGHTS})
"""Synthesiser → id of its weights."""

MARK: Final = "Synthetic speech, not a recording of a person"
"""Comment in every file that holds synthesised speech."""


def synthesiser_for(language: str, store_path: Callable[[str], Path], prefer: str | None = None) -> Synthesiser:
    """Opens the synthesiser for a language.

    Without a preference the default is taken, or the next one whose weights are installed.

    Args:
        language: ISO 639-1 code.
        store_path: gives the folder of a weight id; raises ``WeightsMissing``.
        prefer: ``"piper"``, ``"kokoro"``, or None.

    Raises:
        VoiceUnavailable: no voice speaks the language, or the preferred synthesiser does not.
        WeightsMissing: the weights are not installed.
        BadOption: there is no such synthesiser.
    """
    if prefer is not None and prefer not in WEIGHTS:
        raise BadOption(f"There is no synthesiser {prefer!r}.", f"Choose one of {', '.join(WEIGHTS)}.")
    if language not in ENGINES:
        raise VoiceUnavailable(
            f"There is no voice for the language {language!r}.", f"Choose one of {', '.join(ENGINES)}."
        )
    candidates = tuple(name for name in ENGINES[language] if prefer in (None, name))
    if not candidates:
        raise VoiceUnavailable(
            f"{str(prefer).capitalize()} has no voice for the language {language!r}.",
            f"Choose {' or '.join(ENGINES[language])}.",
        )
    missing: WeightsMissing | None = None
    for name in candidates:
        try:
            return _open(name, store_path(WEIGHTS[name]))
        except WeightsMissing as error:
            missing = missing or error
    assert missing is not None
    raise missing


def engine_of(voice: str | None) -> EngineName | None:
    """The synthesiser that has a voice; None where none was asked for.

    Raises:
        VoiceUnavailable: none has it.
    """
    if voice is None:
        return None
    if voice == piper.VOICE:
        return "piper"
    find_voice(voice)
    return "kokoro"


def write_speech(path: Path, samples: Samples, rate: int, engine: str) -> None:
    """Writes a 16-bit WAV file whose LIST/INFO chunk says that it is synthetic and what made it.

    Args:
        path: where to; an existing file is replaced.
        samples: ``(n,)`` in [-1, 1].
        rate: samples per second.
        engine: name of what made it, for example ``"Kokoro 82M"``.

    Raises:
        BadInput: the file cannot be written.
    """
    levels = np.clip(np.asarray(samples, np.float32), -1.0, 1.0)
    try:
        with soundfile.SoundFile(path, "w", samplerate=rate, channels=1, format="WAV", subtype="PCM_16") as file:
            file.title = "Synthetic speech"
            file.software = f"Triptych, {engine}"
            file.comment = f"{MARK}. Made by {engine}."
            file.write(levels)
    except (OSError, soundfile.LibsndfileError) as error:
        raise BadInput(f"The file {path} cannot be written.", "Choose another place.") from error


def _open(name: EngineName, folder: Path) -> Synthesiser:
    return piper.Piper.open(folder) if name == "piper" else kokoro.Kokoro.open(folder)
