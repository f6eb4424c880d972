"""An engine that does what the test asks through its options; it runs in the host's child process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import numpy as np

from engines.catalog import FACTORIES, Catalogue, EngineDescription, Option
from engines.contract import (
    AudioChunk,
    Event,
    EvidenceFound,
    Finished,
    Hypothesis,
    NBest,
    Request,
    Result,
    StageFinished,
    StageStarted,
    Task,
    TextDelta,
)
from engines.errors import ServerUnreachable, WeightsMissing
from engines.models.components import Components
from engines.runtime import cancellation


class Fake:
    def __init__(self, components: Components) -> None:
        self._memo = components.memo

    def run(self, request: Request) -> Iterator[Event]:
        options, utterance = request.options, request.utterance
        yield StageStarted("encode")
        _, seconds, shared = self._memo.get_or_compute(
            ("states", utterance.digest), lambda: time.sleep(float(options["work"]))
        )
        yield StageFinished("encode", seconds, shared)
        yield TextDelta("hel", final=False)
        self._misbehave(str(options["deed"]))
        yield TextDelta(f"hello {utterance.samples.shape[0]}", final=True)
        if request.evidence:
            list_ = NBest(0, 0.0, 1.0, (Hypothesis("hello", -1.0, 2), Hypothesis("hallo", -2.0, 2)))
            yield EvidenceFound(list_)
        if request.task is Task.SPEAK:
            yield AudioChunk(np.zeros(100, np.float32), 16_000)
        pid, beam = os.getpid(), options["beam"]
        text = f"hello {utterance.samples.shape[0]}"
        yield Finished(Result(text, language="en", precision="int8", notes=(f"pid {pid}", f"beam {beam}")))

    def _misbehave(self, deed: str) -> None:  # noqa: C901 - one arm per deed
        match deed:
            case "kill":
                os.kill(os.getpid(), 9)
            case "exit":
                os._exit(3)
            case "fault":
                raise ZeroDivisionError("by zero")
            case "missing":
                raise WeightsMissing("The model x is not there.", "Fetch it.")
            case "server":
                raise ServerUnreachable("The server is away.", "Start it.")
            case "memory":
                raise MemoryError
            case "print":
                print("printed by an engine", flush=True)
            case "slow":
                for _ in range(600):
                    time.sleep(0.1)
                    cancellation.check()
            case "deaf":
                time.sleep(60)


def build(components: Components) -> Fake:
    return Fake(components)


def describe(engine_id: str, *tasks: Task) -> EngineDescription:
    return EngineDescription(
        id=engine_id,
        name=engine_id.capitalize(),
        paradigm="text",
        strategy="fake",
        summary="says hello",
        description="Says hello.",
        tasks=tasks or (Task.TRANSCRIBE, Task.SPEAK),
        targets=("en",),
        stages=("encode",),
        options={
            "deed": Option(type="string", default="", label="Deed", help="What to do."),
            "work": Option(type="float", default=0.0, label="Work", help="Seconds of work.", minimum=0.0, maximum=9.0),
            "beam": Option(type="int", default=5, label="Beam", help="Width.", minimum=1, maximum=20),
        },
    )


def catalogue(*ids: str) -> Catalogue:
    """The real engines and some fakes."""
    names = ids or ("fake", "other")
    factories = {**FACTORIES, **dict.fromkeys(names, "tests.engines.fakes:build")}
    return Catalogue(factories=factories, extra=tuple(describe(name) for name in names))
