"""Short stories with an ending that follows and one that does not, and how they are spoken."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines import paths
from engines.audio.load import from_samples, load
from engines.audio.synthetic import Mark, write_speech
from engines.contract import Samples, Synthesiser
from engines.errors import BadInput

PARTS: Final = ("beginning", "right", "wrong")


class Story(BaseModel):
    """A story.

    Attributes:
        id: unique.
        beginning: two or three sentences.
        right: one that follows.
        wrong: one that does not, of like length and on the same things.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    beginning: str = Field(min_length=1)
    right: str = Field(min_length=1)
    wrong: str = Field(min_length=1)


def read(file: Path | None = None) -> list[Story]:
    """Reads stories; without a file those that ship with the program.

    Raises:
        BadInput: the file is missing, no TOML, or a story is not complete.
    """
    file = file or paths.resources() / "evaluation" / "stories.toml"
    try:
        rows = tomllib.loads(file.read_text(encoding="utf-8"))["stories"]
        stories = [Story.model_validate(row) for row in rows]
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError, KeyError, TypeError) as error:
        raise BadInput(
            f"The stories in {file.name} cannot be read.", "See resources/evaluation/stories.toml."
        ) from error
    if not stories or len({story.id for story in stories}) != len(stories):
        raise BadInput(f"{file.name} holds no stories, or two of the same id.", "Give every story an id of its own.")
    return stories


def speak(
    stories: Sequence[Story],
    folder: Path,
    voices: Sequence[tuple[Synthesiser, str | None]],
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Speaks every part of every story that is not spoken yet; all parts of a story with one voice.

    Args:
        stories: what is spoken.
        folder: gets ``ID/beginning.wav`` and so on, marked as synthetic.
        voices: synthesisers with a voice each, taken in turn.
        say: is told of progress.

    Raises:
        BadInput: a file cannot be written.
    """
    for place, story in enumerate(stories):
        synthesiser, voice = voices[place % len(voices)]
        (folder / story.id).mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            file = folder / story.id / f"{part}.wav"
            if file.is_file():
                continue
            chunks = list(synthesiser.speak(getattr(story, part), "en", voice))
            rate = chunks[0].rate
            samples = from_samples(np.concatenate([chunk.samples for chunk in chunks]), rate, part).samples
            write_speech(file, np.asarray(samples), 16_000, Mark(synthesiser.name))
        say(f"{story.id}: {synthesiser.name}{f', {voice}' if voice else ''}")


def sounds(stories: Sequence[Story], folder: Path) -> dict[str, Samples]:
    """What was spoken: ``ID/beginning``, ``ID/right`` and ``ID/wrong`` to samples at 16 kHz.

    Raises:
        BadInput: a file is missing.
    """
    found: dict[str, Samples] = {}
    for story in stories:
        for part in PARTS:
            file = folder / story.id / f"{part}.wav"
            if not file.is_file():
                raise BadInput(f"The story {story.id} was not spoken to {folder}.", "Speak the stories first: --speak.")
            found[f"{story.id}/{part}"] = np.asarray(load(file).samples)
    return found
