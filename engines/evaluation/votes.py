"""Blind judgements, kept in one file of the user's that is only ever appended to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines import paths
from engines.errors import BadInput
from engines.evaluation.preference import Choice

SCHEMA: Final = 1

Judged = Literal["transcript", "translation", "answer", "voice"]
"""What was judged."""


class Vote(BaseModel):
    """One judgement.

    Attributes:
        schema_version: of this line.
        id: of the vote; what is undone names it.
        at: when, ISO 8601 in UTC; empty where nobody said.
        judged: what was judged.
        utterance: digest of the speech.
        source: what the user calls the speech; names its condition where it was made worse.
        language: ISO 639-1 code of what was judged, None where it is not known.
        left: id of the engine whose work stood on the left.
        right: id of the other one.
        better: which was found better.
        left_text: what the left one wrote; of a voice, what it said.
        right_text: likewise of the right one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA
    id: str = Field(default_factory=lambda: uuid4().hex)
    at: str = ""
    judged: Judged
    utterance: str
    source: str = ""
    language: str | None = None
    left: str
    right: str
    better: Literal["left", "right", "tie"]
    left_text: str = ""
    right_text: str = ""

    @property
    def pair(self) -> frozenset[str]:
        """The two engines."""
        return frozenset((self.left, self.right))

    @property
    def choice(self) -> Choice:
        """For :func:`engines.evaluation.preference.strengths`."""
        return Choice(self.left, self.right, {"left": 1.0, "right": 0.0, "tie": 0.5}[self.better])


class Undone(BaseModel):
    """A vote that was taken back.

    Attributes:
        schema_version: of this line.
        undone: id of the vote.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA
    undone: str


class Votes:
    """The votes that count, in the order in which they were given.

    Args:
        file: JSON Lines, made with the first vote; ``votes.jsonl`` in the user's data by default. Lines that
            cannot be read, as one that was cut off by a crash, stay in the file and do not count.

    Raises:
        BadInput: the file is there and cannot be read.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or paths.data() / "votes.jsonl"
        self._votes: dict[str, Vote] = {}
        self.unread = 0
        """Lines that could not be understood."""
        if self._file.exists():
            self._read()

    def __iter__(self) -> Iterator[Vote]:
        return iter(self._votes.values())

    def __len__(self) -> int:
        return len(self._votes)

    def add(self, vote: Vote) -> None:
        """Keeps a vote, on disk before this returns.

        Raises:
            BadInput: the file cannot be written; the vote does not count then.
        """
        self._append(vote)
        self._votes[vote.id] = vote

    def undo(self) -> Vote | None:
        """Takes the last vote back and returns it; None where there is none. The file keeps both lines.

        Raises:
            BadInput: the file cannot be written; the vote counts on then.
        """
        if not self._votes:
            return None
        last = next(reversed(self._votes.values()))
        self._append(Undone(undone=last.id))
        del self._votes[last.id]
        return last

    def of(self, judged: Judged) -> list[Vote]:
        """The votes on one kind of work."""
        return [vote for vote in self if vote.judged == judged]

    def _append(self, line: Vote | Undone) -> None:
        text = json.dumps(line.model_dump(), ensure_ascii=False)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab") as file:
                if file.tell() and not self._ends_whole():
                    file.write(b"\n")
                file.write(text.encode() + b"\n")
        except OSError as error:
            message = f"The vote could not be kept: {self._file} cannot be written ({error.strerror})."
            raise BadInput(message, "Make room, or change the file's permissions.") from error

    def _ends_whole(self) -> bool:
        with self._file.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == b"\n"

    def _read(self) -> None:
        try:
            lines = self._file.read_bytes().splitlines()
        except OSError as error:
            message = f"The votes in {self._file} cannot be read: {error.strerror}."
            raise BadInput(message, "Change the file's permissions, or move it away.") from error
        for line in lines:
            if not line.strip():
                continue
            try:
                vote = Vote.model_validate_json(line)
            except ValidationError:
                self._take_back(line)
            else:
                self._votes[vote.id] = vote

    def _take_back(self, line: bytes) -> None:
        try:
            undone = Undone.model_validate_json(line)
        except ValidationError:
            self.unread += 1
        else:
            self._votes.pop(undone.undone, None)
