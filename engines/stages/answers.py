"""What an engine with trained adapters writes: in which language, and whether that is a translation."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from engines.contract import Event, LanguageFound, Recogniser, Request, Task
from engines.errors import UnknownLanguage
from engines.languages import name_of
from engines.stages.listening import Window
from engines.stages.texts import Text
from engines.weights.cards import AdapterCard

DOUBTFUL = 0.5
"""A language that was found out with less probability than this gives way to one that the adapter was trained on."""

CUT_OFF = "A stretch of the text was cut off: it ran in circles or reached its limit."


@dataclass
class Answer:
    """The text of a run, and whether it is a translation; settled once the language is known.

    Attributes:
        text: as it grows.
        translating: whether it is in another language than the speech.
        language: ISO 639-1 code of the speech.
        notes: sentences for the user, each once.
        stretches: how many were taken up.
    """

    text: Text
    translating: bool = False
    language: str | None = None
    notes: dict[str, None] = field(default_factory=dict)
    stretches: int = 0


def settle(
    answer: Answer, window: Window, sure: float, request: Request, card: AdapterCard, recogniser: Recogniser
) -> Generator[Event, None, None]:
    """Decides, once the language is known, what is written.

    Args:
        answer: what is decided goes there.
        window: the first stretch of speech.
        sure: probability of its language.
        request: task and target are read.
        card: which languages the adapter was trained on.
        recogniser: tells languages.

    Yields:
        the language, where another one is taken than was found out.

    Raises:
        UnknownLanguage: the adapter was not trained on it.
    """
    language = window.language
    if sure < DOUBTFUL and language not in card.languages and window.recognised is not None:
        likely = recogniser.detect_language(window.recognised)
        guessed, language = language, max(card.languages, key=lambda code: likely.get(code, 0.0))
        answer.notes[f"The language was doubtful ({name_of(guessed)}?); {name_of(language)} was taken."] = None
        yield LanguageFound(language, likely.get(language, 0.0))
    wanted = "en" if request.task is Task.TRANSLATE else request.target or language
    answer.language = language
    answer.translating = request.task is not Task.TRANSCRIBE and wanted != language
    answer.text.language = wanted if answer.translating else language
    if answer.translating:
        answer.text.kind = "translation"
        able: tuple[str, ...] = (*card.translates, "en")
    else:
        able = card.languages
    if language not in able:
        spoken = ", ".join(name_of(code) for code in able)
        deed = "translates from" if answer.translating else "was trained on"
        raise UnknownLanguage(
            f"{card.name} {deed} {spoken}; this is {name_of(language)}.",
            "Say which language it is if it was guessed wrong, or use an engine of the text family.",
        )
    if request.task is Task.TRANSLATE and not answer.translating:
        answer.notes["The speech is in English already; nothing had to be translated."] = None
