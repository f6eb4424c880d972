"""Corpora on disk: written, read, and broken in every way."""

import json

import numpy as np
import pytest

from engines.errors import CorpusInvalid
from engines.training.data.corpus import Clip, Corpus, CorpusWriter, clips_of, hours_by_source
from engines.training.data.features import WIDTH, Features, compute, window_of


def clip(name, **values):
    return Clip(name, "", 0, 0, f"Text of {name}.", "en", "made", "nobody", **values)


def tone(seconds, hertz=220.0):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * 16_000)) / 16_000)).astype(np.float32)


def levels(samples, seconds):
    """Stands for the encoder: every frame holds its number and the mean magnitude of its sound."""
    frames = np.zeros((round(seconds * 50), WIDTH), np.float32)
    padded = np.pad(np.abs(samples), (0, frames.shape[0] * 320 - samples.shape[0]))
    frames[:, 0] = np.arange(frames.shape[0])
    frames[:, 1] = padded.reshape(-1, 320).mean(axis=1)
    return frames


@pytest.fixture
def folder(tmp_path):
    with CorpusWriter(tmp_path / "small") as writer:
        writer.add(clip("a"), tone(1.0))
        writer.add(clip("b", split="dev"), tone(0.51, 440))
        writer.flush()
        writer.add(clip("c", english="C.", augmented=("room",)), tone(0.3, 880))
    return tmp_path / "small"


def test_what_is_written_is_read(folder):
    corpus = Corpus.open(folder)
    assert [c.id for c in corpus.clips] == ["a", "b", "c"]
    assert not corpus.problems
    assert corpus.clips[2].augmented == ("room",)
    assert corpus.clips[2].english == "C."
    np.testing.assert_allclose(corpus.samples(corpus.clips[1]), tone(0.51, 440), atol=1e-4)
    assert corpus.hours("dev") == pytest.approx(0.51 / 3600)
    assert [c.id for c in clips_of(corpus, "train")] == ["a", "c"]
    assert set(hours_by_source(corpus.clips)) == {"en made train", "en made dev"}


def test_a_missing_or_empty_folder_is_named(tmp_path):
    with pytest.raises(CorpusInvalid, match="does not exist"):
        Corpus.open(tmp_path / "nowhere")
    with pytest.raises(CorpusInvalid, match="holds no corpus"):
        Corpus.open(tmp_path)
    (tmp_path / "manifest.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(CorpusInvalid, match="no usable clip"):
        Corpus.open(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda row: "{broken",
        lambda row: json.dumps([1]),
        lambda row: json.dumps(row | {"samples": 0}),
        lambda row: json.dumps(row | {"start": -5}),
        lambda row: json.dumps(row | {"start": 1.5}),
        lambda row: json.dumps(row | {"text": 3}),
        lambda row: json.dumps(row | {"text": ""}),
        lambda row: json.dumps(row | {"split": "all"}),
        lambda row: json.dumps(row | {"shard": "../../secret"}),
        lambda row: json.dumps(row | {"id": "b"}),
        lambda row: json.dumps({key: row[key] for key in row if key != "voice"}),
    ],
)
def test_wrong_lines_are_left_out_and_counted(folder, change):
    manifest = folder / "manifest.jsonl"
    rows = manifest.read_text(encoding="utf-8").splitlines()
    rows.append(change(json.loads(rows[0]) | {"id": "new"}))
    manifest.write_text("\n".join(rows) + "\n", encoding="utf-8")
    corpus = Corpus.open(folder)
    assert len(corpus.clips) == 3
    assert corpus.problems.lines == [4]
    assert "1 lines" in str(corpus.problems)


@pytest.mark.parametrize("damage", ["missing", "noise", "empty"])
def test_broken_shards_are_left_out_and_named(folder, damage):
    shard = folder / "audio" / "0000.flac"
    if damage == "missing":
        shard.unlink()
    else:
        shard.write_bytes(b"" if damage == "empty" else b"fLaC but not really")
    corpus = Corpus.open(folder)
    assert [c.id for c in corpus.clips] == ["c"]
    assert corpus.rows == (2,)
    assert corpus.problems.shards == {"0000.flac": 2}
    assert "0000.flac" in str(corpus.problems)
    (folder / "audio" / "0001.flac").unlink()
    with pytest.raises(CorpusInvalid, match="no usable clip"):
        Corpus.open(folder)


def test_features_are_each_clips_own_frames(folder):
    card = compute(folder, encode=levels)
    assert card["broken"] == []
    features = Features.open(Corpus.open(folder))
    assert [features.of(row).shape for row in range(3)] == [(50, WIDTH), (26, WIDTH), (15, WIDTH)]
    for row in range(3):
        np.testing.assert_array_equal(features.of(row)[:, 0], np.arange(features.of(row).shape[0]))
        assert features.of(row)[1, 1] == pytest.approx(0.19, abs=0.02)


def test_a_truncated_shard_costs_only_its_clips(folder):
    shard = folder / "audio" / "0000.flac"
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    card = compute(folder, encode=levels)
    assert card["broken"] == ["a", "b"]
    features = Features.open(Corpus.open(folder))
    assert features.of(0).shape[0] == 0
    assert features.of(2).shape[0] == 15


def test_features_that_do_not_belong_to_the_corpus_are_refused(folder):
    with pytest.raises(CorpusInvalid, match="has no features"):
        Features.open(Corpus.open(folder))
    compute(folder, encode=levels)
    states = folder / "features" / "states.f16"
    whole = states.read_bytes()
    for damaged in (whole[:-WIDTH], whole[: -2 * WIDTH]):
        states.write_bytes(damaged)
        with pytest.raises(CorpusInvalid, match="damaged"):
            Features.open(Corpus.open(folder))
    states.write_bytes(whole)
    (folder / "features" / "features.json").write_text("[]", encoding="utf-8")
    with pytest.raises(CorpusInvalid, match="damaged"):
        Features.open(Corpus.open(folder))
    compute(folder, encode=levels)
    manifest = folder / "manifest.jsonl"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("Text of a", "Else"), encoding="utf-8")
    with pytest.raises(CorpusInvalid, match="another manifest"):
        Features.open(Corpus.open(folder))


def test_windows_are_as_long_as_they_should_be():
    generator = np.random.default_rng(1)
    whole = Clip("d", "s", 0, 16_000, "D.", "en", "made", "nobody", split="dev")
    assert window_of(whole, generator) == 30.0
    part = Clip("t", "s", 0, 16_000, "T.", "en", "made", "nobody")
    lengths = [window_of(part, generator) for _ in range(200)]
    assert 0 < lengths.count(30.0) < 60
    assert all(3.0 <= length <= 7.1 or length == 30.0 for length in lengths)
    with pytest.raises(ValueError, match="longer"):
        window_of(Clip("l", "s", 0, 16_000 * 31, "L.", "en", "made", "nobody"), generator)
