"""What a bench is to measure, as a TOML file: engines × corpora × conditions."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines.audio import conditions
from engines.catalog import Catalogue
from engines.contract import Task
from engines.errors import BadInput, BadOption
from engines.evaluation.bench_corpora import kind_of
from engines.evaluation.bench_metrics import METRICS
from engines.evaluation.bench_voices import VOICES
from engines.evaluation.corpora import Clip, evenly
from engines.evaluation.layouts.rows import Source
from engines.evaluation.runs import Case

TASKS: Final[Mapping[str, Task | None]] = MappingProxyType(
    {"asr": Task.TRANSCRIBE, "s2tt": Task.TRANSLATE, "s2st": Task.SPEAK, "answer": Task.RESPOND, "tts": None}
)
"""Name in a spec → what engines are asked; translations are into English. ``tts`` is asked of voices."""
MOST_REPETITIONS: Final = 100


class _CorpusSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    kind: str
    path: Path | None = None
    language: str | None = None
    limit: int | None = Field(default=None, ge=1)
    task: str = "asr"
    conditions: tuple[str, ...] | None = Field(default=None, min_length=1)
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
        voices: that say the texts of corpora whose task is ``tts``; see :data:`engines.evaluation.bench_voices.VOICES`.
        conditions: as :func:`engines.audio.conditions.parse` reads them; a corpus may name its own.
        seed: of the noise.
        repetitions: of every run; qualities are those of the first, times the median of all.
        metrics: names in :data:`engines.evaluation.bench_metrics.METRICS`; empty for all that fit.
        corpora: what is heard, and what is asked of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engines: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()
    conditions: tuple[str, ...] = Field(default=("clean",), min_length=1)
    seed: int = Field(default=0, ge=0)
    repetitions: int = Field(default=1, ge=1, le=MOST_REPETITIONS)
    metrics: tuple[str, ...] = ()
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
    _require_all(spec.voices, VOICES, "voice")
    _require_all(spec.metrics, METRICS, "metric")
    for corpus in spec.corpora:
        kind_of(corpus.kind, corpus.said)
        _require_all((corpus.task,), TASKS, "task")
    for condition in (*spec.conditions, *(one for corpus in spec.corpora for one in corpus.conditions or ())):
        conditions.parse(condition)
    named = [spec.engines, spec.voices, spec.conditions, spec.metrics, [corpus.name for corpus in spec.corpora]]
    named += [corpus.conditions or () for corpus in spec.corpora]
    for names in named:
        for name in names:
            if names.count(name) > 1:
                raise BadInput(f"{name} is named twice in {file}.", "Name everything once.")
    for corpus in spec.corpora:
        who, needed = ("voices", spec.voices) if corpus.task == "tts" else ("engines", spec.engines)
        if not needed:
            raise BadInput(f"{file} names no {who}, but {corpus.name} has the task {corpus.task}.", f"Add {who} = […].")


def _require_all(names: Sequence[str], known: Iterable[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise BadOption(f"There is no {what} {name!r}.", f"There are {', '.join(known)}.")


@dataclass(frozen=True)
class Wanted:
    """Everything that is to be measured.

    Attributes:
        cases: for engines.
        texts: for voices.
        problems: one sentence for each problem of the corpora.
    """

    cases: tuple[Case, ...]
    texts: tuple[Clip, ...]
    problems: tuple[str, ...]


def wanted(spec: Spec, folder: Path) -> Wanted:
    """Everything that is to be heard and said.

    Args:
        spec: what is measured.
        folder: that paths in it are relative to.

    Raises:
        BadInput: a corpus cannot be read at all.
    """
    found, texts, problems = list[Case](), list[Clip](), list[str]()
    for one in spec.corpora:
        corpus = kind_of(one.kind, one.said).read(one.source(folder))
        problems += corpus.problems
        clips, left_out = _fit(corpus.clips, one.task)
        problems += [f"{one.name}: {sentence}" for sentence in left_out]
        clips = evenly(clips, one.limit)
        if not clips:
            problems.append(f"{one.name}: nothing is left of it.")
        task = TASKS[one.task]
        if task is None:
            texts += clips
            continue
        heard = [conditions.parse(name) for name in one.conditions or spec.conditions]
        found += [
            Case(clip, condition, task, repetition)
            for condition in heard
            for clip in clips
            for repetition in range(spec.repetitions)
        ]
    return Wanted(tuple(found), tuple(texts), tuple(problems))


def _fit(clips: Sequence[Clip], task: str) -> tuple[list[Clip], list[str]]:
    """Recordings that a task can be asked of, and why others cannot."""
    if task == "tts":
        lacks = {clip.id: "it is not English, and voices are." for clip in clips if clip.language != "en"}
    elif task in {"s2tt", "s2st"}:
        lacks = {clip.id: "it has no translation." for clip in clips if not clip.english}
    else:
        lacks = {}
    return [clip for clip in clips if clip.id not in lacks], [
        f"{name} is left out: {reason}" for name, reason in lacks.items()
    ]
