"""The engine of tokens: speech → units or codes → Gemma → text; and where it speaks, text → units → speech.

What is read of speech and how units are spoken is the business of its parts; see :mod:`engines.tokens.parts`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

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
from engines.errors import SpeechTooLong, TaskUnsupported, UnknownLanguage
from engines.models.components import Components
from engines.runtime import cancellation
from engines.runtime.generation import Sampling
from engines.runtime.mixed import Bounds, MixedSequence, MixedWriting, WrittenItem
from engines.runtime.mixed_vocabulary import MixedPart
from engines.stages.answers import CUT_OFF, Answer, settle
from engines.stages.listening import Window, listen
from engines.stages.prompts import Content, prompt
from engines.stages.stopwatch import Stopwatch
from engines.stages.stretches import Stretch, stretches
from engines.stages.texts import NO_SPEECH, Text, result
from engines.tokens.evidence import heard_evidence, neighbours, written_evidence
from engines.tokens.parts import Opening, Parts, open_acoustic, open_hybrid, open_semantic
from engines.tokens.reading import Heard, UnitReader
from engines.tokens.speaking import Speaker, require_language

PIECES_PER_SECOND = 5.0
"""Nobody says more; bounds what is written for noise."""

MORE_PIECES = 8
"""Added to the bound, for short speech."""

_SPEAK_ELSEWHERE = "Use token-semantic or token-hybrid to speak."

SPEECH_CUT_OFF = "Speech was cut off: it ran in circles or reached its limit."


@dataclass
class _Spoken:
    """Speech on its way, over all stretches.

    Attributes:
        used: role → component.
        speaker: what speaks, if it is asked to.
        heard: what was heard as text first, where that is not the answer.
        frames: of units that were written.
    """

    used: dict[str, Component]
    speaker: Speaker | None = None
    heard: Text | None = None
    frames: int = 0


class TokenEngine:
    """Transcribes, translates to English, or speaks, from discrete tokens of speech.

    Args:
        components: the parts that all engines share.
        opening: opens its own.
        speaks: whether it can write units.
    """

    def __init__(self, components: Components, opening: Opening, *, speaks: bool = True) -> None:
        self._components = components
        self._opening = opening
        self._speaks = speaks

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            TaskUnsupported: it does not answer, or does not speak.
            UnknownLanguage: it was not trained on the spoken language, or the target is not English.
            VoiceUnavailable: what speaks has no voice for the language.
            AdapterMissing: trained weights are not there, or what speaks.
            AdapterMismatch: they are for other models.
            WeightsMissing: Whisper or Gemma is not ready to run.
        """
        if request.task is Task.RESPOND:
            raise TaskUnsupported("A token engine writes what was said; it does not answer.", "Use the cascade.")
        if request.task is not Task.TRANSCRIBE and request.target not in (None, "en", request.utterance.language):
            raise UnknownLanguage("The token engines translate to English only.", "Choose English, or the cascade.")
        if request.task is Task.SPEAK and not self._speaks:
            raise TaskUnsupported("This token engine reads codes and writes text; it does not speak.", _SPEAK_ELSEWHERE)
        parts = self._opening(self._components, request.options)
        spoken = _Spoken(dict(parts.used))
        if request.task is Task.SPEAK and parts.mouth is not None:
            spoken.speaker = parts.mouth(self._components, request)
            spoken.used |= spoken.speaker.used
        answer = Answer(Text("translation" if request.task is Task.TRANSLATE else "transcript"))
        answer.language = request.utterance.language
        sure = 1.0
        for item in listen(self._components, request, encoder=parts.reader.encoder):
            if not isinstance(item, Window):
                sure = item.probability if isinstance(item, LanguageFound) else sure
                yield item
                continue
            if not answer.stretches:
                yield from settle(answer, item, sure, request, parts.card, parts.recogniser)
                if spoken.speaker is not None:
                    require_language(spoken.speaker, answer.text.language or "en")
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
        heard = yield from parts.reader.read(self._components, stretch, window, request)
        if heard.note:
            answer.notes[heard.note] = None
        for piece in heard_evidence(heard, parts.reader):
            yield EvidenceFound(piece)
        sequence = parts.tokens.sequence(watching=True)
        unread: list[MixedPart] = [heard.part]
        speaker = spoken.speaker
        chained = answer.translating and (speaker is not None or bool(request.options.get("chain", False)))
        if chained:
            spoken.heard = spoken.heard or Text("transcript", answer.language)
            yield from self._text(heard, unread, sequence, "transcript", spoken.heard, request, parts, answer)
        content: Content = "translation" if answer.translating else "transcript"
        pieces = yield from self._text(heard, unread, sequence, content, answer.text, request, parts, answer)
        if request.evidence:
            with self._components.aside():
                near = neighbours(heard, parts.reader.frame_seconds, parts.token, parts.model.nearest)
            yield EvidenceFound(near)
        if speaker is not None and pieces:
            yield from self._speak(heard, sequence, pieces, request, parts, answer, spoken, speaker)

    def _text(
        self,
        heard: Heard,
        unread: list[MixedPart],
        sequence: MixedSequence,
        content: Content,
        text: Text,
        request: Request,
        parts: Parts,
        answer: Answer,
    ) -> Generator[Event, None, int]:
        """Reads what was not read yet, asks for a text and writes it; returns how many pieces it has."""
        yield StageStarted("write")
        rate = float(request.options.get("pieces_per_second", PIECES_PER_SECOND))
        watch = Stopwatch()
        items: list[WrittenItem] = []
        with watch.running():
            sequence.read(*unread, parts.model.encode(prompt(content, text.language or "en")))
            unread.clear()
        bounds = Bounds(MORE_PIECES + int(rate * heard.stretch.seconds))
        writing = sequence.write("text", bounds, _sampling(request, heard))
        for item in watch.over(writing):
            items.append(item)
            yield TextDelta(_joined(items), final=False, kind=text.kind)
        yield StageFinished("write", watch.seconds)
        if not writing.ended:
            answer.notes[CUT_OFF] = None
        yield from text.add(_joined(items))
        if not request.evidence:
            return len(items)
        with self._components.aside():
            seconds = parts.reader.frame_seconds
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
        speaker: Speaker,
    ) -> Generator[Event, None, None]:
        """Writes units behind the text, and speaks them as they come or when their durations are known."""
        yield StageStarted("speak")
        watch = Stopwatch()
        seconds = parts.reader.frame_seconds
        longest = 2.0 + float(request.options.get("seconds_per_piece", 0.6)) * pieces
        with watch.running():
            sequence.read(parts.model.encode(prompt("speech", answer.text.language or "en")))
        bounds = Bounds(items=int(longest / seconds), frames=int(longest / seconds))
        writing = sequence.write("units", bounds, _sampling(request, heard))
        items: list[WrittenItem] = []
        whole = True
        try:
            for chunk in watch.over(speaker.speak(_kept(writing, items), heard, longest)):
                yield chunk
                cancellation.check()
        except SpeechTooLong:  # what was spoken until then is kept, as is the text
            whole = False
        yield StageFinished("speak", watch.seconds)
        if not (whole and writing.ended):
            answer.notes[SPEECH_CUT_OFF] = None
        if items and isinstance(parts.reader, UnitReader):
            ids = np.repeat([item.id for item in items], [item.frames for item in items]).astype(np.int32)
            start = spoken.frames * seconds
            spoken.frames += len(ids)
            segment = heard.stretch.segment
            yield EvidenceFound(parts.reader.tokeniser.stream(ids, segment=segment, start=start, generated=True))
            for piece in speaker.evidence(segment):
                yield EvidenceFound(piece)
            if speaker.note:
                answer.notes[speaker.note] = None


def _kept(writing: MixedWriting, items: list[WrittenItem]) -> Iterator[WrittenItem]:
    for item in writing:
        items.append(item)
        yield item


def _sampling(request: Request, heard: Heard) -> Sampling:
    seed = int(request.options.get("seed", 0)) + heard.stretch.segment
    return Sampling(temperature=float(request.options.get("temperature", 0.0)), seed=seed)


def _joined(items: list[WrittenItem]) -> str:
    return "".join(item.text for item in items).strip()


def build_semantic(components: Components) -> TokenEngine:
    """Builds the engine with semantic units, which a vocoder speaks."""
    return TokenEngine(components, open_semantic)


def build_acoustic(components: Components) -> TokenEngine:
    """Builds the engine that reads the codec's codes."""
    return TokenEngine(components, open_acoustic, speaks=False)


def build_hybrid(components: Components) -> TokenEngine:
    """Builds the engine with semantic units, which stage two and the codec speak."""
    return TokenEngine(components, open_hybrid)
