"""Recordings with transcripts: a folder of sound files and a ``manifest.jsonl`` that says what is said.

Of each language the clips at odd places of the manifest are for the test and never trained on; of the others every
fourth is for development. The rest is for training, clean and in augmented copies.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import CorpusInvalid
from engines.training.data import augment
from engines.training.data.corpus import Clip, CorpusWriter, Split

LONGEST_SECONDS: Final = 29.0


@dataclass
class Recorded:
    """How a corpus came out.

    Attributes:
        clips: written.
        broken: files and lines that could not be used.
        long: clips longer than a window, which are left out.
    """

    clips: int = 0
    broken: list[str] = field(default_factory=list)
    long: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Recording:
    """A line of the manifest, with its split."""

    id: str
    audio: Path
    language: str
    text: str
    english: str
    split: Split


def split_of(position: int) -> Split:
    """The split of a clip by its place among those of its language, counted from 0."""
    if position % 2:
        return "test"
    return "dev" if position % 8 == 0 else "train"


def recordings(folder: Path) -> tuple[list[Recording], list[str]]:
    """The recordings of a folder, and the manifest's lines that are not understood.

    A line that is not understood keeps its place in its file but none in a language.

    Raises:
        CorpusInvalid: the folder or its manifest is missing, or nothing in it is understood.
    """
    try:
        lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        message = f"The folder {folder} holds no recordings: its manifest.jsonl is missing."
        raise CorpusInvalid(message, "Name a folder with a manifest.jsonl of id, audio, language and text.") from error
    found: list[Recording] = []
    broken: list[str] = []
    places: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            name, audio, language, text = (str(row[key]) for key in ("id", "audio", "language", "text"))
            english = str(row.get("english", ""))
        except (ValueError, KeyError, TypeError):
            broken.append(f"line {number}")
            continue
        place = places.get(language, 0)
        places[language] = place + 1
        found.append(Recording(f"{language}-{name}", folder / audio, language, text, english, split_of(place)))
    if not found:
        raise CorpusInvalid(f"The manifest in {folder} names no recording.", "Fill it, or name another folder.")
    return found, broken


def prompts(source: Path, folder: Path, *, copies: int = 3, seed: int = 0) -> Recorded:
    """Makes a corpus of recordings.

    Args:
        source: folder of the recordings.
        folder: of the corpus; what is in it is replaced.
        copies: augmented copies of every training clip, beside the clean one.
        seed: decides the augmentation.

    Raises:
        CorpusInvalid: there are no recordings.
    """
    found, broken = recordings(source)
    result = Recorded(broken=broken)
    shutil.rmtree(folder, ignore_errors=True)
    with CorpusWriter(folder) as writer:
        for number, recording in enumerate(found):
            try:
                sound = read(recording.audio)
            except (OSError, soundfile.LibsndfileError, ValueError):
                result.broken.append(recording.audio.name)
                continue
            if sound.shape[0] > LONGEST_SECONDS * SAMPLE_RATE:
                result.long.append(recording.audio.name)
                continue
            for clip, samples in _versions(recording, sound, copies, [seed, number]):
                writer.add(clip, samples)
                result.clips += 1
    return result


def read(path: Path) -> Samples:
    """A sound file as 16 kHz mono.

    Raises:
        OSError: it is missing.
        soundfile.LibsndfileError: it is not sound.
        ValueError: it is empty.
    """
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if not sound.shape[0]:
        raise ValueError("no samples")
    mono = sound.mean(axis=1)
    return np.asarray(mono if rate == SAMPLE_RATE else soxr.resample(mono, rate, SAMPLE_RATE), np.float32)


def _versions(recording: Recording, sound: Samples, copies: int, seed: list[int]) -> Iterator[tuple[Clip, Samples]]:
    base = Clip(
        id=recording.id,
        shard="",
        start=0,
        samples=sound.shape[0],
        text=recording.text,
        language=recording.language,
        source="prompts",
        voice=f"recorded {recording.language}",
        split=recording.split,
        english=recording.english,
    )
    yield base, sound
    if recording.split == "train":
        yield from copies_of(base, sound, copies, seed)


def copies_of(clip: Clip, sound: Samples, copies: int, seed: list[int]) -> Iterator[tuple[Clip, Samples]]:
    """Augmented copies of a clip, none longer than a window."""
    for number in range(copies):
        generator = np.random.default_rng([*seed, number])
        changed, done = augment.augment(augment.pad(sound, generator), generator)
        if changed.shape[0] <= LONGEST_SECONDS * SAMPLE_RATE:
            values = clip.__dict__ | {"id": f"{clip.id}~{number + 1}", "augmented": done}
            yield Clip(**values), changed
