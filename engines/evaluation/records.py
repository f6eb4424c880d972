"""What was measured, one line of JSON per engine and recording, so that a run that was killed goes on where it was."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines.errors import BadInput, DiskFull
from engines.evaluation.metrics import Errors

SCHEMA: Final = 1
TaskName = Literal["transcribe", "translate", "respond", "speak", "say"]
"""What was asked: text of speech in two languages, an answer to it, English speech of speech and of a text."""


class Key(NamedTuple):
    """What a measurement is of; it is made once per key."""

    engine: str
    version: str
    corpus: str
    clip: str
    condition: str
    task: str
    repetition: int = 0


class Record(BaseModel):
    """One engine on one recording under one condition.

    Attributes:
        schema_version: of this record.
        engine: its id.
        version: digest of its description and weights; others are not measured by it.
        corpus: ``prompts`` or ``unseen``.
        clip: the recording's id.
        speaker: the voice.
        language: ISO 639-1 code of what is spoken.
        condition: as :func:`engines.audio.conditions.parse` reads it.
        task: what was asked.
        repetition: of the same, from 0 on.
        seconds: length of the recording.
        reference: what is right.
        hypothesis: what the engine wrote; empty where it failed.
        hits: words that are right; of translations no errors are counted.
        substitutions: words that are others.
        deletions: words that are missing.
        insertions: words that are too many.
        work: seconds of the engine's own work, shared work counted in full.
        stages: seconds by stage.
        places: places of the language model's input that the speech took; None for engines that tell none.
        place_seconds: seconds of speech that they stand for.
        spoken_seconds: length of the speech that was made; what is written of it is what a recogniser reads back.
        opinion: DNSMOS (overall, 1 to 5) of the speech that was made; None where it was not judged.
        first_text: seconds until the first text; None where none came.
        first_audio: seconds until the first speech; None where none came.
        confidences: probability that the engine gave to each word it wrote; empty where it tells none.
        right: whether each of these words is.
        failure: why it came to nothing, one sentence; empty where it did not.
        machine: where it was measured.
        provider: what ONNX Runtime ran on.
        precision: of the weights.
        models: role → model that the engine was composed of.
        software: versions of what computed it.
        seed: of the noise.
        measured: when, ISO 8601 in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA
    engine: str
    version: str
    corpus: str
    clip: str
    speaker: str
    language: str
    condition: str
    task: TaskName
    repetition: int = Field(default=0, ge=0)
    seconds: float = Field(ge=0)
    reference: str
    hypothesis: str
    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    work: float = 0.0
    stages: dict[str, float] = Field(default_factory=dict)
    places: int | None = None
    place_seconds: float = 0.0
    spoken_seconds: float = Field(default=0.0, ge=0)
    opinion: float | None = None
    first_text: float | None = None
    first_audio: float | None = None
    confidences: tuple[float, ...] = ()
    right: tuple[bool, ...] = ()
    failure: str = ""
    machine: str = ""
    provider: str = ""
    precision: str = ""
    models: dict[str, str] = Field(default_factory=dict)
    software: str = ""
    seed: int = 0
    measured: str = ""

    @property
    def key(self) -> Key:
        """What it is of."""
        return Key(self.engine, self.version, self.corpus, self.clip, self.condition, self.task, self.repetition)

    @property
    def errors(self) -> Errors:
        """Its edit counts."""
        return Errors(self.hits, self.substitutions, self.deletions, self.insertions)


class Records:
    """A file of records that is only ever appended to.

    Args:
        file: made when the first record is added; a last line that was cut off by a kill is dropped.

    Raises:
        BadInput: the file cannot be read, or another line of it is no record.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[Key, Record] = {}
        if file.exists():
            self._read()

    def __contains__(self, key: Key) -> bool:
        return key in self._found

    def __iter__(self) -> Iterator[Record]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: Key) -> Record | None:
        """The record of a key, None where nothing was measured."""
        return self._found.get(key)

    def add(self, record: Record) -> None:
        """Keeps a record, on disk before this returns.

        Raises:
            BadInput: the file cannot be written.
            DiskFull: there is no room; what was kept before stays whole.
        """
        line = json.dumps(record.model_dump(exclude_defaults=True) | {"schema_version": SCHEMA}, ensure_ascii=False)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab") as file:
                self._append(file, f"{line}\n".encode())
        except OSError as error:
            if error.errno == errno.ENOSPC:
                hint = "Make room and run the same again: what was measured is kept."
                raise DiskFull(f"There is no room for {self._file}.", hint) from error
            raise BadInput(
                f"{self._file} cannot be written: {error.strerror}.", "Name another with --store."
            ) from error
        self._found[record.key] = record

    @staticmethod
    def _append(file: IO[bytes], line: bytes) -> None:
        """Writes a line, or none of it where the disk is full."""
        before = file.seek(0, os.SEEK_END)
        try:
            file.write(line)
            file.flush()
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), before)
            raise

    def _read(self) -> None:
        try:
            content = self._file.read_bytes()
        except OSError as error:
            raise BadInput(f"{self._file} cannot be read: {error.strerror}.", "Name another with --store.") from error
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                record = Record.model_validate_json(line)
            except ValidationError as error:
                hint = "Name another file with --store, or delete this one to measure anew."
                raise BadInput(f"Line {number} of {self._file} is no measurement.", hint) from error
            self._found[record.key] = record
        if len(whole) < len(content):
            with self._file.open("r+b") as file:
                file.truncate(len(whole))
