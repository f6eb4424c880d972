"""FLEURS (Conneau et al. 2022) as Google lays it out: ``data/LANG/SPLIT.tsv`` and WAV files.

The tables have no first line of names: ``id`` (of the sentence, which several people may say), ``file_name``,
``raw_transcription``, ``transcription``, the characters, ``num_samples``, ``gender``. The sound lies in ``audio/SPLIT``
or ``SPLIT`` of the language's folder. The sentences are the same in all languages, so those of ``en_us`` beside it are
the translations.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engines import languages
from engines.errors import BadInput
from engines.evaluation.layouts import tables
from engines.evaluation.layouts.rows import Corpus, Row, Source, checked, in_file

_ENGLISH = "en_us"


def read(source: Source) -> Corpus:
    """A split of the folder of one language, for example ``data/de_de``.

    Raises:
        BadInput: the split is not there, or a line of it lacks columns.
    """
    folder, split = source.place, source.part
    if source.language and (folder / source.language).is_dir():
        folder /= source.language
    file, name = tables.split(folder, split, "{}.tsv"), folder.resolve().name
    beside = folder.resolve().parent / _ENGLISH / f"{split}.tsv"
    english = {row[0]: row[2] for row in _lines(beside)} if name != _ENGLISH and beside.is_file() else {}
    places = [source.clips] if source.clips else [folder / "audio" / split, folder / split]
    sound = next((place for place in places if place.is_dir()), places[0])
    spoken = languages.of_locale(name if source.language in {None, name} else str(source.language))

    def row(cells: list[str]) -> Row:
        sentence, audio, _, text, *_ = cells
        return in_file(Path(audio).stem, sound / audio, spoken, text, english=english.get(sentence))

    return checked(source.name, map(row, _lines(file)))


def _lines(file: Path) -> Iterator[list[str]]:
    """Lines of at least ``id``, ``file_name``, ``raw_transcription`` and ``transcription``."""
    for number, line in enumerate(tables.lines(file), 1):
        cells = line.split("\t")
        if number == 1 and cells[:2] == ["id", "file_name"]:
            continue
        if len(cells) < 4:
            needs = "It needs id, file_name, raw_transcription and transcription, with tabs between them."
            raise BadInput(f"Line {number} of {file} has {len(cells)} columns.", needs)
        yield cells
