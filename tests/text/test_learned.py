"""Trained adapters of the text engines: cards, the form of the prompt, the router, and what can be wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engines.contract import Hypothesis, Recognised, Routing, SpeechStates, TokenScores
from engines.errors import AdapterMismatch, AdapterMissing, GraphInvalid
from engines.models.causal_lm import CausalLM
from engines.text import prompts, routing
from engines.text.correction import GenerativeCorrection
from engines.text.experts import ExpertCorrection
from engines.text.learned import Learned
from engines.weights.cards import AdapterCard
from export.lora import write_adapter


def model(name: str = "Gemma 3 270M", vocabulary: int = 90239) -> CausalLM:
    made = object.__new__(CausalLM)
    made._config = {"name": name}
    made.decoder = SimpleNamespace(vocabulary=vocabulary, width=640)
    return made


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    return tmp_path


def write_card(root: Path, name: str, **change) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    values = {"language_model": "gemma-3-270m", "vocabulary": 90239, "width": 640, "languages": ("en",)}
    AdapterCard(**({"id": name, "kind": name, "name": name} | values | change)).write(folder)
    if name == "correction":
        (folder / "lora.onnx_adapter").write_bytes(b"no adapter")
    (folder / "router.npz").write_bytes(b"no router")
    return folder


def test_the_learnt_prompt_is_the_form_of_hyporadise_with_the_best_last():
    assert prompts.learned(["a b", "a c", "a d"]) == (
        "### Other-hypothesis: a d\n### Other-hypothesis: a c\n### Best-hypothesis: a b\n### Response:"
    )
    assert prompts.correction(["a"]).endswith(prompts.learned(["a"]))


def test_missing_weights_are_named():
    with pytest.raises(AdapterMissing, match="experts"):
        Learned("experts")


def test_a_card_of_something_else_is_refused(root):
    write_card(root, "correction", kind="experts")
    with pytest.raises(AdapterMismatch, match="experts"):
        Learned("correction")


def test_weights_for_another_model_are_refused(root):
    write_card(root, "correction")
    found = Learned("correction")
    assert found.fits(model())
    assert not found.fits(model("SmolLM2 135M Instruct"))
    assert found.require(model()).name == "Gemma 3 270M"
    with pytest.raises(AdapterMismatch, match="262144"):
        found.require(model(vocabulary=262144))
    with pytest.raises(AdapterMismatch, match="smollm2"):
        found.require(model("SmolLM2 135M Instruct"))


def test_only_what_was_trained_on_is_covered(root):
    write_card(root, "correction", translates=("es",))
    found = Learned("correction")
    assert found.covers(translated=False, language="en")
    assert not found.covers(translated=False, language="es")
    assert found.covers(translated=True, language="es")


def test_a_card_with_broken_weights_is_an_error(root):
    write_card(root, "correction")
    with pytest.raises(GraphInvalid, match="lora"):
        GenerativeCorrection(None).prepare(model())


def pen_of(chooser, language: str = "en", translated: bool = False):
    stretch = SimpleNamespace(language=language)
    generator = chooser(stretch, translated)
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            return stop.value


def test_without_trained_weights_examples_are_shown_and_that_is_said():
    pen = pen_of(GenerativeCorrection(None).prepare(model()))
    assert pen.lora is None
    assert "no trained weights" in pen.note


def test_another_language_model_is_shown_examples(root):
    write_card(root, "correction")
    pen = pen_of(GenerativeCorrection(None).prepare(model("SmolLM2 135M Instruct")))
    assert pen.lora is None
    assert "gemma-3-270m" in pen.note


def test_experts_need_their_weights_and_a_router(root):
    with pytest.raises(AdapterMissing):
        ExpertCorrection(None).prepare(model())
    folder = write_card(root, "experts")
    with pytest.raises(AdapterMismatch, match="router"):
        ExpertCorrection(None).prepare(model())
    make_router(("clean", "telephone")).save(folder / "router.npz")
    with pytest.raises(GraphInvalid, match="expert-clean"):
        ExpertCorrection(None).prepare(model())


def test_two_experts_write_together_and_that_is_shown(root):
    folder = write_card(root, "experts")
    features = 512 + len(routing.LIST_FEATURES)
    weights = np.zeros((features, 3), np.float32)
    weights[0] = [1.0, 2.0, -9.0]
    flat = np.zeros(features, np.float32)
    routing.Router(("clean", "noisy", "telephone"), flat, flat + 1, weights, np.zeros(3, np.float32)).save(
        folder / "router.npz"
    )
    for place, name in enumerate(("clean", "noisy", "telephone")):
        tensors = {"layers.0.q_proj.lora_A": np.full((4, 1), place + 1.0), "layers.0.q_proj.lora_B": np.ones((1, 2))}
        write_adapter(tensors, folder / f"expert-{name}.onnx_adapter")
    choose = ExpertCorrection(None).prepare(model())
    stretch = SimpleNamespace(
        segment=3, language="en", states=SpeechStates(np.ones((50, 512), np.float32), 1.0),
        recognised=Recognised((Hypothesis("a", -1.0, 2),), TokenScores(3, ("a",), (-1.0,))),
    )  # fmt: skip
    generator = choose(stretch, False)
    shown = next(generator).evidence
    assert isinstance(shown, Routing)
    assert (shown.segment, shown.experts) == (3, ("noisy", "clean"))
    assert sum(shown.weights) == pytest.approx(1)
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value.lora.tensors["layers.0.q_proj.lora_A"].shape == (4, 2)


def test_a_language_the_experts_do_not_know_is_left_to_examples(root):
    folder = write_card(root, "experts")
    make_router(("a",)).save(folder / "router.npz")
    write_adapter(
        {"layers.0.q_proj.lora_A": np.ones((4, 1)), "layers.0.q_proj.lora_B": np.ones((1, 2))},
        folder / "expert-a.onnx_adapter",
    )
    pen = pen_of(ExpertCorrection(None).prepare(model()), language="de")
    assert pen.lora is None
    assert "do not know" in pen.note


def make_router(sources: tuple[str, ...]) -> routing.Router:
    random = np.random.default_rng(0)
    count = len(sources)
    zero, one = np.zeros(4, np.float32), np.ones(4, np.float32)
    return routing.Router(sources, zero, one, random.normal(size=(4, count)).astype(np.float32), np.zeros(count, "f4"))


def test_the_router_chooses_two_whose_weights_sum_to_one_and_the_same_every_time(tmp_path):
    router = make_router(("a", "b", "c"))
    router.save(tmp_path / "router.npz")
    again = routing.Router.open(tmp_path / "router.npz")
    seen = np.array([0.3, -1.0, 0.5, 2.0], np.float32)
    chosen = router.top(seen)
    assert chosen == again.top(seen)
    assert len(chosen) == 2
    assert sum(weight for _, weight in chosen) == pytest.approx(1)
    assert chosen[0][1] >= chosen[1][1]


def test_equal_chances_keep_the_routers_order():
    router = make_router(("a", "b", "c"))
    assert [name for name, _ in router.top(np.zeros(4, np.float32))] == ["a", "b"]


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_broken_router_is_named(tmp_path, content):
    (tmp_path / "router.npz").write_bytes(content)
    with pytest.raises(AdapterMismatch, match="router"):
        routing.Router.open(tmp_path / "router.npz")


def test_a_router_of_an_impossible_shape_is_refused(tmp_path):
    np.savez(tmp_path / "router.npz", sources=["a"], mean=[0.0], scale=[1.0], weights=[[1.0, 2.0]], bias=[0.0])
    with pytest.raises(AdapterMismatch, match="shape"):
        routing.Router.open(tmp_path / "router.npz")


def test_features_of_a_list_are_finite_even_for_silence():
    silence = routing.features(np.zeros(512, np.float32), [Hypothesis("", -1.0, 1)], (), 0.0)
    assert np.isfinite(silence).all()
    assert len(silence) == 512 + len(routing.LIST_FEATURES)


def test_a_divided_list_has_more_entropy_and_disagreement():
    sure = routing.list_features([Hypothesis("a b c", -1.0, 4), Hypothesis("a b d", -9.0, 4)], (-0.1,) * 4, 1.0)
    torn = routing.list_features([Hypothesis("a b c", -4.0, 4), Hypothesis("x y c", -4.1, 4)], (-1.0,) * 4, 1.0)
    assert torn[0] > sure[0]
    assert torn[5] > sure[5]


def test_the_mean_state_leaves_the_padding_out():
    frames = np.concatenate([np.ones((50, 3)), np.full((1450, 3), 9.0)]).astype(np.float32)
    assert routing.mean_state(SpeechStates(frames, 1.0)).tolist() == [1.0, 1.0, 1.0]
