"""Recipes that ship are sound; those that are not are refused with the place that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.commands.train import bundled
from engines import paths
from engines.errors import AdapterMissing, RecipeInvalid
from engines.training import benches, stages
from engines.training.recipes import read

RECIPES = paths.resources() / "recipes"

GOOD = """
id = "mine"
kind = "trunk"
[data]
corpora = ["a"]
[[stages]]
name = "ctc"
steps = 10
learning_rate = 1e-3
"""


@pytest.mark.parametrize("file", bundled(), ids=lambda file: file.stem)
@pytest.mark.parametrize("overlay", [None, RECIPES / "gpu.toml"], ids=["cpu", "gpu"])
def test_bundled_recipes_are_read(file: Path, overlay: Path | None) -> None:
    recipe = read(file, overlay)
    assert recipe.id == file.stem
    assert recipe.digest != read(RECIPES / "trunk.toml").digest or file.stem == "trunk"


def test_adapters_are_trained_on_equal_terms() -> None:
    found = [read(file) for file in bundled() if file.stem.startswith("latent-")]
    assert len(found) == 4
    for recipe in found:
        assert (recipe.data, recipe.stages, recipe.lora, recipe.budget, recipe.seed) == (
            found[0].data, found[0].stages, found[0].lora, found[0].budget, found[0].seed,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("id =", "colour = 1\nid ="), "colour"),
        (("steps = 10", "steps = 0"), "stages.0.steps"),
        (("learning_rate = 1e-3", "learning_rate = -1"), "stages.0.learning_rate"),
        (('"trunk"', '"sofa"'), "kind"),
        (('["a"]', "[]"), "data.corpora"),
        (("[data]", "[network]\nwidth = 100\nheads = 7\n[data]"), "network"),
        (("[data]", "[network]\nkernel = 4\n[data]"), "network"),
        (("id =", "id"), "no valid TOML"),
        (('id = "mine"', 'id = "My Recipe"'), "id"),
    ],
)
def test_impossible_recipes_name_the_place(tmp_path: Path, change: tuple[str, str], place: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD.replace(*change), encoding="utf-8")
    with pytest.raises(RecipeInvalid, match=place):
        read(file)


def test_missing_recipes_and_double_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid, match="cannot be read"):
        read(tmp_path / "nowhere.toml")
    (tmp_path / "fairness.toml").write_text('[data]\ncorpora = ["a"]\n', encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text('fairness = "fairness.toml"\n' + GOOD, encoding="utf-8")
    with pytest.raises(RecipeInvalid, match="sets data"):
        read(file)


def test_stages_that_do_not_go_with_the_kind_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD.replace('"ctc"', '"llm"'), encoding="utf-8")
    with pytest.raises(RecipeInvalid, match="do not go with trunk"):
        stages.run(read(file), folder=tmp_path / "run", report=print)


def test_an_adapter_without_its_trunk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterMissing, match="trunk was not trained"):
        benches.load_trunk(tmp_path / "trunk")
