"""Entries to keep, made of real events."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from engines.contract import (
    AudioChunk,
    Event,
    EvidenceFound,
    Finished,
    LanguageFound,
    Result,
    Samples,
    StageFinished,
    StageStarted,
    Stamped,
    TextDelta,
)
from engines.history.coding import encode
from engines.history.entries import Entry, Ran, new_uid


def speech(seconds: float = 0.5, pitch: float = 20.0) -> Samples:
    """16-bit sound, as a microphone gives it."""
    wave = np.sin(np.arange(int(16_000 * seconds)) / pitch) * 0.4
    return (np.rint(wave * 32_768) / 32_768).astype(np.float32)


def digest(samples: Samples) -> str:
    return hashlib.sha256(samples.tobytes()).hexdigest()


def story(text: str = "hello world", *evidence: Any) -> tuple[Stamped, ...]:
    voice = np.random.default_rng(7).uniform(-0.5, 0.5, 400).astype(np.float32)
    events: tuple[Event, ...] = (
        StageStarted("encode"),
        StageFinished("encode", 0.25, shared=True),
        LanguageFound("en", 0.98),
        TextDelta("hel", final=False),
        TextDelta(text, final=True),
        *(EvidenceFound(one) for one in evidence),
        AudioChunk(voice, 22_050),
        Finished(Result(text, language="en", components={"recogniser": "Whisper base"}), 1234),
    )
    return tuple(Stamped("whisper", 0.1 * place, event) for place, event in enumerate(events))


def ran(text: str = "hello world", engine: str = "whisper", **fields: Any) -> Ran:
    return Ran(
        engine=engine,
        name=engine.title(),
        description="{}",
        status="ok",
        program="Triptych 0.1.0",
        machine={"system": "Linux", "cores": 2},
        weights={"whisper-base": "ab" * 32},
        options={"beam": 5},
        transcript=text,
        seconds=0.7,
        events=encode(story(text)),
        **fields,
    )


def entry(text: str = "hello world", samples: Samples | None = None, **fields: Any) -> Entry:
    heard = speech() if samples is None else samples
    given: dict[str, Any] = {"source": "caller.wav", "task": "transcribe", "runs": (ran(text),), "uid": new_uid()}
    return Entry(digest=digest(heard), seconds=heard.shape[0] / 16_000, **(given | fields))
