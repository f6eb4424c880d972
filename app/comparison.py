"""The model behind the window and the command line: one utterance and what the engines make of it. No Qt.

Everything is folded from the stream of events by a pure function, :func:`apply`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from app.findings import Findings
from app.stagetimes import StageTime, after
from engines import errors
from engines.audio.synthetic import Mark
from engines.catalog import EngineDescription
from engines.contract import (
    AudioChunk,
    Evidence,
    EvidenceFound,
    Failed,
    Finished,
    LanguageFound,
    OptionValue,
    Preparing,
    Request,
    Result,
    Samples,
    StageFinished,
    StageStarted,
    Stamped,
    Task,
    TextDelta,
    TextKind,
    Utterance,
    Work,
)
from engines.errors import TriptychError, Unavailable


class Status(enum.StrEnum):
    """How far an engine is."""

    WAITING = "waiting"
    PREPARING = "preparing"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self not in (Status.WAITING, Status.PREPARING, Status.RUNNING)


@dataclass(frozen=True)
class Text:
    """A text as it comes.

    Attributes:
        final: will not change any more.
        provisional: the tail that may.
    """

    final: str = ""
    provisional: str = ""

    @property
    def whole(self) -> str:
        """Both."""
        gap = " " if self.final and self.provisional and not self.final.endswith(" ") else ""
        return self.final + gap + self.provisional


@dataclass(frozen=True)
class EngineRun(Findings):
    """One engine's run on one request, as far as it has come.

    Attributes:
        engine: its description.
        status: how far it is.
        preparing: what is being fetched or built, while ``status`` says so.
        texts: by kind, as they came.
        language: ISO 639-1 code of the spoken language, once it was found.
        stages: in the order in which they began, each once.
        first_text_seconds: engine time until the first text (provisional or final) that was not empty.
        first_audio_seconds: engine time until the first synthesised speech.
        seconds: engine time so far; in the end the total. Shared work counts in full.
        evidence: in the order in which it came.
        audio: synthesised speech, in order.
        scores: name → value, filled by the front end from :mod:`engines.evaluation.metrics` (see ``app.scoring``).
        result: what it came to.
        peak_memory_bytes: highest resident memory of the process that ran it.
        work: its floating-point operations, where they were counted.
        error: why it failed or could not begin.
    """

    engine: EngineDescription
    status: Status = Status.WAITING
    preparing: Preparing | None = None
    texts: Mapping[TextKind, Text] = field(default_factory=lambda: MappingProxyType({}))
    language: str | None = None
    stages: tuple[StageTime, ...] = ()
    first_text_seconds: float | None = None
    first_audio_seconds: float | None = None
    seconds: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    audio: tuple[AudioChunk, ...] = ()
    scores: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    result: Result | None = None
    peak_memory_bytes: int | None = None
    work: Work | None = None
    error: Failed | None = None

    def text(self, kind: TextKind) -> Text:
        """A text as it came so far; empty where there is none."""
        return self.texts.get(kind, Text())

    @property
    def transcript(self) -> str | None:
        """What was said, once final; None if there is none."""
        return self.result.transcript if self.result else self._so_far("transcript")

    @property
    def translation(self) -> str | None:
        """The translation, once final; None if there is none."""
        return self.result.translation if self.result else self._so_far("translation")

    @property
    def answer(self) -> str | None:
        """The answer, once final; None if there is none."""
        return self.result.answer if self.result else self._so_far("answer")

    def _so_far(self, kind: TextKind) -> str | None:
        return self.text(kind).final or None

    @property
    def main_text(self) -> str:
        """The text that a card shows large: the answer, else the translation, else the transcript, as far as it is."""
        for kind in ("answer", "translation", "transcript"):
            if self.texts.get(kind):
                return self.texts[kind].whole
        return ""

    def rtf(self, speech_seconds: float) -> float | None:
        """Engine time per second of speech, once it is over; None for no speech."""
        return self.seconds / speech_seconds if self.status is Status.OK and speech_seconds > 0 else None

    def speech(self) -> tuple[Samples, int] | None:
        """All synthesised speech, ``(n,)``, and its rate in Hz; None if there is none."""
        if not self.audio:
            return None
        return np.concatenate([chunk.samples for chunk in self.audio]), self.audio[0].rate

    def mark(self) -> Mark:
        """What files with its speech carry."""
        used = self.result.components if self.result is not None else {}
        return Mark(self.engine.id, used.get("voice", used.get("vocoder", "")))


def apply(run: EngineRun, stamped: Stamped) -> EngineRun:  # noqa: C901, PLR0911 - one arm per event
    """What a run has come to after one more event. Pure; events after the last one change nothing."""
    if run.status.over:
        return run
    event, at = stamped.event, stamped.at
    if isinstance(event, Preparing):
        return replace(run, status=Status.PREPARING, preparing=event)
    run = replace(run, status=Status.RUNNING, preparing=None, seconds=at)
    match event:
        case StageStarted(stage):
            return replace(run, stages=after(run.stages, stage, at, running=True))
        case StageFinished(stage, seconds, shared):
            return replace(run, stages=after(run.stages, stage, at, seconds=seconds, shared=shared))
        case TextDelta():
            return _with_text(run, event, at)
        case LanguageFound():
            return replace(run, language=event.language)
        case EvidenceFound(evidence):
            return replace(run, evidence=(*run.evidence, evidence))
        case AudioChunk():
            first = at if run.first_audio_seconds is None else run.first_audio_seconds
            return replace(run, audio=(*run.audio, event), first_audio_seconds=first)
        case Finished(result, peak, work):
            language = result.language or run.language
            done = replace(run, status=Status.OK, result=result, peak_memory_bytes=peak, language=language)
            return replace(done, work=work)
        case Failed():
            return replace(run, status=status_of(event.kind), error=event)


def _with_text(run: EngineRun, delta: TextDelta, at: float) -> EngineRun:
    old = run.text(delta.kind)
    new = Text(old.final + delta.text) if delta.final else Text(old.final, delta.text)
    first = run.first_text_seconds
    if first is None and delta.text.strip():
        first = at
    return replace(run, texts=MappingProxyType({**run.texts, delta.kind: new}), first_text_seconds=first)


def status_of(kind: str) -> Status:
    """The status that ``Failed.kind`` means."""
    found = getattr(errors, kind, None)
    if found is errors.Cancelled:
        return Status.CANCELLED
    if isinstance(found, type) and issubclass(found, Unavailable):
        return Status.UNAVAILABLE
    return Status.FAILED


def unable(run: EngineRun, error: TriptychError) -> EngineRun:
    """A run that could not begin: its engine is unavailable, unless the user cancelled."""
    status = Status.CANCELLED if isinstance(error, errors.Cancelled) else Status.UNAVAILABLE
    return replace(run, status=status, preparing=None, error=Failed(error.kind, error.message, error.hint))


class Comparison:
    """One utterance, one task, and a run per engine.

    Args:
        utterance: the speech, with references if a person gave them.
        task: what is asked.
        target: ISO 639-1 code of the language to translate to or speak.
        engines: in the order in which they are shown and run.
        options: engine id → its settings.

    Attributes:
        events: engine id → what was folded into its run, but for how far a fetch had come.
    """

    def __init__(
        self,
        utterance: Utterance,
        task: Task,
        target: str | None,
        engines: Iterable[EngineDescription],
        options: Mapping[str, Mapping[str, OptionValue]] | None = None,
    ) -> None:
        self.utterance = utterance
        self.task = task
        self.target = target
        self.options = dict(options or {})
        self.runs: dict[str, EngineRun] = {engine.id: EngineRun(engine) for engine in engines}
        self.events: dict[str, list[Stamped]] = {}

    def request(self, engine_id: str) -> Request:
        """What is asked of an engine."""
        return Request(self.utterance, self.task, self.target, self.options.get(engine_id, {}))

    def apply(self, stamped: Stamped) -> EngineRun:
        """Folds an event in and returns the engine's run as it is now."""
        before = self.runs[stamped.engine]
        run = apply(before, stamped)
        self.runs[stamped.engine] = run
        if not before.status.over and not isinstance(stamped.event, Preparing):
            self.events.setdefault(stamped.engine, []).append(stamped)
        return run

    def fail(self, engine_id: str, error: TriptychError) -> EngineRun:
        """Marks an engine that could not be prepared or submitted, and returns its run."""
        before = self.runs[engine_id]
        run = unable(before, error)
        self.runs[engine_id] = run
        if run.error is not None:
            self.events.setdefault(engine_id, []).append(Stamped(engine_id, before.seconds, run.error))
        return run

    def restart(self, engine_id: str) -> EngineRun:
        """Forgets an engine's run, to run it again."""
        self.runs[engine_id] = EngineRun(self.runs[engine_id].engine)
        self.events.pop(engine_id, None)
        return self.runs[engine_id]

    @property
    def over(self) -> bool:
        """Whether every engine is done."""
        return all(run.status.over for run in self.runs.values())
