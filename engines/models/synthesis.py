"""Chooses the synthesiser for a language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from engines.contract import Synthesiser
from engines.errors import BadOption, VoiceUnavailable, WeightsMissing
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


def _open(name: EngineName, folder: Path) -> Synthesiser:
    return piper.Piper.open(folder) if name == "piper" else kokoro.Kokoro.open(folder)
