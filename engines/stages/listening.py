"""The part that engines with Whisper's encoder begin with: find the speech, encode it, find out its language."""

from __future__ import annotations

from collections.abc import Generator, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from engines.contract import (
    SAMPLE_RATE,
    Event,
    EvidenceFound,
    LanguageFound,
    Recogniser,
    Request,
    Samples,
    Segments,
    SpeechStates,
)
from engines.errors import UnknownLanguage
from engines.models.components import Components
from engines.runtime import cancellation
from engines.stages.sharing import shared_stage

WHOLE_SECONDS = 30.0
"""Speech up to this long is encoded in one piece; longer speech is cut at pauses."""


class Encoder(Protocol):
    """What makes states of speech."""

    @property
    def name(self) -> str:
        """Unique to its weights."""
        ...

    def encode(self, samples: Samples) -> SpeechStates:
        """See :meth:`engines.contract.Recogniser.encode`."""
        ...


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
        recognised: the recogniser's own states, where the language was found out from them.
    """

    index: int
    start: float
    end: float
    language: str
    states: SpeechStates
    key: tuple[Hashable, ...]
    recognised: SpeechStates | None = None


def listen(
    components: Components, request: Request, *, language_stage: str = "encode", encoder: Encoder | None = None
) -> Generator[Event | Window, None, None]:
    """Finds the speech of an utterance and encodes it, stretch by stretch.

    Args:
        components: the parts.
        request: its utterance is read.
        language_stage: the stage that finding out the language is part of.
        encoder: what computes the states; the recogniser by default. The language is found out from the recogniser's
            own states, and those of another encoder are shared with those alone that use the same.

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
    used: Encoder = encoder or recogniser
    for index, (start, end) in enumerate(_stretches(segments, utterance.seconds)):
        cancellation.check()
        place = (utterance.digest, round(start, 3), round(end, 3))
        key, own = (used.name, *place), (recogniser.name, *place)
        samples = utterance.samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        states = yield from shared_stage(components, "encode", ("states", *key), partial(used.encode, samples))
        recognised = states if encoder is None else None
        if language is None:
            if recognised is None:
                recognise = partial(recogniser.encode, samples)
                recognised = yield from shared_stage(components, language_stage, ("states", *own), recognise)
            language, probability = yield from shared_stage(
                components, language_stage, ("language", *own), partial(_most_likely_language, recogniser, recognised)
            )
            yield LanguageFound(language, probability)
        yield Window(index, start, end, language, states, key, recognised)


def _stretches(segments: Segments, seconds: float) -> list[tuple[float, float]]:
    if segments.spans and seconds <= WHOLE_SECONDS:
        return [(0.0, seconds)]
    return list(segments.spans)


def _most_likely_language(recogniser: Recogniser, states: SpeechStates) -> tuple[str, float]:
    return max(recogniser.detect_language(states).items(), key=lambda pair: pair[1])
