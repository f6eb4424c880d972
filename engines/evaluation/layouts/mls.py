"""Multilingual LibriSpeech (Pratap et al. 2020): ``SPLIT/transcripts.txt`` and ``SPLIT/audio/SPEAKER/BOOK/ID.flac``.

A line of the transcripts is an id (``SPEAKER_BOOK_NUMBER``), a tab and the text. The smaller download is of Opus.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engines import languages
from engines.errors import BadInput
from engines.evaluation.layouts import tables
from engines.evaluation.layouts.rows import Corpus, Row, Source, checked, in_file

_ENDINGS: Final = (".flac", ".opus")


def read(source: Source) -> Corpus:
    """A split of one language: of a folder such as ``mls_german``, or the folder of the split itself.

    Raises:
        BadInput: there are no transcripts, a line of them has no tab, or nothing tells the language.
    """
    folder = source.place
    if source.split or not (folder / "transcripts.txt").is_file():
        folder /= source.part
    spoken = languages.of_locale(source.language) if source.language else _spoken(folder.resolve())
    file = folder / "transcripts.txt"
    if not file.is_file():
        raise BadInput(f"There is no {file}.", "Name a folder of Multilingual LibriSpeech, for example mls_german.")

    def row(number: int, line: str) -> Row:
        clip, tab, text = line.partition("\t")
        speaker, _, rest = clip.partition("_")
        if not tab:
            raise BadInput(f"Line {number} of {file} has no tab.", "A line is an id, a tab and the text.")
        stem = folder / "audio" / speaker / rest.partition("_")[0] / clip
        return in_file(clip, _sound(stem), spoken, text, speaker=speaker)

    return checked(source.name, (row(number, line) for number, line in enumerate(tables.lines(file), 1)))


def _sound(stem: Path) -> Path:
    files = [stem.with_name(stem.name + ending) for ending in _ENDINGS]
    return next((file for file in files if file.is_file()), files[0])


def _spoken(folder: Path) -> str:
    """The language by the name of a folder above, ``mls_german`` or ``mls_german_opus``."""
    named = {name.lower(): code for code, name in languages.NAMES.items()}
    for part in reversed(folder.parts):
        word = part.removeprefix("mls_").removesuffix("_opus")
        if part.startswith("mls_") and word in named:
            return named[word]
    raise BadInput(f"Nothing tells the language of {folder}.", "Add language = … to the corpus.")
