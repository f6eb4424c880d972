"""The latent engines: Whisper's encoder → trunk → adapter → Gemma with a LoRA, one class for all four adapters."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

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
from engines.latent.adapters import Adapted
from engines.latent.evidence import Done, evidence
from engines.latent.parts import Parts
from engines.models.components import Components
from engines.models.trunk import Hidden
from engines.runtime import cancellation
from engines.runtime.writing import WrittenToken
from engines.stages.answers import CUT_OFF, Answer, settle
from engines.stages.listening import Window, listen
from engines.stages.prompts import Content, prompt
from engines.stages.sharing import shared_stage
from engines.stages.speaking import speak
from engines.stages.stopwatch import Stopwatch
from engines.stages.stretches import Stretch, stretches
from engines.stages.texts import NO_SPEECH, Text, result

PIECES_PER_SECOND = 5.0
"""Nobody says more; bounds what is written for noise."""

MORE_PIECES = 8
"""Added to the bound, for short speech."""


class Latent:
    """Transcribes, translates to English or speaks, from vectors instead of words.

    Args:
        components: the parts that all engines share.
        adapter_id: folder of the adapter, the same as the engine's id.
    """

    def __init__(self, components: Components, adapter_id: str) -> None:
        self._components = components
        self._adapter_id = adapter_id

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            TaskUnsupported: it does not answer.
            UnknownLanguage: it was not trained on the spoken language, or the target is not English.
            AdapterMissing: trained weights are not there.
            AdapterMismatch: they are for other models.
            WeightsMissing: Whisper or Gemma is not ready to run.
        """
        if request.task is Task.RESPOND:
            raise TaskUnsupported("A latent engine writes what was said; it does not answer.", "Use the cascade.")
        if request.task is not Task.TRANSCRIBE and request.target not in (None, "en", request.utterance.language):
            raise UnknownLanguage("The latent engines translate to English only.", "Choose English, or the cascade.")
        parts = Parts.open(self._components, self._adapter_id)
        answer = Answer(Text("translation" if request.task is Task.TRANSLATE else "transcript"))
        answer.language = request.utterance.language
        sure = 1.0
        for item in listen(self._components, request, encoder=parts.encoder):
            if not isinstance(item, Window):
                sure = item.probability if isinstance(item, LanguageFound) else sure
                yield item
                continue
            if not answer.stretches:
                yield from settle(answer, item, sure, request, parts.card, parts.recogniser)
            cut = yield from stretches(self._components, request.utterance, item, answer.stretches)
            answer.stretches += len(cut)
            for stretch in cut:
                yield from self._stretch(stretch, item, request, parts, answer)
        used: dict[str, Component] = parts.used()
        if request.task is Task.SPEAK:
            yield from speak(self._components, request, str(answer.text), answer.text.language or "en", used)
        yield Finished(
            result(
                used,
                language=answer.language,
                transcript=answer.text if answer.text.kind == "transcript" else None,
                translation=answer.text if answer.text.kind == "translation" else None,
                notes=tuple(answer.notes) if answer.stretches else (NO_SPEECH,),
            )
        )

    def _stretch(
        self, stretch: Stretch, window: Window, request: Request, parts: Parts, answer: Answer
    ) -> Generator[Event, None, None]:
        cancellation.check()
        hidden = yield from shared_stage(
            self._components,
            "trunk",
            ("trunk", parts.trunk.digest, *window.key, round(stretch.start, 3), round(stretch.end, 3)),
            lambda: parts.trunk.run(stretch.states),
        )
        yield StageStarted("adapt")
        began = time.perf_counter()
        adapted = parts.adapt(hidden, request)
        yield StageFinished("adapt", time.perf_counter() - began)
        yield from self._write(stretch, hidden, adapted, request, parts, answer)

    def _write(
        self, stretch: Stretch, hidden: Hidden, adapted: Adapted, request: Request, parts: Parts, answer: Answer
    ) -> Generator[Event, None, None]:
        yield StageStarted("write")
        content: Content = "translation" if answer.translating else "transcript"
        asked = prompt(content, answer.text.language or "en")
        rate = float(request.options.get("pieces_per_second", PIECES_PER_SECOND))
        writing = parts.model.write_from(
            [[parts.begin], adapted.vectors, parts.ids(asked)],
            lora=parts.lora,
            max_tokens=MORE_PIECES + int(rate * stretch.seconds),
            allowed=parts.trunk.inventory.ids,
            end=parts.end,
            temperature=float(request.options.get("temperature", 0.0)),
            seed=int(request.options.get("seed", 0)) + stretch.segment,
            attention=True,
        )
        watch = Stopwatch()
        tokens: list[WrittenToken] = []
        for token in watch.over(writing):
            tokens.append(token)
            yield TextDelta(_text(tokens), final=False, kind=answer.text.kind)
        yield StageFinished("write", watch.seconds)
        if not writing.ended:
            answer.notes[CUT_OFF] = None
        yield from answer.text.add(_text(tokens))
        if not request.evidence:
            return
        with self._components.aside():
            done = Done(stretch, hidden, adapted, tokens, writing.attention())
            found = list(evidence(done, parts.trunk.inventory, parts.token, parts.model.nearest))
        for piece in found:
            yield EvidenceFound(piece)


def _text(tokens: list[WrittenToken]) -> str:
    return "".join(token.text for token in tokens).strip()


def build_convolution(components: Components) -> Latent:
    """Builds the engine with convolutional downsampling."""
    return Latent(components, "latent-convolution")


def build_ctc(components: Components) -> Latent:
    """Builds the engine with CTC compression."""
    return Latent(components, "latent-ctc")


def build_qformer(components: Components) -> Latent:
    """Builds the engine with a Q-Former."""
    return Latent(components, "latent-qformer")


def build_pooling(components: Components) -> Latent:
    """Builds the engine with average pooling."""
    return Latent(components, "latent-pooling")
