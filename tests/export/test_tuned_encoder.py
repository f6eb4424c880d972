"""The tuned encoder at run time says what it says in training, and what does not belong together is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from engines.audio.features import log_mel
from engines.errors import AdapterMismatch, AdapterMissing, GraphInvalid
from engines.models.trunk import Trunk
from engines.models.tuned_encoder import TunedEncoder, window
from engines.runtime.subgraph import encoder_below
from engines.weights import cards, ctranslate2
from export import whisper
from tests.export.ctranslate2_files import tiny_encoder, write
from tests.latent.random_adapters import inventory, trunk_card, write_trunk_graph

torch = pytest.importorskip("torch")

from engines.training.networks.speech_encoder import SpeechEncoder  # noqa: E402
from export.adapters import write_encoder  # noqa: E402

WIDTH = 64
SOUND = np.random.default_rng(3).normal(0, 0.1, 20_000).astype(np.float32)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """Weights of a tiny Whisper, and its encoder's graph beside them."""
    folder = tmp_path_factory.mktemp("weights")
    write(folder / "model.bin", tiny_encoder(WIDTH))
    parameters = whisper._Parameters(ctranslate2.read(folder / "model.bin"))
    whisper._encoder(parameters, "fp32").write(folder / "encoder.onnx", precision="fp32")
    return folder


def changed(weights: Path, tuned: int) -> SpeechEncoder:
    """An encoder whose tuned layers are not those of the file any more, in values that half precision holds."""
    torch.manual_seed(tuned)
    encoder = SpeechEncoder.load(weights, tuned).eval()
    with torch.no_grad():
        for value in encoder.trained().values():
            value.copy_((value + 0.05 * torch.randn_like(value)).half().float())
    return encoder


@pytest.fixture
def made(weights, tmp_path, monkeypatch):
    """A trunk with two tuned layers among the adapters; the encoder that it was made of."""
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    folder = tmp_path / "trunk"
    write_trunk_graph(folder / "trunk.onnx", len(inventory().ctc))
    inventory().write(folder / "pieces.json")
    encoder = changed(weights, 2)
    files = write_encoder(encoder, folder)
    card = trunk_card(tuned_layers=2, encoder_digest=cards.files_digest(files))
    card.write(folder)
    return encoder, card, folder


@pytest.mark.parametrize("layer", [0, 1, 4, 5])
def test_the_lower_part_is_cut_out(weights, layer):
    session = ort.InferenceSession(encoder_below(weights / "encoder.onnx", layer))
    mel = log_mel(SOUND, 2.0)
    encoder = SpeechEncoder.load(weights, 6 - layer)
    expected = encoder.below(torch.from_numpy(mel))[0].numpy()
    np.testing.assert_allclose(session.run(["hidden"], {"mel": mel})[0][0], expected, atol=1e-4)
    kept = len(onnx.load_from_string(encoder_below(weights / "encoder.onnx", layer)).graph.initializer)
    assert kept < len(onnx.load(str(weights / "encoder.onnx")).graph.initializer)


@pytest.mark.parametrize("tuned", [1, 2, 6])
def test_it_says_what_it_says_in_training(weights, tmp_path, monkeypatch, tuned):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    folder = tmp_path / "trunk"
    folder.mkdir()
    encoder = changed(weights, tuned)
    files = write_encoder(encoder, folder)
    assert [file.name for file in files] == [f"encoder-{layer}.onnx" for layer in range(6 - tuned, 6)]
    for name in ("trunk.onnx", "pieces.json"):
        (folder / name).touch()
    card = trunk_card(tuned_layers=tuned, encoder_digest=cards.files_digest(files))
    card.write(folder)
    opened = TunedEncoder.open(card, weights, WIDTH)
    found = opened.encode(SOUND)
    assert found.seconds == 1.25
    assert found.frames.shape == (200, WIDTH)
    mel = log_mel(SOUND, window(1.25))
    with torch.no_grad():
        expected = encoder(torch.from_numpy(mel))[0].numpy()
        plain = SpeechEncoder.load(weights, 0)(torch.from_numpy(mel))[0].numpy()
    np.testing.assert_allclose(found.frames, expected, atol=5e-4)
    assert np.abs(plain - expected).max() > 0.1
    assert "tuned" in opened.name


def test_it_is_opened_as_its_card_says(made, weights):
    _, card, _ = made
    assert cards.read("trunk").tuned_layers == 2
    assert TunedEncoder.open(card, weights, WIDTH).precision == "int8, fp16"
    assert Trunk.open("whisper-base", "abc", tuned=True).card == card


def test_a_trunk_with_tuned_layers_is_not_run_on_the_frozen_encoder(made):
    with pytest.raises(AdapterMismatch, match="2 tuned layers"):
        Trunk.open("whisper-base", "abc")


def test_layers_that_are_not_those_of_the_card_are_refused(made, weights):
    _, card, folder = made
    write_encoder(changed(weights, 1), folder)
    with pytest.raises(AdapterMismatch, match="not those of its card"):
        TunedEncoder.open(card, weights, WIDTH)


def test_a_missing_layer_is_named(made):
    _, _, folder = made
    (folder / "encoder-4.onnx").unlink()
    with pytest.raises(AdapterMissing, match=r"encoder-4\.onnx of the adapter trunk"):
        cards.read("trunk")


def test_an_encoder_of_another_width_is_refused(made, weights):
    _, card, _ = made
    with pytest.raises(AdapterMismatch, match="gives states"):
        TunedEncoder.open(card, weights, 512)


@pytest.mark.parametrize(
    "changes",
    [{"tuned_layers": 2}, {"encoder_digest": "0" * 64}, {"tuned_layers": 7, "encoder_digest": "0" * 64}],
)
def test_cards_that_contradict_themselves_are_refused(changes):
    with pytest.raises(ValueError):
        trunk_card(**changes)


def test_graphs_of_another_make_are_refused(made, tmp_path):
    _, _, folder = made
    with pytest.raises(GraphInvalid, match="another make"):
        encoder_below(folder / "encoder-5.onnx", 2)
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    with pytest.raises(GraphInvalid, match="could not be read"):
        encoder_below(tmp_path / "noise.onnx", 2)
