"""What others published: numbers with their sources, and where sources disagree."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engines import paths
from engines.contract import Paradigm
from engines.errors import BadInput

UNITS: Final = {"WER": "%", "BLEU": "", "ASR-BLEU": "", "accuracy": "%", "latency": "ms"}
"""Metric → unit that a value is given in."""


class Source(BaseModel):
    """Where numbers come from.

    Attributes:
        title: as one cites it.
        address: where it is to be found.
        kind: the survey's tables, the system's own paper, or a run by others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    address: str = Field(min_length=1)
    kind: Literal["survey", "paper", "rerun"]


class Published(BaseModel):
    """One number.

    Attributes:
        system: whose.
        paradigm: of the system.
        how: strategy, in few words.
        task: what it did.
        corpus: on what, with the direction of a translation.
        metric: as :data:`UNITS` has it.
        value: in that unit.
        source: id of the source.
        doubt: one sentence on why not to lean on it; empty where there is no reason.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str = Field(min_length=1)
    paradigm: Paradigm
    how: str
    task: Literal["transcribe", "translate", "speak", "stories", "latency"]
    corpus: str = Field(min_length=1)
    metric: Literal["WER", "BLEU", "ASR-BLEU", "accuracy", "latency"]
    value: float = Field(ge=0)
    source: str
    doubt: str = ""

    @property
    def of(self) -> tuple[str, str, str]:
        """What it is a number of: system, corpus, metric."""
        return self.system, self.corpus, self.metric


class Literature(BaseModel):
    """All numbers.

    Attributes:
        sources: by id.
        result: the numbers, in the order of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: dict[str, Source]
    result: tuple[Published, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Literature:
        seen: set[tuple[str, ...]] = set()
        for one in self.result:
            if one.source not in self.sources:
                raise ValueError(f"{one.system} names the source {one.source}, which is not listed")
            if (*one.of, one.source) in seen:
                raise ValueError(f"{one.system} on {one.corpus} stands there twice from one source")
            seen.add((*one.of, one.source))
        return self

    def disputed(self) -> frozenset[tuple[str, str, str]]:
        """What sources give different numbers of."""
        values: dict[tuple[str, str, str], set[float]] = {}
        for one in self.result:
            values.setdefault(one.of, set()).add(one.value)
        return frozenset(of for of, found in values.items() if len(found) > 1)

    def of_task(self, tasks: Iterable[str]) -> tuple[Published, ...]:
        """The numbers of some tasks."""
        wanted = frozenset(tasks)
        return tuple(one for one in self.result if one.task in wanted)


def read(file: Path | None = None) -> Literature:
    """Reads published results.

    Args:
        file: the bundled one by default.

    Raises:
        BadInput: it cannot be read, or says something impossible.
    """
    file = file or paths.resources() / "published.toml"
    try:
        return Literature.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(
            f"{file} holds no published results: {reason}", "Mend the file or reinstall Triptych."
        ) from error
