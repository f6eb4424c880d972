"""The last stage of an engine that speaks: text to speech."""

from __future__ import annotations

from collections.abc import Generator

from engines.contract import Component, Event, Request, StageFinished, StageStarted
from engines.models.components import Components
from engines.models.synthesis import engine_of
from engines.runtime import cancellation
from engines.stages.stopwatch import Stopwatch


def speak(
    components: Components, request: Request, text: str, language: str, parts: dict[str, Component]
) -> Generator[Event, None, None]:
    """Speaks a text sentence by sentence.

    Args:
        components: the parts.
        request: options read: ``voice`` (a voice's id, ``"auto"`` for the language's default).
        text: what to say; nothing is said where it is empty.
        language: ISO 639-1 code of its language.
        parts: the voice is added to it.

    Raises:
        VoiceUnavailable: no voice speaks the language.
        TextUnspeakable: nothing in the text can be pronounced.
    """
    if not text.strip():
        return
    choice = str(request.options.get("voice", "auto"))
    voice = None if choice == "auto" else choice
    synthesiser = components.synthesiser(language, engine_of(voice))
    parts["voice"] = synthesiser
    yield StageStarted("speak")
    watch = Stopwatch()
    for chunk in watch.over(synthesiser.speak(text, language, voice)):
        yield chunk
        cancellation.check()
    yield StageFinished("speak", watch.seconds)
