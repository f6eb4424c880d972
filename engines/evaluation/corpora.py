"""The recordings that engines are measured on, and how new they are to what was trained.

=============  ========================================================================================================
``prompts``    every second prompt of a folder of telephone prompts (odd positions, counted per language): never trained
               on, but the same speakers and the same manner of speaking are among the training data
``unseen``     recordings in ``resources/evaluation``: people whom nothing was trained on
=============  ========================================================================================================

The bundled samples of the first run are no test set: they come from the same prompts, some of them from even positions.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engines import paths
from engines.audio.load import load
from engines.contract import SAMPLE_RATE, Samples
from engines.errors import BadInput
from engines.evaluation.normalisation import normalise, units

LONGEST: Final = 30.0
"""Seconds; longer prompts are left out, so that every engine reads each clip in one window."""
FEWEST_WORDS: Final = 3
"""Shorter prompts are left out: one word of them would weigh as much as a sentence elsewhere."""


@dataclass(frozen=True)
class Clip:
    """One recording with what is said in it.

    Attributes:
        id: unique among all corpora.
        corpus: its name, for example ``unseen``.
        speaker: names the voice.
        language: ISO 639-1 code.
        text: what is said.
        english: the same in English, where somebody wrote it down.
        seconds: its length.
        read: gives the samples, ``(n,)`` at 16 kHz.
        answer: a good answer to what is said, where somebody wrote one down.
    """

    id: str
    corpus: str
    speaker: str
    language: str
    text: str
    english: str | None
    seconds: float
    read: Callable[[], Samples]
    answer: str | None = None


def prompts(folder: Path, language: str) -> list[Clip]:
    """The prompts of a folder that are never trained on, in the order of its manifest.

    Args:
        folder: with ``manifest.jsonl``: one object a line with ``id``, ``audio``, ``language``, ``text``, ``seconds``
            and perhaps ``english``.
        language: ISO 639-1 code.

    Raises:
        BadInput: the folder or its manifest is missing or not what it should be.
    """
    rows = [row for row in _manifest(folder) if row["language"] == language]
    return [
        Clip(
            f"{language}/{row['id']}", "prompts", f"prompts-{language}", language, row["text"], row.get("english"),
            row["seconds"], _reader(folder / row["audio"]),
        )
        for position, row in enumerate(rows)
        if position % 2 and row["seconds"] <= LONGEST and _words(row["text"], language) >= FEWEST_WORDS
    ]  # fmt: skip


def repeated_texts(folder: Path, language: str) -> int:
    """How many of :func:`prompts` have the very text of a prompt that may be trained on."""
    rows = [row for row in _manifest(folder) if row["language"] == language]
    known = {normalise(row["text"], language) for row in rows[::2]}
    return sum(normalise(clip.text, language) in known for clip in prompts(folder, language))


def _words(text: str, language: str) -> int:
    return len(units(normalise(text, language), language))


def _manifest(folder: Path) -> list[dict[str, Any]]:
    file = folder / "manifest.jsonl"
    hint = "Name a folder with a manifest.jsonl (--prompts, or the variable TRIPTYCH_PROMPTS)."
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.", hint) from error
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            rows.append({**row, "seconds": float(row["seconds"])})
            if not all(isinstance(row[name], str) for name in ("id", "audio", "language", "text")):
                raise TypeError  # noqa: TRY301 - one message for all ways of being no clip
        except (ValueError, TypeError, KeyError) as error:
            needs = "A line is an object with id, audio, language, text and seconds."
            raise BadInput(f"Line {number} of {file} describes no recording.", needs) from error
    return rows


class _Cut(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    start: float = Field(ge=0)
    end: float
    text: str = Field(min_length=1)

    @model_validator(mode="after")
    def _is_forward(self) -> _Cut:
        if not self.start < self.end <= self.start + LONGEST:
            raise ValueError("a clip ends after it starts, and lasts at most 30 s")
        return self


class _Recording(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    speaker: str
    credit: str
    licence: str
    language: str = "en"
    clips: tuple[_Cut, ...] = Field(min_length=1)


def unseen(folder: Path | None = None) -> list[Clip]:
    """Recordings of people whom nothing was trained on.

    Args:
        folder: with ``unseen.toml`` and the recordings; the bundled ones by default.

    Raises:
        BadInput: the folder's description is missing or not what it should be.
    """
    folder = folder or paths.resources() / "evaluation"
    file = folder / "unseen.toml"
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))["recording"]
        recordings = [_Recording.model_validate(entry) for entry in entries]
    except (OSError, KeyError, tomllib.TOMLDecodeError, ValidationError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{file} describes no recordings: {reason}", "Reinstall Triptych.") from error
    return [
        Clip(
            f"{Path(recording.file).stem}-{number}", "unseen", recording.speaker, recording.language, cut.text, None,
            cut.end - cut.start, _reader(folder / recording.file, cut.start, cut.end),
        )
        for recording in recordings
        for number, cut in enumerate(recording.clips)
    ]  # fmt: skip


def evenly(clips: list[Clip], count: int | None) -> list[Clip]:
    """At most ``count`` clips, spread evenly over the list; None takes all."""
    if count is None or count >= len(clips):
        return clips
    return [clips[int(place)] for place in np.linspace(0, len(clips) - 1, count).round()]


def _reader(file: Path, start: float = 0.0, end: float | None = None) -> Callable[[], Samples]:
    def read() -> Samples:
        last = None if end is None else int(end * SAMPLE_RATE)
        return _samples(file)[int(start * SAMPLE_RATE) : last]

    return read


@cache
def _samples(file: Path) -> Samples:
    return np.array(load(file).samples)
