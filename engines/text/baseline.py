"""The baseline without a language model: Whisper alone."""

from __future__ import annotations

from collections.abc import Iterator

from engines.contract import Event, Request, Task
from engines.errors import TaskUnsupported
from engines.models.components import Components
from engines.text import listwise, results
from engines.text.recognition import Heard


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
        if request.task not in (Task.TRANSCRIBE, Task.TRANSLATE):
            raise TaskUnsupported(
                "Whisper alone writes what was said; it neither answers nor speaks.", "Use the cascade for that."
            )
        listwise.require_english(request)
        yield from listwise.run(self._components, request, _best)


def _best(heard: Heard, text: results.Text) -> Iterator[Event]:
    yield from text.add(heard.text)
    yield from results.evidence(heard, translated=text.kind == "translation")


def build(components: Components) -> Baseline:
    """Builds the engine."""
    return Baseline(components)
