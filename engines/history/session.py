"""A session: entries of the history with their sound and events in one zip file, which opens elsewhere.

``manifest.json`` names every file with its size and digest. A session may come from anybody: it is never unpacked by
the names that it holds, only files that the manifest names are read, each at most as far as the manifest says and
within fixed bounds, and each has to have its digest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from engines.audio.synthetic import program
from engines.audio.wav import replacing
from engines.contract import Samples
from engines.errors import AudioUnreadable, BadInput, SessionInvalid, SessionNewer
from engines.history import sound
from engines.history.entries import Entry
from engines.history.manifest import FORMAT, VERSION, File, Head, KeptEntry, Manifest
from engines.weights.files import room

ENDING: Final = ".triptych"
LARGEST: Final = 8 << 30
"""Bytes that everything in a session may have together."""
LARGEST_MANIFEST: Final = 64 << 20
LARGEST_EVENTS: Final = 1 << 30
_MANIFEST: Final = "manifest.json"
_CHUNK: Final = 1 << 20
_HINT: Final = "Ask for it to be saved again, and copy it whole."


def save(path: Path, entries: Iterable[tuple[Entry, Path | Samples]]) -> None:
    """Writes a session in one step.

    Args:
        path: where to.
        entries: at least one, each with its sound: a FLAC file of the history, or samples ``(n,)`` at 16 kHz.

    Raises:
        BadInput: it cannot be written there, or the sound of an entry is gone.
        DiskFull: there is no room.
    """
    try:
        with room(path), replacing(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            kept = [_save_entry(archive, number, entry, heard) for number, (entry, heard) in enumerate(entries)]
            found = {"format": FORMAT, "version": VERSION, "program": program(), "entries": kept}
            text = json.dumps(found, ensure_ascii=False, indent=1)
            archive.writestr(_MANIFEST, text, zipfile.ZIP_DEFLATED)
    except OSError as error:
        message = f"{path.name} could not be written: {error.strerror or error}."
        raise BadInput(message, "Choose another place.") from error


def _save_entry(archive: zipfile.ZipFile, number: int, entry: Entry, heard: Path | Samples) -> dict[str, Any]:
    name = f"sound/{entry.digest}.flac"
    if name in archive.namelist():
        data = archive.read(name)
    else:
        data = _flac(entry, heard)
        archive.writestr(name, data)
    found = asdict(entry) | {"sound": _file(name, data)}
    for place, (ran, kept) in enumerate(zip(entry.runs, found["runs"], strict=True)):
        name = f"events/{number}-{place}.bin"
        archive.writestr(name, ran.events)
        kept["events"] = _file(name, ran.events)
    return found


def _flac(entry: Entry, heard: Path | Samples) -> bytes:
    if not isinstance(heard, Path):
        return sound.pack(heard, 16_000)
    try:
        return heard.read_bytes()
    except FileNotFoundError as error:
        message = f"The sound of {entry.source} is gone from the history."
        raise AudioUnreadable(message, "Leave this run out, or export its texts.") from error


def _file(name: str, data: bytes) -> dict[str, str | int]:
    return {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


class Session:
    """A session that was opened; its sound lies in a folder of its own until it is closed.

    Args:
        path: the file.

    Attributes:
        entries: as they were saved.

    Raises:
        SessionInvalid: it is no session, is damaged, or holds what no session holds.
        SessionNewer: a newer version of the program saved it.
        DiskFull: there is no room to unpack its sound.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._folder: Path | None = None
        try:
            with zipfile.ZipFile(path) as archive:
                manifest = self._manifest(archive)
                self._require_sane(archive, manifest)
                with room(path):
                    self._folder = Path(tempfile.mkdtemp(prefix="triptych-session-"))
                    self.entries = tuple(self._entry(archive, kept) for kept in manifest.entries)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            self.close()
            raise SessionInvalid(f"{self._name} is no session, or a damaged one.", _HINT) from error
        except OSError as error:
            self.close()
            raise SessionInvalid(f"{self._name} cannot be read: {error.strerror or error}.", _HINT) from error
        except BaseException:
            self.close()
            raise

    def sound(self, entry: Entry) -> Path:
        """The FLAC file of an entry, until the session is closed."""
        assert self._folder is not None
        return self._folder / f"{entry.digest}.flac"

    def close(self) -> None:
        """Removes the unpacked sound."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _manifest(self, archive: zipfile.ZipFile) -> Manifest:
        try:
            info = archive.getinfo(_MANIFEST)
        except KeyError:
            raise SessionInvalid(
                f"{self._name} is no session of Triptych.", "Choose a file that was saved as one."
            ) from None
        if info.file_size > LARGEST_MANIFEST:
            raise self._invalid("its list of contents is too large")
        with archive.open(info) as file:
            text = file.read(LARGEST_MANIFEST + 1)
        try:
            head = Head.model_validate_json(text)
        except ValidationError as error:
            raise SessionInvalid(f"{self._name} is no session of Triptych.", _HINT) from error
        if head.version > VERSION:
            message = f"{self._name} was saved by a newer version ({head.program or 'unknown'})."
            raise SessionNewer(message, "Update Triptych to open it.")
        try:
            return Manifest.model_validate_json(text)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise self._invalid(f"what it says of {place} makes no sense") from error

    def _require_sane(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        """Holds the archive's own list against the manifest, before anything is read."""
        files = [kept.sound for kept in manifest.entries] + [ran.events for e in manifest.entries for ran in e.runs]
        named = {file.name for file in files}
        names = archive.namelist()
        if len(set(names)) != len(names):
            raise self._invalid("two files in it have one name")
        if strange := sorted(set(names) - named - {_MANIFEST}):
            raise self._invalid(f"it holds {strange[0][:60]!r}, which no session holds")
        if missing := sorted(named - set(names)):
            raise self._invalid(f"{missing[0]} is missing from it")
        for file in files:
            if archive.getinfo(file.name).file_size != file.bytes:
                raise self._invalid(f"{file.name} has another size than it should")
        for kept in manifest.entries:
            if kept.sound.name != f"sound/{kept.digest}.flac":
                raise self._invalid("a sound in it is not the one of its run")
        if sum(file.bytes for file in files if file.name.startswith("events/")) > LARGEST_EVENTS:
            raise self._invalid("what engines did is larger than any session")
        if sum(archive.getinfo(name).file_size for name in names) > LARGEST:
            raise self._invalid(f"it unpacks to more than {LARGEST >> 30} GB")

    def _entry(self, archive: zipfile.ZipFile, kept: KeptEntry) -> Entry:
        assert self._folder is not None
        target = self._folder / f"{kept.digest}.flac"
        if not target.exists():
            with target.open("wb") as file:
                for chunk in self._chunks(archive, kept.sound):
                    file.write(chunk)
            sound.require_flac(target)
        runs = tuple(ran.ran(b"".join(self._chunks(archive, ran.events))) for ran in kept.runs)
        return kept.entry(runs)

    def _chunks(self, archive: zipfile.ZipFile, wanted: File) -> Iterator[bytes]:
        """The contents of a file, never more than the manifest says, with the digest that it says."""
        sha, left = hashlib.sha256(), wanted.bytes
        with archive.open(wanted.name) as file:
            while left and (chunk := file.read(min(left, _CHUNK))):
                sha.update(chunk)
                left -= len(chunk)
                yield chunk
        if left or sha.hexdigest() != wanted.sha256:
            raise self._invalid(f"{wanted.name} is not what was saved")

    def _invalid(self, why: str) -> SessionInvalid:
        return SessionInvalid(f"{self._name} cannot be opened: {why}.", _HINT)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Session]:
    """A session that is closed in the end."""
    session = Session(path)
    try:
        yield session
    finally:
        session.close()


def is_session(path: Path) -> bool:
    """Whether a file is called as sessions are."""
    return path.suffix.lower() == ENDING
