"""Stages that go through the memo, so that engines that run on the same utterance pay once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from typing import TypeVar

from engines.contract import Event, StageFinished, StageStarted
from engines.models.components import Components

Value = TypeVar("Value")


def shared_stage(
    components: Components, stage: str, key: tuple[Hashable, ...], compute: Callable[[], Value]
) -> Generator[Event, None, Value]:
    """Runs a stage through the memo: yields its events, returns its value.

    What was shared is reported as such, with what it would have cost.
    """
    yield StageStarted(stage)
    value, seconds, shared = components.memo.get_or_compute(key, compute)
    yield StageFinished(stage, seconds, shared)
    return value
