"""CoVoST 2 (Wang, Wu & Pino 2020), speech of Common Voice 4 with translations into English.

Its tables are ``covost_v2.SRC_en.SPLIT.tsv`` with ``path``, ``sentence``, ``translation`` and ``client_id``, as its
authors' script makes them; or ``covost_v2.SRC_en.tsv`` as it is downloaded, with ``path``, ``translation`` and
``split``, and the sentences in Common Voice's ``validated.tsv``. A backslash stands before what would otherwise end a
column.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engines import languages
from engines.errors import BadInput
from engines.evaluation.layouts import tables
from engines.evaluation.layouts.commonvoice import durations
from engines.evaluation.layouts.rows import Corpus, Source, checked, in_file


def read(source: Source) -> Corpus:
    """A split of the translations out of one language.

    Raises:
        BadInput: there is no such table, it lacks a column, or there are several languages and none is named.
    """
    folder = source.place
    spoken = _spoken(source)
    lengths, clips = durations(folder), source.clips or folder / "clips"
    return checked(
        source.name,
        (
            in_file(
                Path(row["path"]).stem, clips / row["path"], languages.of_locale(spoken), row["sentence"],
                english=row["translation"], speaker=row.get("client_id"), seconds=lengths.get(row["path"]),
            )
            for row in _rows(folder, spoken, source.part)
        ),
    )  # fmt: skip


def _spoken(source: Source) -> str:
    """The source language as the tables' names write it, for example ``sv-SE``."""
    there = sorted({file.name.split(".")[1].removesuffix("_en") for file in source.place.glob("covost_v2.*_en.*tsv")})
    wanted = [name for name in there if source.language in {None, name, languages.of_locale(name)}]
    if len(wanted) == 1:
        return wanted[0]
    if not there:
        hint = "Name the folder that the tables of CoVoST 2 lie in; those out of English are not read."
        raise BadInput(f"{source.place} holds no covost_v2.SRC_en.{source.part}.tsv.", hint)
    asked = f"{source.language!r} is none of them" if source.language else "none is named"
    raise BadInput(f"{source.place} has {', '.join(there)}, and {asked}.", "Add language = … to the corpus.")


def _rows(folder: Path, spoken: str, split: str) -> Iterator[dict[str, str]]:
    whole = folder / f"covost_v2.{spoken}_en.tsv"
    if (folder / f"covost_v2.{spoken}_en.{split}.tsv").is_file() or not whole.is_file():
        file = tables.split(folder, split, f"covost_v2.{spoken}_en.{{}}.tsv")
        return tables.rows(file, ("path", "sentence", "translation"), escape="\\")
    said = {row["path"]: row for row in tables.rows(folder / "validated.tsv", ("path", "sentence"))}
    taken = {"train", "train_covost"} if split == "train" else {split}
    told = tables.rows(whole, ("path", "translation", "split"), escape="\\")
    return ({"sentence": ""} | said.get(row["path"], {}) | row for row in told if row["split"] in taken)
