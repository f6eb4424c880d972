"""What the window remembers from one start to the next, in one versioned JSON file of the user's.

A file of an earlier version is brought up to date. One that cannot be read, or is of a later version, is kept beside
under a name that is told, and defaults are used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.language import tr
from engines import paths
from engines.contract import OptionValue, Task

STEPS: Final[tuple[Callable[[dict[str, Any]], None], ...]] = ()
"""What brings settings of an earlier version up to date, see :func:`brought_up`."""
VERSION: Final = len(STEPS) + 1


class Appearance(BaseModel):
    """How the window looks."""

    model_config = ConfigDict(validate_assignment=True)

    theme: Literal["system", "light", "dark"] = "system"
    language: str = "system"
    """ISO 639-1 code of the window's language, or ``"system"``."""
    text_scale: float = Field(default=1.0, ge=0.8, le=2.0)
    underline_doubts: bool = True
    """Whether words that a model was unsure of are underlined in the cards."""
    geometry: str = ""
    """Qt's saved geometry, base64."""
    split: tuple[int, ...] = ()
    """Heights of cards and evidence in pixels."""


class Choices(BaseModel):
    """What was last chosen in the toolbar.

    Attributes:
        spoken: language code, or None to find out.
        microphone: the device's name, or None for the system's own choice.
        live_engines: ids of the engines that take part in live work; empty for the first of each paradigm.
    """

    model_config = ConfigDict(validate_assignment=True)

    task: Task = Task.TRANSCRIBE
    spoken: str | None = None
    target: str = "en"
    microphone: str | None = None
    folder: str = ""
    run_after_recording: bool = True
    live_engines: tuple[str, ...] = ()


class Running(BaseModel):
    """How engines run.

    Attributes:
        provider: an execution provider's short name, or ``"auto"``.
        threads: threads of one session; 0 leaves it to the engine.
        server_url: an OpenAI-compatible server, used by engines whose language model is set to ``server``.
        options: per engine id the options that differ from its defaults.
    """

    model_config = ConfigDict(validate_assignment=True)

    provider: str = "auto"
    threads: int = Field(default=0, ge=0, le=256)
    server_url: str = ""
    server_model: str = ""
    server_key: str = ""
    options: dict[str, dict[str, OptionValue]] = Field(default_factory=dict)
    welcomed: bool = False
    """Whether the welcome was shown."""
    declined: set[str] = Field(default_factory=set)
    """Licence keys whose banner was put away with "Not now" for good."""


class History(BaseModel):
    """What is kept of runs.

    Attributes:
        keep: whether runs are kept at all.
        megabytes: how much of them; the oldest without tags go first. 0 is no limit.
    """

    model_config = ConfigDict(validate_assignment=True)

    keep: bool = True
    megabytes: int = Field(default=2000, ge=0)


class Settings(BaseModel):
    """All that is remembered."""

    model_config = ConfigDict(validate_assignment=True)

    version: int = VERSION
    appearance: Appearance = Field(default_factory=Appearance)
    choices: Choices = Field(default_factory=Choices)
    running: Running = Field(default_factory=Running)
    history: History = Field(default_factory=History)
    told: str = Field(default="", exclude=True)
    """What the user should know of how they were read."""

    @classmethod
    def load(cls, file: Path | None = None) -> Settings:
        """Reads the settings; defaults where there are none or they cannot be understood, which :attr:`told` says."""
        file = file or _file()
        try:
            found: Any = json.loads(file.read_text("utf-8"))
            if not isinstance(found, dict) or not isinstance(found.get("version"), int):
                raise ValueError("no settings")  # noqa: TRY004, TRY301 -- handled like any unreadable file
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError):
            return cls(
                told=tr("The settings could not be read, so all is as at first. {set_aside}").format(
                    set_aside=_set_aside(file, "damaged")
                )
            )
        version = found["version"]
        if version > VERSION:
            later = tr("The settings are of a later version of Triptych, so all is as at first.")
            return cls(told=f"{later} {_set_aside(file, f'version-{version}')}")
        try:
            return cls.model_validate(brought_up(found))
        except (ValidationError, LookupError, TypeError):
            return cls(
                told=tr("The settings made no sense, so all is as at first. {set_aside}").format(
                    set_aside=_set_aside(file, "damaged")
                )
            )

    def save(self, file: Path | None = None) -> None:
        """Writes the settings in one step, readable by the user alone (a server key may be among them).

        Raises:
            OSError: the folder cannot be written to.
        """
        file = file or _file()
        scratch = file.with_name(f".{file.name}.{os.getpid()}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(self.model_dump_json(indent=2))
        scratch.replace(file)


def brought_up(found: dict[str, Any], steps: Sequence[Callable[[dict[str, Any]], None]] = STEPS) -> dict[str, Any]:
    """Settings of an earlier version as the present one has them.

    Args:
        found: with their version.
        steps: the n-th makes version n + 2 of version n + 1, in place.
    """
    for number, step in enumerate(steps, 1):
        if found["version"] == number:
            step(found)
            found["version"] = number + 1
    return found


def _set_aside(file: Path, why: str) -> str:
    """Keeps a file beside, under the first name that is free; returns where it is."""
    for number in count(1):
        kept = file.with_name(f"{file.name}.{why}" + (f"-{number}" if number > 1 else ""))
        if not kept.exists():
            break
    try:
        file.replace(kept)
    except OSError:
        return tr("The file could not be kept.")
    return tr("The file is kept as {name} in {parent}.").format(name=kept.name, parent=kept.parent)


def _file() -> Path:
    return paths.data() / "settings.json"
