"""What stands in the manifest of a session, and what may: it is read from files that came from elsewhere."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from engines.contract import OptionValue
from engines.history.entries import Entry, Ran

FORMAT: Final = "triptych-session"
VERSION: Final = 1
"""Of the form; a file of a later one is refused with a sentence."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Text = Annotated[str, Field(max_length=1 << 20)]
_Name = Annotated[str, Field(max_length=500)]
_Size = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a later program of the same form may know more


class Head(_Part):
    """Enough to tell whether the rest can be understood."""

    format: Literal["triptych-session"]
    version: int = Field(ge=1)
    program: _Name = ""


class File(_Part):
    """One file in the session.

    Attributes:
        name: its path inside.
        bytes: its size.
        sha256: of its contents.
    """

    name: Annotated[str, Field(pattern=r"^(sound/[0-9a-f]{64}\.flac|events/[0-9]{1,5}-[0-9]{1,5}\.bin)$")]
    bytes: _Size
    sha256: Digest


class KeptRun(_Part):
    """A :class:`~engines.history.entries.Ran` with its events in a file."""

    engine: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=100)]
    name: _Name
    description: _Text
    status: Literal["ok", "failed", "unavailable", "cancelled"]
    options: dict[str, OptionValue] = Field(default_factory=dict)
    at: _Name
    program: _Name = ""
    machine: dict[str, str | int | float | None] = Field(default_factory=dict)
    weights: dict[str, str] = Field(default_factory=dict)
    transcript: _Text | None = None
    translation: _Text | None = None
    answer: _Text | None = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    events: File

    def ran(self, events: bytes) -> Ran:
        """The run with its events."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "events"}
        return Ran(**fields, events=events)


class KeptEntry(_Part):
    """An :class:`~engines.history.entries.Entry` with its sound in a file."""

    uid: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]
    digest: Digest
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    source: _Name
    language: Annotated[str, Field(max_length=8)] | None = None
    reference: _Text | None = None
    reference_translation: _Text | None = None
    notes: tuple[_Text, ...] = ()
    task: Literal["transcribe", "translate", "respond", "speak"]
    target: Annotated[str, Field(max_length=8)] | None = None
    tags: tuple[_Name, ...] = ()
    sound: File
    runs: Annotated[tuple[KeptRun, ...], Field(max_length=500)]

    def entry(self, runs: tuple[Ran, ...]) -> Entry:
        """The entry with its runs."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name not in {"sound", "runs"}}
        return Entry(**fields, runs=runs)


class Manifest(Head):
    """The whole."""

    entries: Annotated[tuple[KeptEntry, ...], Field(min_length=1, max_length=1000)]
