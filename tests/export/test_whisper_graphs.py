"""Whisper's hand-built graphs: reordered rows and attention as in transformers; weights that are none."""

from __future__ import annotations

import json
import shutil
import struct

import numpy as np
import pytest

from engines.audio.samples import list_samples, load_sample
from engines.errors import GraphInvalid
from engines.evaluation.peers import checkpoint
from engines.models.whisper import WhisperRecogniser
from engines.weights import ctranslate2
from export import whisper
from tests.export.ctranslate2_files import write

START, ENGLISH, TRANSCRIBE, NO_TIMESTAMPS = 50258, 50259, 50359, 50363


@pytest.fixture(scope="module")
def exact(model_home, tmp_path_factory):
    """The graphs in float32, so that only the graph can differ and not the precision."""
    target = tmp_path_factory.mktemp("fp32")
    whisper.build(model_home / "whisper-base", target, precision="fp32")
    return WhisperRecogniser.open(target)


@pytest.fixture(scope="module")
def reference(model_home):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    return checkpoint.load(model_home / "whisper-base")


def short_samples():
    return [sample for sample in list_samples() if load_sample(sample.id).seconds <= 30]


@pytest.mark.parity
def test_logits_of_reordered_rows_are_those_of_transformers(exact, reference):
    """Tolerance: 2e-3 of logits that span about 40; both sides compute in float32."""
    import torch

    states = exact.encode(load_sample(short_samples()[0].id).samples)
    tokens = [START, ENGLISH, TRANSCRIBE, NO_TIMESTAMPS, 509, 362, 613, 3956, 13]
    with torch.inference_mode():
        encoded = (torch.from_numpy(states.frames[None]),)
        theirs = reference(decoder_input_ids=torch.tensor([tokens]), encoder_outputs=encoded).logits[0].numpy()
    decoder = exact._decoder
    logits = decoder.begin(decoder.cross(states.frames), tokens[:4])
    np.testing.assert_allclose(logits, theirs[3], atol=2e-3)
    for index, token in enumerate(tokens[4:], start=4):  # rows differ, so a wrong origin would show
        rows = 1 if index == 4 else 3
        origin = np.arange(3, dtype=np.int64) % rows
        logits = decoder.step(np.array([token] * 3, np.int64), origin)
        np.testing.assert_allclose(logits, np.tile(theirs[index], (3, 1)), atol=2e-3)


@pytest.mark.parity
def test_attention_is_that_of_transformers(exact, reference, model_home):
    import torch

    samples = load_sample(short_samples()[0].id).samples
    states = exact.encode(samples)
    tokens = [509, 362, 613, 3956, 13]
    prompt = [START, ENGLISH, TRANSCRIBE, NO_TIMESTAMPS]
    decoder = exact._decoder
    ours = decoder.attention(decoder.cross(states.frames), prompt, tokens)
    with torch.inference_mode():
        looked = reference.model.decoder(
            input_ids=torch.tensor([prompt + tokens[:-1]]),
            encoder_hidden_states=torch.from_numpy(states.frames[None]),
            output_attentions=True,
        ).cross_attentions
    heads = json.loads((model_home / "whisper-base" / "config.json").read_text(encoding="utf-8"))["alignment_heads"]
    theirs = np.mean([looked[layer][0, head].numpy() for layer, head in heads], axis=0)[len(prompt) - 1 :]
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    np.testing.assert_allclose(ours.sum(axis=1), 1, atol=1e-4)


def test_the_encoder_takes_any_even_length(exact):
    for frames in (2, 300, 1234, 3000):
        mel = np.zeros((1, 80, frames), np.float32)
        assert exact._encoder.run(["frames"], {"mel": mel})[0].shape == (1, frames // 2, 512)


def test_eight_bits_take_less_than_half_of_the_room(model_home, tmp_path):
    whisper.build(model_home / "whisper-base", tmp_path)
    size = sum(file.stat().st_size for file in tmp_path.glob("*.onnx"))
    assert size < 100e6
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["precision"] == "int8"


# --- weights that are none ---


@pytest.fixture
def broken(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text('{"suppress_ids": [], "suppress_ids_begin": [], "alignment_heads": [[0, 0]]}')
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF....WAVEfmt ", struct.pack("<I", 5), struct.pack("<IH", 6, 8) + b"Whisper\0", b"\xff" * 200],
    ids=["empty", "sound", "old version", "cut off", "noise"],
)
def test_a_file_that_is_no_model_is_named(broken, tmp_path, content):
    (broken / "model.bin").write_bytes(content)
    with pytest.raises(GraphInvalid, match=r"model\.bin"):
        whisper.build(broken, tmp_path)


def test_missing_weights_are_named(broken, tmp_path):
    with pytest.raises(GraphInvalid, match=r"model\.bin"):
        whisper.build(broken, tmp_path)


def test_another_model_in_the_same_format_is_refused(broken, tmp_path):
    write(broken / "model.bin", {"encoder/other": np.zeros((2, 3), np.float16)})
    with pytest.raises(GraphInvalid, match="encoder"):
        whisper.build(broken, tmp_path)


def test_every_truncation_is_refused(tmp_path):
    write(tmp_path / "model.bin", {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}, {"b": "a"})
    whole = (tmp_path / "model.bin").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut.bin").write_bytes(whole[:length])
        with pytest.raises(GraphInvalid):
            ctranslate2.read(tmp_path / "cut.bin")


def test_reads_what_was_written(tmp_path):
    values = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, -2], np.int8)}
    write(tmp_path / "model.bin", values, {"c": "a"})
    found = ctranslate2.read(tmp_path / "model.bin")
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value)
    np.testing.assert_array_equal(found["c"], values["a"])


def test_missing_configuration_is_named(model_home, tmp_path):
    shutil.copy(model_home / "whisper-base" / "model.bin", tmp_path / "model.bin")
    with pytest.raises(GraphInvalid, match=r"config\.json"):
        whisper.build(tmp_path, tmp_path)
