"""The part that all text-based engines begin with: listen, and recognise what was heard.

Everything here goes through the memo, so that engines that run on the same utterance pay once; what was shared is
reported as such, with what it would have cost.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, cast

from engines import counting
from engines.contract import (
    Event,
    Recognised,
    Recogniser,
    Request,
    SpeechStates,
    StageFinished,
    StageStarted,
    TextDelta,
    TextKind,
)
from engines.models.components import Components
from engines.stages.listening import Window, listen
from engines.stages.stopwatch import Stopwatch


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
    language = request.utterance.language
    for item in listen(components, request, language_stage="recognise"):
        if not isinstance(item, Window):
            yield item
            continue
        language = item.language
        recognised = yield from _nbest(components, components.recogniser(), item, request, task, kind)
        yield Heard(item.index, item.start, item.end, language, item.states, recognised)
    return language


def _nbest(
    components: Components,
    recogniser: Recogniser,
    window: Window,
    request: Request,
    task: Literal["transcribe", "translate"],
    kind: TextKind | None,
) -> Generator[Event, None, Recognised]:
    options = request.options
    beam = int(options.get("beam", 5))
    temperature = float(options.get("temperature", 0.0)) if beam == 1 else 0.0
    seed = int(options.get("seed", 0))
    language = window.language
    key = ("nbest", *window.key, language, task, beam, temperature, seed)
    yield StageStarted("recognise")
    entry = components.memo.get(key)
    if entry is not None:
        counting.served(entry.ran)
        yield StageFinished("recognise", entry.seconds, shared=True)
        return cast(Recognised, entry.value)
    watch = Stopwatch()
    result: Recognised | None = None
    decoding = recogniser.nbest(
        window.states, language=language, task=task, beam=beam, temperature=temperature, seed=seed
    )
    with counting.part() as ran:
        for item in watch.over(decoding):
            if isinstance(item, Recognised):
                result = item
            elif kind is not None:
                yield TextDelta(item, final=False, kind=kind)
    assert result is not None
    components.memo.put(key, result, watch.seconds, ran)
    yield StageFinished("recognise", watch.seconds)
    return result
