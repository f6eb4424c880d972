"""What the engines that work on Whisper's N-best list have in common: one text, made stretch by stretch from the lists.

The baseline takes the best hypothesis of every list, rescoring chooses another, correction writes a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engines.contract import Component, Event, Finished, Request, Task
from engines.errors import UnknownLanguage
from engines.models.components import Components
from engines.stages.speaking import speak
from engines.text import results
from engines.text.recognition import Heard, recognise

Choose = Callable[[Heard, results.Text], Iterator[Event]]
"""Appends the text of a stretch to the text so far, and yields the events of doing so."""


def require_english(request: Request) -> None:
    """Whisper's own translation knows one target.

    Raises:
        UnknownLanguage: another target than English was asked for.
    """
    if request.task is Task.TRANSLATE and request.target not in (None, "en"):
        raise UnknownLanguage(
            "Whisper's own translation goes to English only.", "Choose English, or use the cascade or correction."
        )


def run(
    components: Components,
    request: Request,
    choose: Choose,
    models: dict[str, Component] | None = None,
    notes: Callable[[], Sequence[str]] = tuple,
) -> Iterator[Event]:
    """Transcribes, translates to English or speaks, by what ``choose`` makes of every list.

    Args:
        components: the parts.
        request: a task other than ``respond``.
        choose: see :data:`Choose`; the text's kind tells whether the lists are translations.
        models: role → component of what ``choose`` uses besides the recogniser.
        notes: gives sentences for the user, once all is done.
    """
    translating = request.task is Task.TRANSLATE
    text = results.Text("translation" if translating else "transcript", "en" if translating else None)
    parts: dict[str, Component] = {"recogniser": components.recogniser(), **(models or {})}
    language = request.utterance.language
    for item in recognise(components, request, task="translate" if translating else "transcribe", kind=text.kind):
        if not isinstance(item, Heard):
            yield item
            continue
        language = item.language
        text.language = "en" if translating else language
        yield from choose(item, text)
    if request.task is Task.SPEAK:
        yield from speak(components, request, str(text), language or "en", parts)
    yield Finished(
        results.result(
            parts,
            language=language,
            transcript=None if translating else text,
            translation=text if translating else None,
            notes=tuple(notes()) if text.parts else (results.NO_SPEECH,),
        )
    )
