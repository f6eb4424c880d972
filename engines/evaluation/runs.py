"""One run of an engine on a recording: what is asked, what comes of it, and what is kept."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engines.audio import conditions
from engines.audio.conditions import Condition
from engines.audio.load import from_samples
from engines.contract import (
    AudioChunk,
    EvidenceFound,
    Failed,
    Finished,
    Request,
    Result,
    Samples,
    SpeechTokens,
    StageFinished,
    Stamped,
    Task,
    TextDelta,
    Utterance,
)
from engines.evaluation import machine
from engines.evaluation.calibration import judged
from engines.evaluation.corpora import Clip
from engines.evaluation.following import TOO_SLOW, follow, require_present
from engines.evaluation.metrics import Errors, word_errors
from engines.evaluation.readback import Listens
from engines.evaluation.records import Record
from engines.evidence import TokenScores
from engines.host import Host

INTO_ENGLISH = frozenset({Task.TRANSLATE, Task.SPEAK})
"""Tasks that have a target language."""


@dataclass(frozen=True)
class Case:
    """One recording under one condition, and what is asked.

    Attributes:
        clip: the recording.
        condition: how it is heard.
        task: transcribe, translate into English, answer, or speak in English.
        repetition: of the same, from 0 on.
    """

    clip: Clip
    condition: Condition
    task: Task = Task.TRANSCRIBE
    repetition: int = 0

    @property
    def reference(self) -> str:
        """What is right; empty where nobody wrote it down."""
        if self.task is Task.RESPOND:
            return self.clip.answer or ""
        return self.clip.english or "" if self.task in INTO_ENGLISH else self.clip.text

    @property
    def target(self) -> str | None:
        """The language asked for, ISO 639-1; None where the task has none."""
        return "en" if self.task in INTO_ENGLISH else None


def heard(case: Case, seed: int) -> Utterance:
    """A recording as it is heard under a condition."""
    samples = conditions.apply(case.condition, case.clip.read(), case.clip.id, seed=seed)
    digest = hashlib.sha256(samples.tobytes()).hexdigest()
    return Utterance(samples, digest, case.clip.id, language=case.clip.language)


def asked(cases: Sequence[Case]) -> tuple[Request, ...]:
    """What is asked of engines, once per task: by it is known what each needs."""
    firsts: dict[Task, Case] = {}
    for case in cases:
        firsts.setdefault(case.task, case)
    return tuple(
        Request(Utterance(case.clip.read(), "", case.clip.id, language=case.clip.language), task, case.target)
        for task, case in firsts.items()
    )


@dataclass
class Outcome:
    """What a run came to; the attributes are those of :class:`engines.evaluation.records.Record`."""

    text: str = ""
    work: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    places: int | None = None
    place_seconds: float = 0.0
    first_text: float | None = None
    first_audio: float | None = None
    spoken_seconds: float = 0.0
    opinion: float | None = None
    scores: tuple[TokenScores, ...] = ()
    provider: str = ""
    precision: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""


class _Hearing:
    """Takes the events of a run in."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.outcome = Outcome()
        self.chunks: list[AudioChunk] = []

    def __call__(self, stamped: Stamped) -> bool:
        """Takes an event in; returns whether it was the last. Raises what :func:`require_present` does."""
        found, at = self.outcome, stamped.at
        found.work = at
        match stamped.event:
            case StageFinished(stage, seconds):
                found.stages[stage] = found.stages.get(stage, 0.0) + seconds
            case EvidenceFound(SpeechTokens(count=count, seconds=seconds)):
                found.places = (found.places or 0) + count
                found.place_seconds += seconds
            case EvidenceFound(TokenScores() as scores):
                found.scores = (*found.scores, scores)
            case TextDelta(text=text) if text.strip() and found.first_text is None:
                found.first_text = at
            case AudioChunk() as chunk:
                self.chunks.append(chunk)
                found.first_audio = at if found.first_audio is None else found.first_audio
            case Finished(result):
                self._finish(result)
                return True
            case Failed(kind, message, hint):
                require_present(kind, message, hint)
                found.failure = f"{kind}: {message}"
                return True
        return False

    def _finish(self, result: Result) -> None:
        texts = {Task.TRANSLATE: result.translation, Task.RESPOND: result.answer, Task.SPEAK: ""}
        self.outcome.text = texts.get(self._task, result.transcript) or ""
        self.outcome.provider, self.outcome.precision = result.provider, result.precision
        self.outcome.models = dict(result.components)

    def spoken(self) -> Samples:
        """All that was said, ``(n,)`` at 16 kHz."""
        if not self.chunks:
            return np.zeros(0, np.float32)
        whole = np.concatenate([chunk.samples for chunk in self.chunks])
        return np.asarray(from_samples(whole, self.chunks[0].rate, "spoken").samples) if whole.size else whole


def hear_out(
    host: Host, engine: str, task: Task, utterance: Utterance, listen: Listens | None = None, *, fresh: bool = False
) -> Outcome:
    """Runs an engine on a recording to its end.

    Args:
        host: not isolated.
        engine: its id; it must be ready.
        task: what is asked.
        utterance: as it is heard.
        listen: to what it speaks; without it speech has no text.
        fresh: whether work that was done before is done again.

    Raises:
        Unavailable: it lacks something.
        AdapterMissing: its trained weights are not there.
        AdapterMismatch: they do not fit.
    """
    hearing = _Hearing(task)
    request = Request(utterance, task, "en" if task in INTO_ENGLISH else None)
    outcome = hearing.outcome
    if not follow(host, engine, request, hearing, fresh=fresh):
        outcome.failure = TOO_SLOW
    if task is Task.SPEAK:
        outcome.spoken_seconds = sum(len(chunk.samples) / chunk.rate for chunk in hearing.chunks)
        if listen is not None and not outcome.failure:
            said = listen(hearing.spoken())
            outcome.text, outcome.opinion = said.text, said.opinion
    return outcome


def recorded(case: Case, engine: str, of: str, outcome: Outcome, where: str, seed: int = 0) -> Record:
    """What is kept of a run.

    Args:
        case: what was heard.
        engine: its id.
        of: its version.
        outcome: what came of it.
        where: the machine.
        seed: of the noise.
    """
    clip, wrong = case.clip, Errors()
    confidences, right = tuple[float, ...](), tuple[bool, ...]()
    if case.task is Task.TRANSCRIBE:
        wrong = word_errors(case.reference, outcome.text, clip.language)
        confidences, right = judged(case.reference, outcome.text, outcome.scores, clip.language)
    return Record(
        engine=engine, version=of, corpus=clip.corpus, clip=clip.id, speaker=clip.speaker, language=clip.language,
        condition=case.condition.name, task=case.task.value, repetition=case.repetition,
        seconds=round(clip.seconds, 3), reference=case.reference, hypothesis=outcome.text,
        hits=wrong.hits, substitutions=wrong.substitutions, deletions=wrong.deletions, insertions=wrong.insertions,
        work=round(outcome.work, 5), stages={name: round(seconds, 5) for name, seconds in outcome.stages.items()},
        places=outcome.places, place_seconds=round(outcome.place_seconds, 3),
        spoken_seconds=round(outcome.spoken_seconds, 3), opinion=outcome.opinion,
        first_text=_rounded(outcome.first_text), first_audio=_rounded(outcome.first_audio),
        confidences=confidences, right=right, failure=outcome.failure, machine=where,
        provider=outcome.provider, precision=outcome.precision, models=dict(outcome.models),
        software=machine.software(), seed=seed, measured=now(),
    )  # fmt: skip


def now() -> str:
    """The time, as records have it."""
    return dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 5)
