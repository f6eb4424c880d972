"""Sessions: saved, opened elsewhere, and what is refused."""

from __future__ import annotations

import contextlib
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.errors import BadInput, DiskFull, SessionInvalid, SessionNewer, TriptychError
from engines.history import session, sound
from engines.history.session import Session, opened, save
from engines.history.store import Store
from tests.history.stories import entry, ran, speech

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "demo.triptych"
    two = (ran(), ran("bonjour", "cascade"))
    save(path, [(entry(runs=two, tags=("demo",)), speech()), (entry("again"), speech())])
    return path


def test_it_opens_elsewhere(tmp_path: Path, file: Path) -> None:
    with opened(file) as found, Store(tmp_path / "elsewhere") as store:
        assert [one.text for one in found.entries] == ["hello world", "again"]
        assert [store.take(one, found.sound(one)) for one in found.entries] == [True, True]
        assert [store.take(one, found.sound(one)) for one in found.entries] == [False, False], "it is there already"
        for one in found.entries:
            assert store.get(one.uid) == one
            samples, _ = sound.unpack(store.require_sound(one).read_bytes())
            assert np.array_equal(samples, speech())
        store.delete([found.entries[0].uid])
        assert store.take(found.entries[0], found.sound(found.entries[0])), "what was deleted may be opened again"
        assert store.search().total == 2
        folder = found.sound(found.entries[0]).parent
    assert not folder.exists()


def test_the_same_sound_is_in_it_once(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        assert len([name for name in archive.namelist() if name.startswith("sound/")]) == 1


def test_it_is_saved_from_the_history(tmp_path: Path) -> None:
    kept = entry()
    with Store(tmp_path / "history") as store:
        store.keep(kept, speech())
        save(tmp_path / "a.triptych", [(kept, store.require_sound(kept))])
        store.require_sound(kept).unlink()
        with pytest.raises(BadInput, match="gone from the history"):
            save(tmp_path / "b.triptych", [(kept, store.sound(kept.digest))])
    assert not (tmp_path / "b.triptych").exists()
    with opened(tmp_path / "a.triptych") as found:
        assert found.entries == (kept,)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="could not be written"):
        save(tmp_path / "nowhere" / "a.triptych", [(entry(), speech())])
    if Path("/dev/full").exists():
        with pytest.raises((BadInput, DiskFull)):
            save(Path("/dev/full/a.triptych"), [(entry(), speech())])


def _changed(file: Path, change: Change) -> Path:
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file


def _manifest(**fields: Any) -> Change:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | fields).encode()

    return change


def _in_entry(*path: str | int, value: Any) -> Change:
    def change(files: dict[str, bytes]) -> None:
        found = json.loads(files["manifest.json"])
        at: Any = found["entries"][0]
        for part in path[:-1]:
            at = at[part]
        at[path[-1]] = value
        files["manifest.json"] = json.dumps(found).encode()

    return change


def _put(name: str, data: bytes = b"x") -> Change:
    return lambda files: files.__setitem__(name, data)


def _drop(name: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        del files[name]

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_put("../../evil.py"), "which no session holds"),
        (_put("/etc/passwd"), "which no session holds"),
        (_put("sound/..\\evil.flac"), "which no session holds"),
        (_in_entry("sound", "name", value="../../evil.flac"), "makes no sense"),
        (_in_entry("runs", 0, "events", "name", value="events/../../0-0.bin"), "makes no sense"),
        (_in_entry("runs", 0, "events", "sha256", value="0" * 64), "is not what was saved"),
        (_in_entry("runs", 0, "events", "bytes", value=3), "has another size"),
        (_in_entry("digest", value="0" * 64), "not the one of its run"),
        (_in_entry("digest", value="../../../etc/passwd"), "makes no sense"),
        (_in_entry("uid", value="'; DROP TABLE entry"), "makes no sense"),
        (_in_entry("task", value="obey"), "makes no sense"),
        (_in_entry("seconds", value=-1), "makes no sense"),
        (_in_entry("at", value="yesterday"), "makes no sense"),
        (_drop("events/0-0.bin"), "is missing from it"),
        (_put("events/0-0.bin", b"short"), "has another size"),
        (_drop("manifest.json"), "is no session of Triptych"),
        (_put("manifest.json", b"{"), "is no session of Triptych"),
        (_put("manifest.json", b"[" * 100_000), "is no session of Triptych"),
        (_manifest(format="something else"), "is no session of Triptych"),
        (_manifest(entries=[]), "makes no sense"),
    ],
)
def test_what_is_refused(file: Path, change: Change, sentence: str) -> None:
    with pytest.raises(SessionInvalid, match=sentence):
        Session(_changed(file, change))


