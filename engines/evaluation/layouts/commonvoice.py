"""Common Voice (Ardila et al. 2020): ``LANG/{train,dev,test,validated,…}.tsv`` with MP3 files in ``LANG/clips``.

Nothing in its tables is quoted. Later releases tell the clips' lengths in ``clip_durations.tsv``, which is believed, so
that a million files need not be opened.
"""

from __future__ import annotations

from pathlib import Path

from engines import languages
from engines.evaluation.layouts import tables
from engines.evaluation.layouts.rows import Corpus, Source, checked, in_file


def read(source: Source) -> Corpus:
    """A split of one language: of the folder itself, or of the folder in it that is called as the language.

    Raises:
        BadInput: the split is not there, or its table lacks a column.
    """
    folder = source.place
    if source.language and (folder / source.language).is_dir():
        folder /= source.language
    told = tables.rows(tables.split(folder, source.part, "{}.tsv"), ("path", "sentence"))
    lengths, spoken = durations(folder), languages.of_locale(source.language or folder.resolve().name)
    clips = source.clips or folder / "clips"
    return checked(
        source.name,
        (
            in_file(
                Path(row["path"]).stem, clips / row["path"], languages.of_locale(row.get("locale") or spoken),
                row["sentence"], speaker=row.get("client_id"), seconds=lengths.get(row["path"]),
            )
            for row in told
        ),
    )  # fmt: skip


def durations(folder: Path) -> dict[str, float]:
    """Name of a clip → its length in seconds, as a release tells it; empty where it does not.

    Raises:
        BadInput: the table of lengths lacks a column.
    """
    file = folder / "clip_durations.tsv"
    if not file.is_file():
        return {}
    told = tables.rows(file, ("clip", "duration[ms]"))
    return {row["clip"]: int(row["duration[ms]"]) / 1000 for row in told if row["duration[ms]"].isdigit()}
