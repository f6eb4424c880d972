"""LoRA as optional inputs: a graph with an adapter equals one whose weights have it added; files; mixtures."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from engines.errors import GraphInvalid
from engines.models.causal_lm import CausalLM
from engines.runtime.kv_cache import KeyValueCache
from engines.runtime.lora import PRODUCTS, PROJECTIONS, Lora
from export.causal_lm import build_gemma
from export.lora import from_peft, write_adapter
from tests.export.tiny_gguf import write_gemma


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("tiny")
    build_gemma(write_gemma(target / "tiny.gguf"), target, precision="fp32", trimmed=False)
    return target


@pytest.fixture(scope="module")
def tiny(folder):
    return CausalLM.open(folder)


def random_tensors(model, *, rank=4, seed=0, scale=0.2, only=PROJECTIONS, layers=None):
    """Arrays of an adapter for a model."""
    random = np.random.default_rng(seed)
    sizes = model.decoder.projections
    tensors = {}
    for layer in layers or range(sizes.layers):
        for name in only:
            features, outputs = sizes.size(name)
            stem = f"layers.{layer}.{name}"
            tensors[f"{stem}.lora_A"] = random.normal(0, features**-0.5, (features, rank)).astype(np.float32)
            tensors[f"{stem}.lora_B"] = random.normal(0, scale, (rank, outputs)).astype(np.float32)
    return tensors


def merged(folder, target, tensors):
    """The same graph set with the adapter added to its weights."""
    shutil.copytree(folder, target)
    model = onnx.load(target / "model.onnx")
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    sizes = json.loads((target / "config.json").read_text())["projections"]
    for stem in {name.rsplit(".", 1)[0] for name in tensors}:
        layer, name = stem.rsplit(".", 1)
        product = next(product for product, parts in PRODUCTS.items() if name in parts)
        parts = PRODUCTS[product]
        begin = sum(sizes[part][1] for part in parts[: parts.index(name)])
        tensor = weights[f"{layer}.{product}.weight"]
        matrix = numpy_helper.to_array(tensor).copy()
        matrix[:, begin : begin + sizes[name][1]] += tensors[f"{stem}.lora_A"] @ tensors[f"{stem}.lora_B"]
        tensor.CopyFrom(numpy_helper.from_array(matrix, tensor.name))
    onnx.save(model, target / "model.onnx", save_as_external_data=False)
    return CausalLM.open(target)


def logits(model, lora=None, text="the house in the house and the rest"):
    ids = np.array([model._tokens(text)], np.int64)
    return model.decoder.adapted(lora).advance(KeyValueCache(model._shape), ids, np.arange(ids.size)).copy()


@pytest.mark.parametrize(
    ("only", "layers"), [(PROJECTIONS, None), (("q_proj", "v_proj"), None), (("up_proj", "k_proj"), [2, 5])]
)
def test_an_adapter_equals_weights_that_have_it(folder, tiny, tmp_path, only, layers):
    tensors = random_tensors(tiny, only=only, layers=layers)
    expected = logits(merged(folder, tmp_path / "merged", tensors))
    assert np.abs(logits(tiny, Lora(tensors)) - expected).max() < 1e-4
    assert np.abs(logits(tiny) - expected).max() > 0.05


def test_written_with_an_adapter_step_by_step(folder, tiny, tmp_path):
    lora = Lora(random_tensors(tiny))
    other = merged(folder, tmp_path / "merged", lora.tensors)
    prompt = "the house in there and so on "
    assert "".join(tiny.generate(prompt, max_tokens=12, lora=lora)) == "".join(other.generate(prompt, max_tokens=12))
    assert tiny.generate_nbest(prompt, 3, 6, lora=lora)[0][0] == other.generate_nbest(prompt, 3, 6)[0][0]
    scored = tiny.score(prompt, [" the house", " and"], lora=lora)
    for (value, count), (expected, number) in zip(scored, other.score(prompt, [" the house", " and"]), strict=True):
        assert (value, count) == (pytest.approx(expected, abs=1e-3), number)


def test_known_prompts_are_kept_apart_by_adapter(tiny):
    prompt = "the house in there and so on and so on "
    texts = [" the house", " and"]
    plain = tiny.score(prompt, texts)
    one, two = Lora(random_tensors(tiny, seed=1)), Lora(random_tensors(tiny, seed=2))
    first, second = tiny.score(prompt, texts, lora=one), tiny.score(prompt, texts, lora=two)
    assert np.allclose(tiny.score(prompt, texts), plain, atol=1e-4)
    assert np.allclose(tiny.score(prompt, texts, lora=one), first, atol=1e-4)
    assert first[0][0] != pytest.approx(second[0][0], abs=1e-3)
    assert first[0][0] != pytest.approx(plain[0][0], abs=1e-3)


def test_a_mixture_is_the_weighted_sum(folder, tiny, tmp_path):
    one = random_tensors(tiny, rank=4, seed=1)
    two = random_tensors(tiny, rank=2, seed=2, only=("q_proj", "down_proj"))
    mixture = Lora.mixture([(Lora(one), 0.7), (Lora(two), -0.4)])
    first = merged(folder, tmp_path / "one", {k: v * 0.7 if k.endswith("B") else v for k, v in one.items()})
    del first
    both = merged(tmp_path / "one", tmp_path / "two", {k: v * -0.4 if k.endswith("B") else v for k, v in two.items()})
    assert np.abs(logits(tiny, mixture) - logits(both)).max() < 1e-4
    assert np.abs(logits(tiny, Lora(mixture.tensors)) - logits(both)).max() < 1e-4
    assert mixture.parameters == Lora(one).parameters + Lora(two).parameters


def test_mixtures_of_little(tiny):
    one, two = Lora(random_tensors(tiny, seed=1)), Lora(random_tensors(tiny, seed=2))
    assert Lora.mixture([(one, 1.0)]) is one
    assert Lora.mixture([(one, 1.0), (two, 0.0)]) is one
    assert np.abs(logits(tiny, Lora.mixture([(one, 0.0)])) - logits(tiny)).max() < 1e-5
    assert Lora.mixture([(one, 0.5), (two, 0.5)]).digest != Lora.mixture([(one, 0.4), (two, 0.6)]).digest
    with pytest.raises(ValueError, match="at least one"):
        Lora.mixture([])
    with pytest.raises(ValueError, match="finite"):
        Lora.mixture([(one, float("nan"))])


@pytest.mark.parametrize(("precision", "tolerance"), [("fp16", 2e-3), ("fp32", 0)])
def test_files_keep_what_was_written(tiny, tmp_path, precision, tolerance):
    tensors = random_tensors(tiny)
    again = Lora.open(write_adapter(tensors, tmp_path / "lora.onnx_adapter", precision=precision)).tensors
    assert again.keys() == tensors.keys()
    assert max(np.abs(again[name] - tensors[name]).max() for name in tensors) <= tolerance


def test_onnx_runtime_reads_the_file_too(tiny, tmp_path):
    path = write_adapter(random_tensors(tiny), tmp_path / "lora.onnx_adapter")
    adapter = ort.LoraAdapter()
    adapter.Load(str(path))


def test_states_of_peft_are_read(tiny):
    tensors = random_tensors(tiny, rank=4)
    state = {"base_model.model.lm_head.weight": np.zeros((2, 2), np.float32)}
    for name, value in tensors.items():
        _, layer, projection, side = name.split(".")
        block = "self_attn" if projection in ("q_proj", "k_proj", "v_proj", "o_proj") else "mlp"
        adapter = ".default" if layer == "1" else ""
        state[f"base_model.model.model.layers.{layer}.{block}.{projection}.{side}{adapter}.weight"] = value.T
    found = from_peft(state, alpha=16)
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert np.allclose(found[name], value * (4 if name.endswith("B") else 1), atol=1e-6)


def test_peft_states_that_do_not_fit_are_refused():
    with pytest.raises(GraphInvalid, match="no place"):
        from_peft({"base_model.model.model.embed_tokens.lora_embedding_A": np.zeros((2, 2))}, alpha=8)
    with pytest.raises(GraphInvalid, match="no LoRA"):
        from_peft({"weight": np.zeros((2, 2))}, alpha=8)


@pytest.mark.parametrize("content", [b"", b"not an adapter", b"\xff" * 4096, b"ORTA" * 100])
def test_a_broken_file_is_refused(tmp_path, content):
    (tmp_path / "lora.onnx_adapter").write_bytes(content)
    with pytest.raises(GraphInvalid, match=r"lora\.onnx_adapter"):
        Lora.open(tmp_path / "lora.onnx_adapter")


def test_half_a_file_is_refused(tiny, tmp_path):
    path = write_adapter(random_tensors(tiny), tmp_path / "lora.onnx_adapter")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(GraphInvalid):
        Lora.open(path)


def test_no_file(tmp_path):
    with pytest.raises(GraphInvalid, match="no adapter"):
        Lora.open(tmp_path / "lora.onnx_adapter")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.clear(), "empty"),
        (lambda t: t.pop("layers.0.q_proj.lora_A"), "belong together"),
        (lambda t: t.update({"layers.0.q_proj.lora_A": np.zeros((64, 3), np.float32)}), "belong together"),
        (lambda t: t.update({"layers.0.q_proj.lora_A": np.full((64, 4), np.nan, np.float32)}), "finite"),
        (lambda t: t.update({"layers.0.q_proj.lora_A": np.zeros(4, np.float32)}), "matrix"),
        (lambda t: t.update({"lm_head.lora_A": np.zeros((64, 4), np.float32)}), "unknown"),
        (lambda t: t.update({"layers.1.q_proj.lora_B": np.full((4, 64), 1e6, np.float32)}), "finite"),
    ],
)
def test_arrays_that_make_no_adapter_are_refused(tiny, tmp_path, change, match):
    tensors = random_tensors(tiny)
    change(tensors)
    with pytest.raises(GraphInvalid, match=match):
        write_adapter(tensors, tmp_path / "lora.onnx_adapter")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["layers.99.q_proj", "layers.0.o_proj"])
def test_an_adapter_of_another_model_is_refused(tiny, name):
    lora = Lora({f"{name}.lora_A": np.ones((60, 2)), f"{name}.lora_B": np.ones((2, 64))}, "latent-x/lora")
    with pytest.raises(GraphInvalid, match=r"latent-x/lora does not fit Gemma"):
        tiny.decoder.adapted(lora)