def test_a_newer_one_is_refused_and_fields_of_later_programs_are_not(file: Path) -> None:
    _changed(file, _in_entry("mood", value="merry"))
    Session(file).close()
    _changed(file, _manifest(version=2, program="Triptych 9.9", entries="of another form"))
    with pytest.raises(SessionNewer, match=r"newer version \(Triptych 9.9\)"):
        Session(file)


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"RIFF" + bytes(100), b"\0" * 5000])
def test_what_is_no_zip(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.triptych"
    path.write_bytes(data)
    with pytest.raises(SessionInvalid, match=r"x\.triptych is no session"):
        Session(path)


def test_files_that_are_not_there_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path / "none.triptych", tmp_path):
        with pytest.raises(SessionInvalid, match="cannot be read"):
            Session(path)


def test_a_torn_one_is_refused_wherever_it_is_torn(file: Path) -> None:
    whole = file.read_bytes()
    for at in range(0, len(whole), len(whole) // 40):
        file.write_bytes(whole[:at])
        with pytest.raises(SessionInvalid):
            Session(file)


def test_a_flipped_byte_never_comes_through(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    with opened(file) as found:
        entries = found.entries
    for at in range(0, len(whole), 97):
        broken = bytearray(whole)
        broken[at] ^= 0x55
        file.write_bytes(broken)
        with contextlib.suppress(TriptychError), opened(file) as found:
            assert found.entries == entries, "a byte that does not matter"


def test_too_large_and_bombs(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LARGEST", 1000)
    with pytest.raises(SessionInvalid, match="unpacks to more"):
        Session(file)
    monkeypatch.setattr(session, "LARGEST_EVENTS", 10)
    with pytest.raises(SessionInvalid, match="larger than any session"):
        Session(file)
    monkeypatch.setattr(session, "LARGEST_MANIFEST", 10)
    with pytest.raises(SessionInvalid, match="list of contents is too large"):
        Session(file)


def test_a_size_that_lies_does_not_help(file: Path) -> None:
    """The archive says that a file is small, and more comes when it is read."""

    def change(files: dict[str, bytes]) -> None:
        files["events/0-0.bin"] += bytes(1 << 20)

    with zipfile.ZipFile(file) as archive:
        size = len(archive.read("events/0-0.bin"))
    _changed(file, change)
    data = file.read_bytes()
    lied = data.replace(struct.pack("<II", size + (1 << 20), size + (1 << 20)), struct.pack("<II", size, size))
    assert lied != data
    file.write_bytes(lied)
    with pytest.raises(SessionInvalid):
        Session(file)


def test_sound_that_is_none(file: Path) -> None:
    import hashlib

    digest = json.loads(zipfile.ZipFile(file).read("manifest.json"))["entries"][0]["digest"]
    fake = b"fLaC but not really"

    def change(files: dict[str, bytes]) -> None:
        files[f"sound/{digest}.flac"] = fake
        found = json.loads(files["manifest.json"])
        for one in found["entries"]:
            one["sound"] |= {"bytes": len(fake), "sha256": hashlib.sha256(fake).hexdigest()}
        files["manifest.json"] = json.dumps(found).encode()

    with pytest.raises(BadInput, match="is no sound as the history keeps it"):
        Session(_changed(file, change))
