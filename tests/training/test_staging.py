"""What is staged for a GPU machine arrives there whole, in pieces of bounded size, and what it makes comes back."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from engines.errors import BadInput, WeightsMissing
from engines.training import staging
from engines.training.staging import collect, stage


def make_home(home: Path) -> None:
    """Tiny stand-ins for models and data: only their bytes matter here."""
    for model in staging.PARTS:
        weights = home / "data" / "weights" / model
        weights.mkdir(parents=True)
        (weights / "model.bin").write_bytes(os.urandom(150_000))
        built = home / "cache" / "graphs" / f"{model}-abc"
        built.mkdir(parents=True)
        (built / "graph.onnx").write_bytes(os.urandom(70_000))
        (home / "cache" / "graphs" / f"{model}.current").write_text(f"{model}-abc", encoding="utf-8")
    corpus = home / "data" / "training" / "corpora" / "tiny"
    (corpus / "audio").mkdir(parents=True)
    (corpus / "features").mkdir()
    (corpus / "manifest.jsonl").write_text("{}\n", encoding="utf-8")
    (corpus / "audio" / "0000.flac").write_bytes(os.urandom(50_000))
    (corpus / "features" / "states.f16").write_bytes(b"large")


def make_recipe(folder: Path) -> Path:
    folder.mkdir()
    (folder / "mine.toml").write_text('id = "mine"\n', encoding="utf-8")
    (folder / "fairness.toml").write_text("", encoding="utf-8")
    return folder / "mine.toml"


@pytest.fixture
def staged(home: Path, tmp_path: Path) -> Path:
    make_home(home)
    list(stage(tmp_path / "staged", [make_recipe(tmp_path / "r")], corpora=["tiny"], piece_bytes=200_000))
    return tmp_path / "staged"


def fake_python(folder: Path) -> Path:
    """Notes how it was called; the real one needs real data."""
    file = folder / "python"
    file.write_text('#!/bin/sh\necho "$@" >>"$CALLS"\necho "$PYTHONPATH|$TRIPTYCH_HOME" >>"$CALLS"\n', encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def run_script(staged: Path, tmp_path: Path, **environment: str) -> tuple[int, str, str]:
    calls = tmp_path / "calls"
    calls.unlink(missing_ok=True)
    done = subprocess.run(
        ["bash", str(staged / "run.sh"), "--minutes", "1"],
        env={**os.environ, "PYTHON": str(fake_python(tmp_path)), "CALLS": str(calls), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr, calls.read_text(encoding="utf-8") if calls.exists() else ""


def test_pieces_are_small_and_their_digests_are_right(staged: Path) -> None:
    manifest = json.loads((staged / "manifest.json").read_text(encoding="utf-8"))
    pieces = sorted((staged / "pieces").iterdir())
    assert len(pieces) > 3
    assert [piece.stat().st_size for piece in pieces[:-1]] == [200_000] * (len(pieces) - 1)
    assert [entry["name"] for entry in manifest["pieces"]] == [piece.name for piece in pieces]
    for piece, entry in zip(pieces, manifest["pieces"], strict=True):
        assert hashlib.sha256(piece.read_bytes()).hexdigest() == entry["sha256"]
    names = {entry["name"] for entry in manifest["files"]}
    assert {"code/engines/training/staging.py", "code/resources/recipes/mine.toml"} <= names
    assert {"code/resources/recipes/fairness.toml", "code/resources/licences/gemma.md"} <= names
    assert "home/data/training/corpora/tiny/audio/0000.flac" in names
    assert not any("states.f16" in name or "/evaluation/unseen" in name for name in names)
    assert manifest["corpora"] == ["tiny"]
    assert staging.PIECE_BYTES < 64_000_000


def test_the_script_joins_and_starts(staged: Path, tmp_path: Path, home: Path) -> None:
    out = tmp_path / "back"
    code, err, calls = run_script(staged, tmp_path, OUT=str(out), DEVICE="cpu")
    assert (code, err) == (0, "")
    work = staged / "work"
    model = "weights/whisper-base/model.bin"
    assert (work / "home" / "data" / model).read_bytes() == (home / "data" / model).read_bytes()
    trained, where, collected, _ = calls.splitlines()
    assert "--device cpu --minutes 20" in trained
    assert trained.endswith("code/resources/recipes/mine.toml")
    assert where == f"{work}/code:{work}/site|{work}/home"
    assert f"--collect {work}/adapters --output {out}" in collected
    assert (out / "training.log").exists()
    assert run_script(staged, tmp_path, OUT=str(out))[0] == 0  # a second time it is joined already


def test_a_damaged_piece_is_found(staged: Path, tmp_path: Path) -> None:
    piece = sorted((staged / "pieces").iterdir())[1]
    piece.write_bytes(b"x" + piece.read_bytes()[1:])
    code, err, calls = run_script(staged, tmp_path)
    assert code != 0
    assert piece.name in err
    assert calls == ""


def test_weights_come_back_in_pieces(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "latent-ctc" / "latent-ctc"
    run.mkdir(parents=True)
    for name, size in {"card.toml": 10, "adapter.onnx": 5000, "curve.csv": 20, "checkpoint.pt": 9000}.items():
        (run / name).write_bytes(b"x" * size)
    pieces = collect(tmp_path / "runs", tmp_path / "out", piece_bytes=4096)
    assert all(piece.stat().st_size <= 4096 for piece in pieces)
    whole = tmp_path / "whole.tar"
    whole.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    with tarfile.open(whole) as tar:
        assert sorted(tar.getnames()) == ["latent-ctc/adapter.onnx", "latent-ctc/card.toml", "latent-ctc/curve.csv"]
    assert collect(tmp_path / "nothing", tmp_path / "out") == []


def test_wheels_travel(home: Path, tmp_path: Path) -> None:
    make_home(home)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "a-1.0-py3-none-any.whl").write_bytes(b"zip")
    recipe = make_recipe(tmp_path / "r")
    list(stage(tmp_path / "s", [recipe], corpora=[], wheels=wheels))
    manifest = json.loads((tmp_path / "s" / "manifest.json").read_text(encoding="utf-8"))
    assert "wheels/a-1.0-py3-none-any.whl" in {entry["name"] for entry in manifest["files"]}
    with pytest.raises(BadInput, match="is no folder"):
        list(stage(tmp_path / "t", [recipe], corpora=[], wheels=tmp_path / "nowhere"))


def test_what_is_missing_is_named(home: Path, tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path / "r")
    with pytest.raises(WeightsMissing, match="whisper-base"):
        list(stage(tmp_path / "s", [recipe], corpora=[]))
    make_home(home)
    with pytest.raises(BadInput, match="training data nothing"):
        list(stage(tmp_path / "s", [recipe], corpora=["nothing"]))
    with pytest.raises(BadInput, match="No recipe"):
        list(stage(tmp_path / "s", []))
    with pytest.raises(BadInput, match="not an empty folder"):
        list(stage(tmp_path / "r", [recipe], corpora=[]))


def test_latents_and_their_decoder_travel(home: Path, tmp_path: Path) -> None:
    make_home(home)
    features = home / "data" / "training" / "corpora" / "tiny" / "features"
    (features / "latents.f16").write_bytes(b"latents")
    (features / "latents.json").write_text('{"voice": "some-voice"}', encoding="utf-8")
    with pytest.raises(WeightsMissing, match="some-voice"):
        list(stage(tmp_path / "staged", [make_recipe(tmp_path / "r")], corpora=["tiny"]))
    graphs = home / "cache" / "graphs"
    (graphs / "some-voice-abc").mkdir()
    (graphs / "some-voice-abc" / "decoder.onnx").write_bytes(b"decoder")
    (graphs / "some-voice.current").write_text("some-voice-abc", encoding="utf-8")
    list(stage(tmp_path / "again", [tmp_path / "r" / "mine.toml"], corpora=["tiny"]))
    joined = b"".join(piece.read_bytes() for piece in sorted((tmp_path / "again" / "pieces").iterdir()))
    with tarfile.open(fileobj=io.BytesIO(joined)) as tar:
        names = tar.getnames()
    assert "home/data/training/corpora/tiny/features/latents.f16" in names
    assert "home/data/training/corpora/tiny/features/states.f16" not in names
    assert "home/cache/graphs/some-voice-abc/decoder.onnx" in names
