"""Self-supervised encoders, on tiny checkpoints that are written here."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engines.errors import BadOption, GraphInvalid, WeightsMissing
from engines.models.ssl_encoder import SelfSupervisedEncoder
from engines.tokens.semantic import SemanticTokeniser
from engines.tokens.units import halve
from engines.training.tokens.kmeans import fit

pytestmark = pytest.mark.parity


def write(folder, kind="hubert"):
    """A checkpoint of two narrow layers."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    sizes = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    configs = {"hubert": transformers.HubertConfig, "wav2vec2": transformers.Wav2Vec2Config}
    models = {"hubert": transformers.HubertModel, "wav2vec2": transformers.Wav2Vec2Model}
    models[kind](configs[kind](**sizes)).save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.mark.parametrize("kind", ["hubert", "wav2vec2"])
def test_speech_becomes_units(tmp_path, kind):
    encoder = SelfSupervisedEncoder.open(write(tmp_path, kind))
    assert (encoder.layers, encoder.width) == (2, 32)
    samples = np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32)
    states = encoder.states(samples, 1)
    assert states.shape == (99, 32)
    book = fit(halve(states), 8, steps=5)
    ids = SemanticTokeniser(book, halve).units(states)
    assert ids.shape == (50,)
    assert len(set(ids.tolist())) > 2
    assert encoder.states(samples[:100], 2).shape == (1, 32)
    assert not np.allclose(states, encoder.states(samples, 2))


def test_normalising_as_the_checkpoint_says(tmp_path):
    quiet = np.random.default_rng(0).normal(0, 0.001, 8000).astype(np.float32)
    plain = SelfSupervisedEncoder.open(write(tmp_path)).states(quiet, 2)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}), encoding="utf-8")
    encoder = SelfSupervisedEncoder.open(tmp_path)
    assert not np.allclose(encoder.states(quiet, 2), plain, atol=1e-3)
    np.testing.assert_allclose(encoder.states(quiet, 2), encoder.states(quiet * 7, 2), atol=1e-2)


@pytest.mark.parametrize("layer", [-1, 3])
def test_layers_that_are_not_there(tmp_path, layer):
    with pytest.raises(BadOption, match="layer"):
        SelfSupervisedEncoder.open(write(tmp_path)).states(np.zeros(800, np.float32), layer)


@pytest.mark.parametrize(
    ("harm", "error"),
    [("nothing", WeightsMissing), ("kind", GraphInvalid), ("weights", GraphInvalid), ("cut", GraphInvalid)],
)
def test_checkpoints_that_cannot_be_used(tmp_path, harm, error):
    folder = tmp_path / "checkpoint"
    if harm != "nothing":
        write(folder)
    match harm:
        case "kind":
            (folder / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
        case "weights":
            (folder / "model.safetensors").unlink()
        case "cut":
            (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(error) as caught:
        SelfSupervisedEncoder.open(folder)
    assert caught.value.hint
