"""The catalogue of engines in the window's language."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from app.language import tr
from engines.catalog import Catalogue, EngineDescription, Option, default
from engines.languages import NAMES
from engines.weights import manifest


def translated(engine: EngineDescription) -> EngineDescription:
    """The engine with its sentences and its options' in the window's language; names of methods stay."""
    options = {name: _option(option) for name, option in engine.options.items()}
    told = {"summary": tr(engine.summary), "description": tr(engine.description), "options": options}
    return engine.model_copy(update=told)


def _option(option: Option) -> Option:
    return option.model_copy(update={"label": tr(option.label), "help": tr(option.help)})


def catalogue() -> Catalogue:
    """The bundled engines in the window's language."""
    return default().joined(tuple(translated(engine) for engine in default().engines), {})


def sentences() -> Iterator[str]:
    """All sentences that are shown but do not stand in the window's source: of engines, models and languages."""
    for engine in default().engines:
        yield from (engine.summary, engine.description, *engine.stages)
        yield from chain.from_iterable((option.label, option.help) for option in engine.options.values())
    yield from (model.purpose for model in manifest.load().models)
    yield from NAMES.values()
