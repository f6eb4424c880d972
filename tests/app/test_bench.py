"""`triptych bench`, with fake engines: intervals, sentences for bad files, and what a kill leaves behind."""

from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from filelock import FileLock

from app import cli
from engines import catalog, paths
from engines.errors import DiskFull
from engines.evaluation import bench_corpora, bench_spec, protocol
from engines.evaluation.bench_metrics import METRICS
from engines.evaluation.layouts.rows import Source
from engines.evaluation.peers.peer import Peer
from engines.evaluation.records import Record, Records
from tests.engines import fakes

OFFERED = catalog.Catalogue(
    factories=dict.fromkeys(("fake", "other"), "tests.engines.fakes:build"),
    extra=(fakes.describe("fake"), fakes.describe("other")),
)
SPEC = """
engines = ["fake", "other"]
conditions = ["clean", "white-10"]
[[corpus]]
name = "mine"
kind = "manifest"
path = "mine.jsonl"
"""
KILLED = """
import os, signal, sys
from app import cli
from engines import catalog
from engines.evaluation.records import Records
from tests.app.test_bench import OFFERED

def add(self, record, whole=Records.add):
    whole(self, record)
    if len(self) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    catalog.default = lambda: OFFERED
    Records.add = add
    cli.main(sys.argv[1:])
"""


def write_sound(file: Path, samples: int = 1600) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    sf.write(file, np.full(samples, 0.01, np.float32), 16_000)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    write_sound(tmp_path / "a.wav")
    write_sound(tmp_path / "b.wav", 3200)
    rows = [{"audio": "a.wav", "text": "hello 1600"}, {"audio": "b.wav", "text": "hello you"}]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    file = tmp_path / "spec.toml"
    file.write_text(SPEC, encoding="utf-8")
    return file


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    monkeypatch.setattr(catalog, "default", lambda: OFFERED)

    def call(file: Path, *arguments: object) -> tuple[int, str]:
        where = ["--store", tmp_path / "store", "--out", tmp_path / "out"]
        code = cli.main(["bench", *map(str, (file, *where, *arguments))])
        err = capfd.readouterr().err
        assert "Traceback" not in err
        return code, err

    return call


