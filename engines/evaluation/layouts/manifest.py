"""Lists of one's own: a file of JSON lines or a CSV table with ``audio`` (relative to the file) and ``text``.

There may also be ``id``, ``language``, ``english``, ``speaker`` and ``answer``: a good answer to what is said.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engines.errors import BadInput
from engines.evaluation.layouts import tables
from engines.evaluation.layouts.rows import Corpus, Row, Source, checked, in_file


def read(source: Source) -> Corpus:
    """A list of recordings.

    Raises:
        BadInput: it cannot be read, or a line of it describes no recording.
    """
    file = source.place
    rows = [_row(file, number, row, source.language) for number, row in enumerate(_described(file), 1)]
    return checked(source.name, rows)


def _described(file: Path) -> Iterator[Any]:
    if file.suffix.lower() == ".csv":
        yield from csv.DictReader(io.StringIO(tables.read(file), newline=""))
        return
    for number, line in enumerate(tables.read(file).split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise BadInput(f"Line {number} of {file} is no JSON.", "One object a line is wanted.") from error


def _row(file: Path, number: int, row: Any, language: str | None) -> Row:
    def told(name: str) -> str | None:
        return str(row[name]) if row.get(name) else None

    try:
        audio, text = str(row["audio"]), str(row["text"] or "")
        return in_file(
            told("id") or audio, file.parent / audio, told("language") or language or "en", text,
            english=told("english"), speaker=told("speaker"), answer=told("answer"),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
        needs = "It needs audio and text."
        raise BadInput(f"Recording {number} of {file} is described badly.", needs) from error
