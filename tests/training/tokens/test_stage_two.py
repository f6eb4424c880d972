"""Training stage two: what is drawn, that it learns and goes on where it stopped, what it leaves, and bad recipes."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from engines.errors import CorpusInvalid, RecipeInvalid
from engines.models.codes import LOST
from engines.training.dataset import Clip
from engines.training.recipes import Recipe
from engines.training.tokens.stage_two_data import Item, StageTwoSettings, Windows, item, items

torch = pytest.importorskip("torch")

from engines.training.loop import Loop  # noqa: E402
from engines.training.tokens.stage_two import StageTwoTrainee, seeded, size_of  # noqa: E402

UNITS, BOOKS, CODES = 6, 2, 8


def recipe(options=None, **stage):
    return Recipe.model_validate(
        {
            "id": "token-hybrid", "kind": "stage-two", "data": {"corpora": ["tones"], "development": 2},
            "network": {"width": 16, "layers": 1, "heads": 2, "inner": 32, "kernel": 3, "dropout": 0.0},
            "options": {"window": 0.8, "prompt": 0.6, **(options or {})},
            "stages": [
                {"name": "stage-two", "steps": 60, "batch_seconds": 6.4, "learning_rate": 1e-2, "warmup": 2,
                 "evaluate_every": 20, **stage}
            ],
        }
    )  # fmt: skip


def clips(count: int = 12) -> list[Item]:
    """The unit tells the first code, the voice adds to the second."""
    random = np.random.default_rng(0)
    found = []
    for number in range(count):
        units = np.repeat(random.integers(0, UNITS, 20), 3).astype(np.int32)
        wide, voice = np.repeat(units, 2), number % 3
        found.append(item(units, np.stack([wide, (wide + voice) % CODES]).astype(np.int32), f"voice {voice}"))
    return found


def windows(settings: StageTwoSettings | None = None) -> Windows:
    return Windows(clips(), settings or StageTwoSettings(window=0.8, prompt=0.6), size=UNITS, books=BOOKS, codes=CODES)


def test_clips_are_cut_to_what_units_and_codes_share():
    found = item(np.array([1, 2, 3], np.int32), np.zeros((2, 5), np.int32))
    assert found.units.tolist() == [1, 1, 2, 2, 3]
    assert found.codes.shape == (2, 5)
    clip = Clip("a", 0, 0, 10, "", "en", None, "train")
    with pytest.raises(CorpusInvalid, match="both units and codes"):
        items([clip], lambda _: np.zeros(0, np.int32), lambda _: np.zeros((2, 9), np.int32), lambda _: None)


def test_every_window_comes_once_in_an_epoch():
    batches = windows().batches(np.random.default_rng(0), 5)
    assert sorted(place for batch in batches for place in batch) == sorted(list(range(12)) * 3)
    assert {len(batch) for batch in batches} <= {5, 6}


@pytest.mark.parametrize("seed", range(4))
def test_what_is_wanted_is_never_told(seed):
    drawn = windows().draw(list(range(12)), np.random.default_rng(seed))
    for codes, level, learnt, mask in zip(drawn.codes, drawn.level, drawn.learnt, drawn.mask, strict=True):
        assert learnt.any()
        assert mask[learnt].all()
        assert (codes[level][learnt] == LOST).all()
        assert (codes[:level][:, learnt] != LOST).all()
        assert (codes[level + 1 :][:, learnt] == LOST).all()
    assert (drawn.prompt_units[:, 0] == UNITS).all()
    assert (drawn.prompt_codes[:, :, 0] == LOST).all()
    assert drawn.prompt_units.shape[1] <= 31
    again = windows().draw(list(range(12)), np.random.default_rng(seed))
    assert (again.codes == drawn.codes).all()


def test_prompts_are_of_the_same_voice():
    drawn = windows(StageTwoSettings(window=0.8, prompt=0.6, alone=0.0, fewer=0.0)).draw(
        list(range(12)), np.random.default_rng(0), level=1
    )
    for number, (units, codes) in enumerate(zip(drawn.prompt_units, drawn.prompt_codes, strict=True)):
        there = codes[0] != LOST
        assert there.sum() >= 25
        assert ((codes[1] - codes[0])[there] % CODES == number % 3).all()
        assert (units[there] == codes[0][there]).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"window": 0.1}, "window"), ({"alone": 1.0}, "alone"), ({"loudness": 1}, "loudness"), ({"first": True}, "first")],
)
def test_impossible_options_are_refused(options, sentence):
    with pytest.raises(RecipeInvalid, match=sentence):
        StageTwoSettings.of(recipe(options))


def test_other_stages_are_refused():
    with pytest.raises(RecipeInvalid, match="other stages"):
        StageTwoSettings.of(recipe(name="codec"))


def trained(folder, until=math.inf, stop=lambda: False):
    wanted = recipe()
    books = torch.randn(BOOKS, CODES, 4, generator=torch.Generator().manual_seed(0))
    network = seeded(size_of(wanted, UNITS, BOOKS, CODES, 4), 1, books)
    trainee = StageTwoTrainee(
        network, clips(), clips()[:3], StageTwoSettings.of(wanted), batch_seconds=6.4, seed=wanted.seed
    )
    before = trainee.evaluate()
    Loop(trainee, wanted.stages[0], folder, seed=1, report=lambda _: None).run(until, stop)
    return before, trainee


def test_it_learns_and_goes_on_where_it_stopped(tmp_path):
    before, trainee = trained(tmp_path / "whole")
    after = trainee.evaluate()
    assert set(after) == {"error", "error_nats", "error_latent", "error_rest"}
    assert after["error_nats"] < 0.6 * before["error_nats"]
    assert after["error_rest"] < 0.6 * before["error_rest"]
    assert after["error"] == pytest.approx(after["error_nats"] + after["error_rest"])
    count = iter(range(1000))
    trained(tmp_path / "parts", stop=lambda: next(count) >= 25)
    _, other = trained(tmp_path / "parts", until=time.monotonic() + 60)
    for name, value in trainee.weights().items():
        assert torch.allclose(value, other.weights()[name], atol=1e-6), name
