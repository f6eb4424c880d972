"""Measurements that are no transcripts, one line of JSON each, so that a run that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from engines import paths
from engines.errors import BadInput

Row: TypeAlias = Mapping[str, Any]
"""What was measured, as JSON."""


class Kept:
    """A file that is only ever appended to: what it is of, and what was measured.

    Args:
        file: made when the first measurement is added; a line that is no measurement is passed over and made anew. Of
            two of the same the later one counts.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[tuple[str, ...], Row] = {}
        self._gap = ""
        if file.exists():
            text = file.read_text(encoding="utf-8", errors="replace")
            self._gap = "" if not text or text.endswith("\n") else "\n"  # a kill cut the last line off
            for line in text.splitlines():
                self._take(line)

    def get(self, *key: str) -> Row | None:
        """What was measured; None where nothing was."""
        return self._found.get(key)

    def rows(self, *beginning: str) -> Iterator[tuple[tuple[str, ...], Row]]:
        """What was measured of everything whose key begins so, with the rest of the key."""
        length = len(beginning)
        for key, row in self._found.items():
            if key[:length] == beginning:
                yield key[length:], row

    def add(self, *key: str, found: Row) -> Row:
        """Keeps a measurement, on disk before this returns.

        Raises:
            BadInput: the file cannot be written.
        """
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(self._gap + json.dumps({"of": key, "found": found}, ensure_ascii=False) + "\n")
        except OSError as error:
            raise BadInput(
                f"{self._file} cannot be written: {error.strerror}.", "Name another with --store."
            ) from error
        self._gap = ""
        self._found[key] = found
        return found

    def _take(self, line: str) -> None:
        try:
            row = json.loads(line)
            if isinstance(row["found"], dict):
                self._found[tuple(map(str, row["of"]))] = row["found"]
        except (ValueError, TypeError, KeyError):
            return


def version(adapters: Sequence[str], *parts: str) -> str:
    """Digest of trained weights and of anything else that a measurement depends on.

    Args:
        adapters: ids; what is not there counts as empty.
        parts: such as names of models that the program's manifest fixes.
    """
    digest = hashlib.sha256("\n".join(parts).encode())
    for adapter in adapters:
        folder = paths.adapters() / adapter
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                digest.update(file.relative_to(folder.parent).as_posix().encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
