"""Whole runs of recipes that learn on N-best lists: interrupted, resumed, written, read by the engine; bad recipes."""

from __future__ import annotations

import dataclasses
import json
import time

import pytest
import tokenizers

from engines.training.text import lists
from tests.training.test_text_learning import some, tiny_network


@pytest.mark.filterwarnings("default")
def test_a_recipe_is_trained_in_two_goes_and_the_engine_reads_what_it_wrote(home, monkeypatch, tmp_path):
    from engines.text import routing
    from engines.text.learned import Learned
    from engines.training import recipes
    from export import text_learning

    vocabulary = {"<pad>": 0, "<bos>": 2} | {chr(n): n + 3 for n in range(10, 127)}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, "<pad>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    graph = tmp_path / "graph"
    graph.mkdir()
    made.save(str(graph / "tokenizer.json"))
    monkeypatch.setattr(text_learning.graphs, "locate", lambda name: graph)
    monkeypatch.setattr(text_learning, "encoder_graph", lambda: "abc")
    lists.folder().mkdir(parents=True)
    rows = [*some("noisy", 60), *some("clean", 60)]
    for name, part in (("lists", rows), ("dev", some("noisy", 4, 900))):
        text = "\n".join(json.dumps(dataclasses.asdict(row)) for row in part)
        (lists.folder() / f"{name}.jsonl").write_text(text, encoding="utf-8")
    base = {
        "kind": "correction", "id": "correction", "data": {"corpora": ["lists"], "development": 2},
        "stages": [{"name": "llm", "steps": 2, "learning_rate": 0.01, "warmup": 1, "evaluate_every": 1}],
        "lora": {"rank": 2, "alpha": 4.0}, "options": {"development_lists": "dev", "batch_tokens": 600},
    }  # fmt: skip
    said: list[str] = []

    def go(recipe, until):
        return text_learning.train(
            recipe, until, lambda name, progress: said.append(name), network=tiny_network(), target=tmp_path
        )

    recipe = recipes.Recipe.model_validate(base)
    assert not go(recipe, time.monotonic() - 1)
    assert go(recipe, time.monotonic() + 60)
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    found = Learned("correction")
    assert (found.card.vocabulary, found.card.width) == (256, 32)
    assert len(found.lora().tensors) == 2 * 2 * 7
    again = recipes.Recipe.model_validate(base | {"kind": "experts", "id": "experts"})
    assert go(again, time.monotonic() + 60)
    found = Learned("experts")
    assert routing.Router.open(found.folder / "router.npz").sources == ("clean", "noisy")
    assert found.lora("expert-noisy").parameters == found.card.parameters.lora // 2
    assert {"correction", "clean", "noisy"} <= set(said)


@pytest.mark.parametrize(
    "change", [{"kind": "ctc"}, {"options": {"nonsense": 1}}, {"options": {"right": 2}}, {"options": {"longest": "x"}}]
)
def test_impossible_recipes_are_refused(change):
    from engines.errors import RecipeInvalid
    from engines.training import recipes
    from export import text_learning

    base = {
        "kind": "correction", "id": "correction", "data": {"corpora": ["lists"]},
        "stages": [{"name": "llm", "steps": 2, "learning_rate": 0.01}],
    }  # fmt: skip
    with pytest.raises(RecipeInvalid):
        text_learning.options(recipes.Recipe.model_validate(base | change))
