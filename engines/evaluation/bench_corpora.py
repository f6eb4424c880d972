"""Corpora that a bench names: own manifests, LibriSpeech folders, the bundled recordings; and what is wrong with them.

A recording that cannot be used is told at the start and left out; the rest is measured.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import soundfile as sf

from engines.audio.load import load
from engines.contract import Samples
from engines.errors import BadInput
from engines.evaluation import corpora
from engines.evaluation.corpora import Clip
from engines.evaluation.normalisation import normalise


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
class _Row:
    """A line of a corpus before it was looked at."""

    id: str
    audio: Path
    language: str
    text: str
    english: str | None
    speaker: str


def unseen(_: Path | None, name: str, __: str | None) -> Corpus:
    """The bundled recordings of people whom nothing was trained on."""
    return Corpus(name, tuple(replace(clip, corpus=name) for clip in corpora.unseen()))


def prompts(folder: Path | None, name: str, language: str | None) -> Corpus:
    """The held-out half of a folder of telephone prompts, English by default; see :func:`corpora.prompts`."""
    found = corpora.prompts(_given(folder, name), language or "en")
    return Corpus(name, tuple(replace(clip, corpus=name) for clip in found))


def manifest(file: Path | None, name: str, language: str | None) -> Corpus:
    """A file of JSON lines or a CSV table with ``audio`` (relative to the file) and ``text``.

    There may also be ``id``, ``language``, ``english`` and ``speaker``.

    Raises:
        BadInput: it cannot be read, or a line of it describes no recording.
    """
    file = _given(file, name)
    return _checked(name, [_row(file, number, row, language) for number, row in enumerate(_lines(file), 1)])


def librispeech(folder: Path | None, name: str, _: str | None) -> Corpus:
    """A folder as LibriSpeech publishes it: ``SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt`` beside FLAC files.

    Raises:
        BadInput: there is no transcript in it.
    """
    folder = _given(folder, name)
    rows = []
    for file in sorted(folder.rglob("*.trans.txt")):
        for line in _read(file).splitlines():
            clip, _space, text = line.partition(" ")
            rows.append(_Row(clip, file.parent / f"{clip}.flac", "en", text, None, clip.partition("-")[0]))
    if not rows:
        raise BadInput(f"{folder} holds no *.trans.txt.", "Name a folder of LibriSpeech, for example test-clean.")
    return _checked(name, rows)


KINDS: Final[Mapping[str, Callable[[Path | None, str, str | None], Corpus]]] = MappingProxyType(
    {"unseen": unseen, "prompts": prompts, "manifest": manifest, "librispeech": librispeech}
)
"""Kind → what reads it, given its place, its name and the language of its speech."""


def _given(path: Path | None, name: str) -> Path:
    if path is None:
        raise BadInput(f"The corpus {name!r} names no path.", "Add path = … to it.")
    return path


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read: {error}.", "Name a file of text in UTF-8.") from error


def _lines(file: Path) -> Iterator[Any]:
    text = _read(file)
    if file.suffix.lower() == ".csv":
        yield from csv.DictReader(text.splitlines())
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise BadInput(f"Line {number} of {file} is no JSON.", "One object a line is wanted.") from error


def _row(file: Path, number: int, row: Any, language: str | None) -> _Row:
    try:
        audio, text = str(row["audio"]), str(row["text"] or "")
        spoken = str(row.get("language") or language or "en")
        english = str(row["english"]) if row.get("english") else None
        return _Row(str(row.get("id") or audio), file.parent / audio, spoken, text, english, str(row.get("speaker")))
    except (KeyError, TypeError, AttributeError) as error:
        needs = "It needs audio and text."
        raise BadInput(f"Recording {number} of {file} is described badly.", needs) from error


def _checked(name: str, rows: Sequence[_Row]) -> Corpus:
    """Leaves out what is missing, empty, doubled or too long, and says so."""
    clips: dict[str, Clip] = {}
    problems = []
    for row in rows:
        wrong, seconds = _wrong(row)
        if row.id in clips:
            wrong = "its id is there twice"
        if wrong:
            problems.append(f"{name}: {row.id} is left out: {wrong}.")
            continue
        read = partial(_samples, row.audio)
        clips[row.id] = Clip(row.id, name, row.speaker, row.language, row.text, row.english, seconds, read)
    languages = sorted({clip.language for clip in clips.values()})
    if len(languages) > 1:
        problems.append(f"{name}: its languages are mixed ({', '.join(languages)}); one score is of all of them.")
    return Corpus(name, tuple(clips.values()), tuple(problems))


def _wrong(row: _Row) -> tuple[str, float]:
    """Why a recording cannot be used, empty where it can, and its length in seconds."""
    if not normalise(row.text, row.language):
        return "its reference is empty", 0.0
    if not row.audio.is_file():
        return f"{row.audio} is missing", 0.0
    try:
        info = sf.info(str(row.audio))
    except (sf.LibsndfileError, OSError):
        return f"{row.audio} is no sound that can be read", 0.0
    seconds = float(info.frames / info.samplerate)
    return ("it is longer than 30 s" if seconds > corpora.LONGEST else ""), seconds


def _samples(file: Path) -> Samples:
    return np.array(load(file).samples)
