"""The part that engines with Whisper's encoder begin with: find the speech, encode it, find out its language."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from dataclasses import dataclass
from functools import partial

from engines.contract import (
    SAMPLE_RATE,
    Event,
    EvidenceFound,
    LanguageFound,
    Recogniser,
    Request,
    Segments,
    SpeechStates,
)
from engines.errors import UnknownLanguage
from engines.models.components import Components
from engines.runtime import cancellation
from engines.stages.sharing import shared_stage

WHOLE_SECONDS = 30.0
"""Speech up to this long is encoded in one piece; longer speech is cut at pauses."""


@dataclass(frozen=True)
class Window:
    """One stretch of speech as the encoder took it.

    Attributes:
        index: of the stretch, from 0.
        start: where it begins in seconds.
        end: where it ends in seconds, at most 30 s later.
        language: ISO 639-1 code of the spoken language.
        states: the encoder's states of the stretch.
        key: what memo keys of everything computed from the states begin with, behind their own name.
    """

    index: int
    start: float
    end: float
    language: str
    states: SpeechStates
    key: tuple[Hashable, ...]


def listen(
    components: Components, request: Request, *, language_stage: str = "encode"
) -> Generator[Event | Window, None, None]:
    """Finds the speech of an utterance and encodes it, stretch by stretch.

    Args:
        components: the parts.
        request: its utterance is read.
        language_stage: the stage that finding out the language is part of.

    Yields:
        events, and a :class:`Window` for every stretch. None is yielded where there is no speech.

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
        key = (recogniser.name, utterance.digest, round(start, 3), round(end, 3))
        samples = utterance.samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        states = yield from shared_stage(components, "encode", ("states", *key), partial(recogniser.encode, samples))
        if language is None:
            language, probability = yield from shared_stage(
                components, language_stage, ("language", *key), partial(_most_likely_language, recogniser, states)
            )
            yield LanguageFound(language, probability)
        yield Window(index, start, end, language, states, key)


def _stretches(segments: Segments, seconds: float) -> list[tuple[float, float]]:
    if segments.spans and seconds <= WHOLE_SECONDS:
        return [(0.0, seconds)]
    return list(segments.spans)


def _most_likely_language(recogniser: Recogniser, states: SpeechStates) -> tuple[str, float]:
    return max(recogniser.detect_language(states).items(), key=lambda pair: pair[1])
