"""Texts as they become final, and results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engines.contract import Component, Event, Result, TextDelta, TextKind

NO_SPEECH = "No speech was found."


@dataclass
class Text:
    """A text that grows stretch by stretch.

    Attributes:
        kind: what it is reported as.
        language: ISO 639-1 code that decides how stretches are joined.
        parts: the stretches so far.
    """

    kind: TextKind
    language: str | None = None
    parts: list[str] = field(default_factory=list)

    def add(self, text: str) -> Iterator[Event]:
        """Appends the final text of a stretch and yields the event that says so."""
        text = text.strip()
        if not text:
            return
        lead = separator(self.language) if self.parts else ""
        self.parts.append(text)
        yield TextDelta(lead + text, final=True, kind=self.kind)

    def __str__(self) -> str:
        return separator(self.language).join(self.parts)


def separator(language: str | None) -> str:
    """What stands between two stretches of text in a language; some are written without spaces."""
    return "" if language in {"zh", "ja", "th", "lo", "my", "bo", "km"} else " "


def result(
    parts: dict[str, Component],
    *,
    language: str | None,
    transcript: Text | None = None,
    translation: Text | None = None,
    answer: Text | None = None,
    notes: Sequence[str] = (),
) -> Result:
    """Puts a result together; provider and precision are those that really ran.

    Args:
        parts: role → component, in the order in which they ran.
        language: the spoken language.
        transcript: what was said.
        translation: its translation.
        answer: the answer to it.
        notes: sentences for the user; those that parts have of their own follow, such as that text left the machine.
    """
    return Result(
        transcript=None if transcript is None else str(transcript),
        translation=None if translation is None else str(translation),
        answer=None if answer is None else str(answer),
        language=language,
        provider="+".join(dict.fromkeys(part.provider for part in parts.values())),
        precision="+".join(dict.fromkeys(part.precision for part in parts.values() if part.precision)),
        components={role: part.name for role, part in parts.items()},
        notes=(*notes, *filter(None, (getattr(part, "note", "") for part in parts.values()))),
    )
