"""What a peer is, and the engine that runs one."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from engines import paths
from engines.catalog import EngineDescription, Option
from engines.contract import (
    Event,
    Finished,
    OptionValue,
    Request,
    Result,
    Samples,
    StageFinished,
    StageStarted,
    Task,
    TextDelta,
)
from engines.errors import Unavailable, UnknownLanguage, WeightsMissing
from engines.models.components import Components

STAGE: Final = "recognise"
ENGLISH: Final = "en"

Recognise: TypeAlias = Callable[[Samples, str | None, Task], str]
"""Text of 16 kHz speech ``(n,)`` in [-1, 1], in a language (ISO 639-1; None to find it out), or its translation."""

Opener: TypeAlias = Callable[[Components, Mapping[str, OptionValue]], Recognise]
"""Opens a peer's model with the engine's options."""

BEAM: Final[Mapping[str, Option]] = {
    "beam": Option(
        type="int", default=5, minimum=1, maximum=20, label="Beam", help="How many hypotheses the recogniser keeps."
    )
}


@dataclass(frozen=True)
class Peer:
    """Another program.

    Attributes:
        id: of its engine.
        name: for people.
        package: what is installed, as its index names it.
        module: what is imported.
        weights: what runs in it, for people.
        precision: of its weights.
        open: opens it.
        tasks: what it can be asked.
        languages: ISO 639-1 codes of what it hears; None for Whisper's.
        models: of the weight store that it reads.
        options: its settings.
        folder: whether it reads files that a person put into :func:`home` of it.
        extra: of the program, with which its library is installed.
    """

    id: str
    name: str
    package: str
    module: str
    weights: str
    precision: str
    open: Opener
    tasks: tuple[Task, ...] = (Task.TRANSCRIBE, Task.TRANSLATE)
    languages: tuple[str, ...] | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    folder: bool = False
    extra: str = "peers"

    @property
    def installed(self) -> bool:
        """Whether its library can be imported."""
        return importlib.util.find_spec(self.module) is not None

    @property
    def remedy(self) -> str:
        """What to do where it is not installed."""
        return f"Install it with `pip install 'triptych[{self.extra}]'`."

    def require(self) -> None:
        """Checks that it can run.

        Raises:
            Unavailable: its library is not installed.
            WeightsMissing: its files are not there.
        """
        if not self.installed:
            raise Unavailable(f"{self.name} is not installed.", self.remedy)
        if self.folder and not any(file.is_file() for file in home(self.id).rglob("*")):
            raise WeightsMissing(f"{self.name} has no model in {home(self.id)}.", f"Put {self.weights} there.")

    def describe(self) -> EngineDescription:
        """Its description; other versions of its library, and other files of its model, are another engine."""
        using = f"{self.package} {_version(self.package)}"
        model = f" ({_digest(home(self.id))})" if self.folder else ""
        return EngineDescription(
            id=self.id,
            name=self.name,
            paradigm="baseline",
            strategy="peer",
            summary="another program",
            description=f"{using} with {self.weights}{model}, {self.precision}.",
            tasks=self.tasks,
            targets=(ENGLISH,),
            order=90,
            stages=(STAGE,),
            components=self.models,
            options=self.options,
        )


class PeerEngine:
    """Runs a peer; a run is one stage, since it tells nothing of what it does."""

    def __init__(self, peer: Peer, components: Components) -> None:
        self._peer = peer
        self._components = components

    def run(self, request: Request) -> Iterator[Event]:
        """See :class:`engines.contract.Engine`.

        Raises:
            Unavailable: its library is not installed, or is another than was thought.
            WeightsMissing: its model is not there.
            UnknownLanguage: it does not hear the language.
        """
        peer, utterance = self._peer, request.utterance
        peer.require()
        if peer.languages is not None and utterance.language not in {None, *peer.languages}:
            known = ", ".join(peer.languages)
            raise UnknownLanguage(f"{peer.name} does not hear {utterance.language}.", f"It hears {known}.")
        recognise = self._components.part((peer.id, *sorted(request.options.items())), lambda: self._open(request))
        yield StageStarted(STAGE)
        began = time.perf_counter()
        text = recognise(utterance.samples, utterance.language, request.task).strip()
        yield StageFinished(STAGE, time.perf_counter() - began)
        translated = request.task is Task.TRANSLATE
        yield TextDelta(text, final=True, kind="translation" if translated else "transcript")
        yield Finished(
            Result(
                None if translated else text,
                translation=text if translated else None,
                language=utterance.language,
                precision=peer.precision,
                components={"recogniser": peer.name},
            )
        )

    def _open(self, request: Request) -> Recognise:
        with contextlib.suppress(ImportError):
            from tqdm import tqdm

            tqdm.set_lock(threading.RLock())  # its own would be of processes, and be left behind when this one is ended
        try:
            return self._peer.open(self._components, request.options)
        except ImportError as error:
            reason = f"{self._peer.name} could not be imported: {error}."
            raise Unavailable(reason, self._peer.remedy) from error


def home(peer: str) -> Path:
    """Where a person puts the model of a peer that the weight store does not know."""
    return paths.data() / "peers" / peer


def one(folder: Path, pattern: str) -> Path:
    """The one file of a kind.

    Raises:
        WeightsMissing: there is none, or more than one.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        reason = f"{folder} holds {len(found) or 'no'} files {pattern}, where one is wanted."
        raise WeightsMissing(reason, "Put one model into it.")
    return found[0]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _digest(folder: Path) -> str:
    """First 12 hex digits of the sha256 of a folder's files."""
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        with file.open("rb") as opened:
            digest.update(file.relative_to(folder).as_posix().encode())
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:12]
