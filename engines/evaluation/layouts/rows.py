"""What every layout is read from and read into, and what is wrong with it.

A recording that cannot be used is told at the start and left out; the rest is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from engines.audio.decoders import NoSound, NotRecognised, announced
from engines.audio.load import load
from engines.contract import Samples
from engines.errors import BadInput
from engines.evaluation import corpora
from engines.evaluation.corpora import Clip
from engines.evaluation.normalisation import normalise

UNKNOWN = "unknown"
"""The speaker, where a corpus does not name one."""
_TOLD = 20
"""So many recordings that are left out are told one by one; of the others how many they are."""


@dataclass(frozen=True)
class Corpus:
    """What a bench hears.

    Attributes:
        name: in records and tables.
        clips: that can be used.
        problems: one sentence for everything that was left out or is odd.
    """

    name: str
    clips: tuple[Clip, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where a corpus lies, and what a bench says about it.

    Attributes:
        name: in records and tables.
        path: of its file or folder; None where the kind needs none.
        language: of its speech, ISO 639-1; None where the corpus itself tells.
        split: the part of it that is heard; None is ``test``, or all where there are no parts.
        clips: folder of the sound, where it does not lie beside the texts.
        columns: what is read (``text``, ``audio``, …) → name of the column, where it is not to be guessed.
    """

    name: str
    path: Path | None = None
    language: str | None = None
    split: str | None = None
    clips: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Path:
        """The path.

        Raises:
            BadInput: none was named.
        """
        if self.path is None:
            raise BadInput(f"The corpus {self.name!r} names no path.", "Add path = … to it.")
        return self.path

    @property
    def part(self) -> str:
        """The split of a corpus that has splits."""
        return self.split or "test"


@dataclass(frozen=True)
class Row:
    """A recording of a corpus before it was looked at.

    Attributes:
        id: unique in its corpus.
        language: ISO 639-1 code.
        text: what is said.
        length: gives its length in seconds or, in a few words, why it has none.
        read: gives the samples, ``(n,)`` at 16 kHz.
        english: the same in English, where somebody wrote it down.
        speaker: names the voice.
        answer: a good answer to what is said, where somebody wrote one down.
    """

    id: str
    language: str
    text: str
    length: Callable[[], float | str]
    read: Callable[[], Samples]
    english: str | None = None
    speaker: str = UNKNOWN
    answer: str | None = None


def in_file(
    clip: str, audio: Path, language: str, text: str, *,
    english: str | None = None, speaker: str | None = None, answer: str | None = None, seconds: float | None = None,
) -> Row:  # fmt: skip
    """A recording that is a file of its own.

    Args:
        clip: its id.
        audio: the file.
        language: ISO 639-1 code.
        text: what is said.
        english: its translation.
        speaker: names the voice.
        answer: a good answer.
        seconds: its length, where the corpus tells it; the file's header is asked otherwise.
    """
    length, read = partial(length_of, audio, seconds), partial(samples_of, audio)
    return Row(clip, language, text, length, read, english or None, speaker or UNKNOWN, answer or None)


def length_of(file: Path, seconds: float | None = None) -> float | str:
    """The length of a file in seconds by its header, or why it has none; ``seconds`` if the file is there."""
    if not file.is_file():
        return f"{file} is missing"
    try:
        return announced(file) if seconds is None else seconds
    except (NotRecognised, NoSound, OSError):
        return f"{file} is no sound that can be read"


def samples_of(file: Path) -> Samples:
    """The samples of a file, ``(n,)`` at 16 kHz.

    Raises:
        AudioUnreadable: it has no sound that can be read.
        AudioUnusable: the sound cannot be worked with.
    """
    return np.array(load(file).samples)


def checked(name: str, rows: Iterable[Row]) -> Corpus:
    """Leaves out what is missing, empty, doubled or too long, and says so.

    Args:
        name: of the corpus.
        rows: looked at one after the other, so they may be made as they are asked for.
    """
    clips: dict[str, Clip] = {}
    wrong = []
    for row in rows:
        found = "its id is there twice" if row.id in clips else _length(row)
        if isinstance(found, str):
            wrong.append(f"{name}: {row.id} is left out: {found}.")
            continue
        texts = row.speaker, row.language, row.text, row.english
        clips[row.id] = Clip(row.id, name, *texts, found, row.read, row.answer)
    problems = wrong[:_TOLD]
    if len(wrong) > _TOLD:
        problems.append(f"{name}: {len(wrong) - _TOLD} more are left out for such reasons.")
    languages = sorted({clip.language for clip in clips.values()})
    if len(languages) > 1:
        problems.append(f"{name}: its languages are mixed ({', '.join(languages)}); one score is of all of them.")
    return Corpus(name, tuple(clips.values()), tuple(problems))


def _length(row: Row) -> float | str:
    """The length in seconds, or why a recording cannot be used."""
    if not normalise(row.text, row.language):
        return "its reference is empty"
    found = row.length()
    if isinstance(found, float) and found > corpora.LONGEST:
        return "it is longer than 30 s"
    return found
