"""Tables of texts as corpora publish them: columns between tabs, nothing quoted."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from engines.errors import BadInput


def read(file: Path) -> str:
    """A file of text.

    Raises:
        BadInput: it cannot be read or is no UTF-8.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read: {error}.", "Name a file of text in UTF-8.") from error


def lines(file: Path) -> list[str]:
    """The lines of a file that hold something; only a line feed ends one, for sentences hold odd separators.

    Raises:
        BadInput: it cannot be read or is no UTF-8.
    """
    return [line.removesuffix("\r") for line in read(file).split("\n") if line.strip()]


def rows(file: Path, wanted: Sequence[str], *, escape: str | None = None) -> Iterator[dict[str, str]]:
    """A table whose first line names its columns; what a short line lacks is empty.

    Args:
        file: read with tabs between its columns; quotation marks stand for themselves.
        wanted: columns that must be there.
        escape: character before which a tab or a mark stands for itself.

    Raises:
        BadInput: it cannot be read, or lacks a column.
    """
    table = csv.reader(lines(file), delimiter="\t", quoting=csv.QUOTE_NONE, escapechar=escape)
    try:
        header = next(table, [])
        missing = [name for name in wanted if name not in header]
        if missing:
            there = ", ".join(header) or "nothing"
            raise BadInput(f"{file} has no column {' and no '.join(missing)}.", f"Its first line names {there}.")
        for cells in table:
            yield dict.fromkeys(header, "") | dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise BadInput(f"Line {table.line_num} of {file} cannot be read: {error}.", "Is it a table?") from error


def split(folder: Path, wanted: str, pattern: str) -> Path:
    """The table of a split.

    Args:
        folder: that it lies in.
        wanted: name of the split.
        pattern: of its file's name, with ``{}`` for the split.

    Raises:
        BadInput: there is none; the sentence names those that there are.
    """
    file = folder / pattern.format(wanted)
    if file.is_file():
        return file
    before, after = pattern.split("{}")
    there = sorted(one.name[len(before) : len(one.name) - len(after)] for one in folder.glob(pattern.format("*")))
    hint = f"There are the splits {', '.join(there)}." if there else "Name the folder that holds the tables."
    raise BadInput(f"There is no {file}.", hint)
