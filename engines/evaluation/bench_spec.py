"""What a bench is to measure, as a TOML file: engines × corpora × conditions."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines.audio import conditions
from engines.catalog import Catalogue
from engines.contract import Task
from engines.errors import BadInput, BadOption
from engines.evaluation.bench_corpora import kind_of
from engines.evaluation.corpora import evenly
from engines.evaluation.layouts.rows import Source
from engines.evaluation.protocol import Case

TaskName = Literal["asr", "s2tt"]
TASKS: Final[dict[str, Task]] = {"asr": Task.TRANSCRIBE, "s2tt": Task.TRANSLATE}
"""Name in a spec → what engines are asked; translations are into English."""


class _CorpusSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    kind: str
    path: Path | None = None
    language: str | None = None
    limit: int | None = Field(default=None, ge=1)
    task: str = "asr"
    split: str | None = Field(default=None, pattern=r"^[\w.-]+$")
    clips: Path | None = None
    audio_column: str | None = None
    text_column: str | None = None
    translation_column: str | None = None
    id_column: str | None = None
    speaker_column: str | None = None
    language_column: str | None = None
    answer_column: str | None = None

    @property
    def said(self) -> frozenset[str]:
        """The keys that not every kind takes."""
        told = self.model_dump(exclude_none=True)
        return frozenset(key for key in told if key in {"split", "clips"} or key.endswith("_column"))

    def source(self, folder: Path) -> Source:
        """Where it lies, given the folder that its paths are relative to."""
        columns = {key.removesuffix("_column"): getattr(self, key) for key in self.said if key.endswith("_column")}
        path, clips = (None if place is None else folder / place for place in (self.path, self.clips))
        return Source(self.name, path, self.language, self.split, clips, columns)


class Spec(BaseModel):
    """A bench.

    Attributes:
        engines: ids; all that can do a corpus's task are asked it.
        conditions: as :func:`engines.audio.conditions.parse` reads them.
        seed: of the noise.
        corpora: what is heard, and what is asked of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engines: tuple[str, ...] = Field(min_length=1)
    conditions: tuple[str, ...] = ("clean",)
    seed: int = Field(default=0, ge=0)
    corpora: tuple[_CorpusSpec, ...] = Field(min_length=1, alias="corpus")


def read(file: Path, catalogue: Catalogue) -> Spec:
    """Reads a bench and checks every name in it.

    Raises:
        BadInput: it cannot be read or is none, names an engine, a condition, a kind or a task that there is not, or
            says of a corpus what its kind does not take.
    """
    try:
        return parsed(file.read_text(encoding="utf-8"), file, catalogue)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.", "Name a TOML file.") from error
    except UnicodeDecodeError as error:
        raise _no_toml(file, error) from error


def _no_toml(file: Path, error: Exception) -> BadInput:
    return BadInput(f"{file} is no TOML: {error}.", "See resources/bench for one.")


def parsed(text: str, file: Path, catalogue: Catalogue) -> Spec:
    """A bench from the text of its file, with every name in it checked.

    Args:
        text: TOML.
        file: that sentences name.
        catalogue: the engines there are.

    Raises:
        BadInput: as :func:`read`.
    """
    try:
        spec = Spec.model_validate(tomllib.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"{file} is no bench: {where}: {first['msg']}.", "See resources/bench for one.") from error
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(file, error) from error
    _require_known(spec, file, catalogue)
    return spec


def _require_known(spec: Spec, file: Path, catalogue: Catalogue) -> None:
    for engine in spec.engines:
        catalogue.describe(engine)
    for condition in spec.conditions:
        conditions.parse(condition)
    for corpus in spec.corpora:
        kind_of(corpus.kind, corpus.said)
        if corpus.task not in get_args(TaskName):
            raise BadOption(f"There is no task {corpus.task!r}.", f"There are {', '.join(TASKS)}.")
    for names in (spec.engines, spec.conditions, [corpus.name for corpus in spec.corpora]):
        for name in names:
            if names.count(name) > 1:
                raise BadInput(f"{name} is named twice in {file}.", "Name everything once.")


def cases(spec: Spec, folder: Path) -> tuple[list[Case], list[str]]:
    """Everything that is to be heard, and one sentence for each problem of the corpora.

    Args:
        spec: what is measured.
        folder: that paths in it are relative to.

    Raises:
        BadInput: a corpus cannot be read at all.
    """
    heard = [conditions.parse(name) for name in spec.conditions]
    found, problems = list[Case](), list[str]()
    for wanted in spec.corpora:
        corpus = kind_of(wanted.kind, wanted.said).read(wanted.source(folder))
        problems += corpus.problems
        task, clips = TASKS[wanted.task], list(corpus.clips)
        if task is Task.TRANSLATE:
            problems += [
                f"{wanted.name}: {clip.id} is left out: it has no translation." for clip in clips if not clip.english
            ]
            clips = [clip for clip in clips if clip.english]
        clips = evenly(clips, wanted.limit)
        if not clips:
            problems.append(f"{wanted.name}: nothing is left of it.")
        found += [Case(clip, condition, task) for condition in heard for clip in clips]
    return found, problems
