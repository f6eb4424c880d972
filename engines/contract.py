"""The words everyone speaks: utterances, tasks, requests, events, evidence and results.

Every engine turns one :class:`Request` into a stream of :data:`Event` values. The window, the command line, the
benchmark and the tests listen to the same stream; nothing is returned by a side door.

All classes are frozen dataclasses of plain data and numpy arrays, so that they travel between processes unchanged.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engines.evidence import (
    Attention,
    Correction,
    Evidence,
    FrameClock,
    Hypothesis,
    NBest,
    Neighbours,
    Posteriors,
    Routing,
    Segments,
    SpeechTokens,
    TokenScores,
    TokenStream,
    UnitPhones,
)
from engines.work import GraphWork, StageWork, Work

__all__ = [
    "SAMPLE_RATE",
    "Attention",
    "AudioChunk",
    "Component",
    "Correction",
    "Engine",
    "Event",
    "Evidence",
    "EvidenceFound",
    "Failed",
    "Finished",
    "FrameClock",
    "GraphWork",
    "Hypothesis",
    "LanguageFound",
    "LanguageModel",
    "NBest",
    "Neighbours",
    "OptionValue",
    "Paradigm",
    "Posteriors",
    "Preparing",
    "Recognised",
    "Recogniser",
    "Request",
    "Result",
    "Routing",
    "Samples",
    "Segments",
    "SpeechStates",
    "SpeechTokens",
    "StageFinished",
    "StageStarted",
    "StageWork",
    "Stamped",
    "Synthesiser",
    "Task",
    "TextDelta",
    "TextKind",
    "TokenScores",
    "TokenStream",
    "UnitPhones",
    "Utterance",
    "Work",
]

SAMPLE_RATE = 16_000
"""Rate in Hz of every :class:`Utterance`."""

Samples: TypeAlias = NDArray[np.float32]
"""Mono audio, shape ``(n,)``, values in [-1, 1]."""

OptionValue: TypeAlias = str | int | float | bool
Paradigm: TypeAlias = Literal["baseline", "text", "latent", "token"]
TextKind: TypeAlias = Literal["transcript", "translation", "answer"]


class Task(enum.StrEnum):
    """What a person asks of an engine."""

    TRANSCRIBE = "transcribe"
    TRANSLATE = "translate"
    RESPOND = "respond"
    SPEAK = "speak"


@dataclass(frozen=True)
class Utterance:
    """One piece of speech.

    Attributes:
        samples: mono float32 at 16 kHz, ``(n,)`` in [-1, 1]. May be a read-only ``numpy.memmap`` so that hours of
            speech need not be held in memory.
        digest: hex sha256 of the samples' bytes; the identity of the utterance.
        source: what the user calls it: a file name, ``"microphone"`` or a sample's title.
        path: a raw little-endian float32 file that holds ``samples``, when they are file-backed; the child process
            maps it instead of receiving a copy.
        language: ISO 639-1 code of the spoken language, or None when it has to be found out.
        reference: the transcript a person gave, if any.
        reference_translation: the translation a person gave, if any.
        notes: plain sentences on what is odd about the source (it breaks off, it is damaged, it is synthetic).
        gaps: where sound was lost while it was recorded, in seconds, ascending.
    """

    samples: Samples
    digest: str
    source: str
    path: str | None = None
    language: str | None = None
    reference: str | None = None
    reference_translation: str | None = None
    notes: tuple[str, ...] = ()
    gaps: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[0] / SAMPLE_RATE)


@dataclass(frozen=True)
class Request:
    """One utterance, what to do with it, and how.

    Attributes:
        utterance: the speech.
        task: what is asked.
        target: ISO 639-1 code of the language to translate to or to speak; None keeps the spoken one.
        options: the engine's settings that differ from its defaults (``beam``, ``lambda``, ``temperature``, ``seed``,
            ``llm``, ``voice``, …); the names are those in ``resources/engines/*.toml``.
        evidence: whether evidence is wanted that costs work of its own; live nobody looks at it.
    """

    utterance: Utterance
    task: Task = Task.TRANSCRIBE
    target: str | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    evidence: bool = True


# --- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preparing:
    """Something has to be fetched or built before the engine can run.

    Attributes:
        what: in plain words, for example ``"Fetching Whisper base"``.
        done: units done.
        total: units in all, None where it is not known.
        unit: ``"bytes"`` or ``"steps"``.
    """

    what: str
    done: int
    total: int | None
    unit: Literal["bytes", "steps"] = "bytes"


@dataclass(frozen=True)
class StageStarted:
    """A stage of the engine's work begins; stage names are those in the engine's description."""

    stage: str


@dataclass(frozen=True)
class StageFinished:
    """A stage is over.

    Attributes:
        stage: its name. A stage may occur several times (once per segment); listeners add the seconds up.
        seconds: what it took, or would have taken if it had not been shared.
        shared: whether the result came from the memo.
    """

    stage: str
    seconds: float
    shared: bool = False


@dataclass(frozen=True)
class TextDelta:
    """Text as it comes.

    Attributes:
        text: with ``final`` the text to append to what is final so far; otherwise the provisional tail that replaces
            the previous provisional tail.
        final: whether the text will not change any more.
        kind: which of the engine's texts it belongs to.
    """

    text: str
    final: bool
    kind: TextKind = "transcript"


@dataclass(frozen=True)
class LanguageFound:
    """The spoken language was found out.

    Attributes:
        language: ISO 639-1 code.
        probability: in [0, 1].
    """

    language: str
    probability: float


@dataclass(frozen=True)
class AudioChunk:
    """Synthesised speech, in order.

    Attributes:
        samples: mono, ``(n,)`` in [-1, 1].
        rate: samples per second.
    """

    samples: Samples
    rate: int


@dataclass(frozen=True)
class EvidenceFound:
    """A piece of evidence."""

    evidence: Evidence


@dataclass(frozen=True)
class Result:
    """What an engine came to.

    Attributes:
        transcript: what was said, in the spoken language; None if the engine makes none.
        translation: in the target language; None if none was asked.
        answer: to what was said; None if none was asked.
        language: ISO 639-1 code of the spoken language as used.
        provider: what ONNX Runtime really ran on, for example ``"CPU"``; ``"server"`` for a remote model.
        precision: for example ``"int8"`` or ``"int8+int4"``.
        components: what the engine was composed of: role → model name (``{"recogniser": "Whisper base"}``).
        notes: plain sentences the user should read beside the result.
    """

    transcript: str | None
    translation: str | None = None
    answer: str | None = None
    language: str | None = None
    provider: str = "CPU"
    precision: str = ""
    components: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """The engine is done.

    Attributes:
        result: what it came to.
        peak_memory_bytes: highest resident memory of the process that ran it; filled in by the host.
        work: its floating-point operations, if the host was asked to count; filled in by the host.
    """

    result: Result
    peak_memory_bytes: int | None = None
    work: Work | None = None


@dataclass(frozen=True)
class Failed:
    """The engine could not do it.

    Attributes:
        kind: the class name of the error in :mod:`engines.errors`; ``"Unavailable"`` when the engine could not even
            begin because something is not installed.
        message: one sentence that names the thing.
        hint: one sentence that says what to do.
    """

    kind: str
    message: str
    hint: str = ""


Event: TypeAlias = (
    Preparing
    | StageStarted
    | StageFinished
    | TextDelta
    | LanguageFound
    | AudioChunk
    | EvidenceFound
    | Finished
    | Failed
)


@dataclass(frozen=True)
class Stamped:
    """An event as the host relays it.

    Attributes:
        engine: id of the engine.
        at: seconds of the engine's own work since the request began, with the cost of shared work counted in full.
        event: the event.
    """

    engine: str
    at: float
    event: Event


# --- protocols -------------------------------------------------------------------------------------------------------


class Engine(Protocol):
    """Turns speech into a result.

    Closing the iterator cancels. An engine never works longer than one decoding step without yielding control to a
    check of its cancellation (see :mod:`engines.runtime.cancellation`).
    """

    def run(self, request: Request) -> Iterator[Event]:
        """Yields events in the order in which they happen; the last is ``Finished``.

        Raises:
            TriptychError: for every failure a user can cause; the host turns it into ``Failed``.
        """
        ...


@dataclass(frozen=True)
class SpeechStates:
    """The states of a speech encoder for one stretch of at most 30 s.

    Attributes:
        frames: ``(T, d)`` float32, one row per ``frame_seconds``.
        seconds: length of the speech that they stand for.
        frame_seconds: seconds per frame (0.02 for Whisper).
    """

    frames: NDArray[np.float32]
    seconds: float
    frame_seconds: float = 0.02


@dataclass(frozen=True)
class Recognised:
    """What a recogniser heard in one stretch of speech.

    Attributes:
        hypotheses: N-best list with unique texts, best first; never empty (silence gives one empty text).
        scores: token scores of the best hypothesis.
        attention: cross-attention of the best hypothesis's tokens to frames, if it was asked for.
        no_speech: probability in [0, 1] that there is no speech.
    """

    hypotheses: tuple[Hypothesis, ...]
    scores: TokenScores
    attention: Attention | None = None
    no_speech: float = 0.0


class Component(Protocol):
    """What every model that an engine is composed of can say of itself."""

    @property
    def name(self) -> str:
        """For people, for example ``"Whisper base"``."""
        ...

    @property
    def provider(self) -> str:
        """What it really runs on: ``"CPU"``, ``"CUDA"``, …, or ``"server"``."""
        ...

    @property
    def precision(self) -> str:
        """Of its weights, for example ``"int8"``; empty where it is not known."""
        ...


class Recogniser(Component, Protocol):
    """A speech recogniser with an N-best list."""

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes (with Whisper's own three-letter ones) of the languages it transcribes."""
        ...

    def encode(self, samples: Samples) -> SpeechStates:
        """Encodes at most 30 s of 16 kHz speech, shape ``(n,)``."""
        ...

    def detect_language(self, states: SpeechStates) -> dict[str, float]:
        """Returns the probability of every language, which sum to 1."""
        ...

    def nbest(
        self,
        states: SpeechStates,
        *,
        language: str,
        task: Literal["transcribe", "translate"] = "transcribe",
        beam: int = 5,
        temperature: float = 0.0,
        seed: int = 0,
        attention: bool = False,
    ) -> Iterator[str | Recognised]:
        """Decodes with beam search; ``beam=1`` is greedy, or sampling if ``temperature`` is above 0.

        Yields:
            the best text so far after a decoding step (provisional), and last one :class:`Recognised`.
        """
        ...

    def score(
        self,
        states: SpeechStates,
        texts: list[str],
        *,
        language: str,
        task: Literal["transcribe", "translate"] = "transcribe",
    ) -> list[tuple[float, int]]:
        """Scores given texts against the speech by forced decoding, in one batch.

        Returns:
            For each text log p(text | speech) in nats, summed over its tokens and the end token, and their number; on
            the same scale as :attr:`Hypothesis.acoustic`.
        """
        ...


class LanguageModel(Component, Protocol):
    """A causal language model over text."""

    @property
    def can_score(self) -> bool:
        """Whether :meth:`score` is available (a remote server may not offer it)."""
        ...

    def score(self, prefix: str, continuations: list[str]) -> list[tuple[float, int]]:
        """Scores continuations of one prefix in one batch; the prefix is computed once.

        Args:
            prefix: the shared context; may be empty.
            continuations: texts that follow it, N of them.

        Returns:
            For each the sum of token log-probabilities in nats and the number of tokens.
        """
        ...

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        stop: tuple[str, ...] = (),
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Iterator[str]:
        """Yields pieces of text as they are decoded; ends before a stop string, which is not yielded.

        Args:
            prompt: raw text to continue.
            max_tokens: upper bound of new tokens.
            stop: strings that end the text.
            temperature: 0 decodes greedily.
            seed: for sampling; the same seed gives the same text.
        """
        ...

    def chat(
        self, system: str, user: str, *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> Iterator[str]:
        """As :meth:`generate`, in the model's own chat format; base models use a plain question-and-answer prompt."""
        ...


class Synthesiser(Component, Protocol):
    """Text to speech."""

    def speak(self, text: str, language: str, voice: str | None = None) -> Iterator[AudioChunk]:
        """Yields audio sentence by sentence.

        Raises:
            VoiceUnavailable: there is no voice for the language.
            TextUnspeakable: nothing in the text can be pronounced.
        """
        ...
