"""The program's own synthesisers as training speakers: far slower than espeak-ng and flite, and more natural."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from engines.contract import Samples, Synthesiser
from engines.errors import TriptychError, VoiceUnavailable
from engines.models import piper
from engines.models.synthesis import engine_of, synthesiser_for
from engines.models.voices import voices
from engines.weights.store import WeightStore

PROGRAMS: Final = ("piper", "kokoro")


def voices_of(program: str, language: str) -> tuple[str, ...]:
    """Ids of the voices of Piper or Kokoro that speak a language."""
    if program == "piper":
        return (piper.VOICE,) if language == "en" else ()
    return tuple(voice.id for voice in voices() if voice.language == language)


def speak(text: str, voice: str, language: str) -> tuple[Samples, int]:
    """Speech of a voice, and its samples per second.

    Raises:
        VoiceUnavailable: the voice cannot say it, or its weights are not installed.
    """
    try:
        chunks = list(_synthesiser(language, engine_of(voice)).speak(text, language, voice))
    except TriptychError as error:
        raise VoiceUnavailable(error.message, error.hint) from error
    if not chunks:
        raise VoiceUnavailable(f"The voice {voice} said nothing.", "Try another text.")
    return np.concatenate([chunk.samples for chunk in chunks]), chunks[0].rate


@cache
def _synthesiser(language: str, engine: str | None) -> Synthesiser:
    from engines.runtime.sessions import RuntimeSettings, configure

    configure(RuntimeSettings(threads=1))  # every process of the corpus has one core
    return synthesiser_for(language, WeightStore().path, engine)
