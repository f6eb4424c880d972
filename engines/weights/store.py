"""The weight store: fetches, verifies and removes the files of pretrained models.

A model is a folder ``<data>/weights/<model id>`` that appears in one step when all its files are there and verified.
What is under way lies in ``<data>/weights/.fetch/<model id>`` and is taken up again by the next fetch.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from engines import paths
from engines.contract import Preparing
from engines.errors import FetchFailed, WeightsCorrupt, WeightsMissing
from engines.weights import manifest
from engines.weights.files import require_room, room, sha256
from engines.weights.licences import accept_licence, require_accepted
from engines.weights.manifest import Manifest, Model, ModelFile

OFFLINE = "TRIPTYCH_OFFLINE"
"""Set to 1 (or anything but 0, false, no) to stay off the network."""
FOLDER = "TRIPTYCH_WEIGHTS_FROM"
"""A folder with packages' archives or bare files that is looked into before anything else."""
_RECORD = ".installed.json"


class ModelState(enum.StrEnum):
    """Whether a model is there."""

    INSTALLED = "installed"
    PARTIAL = "partial"
    MISSING = "missing"


@dataclass(frozen=True)
class ModelStatus:
    """A model of the manifest and whether it is there.

    Attributes:
        model: its entry in the manifest.
        state: installed, partly there (an interrupted fetch, a damaged or outdated file), or missing.
        folder: where it is, or will be.
    """

    model: Model
    state: ModelState
    folder: Path


