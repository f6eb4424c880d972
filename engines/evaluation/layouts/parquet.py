"""Corpora of Hugging Face ``datasets`` in Parquet: one file, or a folder of them.

The sound is a column of structures with ``bytes`` (a whole sound file) and ``path``. The files are never held whole:
they are gone through once for lengths, a group of rows (a hundred, as ``datasets`` writes them) at a time; afterwards a
recording is fetched when it is heard.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any, Final

from engines import languages
from engines.contract import Samples
from engines.errors import AudioUnreadable, BadInput, Unavailable
from engines.evaluation.layouts.rows import UNKNOWN, Corpus, Row, Source, checked, length_of, samples_of

GUESSED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "audio": ("audio",),
        "text": ("text", "sentence", "transcription", "raw_transcription", "normalized_text", "transcript"),
        "translation": ("translation", "english"),
        "id": (),
        "speaker": ("speaker_id", "speaker", "client_id"),
        "language": ("locale", "language"),
        "answer": ("answer",),
    }
)
"""What is read → names that its column has in published corpora, the likeliest first."""
_IDS: Final = ("id", "segment_id", "audio_id", "file", "path")
"""Names of columns with an id; the first is taken in which all differ, for in FLEURS ``id`` is that of the sentence."""
_NEEDED: Final = ("audio", "text")
_ROWS: Final = 8
"""So many recordings are taken out of a group at once."""
_ENDING: Final = re.compile(r"\.(wav|flac|mp3|ogg|opus|m4a)$")
_SHARD: Final = re.compile(r"(?P<split>.+?)(-\d{5}-of-\d{5})?(-[0-9a-f]{16})?\.parquet")


def read(source: Source) -> Corpus:
    """Every row of the files, or of those of one split.

    Raises:
        Unavailable: pyarrow is not installed.
        BadInput: there is no such file, one is no Parquet, one lacks a column, or there are several splits and none is
            named.
    """
    files = [_File(file) for file in _files(source)]
    columns = _columns(files, source)
    return checked(source.name, _rows(files, columns, source))


class _File:
    """A Parquet file whose sound is read in order; going back begins at the start of the row's group."""

    def __init__(self, path: Path) -> None:
        try:
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile
        except ImportError as error:
            hint = 'Install it with `pip install "triptych[parquet]"`.'
            raise Unavailable("Parquet files need pyarrow, which is not installed.", hint) from error
        self.path = path
        self._broken: tuple[type[Exception], ...] = (ArrowException, OSError)
        try:
            self._file: Any = ParquetFile(path, memory_map=True, pre_buffer=False)
        except self._broken as error:
            raise BadInput(f"{path} is no Parquet file that can be read.", "Fetch it again.") from error
        self.schema: Any = self._file.schema_arrow
        meta = self._file.metadata
        self._sizes = [int(meta.row_group(group).num_rows) for group in range(meta.num_row_groups)]
        self.count = sum(self._sizes)
        self._lock = Lock()
        self._values: Iterator[Any] = iter(())
        self._group, self._next = -1, 0
        self._last: tuple[int, Any] = (-1, None)

    def rows(self, columns: Sequence[str], groups: Sequence[int] | None = None) -> Iterator[dict[str, Any]]:
        """All rows, or those of some groups, one group in memory at a time.

        Raises:
            BadInput: the file is damaged.
        """
        try:
            for batch in self._file.iter_batches(_ROWS, row_groups=groups, columns=list(columns), use_threads=False):
                yield from batch.to_pylist()
        except self._broken as error:
            raise BadInput(f"{self.path} is damaged.", "Fetch it again.") from error

    def value(self, column: str, row: int) -> Any:
        """What stands in one row of a column."""
        with self._lock:
            if row != self._last[0]:
                self._last = (row, self._found(column, row))
            return self._last[1]

    def _found(self, column: str, row: int) -> Any:
        start, group = 0, 0
        while row >= start + self._sizes[group]:
            start += self._sizes[group]
            group += 1
        if group != self._group or row < self._next:
            self._values, self._group, self._next = self.rows([column], [group]), group, start
        while True:
            found = next(self._values)[column]
            self._next += 1
            if self._next > row:
                return found


def _files(source: Source) -> list[Path]:
    place = source.place
    if not place.is_dir():
        if not place.is_file():
            raise BadInput(f"There is no {place}.", "Name a Parquet file or a folder of them.")
        return [place]
    files = sorted(place.rglob("*.parquet"))
    if not files:
        raise BadInput(f"{place} holds no *.parquet.", "Name a Parquet file or a folder of them.")
    splits = {file: _split(file, place) for file in files}
    there = ", ".join(sorted(set(splits.values())))
    if source.split is None and len(set(splits.values())) > 1:
        raise BadInput(f"{place} has the splits {there}, and none is named.", "Add split = … to the corpus.")
    taken = [file for file in files if source.split in {None, splits[file]}]
    if not taken:
        raise BadInput(f"{place} has no split {source.split!r}.", f"There are the splits {there}.")
    return taken


