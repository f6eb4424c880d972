"""The cascade: recogniser → language model → voice. Simple, interpretable; errors propagate, latency adds up."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from engines.contract import (
    Component,
    Event,
    Finished,
    LanguageModel,
    Request,
    StageFinished,
    StageStarted,
    Task,
    TextDelta,
)
from engines.languages import name_of, require_target
from engines.models.components import CHAT_MODELS, Components
from engines.stages.speaking import speak
from engines.stages.stopwatch import Stopwatch
from engines.text import prompts, results
from engines.text.recognition import Heard, recognise

SYSTEM = "You are a helpful assistant. Answer in one to three short sentences."
ANSWER_TOKENS = 120


class Cascade:
    """Transcribes, translates to any offered language, answers, and speaks any of it."""

    def __init__(self, components: Components) -> None:
        self._components = components

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            UnknownLanguage: the target is not offered.
            WeightsMissing: the language model or the voice is not installed.
        """
        if request.target is not None:
            require_target(request.target)
        transcript, answer = results.Text("transcript"), results.Text("answer", "en")
        translation = results.Text("translation", None)
        parts: dict[str, Component] = {"recogniser": self._components.recogniser()}
        for item in recognise(self._components, request):
            if not isinstance(item, Heard):
                yield item
                continue
            transcript.language = item.language
            yield from transcript.add(item.text)
            yield from results.evidence(item)
            translation.language = _target(request, item.language)
            if translation.language is not None:
                yield from self._translate(item, translation, request, parts)
        if request.task is Task.RESPOND and transcript.parts:
            model = parts["language model"] = self._components.language_model(request.options, CHAT_MODELS)
            yield from _answer(model, str(transcript), answer, request)
        spoken = next(text for text in (answer, translation, transcript) if text.parts or text is transcript)
        if request.task is Task.SPEAK or (request.task is Task.RESPOND and request.options.get("aloud", True)):
            yield from speak(self._components, request, str(spoken), spoken.language or "en", parts)
        yield Finished(
            results.result(
                parts,
                language=transcript.language or request.utterance.language,
                transcript=transcript,
                translation=translation if request.task is Task.TRANSLATE or translation.parts else None,
                answer=answer if request.task is Task.RESPOND else None,
                notes=_notes(request, transcript, translation),
            )
        )

    def _translate(
        self, heard: Heard, translation: results.Text, request: Request, parts: dict[str, Component]
    ) -> Generator[Event, None, None]:
        if translation.language == heard.language:
            yield from translation.add(heard.text)
        elif heard.text.strip():
            model = parts["language model"] = self._components.language_model(request.options)
            yield from translate(model, heard.text, heard.language, translation, request)


def _notes(request: Request, transcript: results.Text, translation: results.Text) -> list[str]:
    if not transcript.parts:
        return [results.NO_SPEECH]
    if request.task is Task.TRANSCRIBE:
        return ["A cascade's transcript is the recogniser's; the language model comes after it."]
    if translation.parts and translation.language == transcript.language:
        return [f"The speech is in {name_of(str(translation.language))} already; nothing had to be translated."]
    return []


def _target(request: Request, spoken: str) -> str | None:
    """The language to translate to, None where nothing has to be translated."""
    if request.task is Task.TRANSLATE:
        return request.target or "en"
    if request.task is Task.SPEAK and request.target is not None and request.target != spoken:
        return request.target
    return None


def translate(
    model: LanguageModel, text: str, source: str, translation: results.Text, request: Request
) -> Generator[Event, None, None]:
    """Translates sentence by sentence with a few-shot prompt; the text comes as it is decoded.

    Args:
        model: continues the prompt.
        text: what to translate.
        source: ISO 639-1 code of its language.
        translation: grows; its language is the target.
        request: options read: ``temperature`` and ``seed``.
    """
    assert translation.language is not None
    yield StageStarted("translate")
    watch = Stopwatch()
    for sentence in sentences(text):
        written = ""
        pieces = model.generate(
            prompts.translation(sentence, source, translation.language),
            max_tokens=token_bound(sentence),
            stop=("\n",),
            temperature=float(request.options.get("temperature", 0.0)),
            seed=int(request.options.get("seed", 0)),
        )
        for piece in watch.over(pieces):
            written += piece
            yield TextDelta(written.strip(), final=False, kind="translation")
        yield from translation.add(written)
    yield StageFinished("translate", watch.seconds)


def _answer(
    model: LanguageModel, question: str, answer: results.Text, request: Request
) -> Generator[Event, None, None]:
    yield StageStarted("answer")
    watch = Stopwatch()
    written = ""
    pieces = model.chat(
        SYSTEM,
        question,
        max_tokens=ANSWER_TOKENS,
        temperature=float(request.options.get("temperature", 0.0)),
        seed=int(request.options.get("seed", 0)),
    )
    for piece in watch.over(pieces):
        written += piece
        yield TextDelta(written.strip(), final=False, kind="answer")
    yield from answer.add(written)
    yield StageFinished("answer", watch.seconds)


def sentences(text: str) -> list[str]:
    """Splits a text after the marks that end sentences; never returns an empty one."""
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text) if part.strip()]


def token_bound(text: str) -> int:
    """How many tokens a translation or correction of ``text`` may have: generous, never endless."""
    return 16 + 2 * max(len(text.split()), len(text) // 3)


def build(components: Components) -> Cascade:
    """Builds the engine."""
    return Cascade(components)
