"""The engine of semantic tokens: Whisper's encoder → units → Gemma with rows for units → text; units → a vocoder."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import numpy as np

from engines.contract import (
    Component,
    Event,
    EvidenceFound,
    Finished,
    LanguageFound,
    Request,
    StageFinished,
    StageStarted,
    Task,
    TextDelta,
)
from engines.errors import TaskUnsupported, UnknownLanguage
from engines.models.components import Components
from engines.runtime import cancellation
from engines.runtime.generation import Sampling
from engines.runtime.mixed import Bounds, MixedSequence, MixedWriting, WrittenItem
from engines.runtime.mixed_vocabulary import Speech
from engines.stages.answers import CUT_OFF, Answer, settle
from engines.stages.listening import Window, listen
from engines.stages.prompts import Content, prompt
from engines.stages.sharing import shared_stage
from engines.stages.stopwatch import Stopwatch
from engines.stages.stretches import Stretch, stretches
from engines.stages.texts import NO_SPEECH, Text, result
from engines.tokens.evidence import Heard, heard_evidence, neighbours, written_evidence
from engines.tokens.parts import Parts
from engines.tokens.units import collapse

PIECES_PER_SECOND = 5.0
"""Nobody says more; bounds what is written for noise."""

MORE_PIECES = 8
"""Added to the bound, for short speech."""

SPEECH_CUT_OFF = "Speech was cut off: it ran in circles or reached its limit."


@dataclass
class _Spoken:
    """Speech on its way, over all stretches: what was heard as text first, and how many frames were written."""

    heard: Text | None = None
    frames: int = 0
    used: dict[str, Component] = field(default_factory=dict)


class SemanticTokens:
    """Transcribes, translates to English, or speaks, from discrete units in the language model's own vocabulary.

    Args:
        components: the parts that all engines share.
        adapter_id: folder of the token language model, the same as the engine's id.
    """

    def __init__(self, components: Components, adapter_id: str) -> None:
        self._components = components
        self._adapter_id = adapter_id

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            TaskUnsupported: it does not answer.
            UnknownLanguage: it was not trained on the spoken language, or the target is not English.
            AdapterMissing: trained weights are not there, or for speech the vocoder.
            AdapterMismatch: they are for other models.
            WeightsMissing: Whisper or Gemma is not ready to run.
        """
        if request.task is Task.RESPOND:
            raise TaskUnsupported("A token engine writes what was said; it does not answer.", "Use the cascade.")
        if request.task is not Task.TRANSCRIBE and request.target not in (None, "en", request.utterance.language):
            raise UnknownLanguage("The token engines translate to English only.", "Choose English, or the cascade.")
        parts = Parts.open(self._components, self._adapter_id)
        spoken = _Spoken(used=parts.used())
        if request.task is Task.SPEAK:
            spoken.used["vocoder"] = parts.vocoder(self._components)
        answer = Answer(Text("translation" if request.task is Task.TRANSLATE else "transcript"))
        answer.language = request.utterance.language
        sure = 1.0
        for item in listen(self._components, request):
            if not isinstance(item, Window):
                sure = item.probability if isinstance(item, LanguageFound) else sure
                yield item
                continue
            if not answer.stretches:
                yield from settle(answer, item, sure, request, parts.card, parts.recogniser)
            cut = yield from stretches(self._components, request.utterance, item, answer.stretches)
            answer.stretches += len(cut)
            for stretch in cut:
                yield from self._stretch(stretch, item, request, parts, answer, spoken)
        own = answer.text.kind == "transcript"
        yield Finished(
            result(
                spoken.used,
                language=answer.language,
                transcript=answer.text if own else spoken.heard,
                translation=None if own else answer.text,
                notes=tuple(answer.notes) if answer.stretches else (NO_SPEECH,),
            )
        )

    def _stretch(
        self, stretch: Stretch, window: Window, request: Request, parts: Parts, answer: Answer, spoken: _Spoken
    ) -> Generator[Event, None, None]:
        cancellation.check()
        ids = yield from shared_stage(
            self._components,
            "units",
            ("units", parts.codebook, *window.key, round(stretch.start, 3), round(stretch.end, 3)),
            lambda: parts.tokeniser.units(stretch.states),
        )
        heard = Heard(stretch, ids, collapse(ids))
        for piece in heard_evidence(heard, parts.tokeniser):
            yield EvidenceFound(piece)
        speaking = request.task is Task.SPEAK
        sequence = parts.tokens.sequence(watching=True)
        sequence.read(Speech(heard.runs.units))
        chained = answer.translating and (speaking or bool(request.options.get("chain", False)))
        if chained:
            spoken.heard = spoken.heard or Text("transcript", answer.language)
            yield from self._text(heard, sequence, "transcript", spoken.heard, request, parts, answer)
        content: Content = "translation" if answer.translating else "transcript"
        pieces = yield from self._text(heard, sequence, content, answer.text, request, parts, answer)
        with self._components.aside():
            near = neighbours(heard, parts.tokens, parts.tokeniser.frame_seconds, parts.token, parts.model.nearest)
        yield EvidenceFound(near)
        if speaking and pieces:
            yield from self._speak(heard, sequence, pieces, request, parts, answer, spoken)

    def _text(
        self,
        heard: Heard,
        sequence: MixedSequence,
        content: Content,
        text: Text,
        request: Request,
        parts: Parts,
        answer: Answer,
    ) -> Generator[Event, None, int]:
        """Asks for a text and writes it; returns how many pieces it has."""
        yield StageStarted("write")
        rate = float(request.options.get("pieces_per_second", PIECES_PER_SECOND))
        watch = Stopwatch()
        items: list[WrittenItem] = []
        with watch.running():
            sequence.read(parts.model.encode(prompt(content, text.language or "en")))
        bounds = Bounds(MORE_PIECES + int(rate * heard.stretch.seconds))
        writing = sequence.write("text", bounds, _sampling(request, heard))
        for item in watch.over(writing):
            items.append(item)
            yield TextDelta(_joined(items), final=False, kind=text.kind)
        yield StageFinished("write", watch.seconds)
        if not writing.ended:
            answer.notes[CUT_OFF] = None
        yield from text.add(_joined(items))
        with self._components.aside():
            seconds = parts.tokeniser.frame_seconds
            found = list(written_evidence(heard, items, writing.attention(), seconds, parts.token))
        for piece in found:
            yield EvidenceFound(piece)
        return len(items)

    def _speak(
        self,
        heard: Heard,
        sequence: MixedSequence,
        pieces: int,
        request: Request,
        parts: Parts,
        answer: Answer,
        spoken: _Spoken,
    ) -> Generator[Event, None, None]:
        """Writes units behind the text, and speaks them as they come or when their durations are known."""
        yield StageStarted("speak")
        watch = Stopwatch()
        seconds = parts.tokeniser.frame_seconds
        longest = 2.0 + float(request.options.get("seconds_per_piece", 0.6)) * pieces
        with watch.running():
            sequence.read(parts.model.encode(prompt("speech", answer.text.language or "en")))
        bounds = Bounds(items=int(longest / seconds), frames=int(longest / seconds))
        writing = sequence.write("units", bounds, _sampling(request, heard))
        items: list[WrittenItem] = []
        vocoder = parts.vocoder(self._components)
        if request.options.get("durations", "vocoder") == "vocoder":
            # Sound begins before the last unit is known.
            chunks = vocoder.speak(_kept(writing, items), longest=2 * longest)
        else:
            with watch.running():
                items += list(writing)
            written = np.array([item.id for item in items], np.int64)
            chunks = vocoder.speak(written, np.array([item.frames for item in items], np.int64)) if items else iter(())
        for chunk in watch.over(chunks):
            yield chunk
            cancellation.check()
        yield StageFinished("speak", watch.seconds)
        if not writing.ended:
            answer.notes[SPEECH_CUT_OFF] = None
        if items:
            ids = np.repeat([item.id for item in items], [item.frames for item in items]).astype(np.int32)
            start = spoken.frames * seconds
            spoken.frames += len(ids)
            segment = heard.stretch.segment
            yield EvidenceFound(parts.tokeniser.stream(ids, segment=segment, start=start, generated=True))


def _kept(writing: MixedWriting, items: list[WrittenItem]) -> Iterator[int]:
    for item in writing:
        items.append(item)
        yield item.id


def _sampling(request: Request, heard: Heard) -> Sampling:
    seed = int(request.options.get("seed", 0)) + heard.stretch.segment
    return Sampling(temperature=float(request.options.get("temperature", 0.0)), seed=seed)


def _joined(items: list[WrittenItem]) -> str:
    return "".join(item.text for item in items).strip()


def build_semantic(components: Components) -> SemanticTokens:
    """Builds the engine with semantic units."""
    return SemanticTokens(components, "token-semantic")
