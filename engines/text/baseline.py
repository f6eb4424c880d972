"""The baseline without a language model: Whisper alone."""

from __future__ import annotations

from collections.abc import Iterator

from engines.contract import Event, Finished, Request, Task
from engines.errors import TaskUnsupported, UnknownLanguage
from engines.models.components import Components
from engines.text import results
from engines.text.recognition import Heard, recognise


class Baseline:
    """Whisper transcribes, or translates to English (Radford et al. 2022, arXiv 2212.04356)."""

    def __init__(self, components: Components) -> None:
        self._components = components

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            TaskUnsupported: it neither answers nor speaks.
            UnknownLanguage: it translates to English only.
        """
        translating = request.task is Task.TRANSLATE
        if request.task not in (Task.TRANSCRIBE, Task.TRANSLATE):
            raise TaskUnsupported(
                "Whisper alone writes what was said; it neither answers nor speaks.", "Use the cascade for that."
            )
        require_english(request)
        text = results.Text("translation" if translating else "transcript", "en" if translating else None)
        language = request.utterance.language
        for item in recognise(
            self._components, request, task="translate" if translating else "transcribe", kind=text.kind
        ):
            if not isinstance(item, Heard):
                yield item
                continue
            language = item.language
            text.language = "en" if translating else language
            yield from text.add(item.text)
            yield from results.evidence(item, translated=translating)
        yield Finished(
            results.result(
                {"recogniser": self._components.recogniser()},
                language=language,
                transcript=None if translating else text,
                translation=text if translating else None,
                notes=() if text.parts else (results.NO_SPEECH,),
            )
        )


def require_english(request: Request) -> None:
    """Whisper's own translation knows one target.

    Raises:
        UnknownLanguage: another target than English was asked for.
    """
    if request.task is Task.TRANSLATE and request.target not in (None, "en"):
        raise UnknownLanguage(
            "Whisper's own translation goes to English only.", "Choose English, or use the cascade or correction."
        )


def build(components: Components) -> Baseline:
    """Builds the engine."""
    return Baseline(components)
