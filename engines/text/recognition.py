"""The part that all text-based engines begin with: find the speech, encode it, recognise it.

Everything here goes through the memo, so that engines that run on the same utterance pay once; what was shared is
reported as such, with what it would have cost.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar, cast

from engines.contract import (
    SAMPLE_RATE,
    Event,
    EvidenceFound,
    LanguageFound,
    Recognised,
    Recogniser,
    Request,
    Segments,
    SpeechStates,
    StageFinished,
    StageStarted,
    TextDelta,
    TextKind,
)
from engines.errors import UnknownLanguage
from engines.models.components import Components
from engines.runtime import cancellation
from engines.text.stopwatch import Stopwatch

Value = TypeVar("Value")

WHOLE_SECONDS = 30.0
"""Speech up to this long is recognised in one piece; longer speech is cut at pauses."""


@dataclass(frozen=True)
class Heard:
    """One stretch of speech as the recogniser heard it.

    Attributes:
        segment: index of the stretch, from 0.
        start: where it begins in seconds.
        end: where it ends in seconds.
        language: ISO 639-1 code of the spoken language.
        states: the encoder's states of the stretch.
        recognised: the N-best list and what belongs to it.
    """

    segment: int
    start: float
    end: float
    language: str
    states: SpeechStates
    recognised: Recognised

    @property
    def text(self) -> str:
        """The best hypothesis."""
        return self.recognised.hypotheses[0].text


def shared_stage(
    components: Components, stage: str, key: tuple[Hashable, ...], compute: Callable[[], Value]
) -> Generator[Event, None, Value]:
    """Runs a stage through the memo: yields its events, returns its value."""
    yield StageStarted(stage)
    value, seconds, shared = components.memo.get_or_compute(key, compute)
    yield StageFinished(stage, seconds, shared)
    return value


def recognise(
    components: Components,
    request: Request,
    *,
    task: Literal["transcribe", "translate"] = "transcribe",
    kind: TextKind | None = "transcript",
) -> Generator[Event | Heard, None, str | None]:
    """Recognises an utterance stretch by stretch.

    Args:
        components: the parts.
        request: options read: ``beam`` (1–20, default 5), ``temperature``, ``seed``.
        task: ``translate`` makes the recogniser translate to English.
        kind: what provisional text is reported as; None reports none.

    Yields:
        events, and a :class:`Heard` for every stretch. No stretch is yielded where there is no speech.

    Returns:
        the spoken language, None if there was no speech to tell it by and none was given.

    Raises:
        UnknownLanguage: the recogniser does not know the spoken language.
        Cancelled: the run was cancelled.
    """
    utterance = request.utterance
    recogniser = components.recogniser()
    if utterance.language is not None and utterance.language not in recogniser.languages:
        raise UnknownLanguage(
            f"{recogniser.name} does not know the language {utterance.language!r}.",
            "Choose another one, or let it be found out.",
        )
    segments = yield from shared_stage(
        components,
        "listen",
        ("speech-segments", utterance.digest),
        lambda: components.voice_activity().segments(utterance.samples, cancellation.check),
    )
    yield EvidenceFound(segments)
    language = utterance.language
    for index, (start, end) in enumerate(_stretches(segments, utterance.seconds)):
        cancellation.check()
        span = (recogniser.name, utterance.digest, round(start, 3), round(end, 3))
        samples = utterance.samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        states = yield from shared_stage(components, "encode", ("states", *span), partial(recogniser.encode, samples))
        if language is None:
            language, probability = yield from shared_stage(
                components, "recognise", ("language", *span), partial(_most_likely_language, recogniser, states)
            )
            yield LanguageFound(language, probability)
        recognised = yield from _nbest(components, recogniser, states, span, request, language, task, kind)
        yield Heard(index, start, end, language, states, recognised)
    return language


def _stretches(segments: Segments, seconds: float) -> list[tuple[float, float]]:
    if segments.spans and seconds <= WHOLE_SECONDS:
        return [(0.0, seconds)]
    return list(segments.spans)


def _most_likely_language(recogniser: Recogniser, states: SpeechStates) -> tuple[str, float]:
    return max(recogniser.detect_language(states).items(), key=lambda pair: pair[1])


def _nbest(
    components: Components,
    recogniser: Recogniser,
    states: SpeechStates,
    span: tuple[Hashable, ...],
    request: Request,
    language: str,
    task: Literal["transcribe", "translate"],
    kind: TextKind | None,
) -> Generator[Event, None, Recognised]:
    options = request.options
    beam = int(options.get("beam", 5))
    temperature = float(options.get("temperature", 0.0)) if beam == 1 else 0.0
    seed = int(options.get("seed", 0))
    key = ("nbest", *span, language, task, beam, temperature, seed)
    yield StageStarted("recognise")
    entry = components.memo.get(key)
    if entry is not None:
        yield StageFinished("recognise", entry.seconds, shared=True)
        return cast(Recognised, entry.value)
    watch = Stopwatch()
    result: Recognised | None = None
    decoding = recogniser.nbest(states, language=language, task=task, beam=beam, temperature=temperature, seed=seed)
    for item in watch.over(decoding):
        if isinstance(item, Recognised):
            result = item
        elif kind is not None:
            yield TextDelta(item, final=False, kind=kind)
    assert result is not None
    components.memo.put(key, result, watch.seconds)
    yield StageFinished("recognise", watch.seconds)
    return result