def test_scores_have_intervals_and_are_measured_once(
    run: Any, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(spec)[0] == 0
    lines = list(csv.DictReader((tmp_path / "out" / "bench.csv").read_text(encoding="utf-8").splitlines()))
    found = {(line["engine"], line["condition"]): line for line in lines if line["metric"] == "wer"}
    assert set(found) == {(engine, heard) for engine in ("fake", "other") for heard in ("clean", "white-10")}
    clean = found["fake", "clean"]
    assert (float(clean["value"]), float(clean["low"]), float(clean["high"])) == (0.25, 0.0, 0.5)
    assert clean["machine"]
    document = json.loads((tmp_path / "out" / "bench.json").read_text(encoding="utf-8"))
    assert [pair["differs"] for pair in document["comparisons"]] == [False, False]
    monkeypatch.setattr(protocol, "hear_out", None)
    assert run(spec)[0] == 0


def test_a_killed_run_goes_on_where_it_was(run: Any, spec: Path, tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    root = str(Path(cli.__file__).parents[1])
    command = [sys.executable, str(script), "bench", str(spec), "--store", str(tmp_path / "store")]
    done = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": root}, check=False)
    assert done.returncode == -signal.SIGKILL
    (store,) = (tmp_path / "store").glob("*.jsonl")
    before = store.read_text(encoding="utf-8")
    assert before.count("\n") == 3
    assert run(spec)[0] == 0
    after = store.read_text(encoding="utf-8")
    assert after.startswith(before)
    assert after.count("\n") == 8


def test_workers_write_the_same_table(run: Any, spec: Path, tmp_path: Path) -> None:
    def table() -> list[list[str]]:
        """All but times and where they were taken."""
        rows = csv.DictReader((tmp_path / "out" / "bench.csv").read_text(encoding="utf-8").splitlines())
        timed = [name for name, metric in METRICS.items() if metric.timed]
        return sorted(
            [value for key, value in row.items() if key != "machine"] for row in rows if row["metric"] not in timed
        )

    assert run(spec)[0] == 0
    alone = table()
    assert run(spec, "--workers", 2, "--store", tmp_path / "other")[0] == 0
    assert table() == alone


def test_a_cluster_that_is_not_there_is_told(run: Any, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, err = run(spec, "--ray", "auto")
    assert code == 1
    assert "Ray is not installed." in err
    assert run(spec, "--workers", "many")[0] == 2


def test_two_runs_do_not_share_a_store(run: Any, spec: Path, tmp_path: Path) -> None:
    assert run(spec)[0] == 0
    (store,) = (tmp_path / "store").glob("*.jsonl")
    with FileLock(f"{store}.lock"):
        code, err = run(spec)
    assert code == 2
    assert "Another run is writing to" in err


def test_a_peer_that_is_not_installed_is_told_and_the_rest_runs(
    run: Any, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Peer, "installed", False)
    spec.write_text(SPEC.replace('"other"', '"peer-sherpa-onnx"'), encoding="utf-8")
    code, err = run(spec)
    assert code == 0
    assert "peer-sherpa-onnx is left out: sherpa-onnx is not installed." in err
    assert "triptych[peers]" in err
    lines = csv.DictReader((tmp_path / "out" / "bench.csv").read_text(encoding="utf-8").splitlines())
    assert {line["engine"] for line in lines} == {"fake"}


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('"other"', '"nobody"', "There is no engine 'nobody'"),
        ("white-10", "snow-10", "There is no condition 'snow-10'"),
        ('"manifest"', '"tape"', "There is no kind of corpus 'tape'"),
        ('"manifest"', '"manifest"\ntask = "sing"', "There is no task 'sing'"),
        ("conditions", "colours", "colours: Extra inputs"),
        ('"manifest"', '"manifest"\nsplit = "test"', "A corpus of the kind 'manifest' takes no split."),
        ("[[corpus]]", "[[corpus", "is no TOML"),
        ('"other"', '"fake"', "fake is named twice"),
        ("mine.jsonl", "yours.jsonl", "yours.jsonl cannot be read"),
    ],
)
def test_a_bad_file_is_told_in_one_line(run: Any, spec: Path, before: str, after: str, sentence: str) -> None:
    spec.write_text(SPEC.replace(before, after), encoding="utf-8")
    code, err = run(spec)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1


def test_what_is_wrong_with_a_corpus_is_listed_and_the_rest_runs(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav")
    table = "id,audio,text,language\n1,a.wav,one,en\n1,a.wav,two,en\n2,no.wav,x,en\n3,a.wav,?,en\n4,a.wav,oui,fr\n"
    (tmp_path / "mine.csv").write_text(table, encoding="utf-8")
    found = bench_corpora.KINDS["manifest"].read(Source("mine", tmp_path / "mine.csv"))
    assert [clip.id for clip in found.clips] == ["1", "4"]
    told = " ".join(found.problems)
    for part in ("1 is left out: its id is there twice", "missing", "reference is empty", "mixed (en, fr)"):
        assert part in told


def test_sound_that_cannot_be_heard_leaves_the_rest(run: Any, spec: Path, tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.full(1600, np.nan, np.float32), 16_000, subtype="FLOAT")
    code, err = run(spec)
    assert code == 0
    assert "mine: a.wav is left out: a.wav has samples that are no numbers" in err
    (line, *_) = csv.DictReader((tmp_path / "out" / "bench.csv").read_text(encoding="utf-8").splitlines())
    assert line["clips"] == "1"


def test_librispeech_is_read_as_it_is_published(tmp_path: Path) -> None:
    folder = tmp_path / "test-clean" / "61" / "70968"
    write_sound(folder / "61-70968-0000.flac")
    (folder / "61-70968.trans.txt").write_text("61-70968-0000 HE BEGAN A CONFUSED COMPLAINT\n", encoding="utf-8")
    (clip,) = bench_corpora.KINDS["librispeech"].read(Source("ls", tmp_path)).clips
    assert (clip.id, clip.speaker, clip.text) == ("61-70968-0000", "61", "HE BEGAN A CONFUSED COMPLAINT")
    assert clip.read().shape == (1600,)


def test_the_bundled_bench_names_what_there_is() -> None:
    file = paths.resources() / "bench" / "fair-comparison.toml"
    offered = catalog.Catalogue()
    found = bench_spec.read(file, offered)
    assert {offered.describe(engine).paradigm for engine in found.engines} >= {"text", "latent", "token"}
    wanted = bench_spec.wanted(found, file.parent)
    assert {case.clip.corpus for case in wanted.cases} >= {"unseen", "nobody"}
    assert wanted.texts


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def record(clip: str) -> Record:
        return Record(
            engine="e", version="v", corpus="c", clip=clip, speaker="s", language="en", condition="clean",
            task="transcribe", seconds=1, reference="r", hypothesis="r",
        )  # fmt: skip

    records = Records(tmp_path / "found.jsonl")
    records.add(record("1"))

    def half(file: Any, line: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Records, "_append", staticmethod(half))
    with pytest.raises(DiskFull, match="no room"):
        records.add(record("2"))
    assert [found.clip for found in Records(tmp_path / "found.jsonl")] == ["1"]
