"""What a token language model reads and writes for each task, as one sequence of parts.

Every part that is written ends with its own end (the end of text, or of speech), so that a chain of modality
(SpeechGPT, arXiv 2305.11000) is the same parts one behind the other, and text to speech is the tail of such a chain.
Headings are the words that the latent engines ask with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.stages.prompts import prompt


@dataclass(frozen=True)
class Heading:
    """Words that ask for the next part; always given."""

    text: str


@dataclass(frozen=True)
class Words:
    """Text.

    Attributes:
        text: as it is written.
        written: whether the model writes it; otherwise it is given.
        ends: whether the end of text stands behind it.
    """

    text: str
    written: bool
    ends: bool = True


@dataclass(frozen=True)
class Units:
    """Speech: one id per frame of 25 Hz; the model reads and writes runs."""

    ids: NDArray[np.int32]
    written: bool


@dataclass(frozen=True)
class Codes:
    """Speech as the codec's codes, which are read and never written.

    Attributes:
        ids: ``(books, T)``; the model reads a few frames at each place.
    """

    ids: NDArray[np.int32]


Element = Heading | Words | Units | Codes


def _heard(ids: NDArray[np.int32]) -> Element:
    return Units(ids, written=False) if ids.ndim == 1 else Codes(ids)


def transcribe(ids: NDArray[np.int32], text: str, language: str) -> list[Element]:
    """Units ``(T,)``, or codes ``(books, T)`` → what was said."""
    return [_heard(ids), Heading(prompt("transcript", language)), Words(text, written=True)]


def translate(ids: NDArray[np.int32], english: str) -> list[Element]:
    """Units ``(T,)``, or codes ``(books, T)`` → what it means in English."""
    return [_heard(ids), Heading(prompt("translation", "en")), Words(english, written=True)]


def speak(text: str, language: str, ids: NDArray[np.int32]) -> list[Element]:
    """Text → units."""
    return [
        Heading(prompt("transcript", language)), Words(text, written=False),
        Heading(prompt("speech", language)), Units(ids, written=True),
    ]  # fmt: skip


def chain(
    ids: NDArray[np.int32], text: str, language: str, english: str, spoken: NDArray[np.int32] | None
) -> list[Element]:
    """Units → transcript → English translation → its units, where there are such to learn from."""
    found: list[Element] = [
        Units(ids, written=False), Heading(prompt("transcript", language)), Words(text, written=True),
        Heading(prompt("translation", "en")), Words(english, written=True),
    ]  # fmt: skip
    if spoken is not None:
        found += [Heading(prompt("speech", "en")), Units(spoken, written=True)]
    return found


def interleave(
    words: Sequence[str],
    starts: Sequence[int],
    ids: NDArray[np.int32],
    random: np.random.Generator,
    *,
    longest: int = 4,
) -> list[Element]:
    """The same speech now as text, now as units, changing at word boundaries (Spirit-LM, arXiv 2402.05755).

    Args:
        words: N words as they are written.
        starts: N + 1 frames: where each word begins, and where the last one ends; ascending.
        ids: of all frames.
        random: decides where it changes.
        longest: most words between two changes.
    """
    found: list[Element] = []
    place, text = 0, bool(random.integers(2))
    while place < len(words):
        behind = min(len(words), place + int(random.integers(1, longest + 1)))
        part = ids[starts[place] : starts[behind]]
        if text or not len(part):
            found.append(Words(" ".join(words[place:behind]), written=True, ends=False))
        else:
            found.append(Units(part, written=True))
        place, text = behind, not text
    last = found[-1]
    if isinstance(last, Words):
        return [*found[:-1], Words(last.text, written=True)]
    return [*found, Words("", written=True)]
