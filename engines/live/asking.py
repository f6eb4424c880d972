"""What is asked of the engines during a live run, and how it is asked of one of them for one piece of speech."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from engines.catalog import EngineDescription
from engines.contract import OptionValue, Request, Samples, Task, TextKind, Utterance
from engines.errors import BadInput

KINDS: Mapping[Task, tuple[TextKind, ...]] = {
    Task.TRANSCRIBE: ("transcript",),
    Task.TRANSLATE: ("transcript", "translation"),
}
"""What can be asked live, and the texts that it brings; the last is the one that was asked for."""


@dataclass(frozen=True)
class Asked:
    """What is asked of every engine.

    Attributes:
        task: to transcribe or to translate.
        target: ISO 639-1 code of the language to translate to.
        language: ISO 639-1 code of the spoken language, None to find it out phrase by phrase.
        options: engine id → settings.
    """

    task: Task = Task.TRANSCRIBE
    target: str | None = None
    language: str | None = None
    options: Mapping[str, Mapping[str, OptionValue]] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[TextKind, ...]:
        """The texts that are shown.

        Raises:
            BadInput: the task cannot be done live.
        """
        if self.task not in KINDS:
            able = " or ".join(KINDS)
            raise BadInput(f"The task {self.task} cannot be done live.", f"Choose {able}, or record first.")
        return KINDS[self.task]

    def request(self, engine: EngineDescription, speech: Utterance, *, narrow: bool) -> Request:
        """What is asked of an engine.

        Args:
            engine: which.
            speech: a phrase, or a part of one.
            narrow: whether search is to be greedy.
        """
        options = dict(self.options.get(engine.id, {}))
        if narrow and "beam" in engine.options and options.get("beam") != 1:
            options["beam"] = 1
            if "temperature" in engine.options:
                options["temperature"] = 0.0  # with beam 1 another one would sample
        return Request(speech, self.task, self.target, options, evidence=False)


def utterance(samples: Samples, language: str | None) -> Utterance:
    """A piece of live speech, ``(n,)`` at 16 kHz."""
    digest = hashlib.sha256(samples.tobytes()).hexdigest()
    return Utterance(samples, digest, "live", language=language)