class WeightStore:
    """Pretrained models on this machine.

    Args:
        home: folder that holds one folder per model; by default the user's.
        catalogue: the manifest; by default the one that ships with the program.
    """

    def __init__(self, home: Path | None = None, *, catalogue: Manifest | None = None) -> None:
        self.home = home if home is not None else paths.data() / "weights"
        self.catalogue = catalogue if catalogue is not None else manifest.load()

    def list(self) -> list[ModelStatus]:
        """All models of the manifest, in its order."""
        return [ModelStatus(model, self.state(model.id), self.home / model.id) for model in self.catalogue.models]

    def state(self, model_id: str) -> ModelState:
        """Whether a model is there; looks at names, sizes and the record of the installation, not at contents.

        Raises:
            UnknownModel: there is no such model.
        """
        model = self.catalogue.model(model_id)
        wanted = [file for file in model.files if not self._has(model, file)]
        if not wanted:
            return ModelState.INSTALLED
        if len(wanted) < len(model.files) or any(_files(self._work(model))):
            return ModelState.PARTIAL
        return ModelState.MISSING

    def path(self, model_id: str) -> Path:
        """The folder of an installed model.

        Raises:
            UnknownModel: there is no such model.
            LicenceNotAccepted: its licence must be accepted first.
            WeightsMissing: it is not installed.
        """
        model = self.catalogue.model(model_id)
        require_accepted(model_id, self.catalogue)
        if self.state(model_id) is not ModelState.INSTALLED:
            raise WeightsMissing(f"{model.name} is not installed.", f"Run `triptych models fetch {model_id}`.")
        return self.home / model_id

    def fetch(
        self,
        model_id: str,
        progress: Callable[[Preparing], None] | None = None,
        *,
        offline: bool | None = None,
        folder: Path | None = None,
    ) -> Path:
        """Fetches what is missing of a model; see :meth:`fetching`. Raise from ``progress`` to interrupt.

        Returns:
            the folder of the model.
        """
        with contextlib.closing(self.fetching(model_id, offline=offline, folder=folder)) as events:
            for event in events:
                if progress is not None:
                    progress(event)
        return self.path(model_id)

    def fetching(
        self, model_id: str, *, offline: bool | None = None, folder: Path | None = None
    ) -> Generator[Preparing, None, None]:
        """Fetches what is missing of a model; closing the iterator interrupts, and the next fetch goes on from there.

        Args:
            model_id: for example ``"whisper-base"``.
            offline: whether to stay off the network; by default as ``TRIPTYCH_OFFLINE`` says.
            folder: looked into first; by default what ``TRIPTYCH_WEIGHTS_FROM`` names.

        Yields:
            progress in bytes of the model's files; nothing when it is installed.

        Raises:
            UnknownModel: there is no such model.
            LicenceNotAccepted: its licence must be accepted first.
            FetchFailed: no source could give a file.
            WeightsCorrupt: what the sources gave is not what the manifest says.
            DiskFull: there is no room.
        """
        model = self.catalogue.model(model_id)
        require_accepted(model_id, self.catalogue)
        accept_licence(model_id, self.catalogue)
        if self.state(model_id) is ModelState.INSTALLED:
            return
        named = os.environ.get(FOLDER)
        if folder is None and named:
            folder = Path(named).expanduser()
        if offline is None:
            offline = os.environ.get(OFFLINE, "").strip().lower() not in {"", "0", "false", "no", "off"}
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with contextlib.ExitStack() as stack:
                yield from self._locked(model, stack)
                if self.state(model_id) is not ModelState.INSTALLED:
                    with room(self.home / model_id):
                        yield from self._fetch(model, folder, offline=offline)
        except OSError as error:
            raise FetchFailed(
                f"{model.name} could not be written to {self.home}: {error.strerror or error}.",
                "Check the folder's permissions, or set TRIPTYCH_HOME to a folder that can be written to.",
            ) from error

    def verify(self, model_id: str) -> None:
        """Reads every file of an installed model and compares digests. A file with a wrong one is removed.

        Raises:
            UnknownModel: there is no such model.
            WeightsMissing: it is not installed.
            WeightsCorrupt: a file has a wrong digest.
        """
        model = self.catalogue.model(model_id)
        if self.state(model_id) is not ModelState.INSTALLED:
            raise WeightsMissing(f"{model.name} is not installed.", f"Run `triptych models fetch {model_id}`.")
        for file in model.files:
            path = self.home / model_id / file.name
            if sha256(path) != file.sha256:
                path.unlink()
                raise WeightsCorrupt(
                    f"{file.name} of {model.name} was damaged and has been removed.",
                    f"Run `triptych models fetch {model_id}` to get it again.",
                )

    def remove(self, model_id: str) -> int:
        """Removes a model and what is left of interrupted fetches.

        Returns:
            bytes freed.

        Raises:
            UnknownModel: there is no such model.
        """
        model = self.catalogue.model(model_id)
        freed = 0
        with contextlib.ExitStack() as stack:
            if self.home.is_dir():
                for _ in self._locked(model, stack):
                    pass
            for folder in (self.home / model_id, self._work(model)):
                if folder.is_dir():
                    freed += sum(file.stat().st_size for file in _files(folder))
                    shutil.rmtree(folder)
        return freed

    def _work(self, model: Model) -> Path:
        return self.home / ".fetch" / model.id

    def _has(self, model: Model, file: ModelFile) -> bool:
        path = self.home / model.id / file.name
        return path.is_file() and path.stat().st_size == file.size and self._record(model).get(file.name) == file.sha256

    def _record(self, model: Model) -> dict[str, str]:
        try:
            found = json.loads((self.home / model.id / _RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _locked(self, model: Model, stack: contextlib.ExitStack) -> Iterator[Preparing]:
        """Takes the model's lock; while another process or thread has it, says so."""
        lock = filelock.FileLock(self.home / f".{model.id}.lock", thread_local=False)
        while True:
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                yield Preparing(f"Waiting for another fetch of {model.name}", 0, None)
                time.sleep(0.2)
            else:
                stack.callback(lock.release)
                return

    def _fetch(self, model: Model, folder: Path | None, *, offline: bool) -> Iterator[Preparing]:
        # Only a fetch needs an HTTP client; a process that runs engines starts faster without.
        from engines.weights import pip_settings
        from engines.weights.sources import Sources

        work, target = self._work(model), self.home / model.id
        staging = work / "files"
        staging.mkdir(parents=True, exist_ok=True)
        wanted = [file for file in model.files if not self._has(model, file)]
        size = sum(file.size for file in wanted)
        require_room(self.home, size if folder else 2 * size, model.name)  # archives lie beside what comes out of them
        done = model.size - size
        what = f"Fetching {model.name}"
        yield Preparing(what, done, model.size)
        with contextlib.closing(Sources(model, work, pip_settings.read(), folder=folder, offline=offline)) as sources:
            for file in wanted:
                path = staging / file.name
                if not (path.is_file() and sha256(path) == file.sha256):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    for count in sources.get(file, path):
                        yield Preparing(what, done + count, model.size)
                done += file.size
                yield Preparing(what, done, model.size)
        (staging / _RECORD).write_text(json.dumps({file.name: file.sha256 for file in model.files}), encoding="utf-8")
        if target.exists():
            for file in wanted:
                destination = target / file.name
                destination.parent.mkdir(parents=True, exist_ok=True)
                (staging / file.name).replace(destination)
            (staging / _RECORD).replace(target / _RECORD)
            for path in set(_files(target)) - {
                target / name for name in [*(file.name for file in model.files), _RECORD]
            }:
                path.unlink()  # of an earlier manifest
        else:
            staging.replace(target)
        shutil.rmtree(work)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