def _split(file: Path, place: Path) -> str:
    """By the name, ``test-00000-of-00002.parquet``; of ``test/0000.parquet`` by the folder."""
    found = _SHARD.fullmatch(file.name)
    name = found["split"] if found else file.stem
    return file.parent.name if name.isdigit() and file.parent != place else name


def _columns(files: Sequence[_File], source: Source) -> dict[str, str]:
    """What is read → its column, the same in all files."""
    there = [name for name in files[0].schema.names if all(name in file.schema.names for file in files)]
    columns = {}
    for what, guesses in GUESSED.items():
        named = source.columns.get(what)
        found = next((name for name in ((named,) if named else guesses) if name in there), None)
        if found is not None:
            columns[what] = found
        elif named or what in _NEEDED:
            missing = f"no column {named!r}" if named else f"no column that is known to hold the {what}"
            hint = f"There are {', '.join(there)}; name one with {what}_column = …"
            raise BadInput(f"{source.place} has {missing}.", hint)
    sound = str(files[0].schema.field(columns["audio"]).type)
    if not sound.startswith(("struct", "binary", "large_binary", "string")) or (
        sound.startswith("struct") and "bytes:" not in sound and "path:" not in sound
    ):
        hint = "It should be a structure of bytes and path; name another column with audio_column = …"
        raise BadInput(f"The column {columns['audio']!r} of {source.place} is {sound}, not sound.", hint)
    return columns


def _rows(files: Sequence[_File], columns: Mapping[str, str], source: Source) -> Iterator[Row]:
    names = _names(files, columns.get("id"))
    wanted = list(columns.values())
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            for number, row in enumerate(file.rows(wanted)):
                told = {what: row[column] for what, column in columns.items()}
                length = _length(told["audio"], file.path.parent, Path(folder))
                yield Row(
                    next(names), _language(told.get("language"), source.language), str(told["text"] or ""),
                    partial(_same, length), partial(_samples, file, columns["audio"], number),
                    english=_text(told.get("translation")), speaker=_word(told.get("speaker")) or UNKNOWN,
                    answer=_text(told.get("answer")),
                )  # fmt: skip


def _names(files: Sequence[_File], named: str | None) -> Iterator[str]:
    """An id for every row: a column's, or else the name of the file and the number of the row."""
    possible = (named,) if named else tuple(one for one in _IDS if all(one in file.schema.names for file in files))
    for column in possible:
        found = [_word(row[column]) for file in files for row in file.rows([column])]
        if column == named or len(set(found)) == len(found):
            return iter(found)
    if possible:  # doubled rows, which are told
        return (_word(row[possible[0]]) for file in files for row in file.rows([possible[0]]))
    return (f"{file.path.stem}-{number}" for file in files for number in range(file.count))


def _word(value: Any) -> str:
    """A value as a word; of a path its last part without the ending."""
    return "" if value is None else _ENDING.sub("", str(value).rpartition("/")[2])


def _text(value: Any) -> str | None:
    return value or None if isinstance(value, str) else None


def _language(told: Any, named: str | None) -> str:
    """The code that a row tells, if it is one, else the one of the bench."""
    code = languages.of_locale(told) if isinstance(told, str) else ""
    return code if code in languages.NAMES else languages.of_locale(named or "en")


def _same(length: float | str) -> float | str:
    return length


def _length(value: Any, beside: Path, folder: Path) -> float | str:
    sound, path = _parts(value)
    if sound is None:
        return length_of(beside / path) if path else "it has no sound"
    file = folder / f"sound{Path(path).suffix}"
    file.write_bytes(sound)
    found = length_of(file)
    file.unlink()
    return "its sound cannot be read" if isinstance(found, str) else found


def _samples(file: _File, column: str, row: int) -> Samples:
    """Decodes one recording, by way of a file that is deleted at once.

    Raises:
        AudioUnreadable: it has no sound that can be read.
    """
    sound, path = _parts(file.value(column, row))
    if sound is None:
        return samples_of(file.path.parent / path)
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder) / f"sound{Path(path).suffix}"
        at.write_bytes(sound)
        try:
            return samples_of(at)
        except AudioUnreadable as error:
            raise AudioUnreadable(f"Row {row} of {file.path} has no sound that can be read.", error.hint) from error


def _parts(value: Any) -> tuple[bytes | None, str]:
    """The bytes of a sound file and its name; either may be missing."""
    if isinstance(value, dict):
        return value.get("bytes"), value.get("path") or ""
    return (value, "") if isinstance(value, bytes) else (None, value or "")
