"""Which models an engine needs for a request, so that they can be made ready before it starts. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engines.catalog import EngineDescription
from engines.contract import Request, Task
from engines.models.components import CHAT_MODELS, LANGUAGE_MODELS
from engines.models.synthesis import ENGINES, WEIGHTS, engine_of
from engines.weights import cards
from engines.weights.licences import licence_state


def is_accepted(model_id: str) -> bool:
    """Whether a model's licence was accepted or need not be."""
    return licence_state(model_id).accepted


def models_needed(
    engine: EngineDescription, request: Request, accepted: Callable[[str], bool] = is_accepted
) -> tuple[str, ...]:
    """Model ids, in the order in which they are used.

    With the language model ``auto`` the first one whose licence was accepted; a model chosen by name is needed whether
    it was accepted or not, so that the user is told. Where the spoken language has to be found out and speech was
    asked for, every voice's model is needed.

    Trained adapters are looked for first: nothing is fetched for an engine that cannot run anyway.

    Args:
        engine: its description.
        request: with the settings that differ from the engine's defaults.
        accepted: tells whether a model's licence was accepted.

    Raises:
        BadOption: a setting is impossible.
        AdapterMissing: a trained adapter that it needs is not there.
        AdapterMismatch: the card of one is damaged.
        VoiceUnavailable: there is no voice of that name.
    """
    options = engine.resolve(request.options)
    cards.require(engine.adapters)
    needed = [model for role, model in engine.components.items() if role in {"recogniser", "voice_activity"}]
    if "language_model" in engine.components and _asks_model(engine, request):
        choice = str(options.get("llm", engine.components["language_model"]))
        if choice == "auto":
            order = CHAT_MODELS if request.task is Task.RESPOND else LANGUAGE_MODELS
            choice = next(model for model in order if accepted(model))
        if choice != "server":
            needed.append(choice)
    aloud = request.task is Task.RESPOND and bool(options.get("aloud", False))
    if "voice" in engine.components and (request.task is Task.SPEAK or aloud):
        needed += _voices("en" if aloud else request.target or request.utterance.language, str(options["voice"]))
    return tuple(dict.fromkeys(needed))


def fitting(engine: EngineDescription, requests: Sequence[Request]) -> list[Request]:
    """What an engine can do of what is asked."""
    return [request for request in requests if engine.supports(request.task, request.target)]


def _asks_model(engine: EngineDescription, request: Request) -> bool:
    if engine.strategy != "cascade" or request.task in {Task.TRANSLATE, Task.RESPOND}:
        return True
    return request.task is Task.SPEAK and request.target not in {None, request.utterance.language}


def _voices(language: str | None, voice: str) -> list[str]:
    named = engine_of(None if voice == "auto" else voice)
    if named is not None:
        return [WEIGHTS[named]]
    if language is None:
        return list(WEIGHTS.values())
    return [WEIGHTS[name] for name in ENGINES.get(language, ())[:1]]
