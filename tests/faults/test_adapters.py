"""Adapters that are missing, damaged, or made for other models: one sentence and a hint, before anything is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile

from app import cli
from app.needs import models_needed
from engines import catalog
from engines.audio.load import from_samples
from engines.contract import Request
from engines.errors import AdapterMismatch, AdapterMissing, GraphInvalid, TriptychError
from engines.latent.adapters import open_adapter
from engines.models.trunk import Trunk
from engines.weights import cards
from tests.latent.random_adapters import (
    KINDS,
    VOCABULARY,
    WIDTH,
    adapter_card,
    inventory,
    trunk_card,
    write_adapter_graph,
    write_all,
    write_trunk_graph,
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    write_all(tmp_path)
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    return tmp_path


def opened(kind="ctc", *, vocabulary=VOCABULARY, width=WIDTH, encoder_graph="abc"):
    trunk = Trunk.open("whisper-base", encoder_graph)
    return open_adapter(f"latent-{kind}", trunk, "gemma-3-270m", vocabulary, width)


def refused(error: type[TriptychError], *words: str, **how) -> None:
    with pytest.raises(error) as caught:
        opened(**how)
    assert caught.value.hint
    assert len(caught.value.message) < 300
    for word in words:
        assert word in caught.value.message


def digest(root: Path) -> str:
    return cards.file_digest(root / "trunk" / "trunk.onnx")


@pytest.mark.parametrize("kind", KINDS)
def test_what_fits_is_opened(root, kind):
    opened(kind)


def test_a_card_is_read_as_it_was_written(root):
    card = adapter_card("ctc", "0" * 64, notes=('Two "lines"\nand a \\ and é.',), metrics={"wer en": 0.1234})
    card.write(root / "latent-ctc")
    assert cards.read("latent-ctc") == card


@pytest.mark.parametrize("name", ["card.toml", "adapter.onnx", "lora.onnx_adapter"])
def test_missing_files(root, name):
    (root / "latent-ctc" / name).unlink()
    refused(AdapterMissing, "latent-ctc")


def test_missing_pieces(root):
    (root / "trunk" / "pieces.json").unlink()
    refused(AdapterMissing, "pieces.json", "trunk")


@pytest.mark.parametrize(
    "text",
    ["", "format = [", "format = 2\n", 'format = 1\nid = "latent-ctc"\nkind = "telepathy"\nname = "x"\n', "\x00"],
)
def test_damaged_cards(root, text):
    (root / "latent-ctc" / "card.toml").write_text(text, encoding="utf-8")
    refused(AdapterMismatch, "card", "latent-ctc")


def test_a_card_without_languages(root):
    file = root / "latent-ctc" / "card.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('languages = ["en", "es"]', "languages = []"), encoding="utf-8")
    refused(AdapterMismatch, "languages")


def test_a_card_with_unknown_keys(root):
    file = root / "latent-ctc" / "card.toml"
    file.write_text("surprise = 1\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    refused(AdapterMismatch, "surprise")


def test_a_card_of_another_adapter(root):
    adapter_card("pooling", digest(root)).write(root / "latent-ctc")
    refused(AdapterMismatch, "latent-pooling")


def test_another_encoder_graph(root):
    refused(AdapterMismatch, "whisper-base", "abc", encoder_graph="def")


def test_another_encoder(root):
    trunk_card(encoder="whisper-tiny").write(root / "trunk")
    refused(AdapterMismatch, "whisper-tiny")


def test_another_trunk(root):
    write_trunk_graph(root / "trunk" / "trunk.onnx", len(inventory().ctc), seed=9)
    refused(AdapterMismatch, "trunk")


@pytest.mark.parametrize("changes", [{"vocabulary": 1000}, {"width": 512}])
def test_another_language_model(root, changes):
    refused(AdapterMismatch, "latent-ctc", str(*changes.values()), **changes)


@pytest.mark.parametrize("file", ["trunk/trunk.onnx", "latent-ctc/adapter.onnx"])
@pytest.mark.parametrize("keep", [0, 100, 10_000])
def test_damaged_graphs(root, file, keep):
    whole = (root / file).read_bytes()
    (root / file).write_bytes(whole[:keep])
    if file.startswith("trunk"):
        adapter_card("ctc", digest(root)).write(root / "latent-ctc")
    refused(GraphInvalid, file)


def test_damaged_pieces(root):
    (root / "trunk" / "pieces.json").write_text('{"pieces": 3}', encoding="utf-8")
    refused(GraphInvalid, "pieces.json")


def test_pieces_of_another_trunk(root):
    write_trunk_graph(root / "trunk" / "trunk.onnx", 7)
    refused(AdapterMismatch, "pieces")


def test_states_of_another_width_than_the_card_says(root):
    trunk_card(width=256).write(root / "trunk")
    refused(AdapterMismatch, "256")


def test_a_graph_of_another_kind(root):
    write_adapter_graph(root / "latent-ctc" / "adapter.onnx", "pooling", len(inventory().ctc))
    refused(AdapterMismatch, "latent-ctc/adapter.onnx")


def test_vectors_of_another_width(root):
    write_adapter_graph(root / "latent-ctc" / "adapter.onnx", "ctc", len(inventory().ctc), width=320)
    refused(AdapterMismatch, "320")


def test_another_shortening_than_the_card_says(root):
    card = adapter_card("qformer", digest(root))
    card.model_copy(update={"adapter": cards.Shape(window=8, queries=3)}).write(root / "latent-qformer")
    refused(AdapterMismatch, "latent-qformer", kind="qformer")
    card.model_copy(update={"adapter": cards.Shape()}).write(root / "latent-qformer")
    refused(AdapterMismatch, "shortens", kind="qformer")


def test_values_that_are_no_numbers(root):
    file = root / "latent-pooling" / "adapter.onnx"
    model = onnx.load(str(file))
    matrix = next(value for value in model.graph.initializer if value.data_type == onnx.TensorProto.FLOAT16)
    matrix.raw_data = np.full(tuple(matrix.dims), np.nan, np.float16).tobytes()
    onnx.save(model, str(file))
    refused(GraphInvalid, "no numbers", kind="pooling")


def test_nothing_is_fetched_for_an_engine_that_cannot_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    request = Request(from_samples(np.zeros(16_000, np.float32), 16_000, "silence"))
    for kind in KINDS:
        with pytest.raises(AdapterMissing):
            models_needed(catalog.default().describe(f"latent-{kind}"), request)


def test_what_latent_engines_need(root):
    request = Request(from_samples(np.zeros(16_000, np.float32), 16_000, "silence"))
    needed = models_needed(catalog.default().describe("latent-ctc"), request, lambda _: False)
    assert set(needed) == {"whisper-base", "silero-vad", "gemma-3-270m"}


def test_the_command_line_says_in_a_sentence_what_is_missing(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path / "none"))
    monkeypatch.setenv("TRIPTYCH_OFFLINE", "1")
    wav = tmp_path / "speech.wav"
    soundfile.write(wav, np.sin(np.arange(16_000) / 20) * 0.1, 16_000)
    code = cli.main(["compare", str(wav), "--engines", "latent-ctc", "--json"])
    (result,) = json.loads(capfd.readouterr().out)["results"]
    assert code == 1
    assert result["status"] == "unavailable"
    assert result["error"]["kind"] == "AdapterMissing"
    assert result["error"]["hint"]
