"""Trained adapters of the text engines: cards, the form of the prompt, the router, and what can be wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engines.contract import Hypothesis, SpeechStates
from engines.errors import AdapterMismatch, AdapterMissing, GraphInvalid
from engines.models.causal_lm import CausalLM
from engines.text import learned, prompts, routing
from engines.text.correction import GenerativeCorrection
from engines.text.experts import ExpertCorrection

CARD = """
format = 1
kind = "{kind}"
language_model = "gemma-3-270m"
vocabulary = 90239
languages = ["en"]
experts = ["clean", "noisy"]
"""


def model(name: str = "Gemma 3 270M", vocabulary: int = 90239) -> CausalLM:
    made = object.__new__(CausalLM)
    made._config = {"name": name}
    made.decoder = SimpleNamespace(vocabulary=vocabulary)
    return made


def write_card(folder: Path, kind: str, text: str = CARD) -> None:
    (folder / kind).mkdir(parents=True)
    (folder / kind / "card.toml").write_text(text.format(kind=kind), encoding="utf-8")


def test_the_learnt_prompt_is_the_form_of_hyporadise_with_the_best_last():
    assert prompts.learned(["a b", "a c", "a d"]) == (
        "### Other-hypothesis: a d\n### Other-hypothesis: a c\n### Best-hypothesis: a b\n### Response:"
    )
    assert prompts.correction(["a"]).endswith(prompts.learned(["a"]))


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(AdapterMissing, match="experts"):
        learned.read("experts", tmp_path)


@pytest.mark.parametrize(
    "text", ["format = ", 'format = 1\nkind = "{kind}"\n', CARD.replace("{kind}", "other"), CARD.replace("= 1", "= 2")]
)
def test_a_card_that_says_something_else_is_refused(tmp_path, text):
    write_card(tmp_path, "correction", text)
    with pytest.raises(AdapterMismatch):
        learned.read("correction", tmp_path)


def test_weights_for_another_vocabulary_are_refused(tmp_path):
    write_card(tmp_path, "correction")
    found = learned.read("correction", tmp_path)
    assert found.fits(model())
    assert not found.fits(model("SmolLM2 135M Instruct"))
    with pytest.raises(AdapterMismatch, match="vocabulary"):
        found.require(model(vocabulary=262144))
    with pytest.raises(AdapterMismatch, match="SmolLM2"):
        found.require(model("SmolLM2 135M Instruct"))


def test_a_card_without_its_weights_is_an_error(tmp_path):
    write_card(tmp_path, "correction")
    with pytest.raises(GraphInvalid, match="lora"):
        GenerativeCorrection(None, tmp_path).prepare(model())


def pen_of(chooser, language: str = "en", translated: bool = False):
    stretch = SimpleNamespace(language=language)
    generator = chooser(stretch, translated)
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            return stop.value


def test_without_trained_weights_examples_are_shown_and_that_is_said(tmp_path):
    pen = pen_of(GenerativeCorrection(None, tmp_path).prepare(model()))
    assert pen.lora is None
    assert "no trained weights" in pen.note


def test_another_language_model_is_shown_examples(tmp_path):
    write_card(tmp_path, "correction")
    pen = pen_of(GenerativeCorrection(None, tmp_path).prepare(model("SmolLM2 135M Instruct")))
    assert pen.lora is None
    assert "gemma-3-270m" in pen.note


def test_experts_need_their_weights_and_a_router_that_knows_them(tmp_path):
    with pytest.raises(AdapterMissing):
        ExpertCorrection(None, tmp_path).prepare(model())
    write_card(tmp_path, "experts")
    with pytest.raises(AdapterMismatch, match="router"):
        ExpertCorrection(None, tmp_path).prepare(model())
    make_router(("clean", "telephone")).save(tmp_path / "experts" / "router.npz")
    with pytest.raises(AdapterMismatch, match="other experts"):
        ExpertCorrection(None, tmp_path).prepare(model())


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
