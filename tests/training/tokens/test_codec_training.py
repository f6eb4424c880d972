"""Training the codec: settings, codebooks, a run that gets better and can be interrupted, what it leaves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engines.errors import CorpusInvalid, RecipeInvalid
from engines.models.codec import Codec
from engines.training.data.corpus import Clip, CorpusWriter, corpora
from engines.training.recipes import Data, Recipe
from engines.training.tokens.codec_settings import settings_of
from engines.training.tokens.crops import Crops, development

torch = pytest.importorskip("torch")

from engines.training import runs  # noqa: E402
from engines.training.networks.quantiser import ResidualQuantiser, kmeans, nearest  # noqa: E402
from engines.training.tokens import codec as training  # noqa: E402
from export.codec import publish  # noqa: E402


def recipe(options=None, **stage):
    return Recipe.model_validate(
        {
            "id": "codec", "kind": "codec", "data": {"corpora": ["tones"], "development": 2},
            "options": {
                "filters": 2, "hidden": 4, "books": 2, "codes": 8, "crop_seconds": 0.4, "free_steps": 3,
                **(options or {}),
            },
            "stages": [
                {"name": "codec", "steps": 12, "batch_seconds": 1.6, "learning_rate": 3e-3, "warmup": 2,
                 "evaluate_every": 4, **stage}
            ],
        }
    )  # fmt: skip


@pytest.fixture
def tones():
    """A corpus of gliding tones, long and short."""
    random = np.random.default_rng(0)
    with CorpusWriter(corpora() / "tones") as writer:
        for number in range(8):
            length = 20_000 if number else 4_000
            sweep = np.cumsum(random.uniform(0.05, 0.4) + 0.1 * np.sin(np.arange(length) / 3000))
            clip = Clip(f"t{number}", "", 0, 0, "tone", "en", "tones", "sine", "dev" if number > 5 else "train")
            writer.add(clip, (0.3 * np.sin(sweep)).astype(np.float32))
    return corpora()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"codes": 12}, "12 codes are no power of two"),
        ({"filters": 0}, "options.filters"),
        ({"loudness": 3}, "options.loudness"),
        ({"adversary": True, "adversary_from": 1}, "an adversary comes after the codebooks"),
        ({"free_steps": 4}, "measures after 4 steps, before there are codebooks"),
    ],
)
def test_impossible_settings_are_refused(options, sentence):
    with pytest.raises(RecipeInvalid, match=sentence):
        settings_of(recipe(options))


def test_other_stages_are_refused():
    with pytest.raises(RecipeInvalid, match="other stages"):
        settings_of(recipe().model_copy(update={"stages": (*recipe().stages, *recipe().stages)}))


def test_crops_are_the_same_for_the_same_step(tones):
    crops = Crops(tones, recipe().data, 6400, seed=1)
    assert len(crops) == 5 * 4 + 1
    assert sorted(place for batch in crops.batches(0, 3) for place in batch) == list(range(21))
    assert crops.batches(0, 3) != crops.batches(1, 3)
    batch = crops.batches(0, 21)[0]
    first = crops.read(batch, 5)
    assert first.shape == (21, 6400)
    assert np.abs(first).max() <= 0.98
    np.testing.assert_array_equal(first, crops.read(batch, 5))
    assert not np.array_equal(first, crops.read(batch, 6))
    assert (np.abs(first).max(axis=1) > 0).all()


def test_without_clips_there_is_a_sentence(tones):
    with pytest.raises(CorpusInvalid, match="no clips to train on in tones"):
        Crops(tones, Data(corpora=("tones",), languages=("fr",)), 6400, 1)
    with pytest.raises(CorpusInvalid, match="no clips to measure on"):
        development(tones, Data(corpora=("tones",), languages=("fr",)))
    with pytest.raises(CorpusInvalid, match="nowhere"):
        Crops(tones, Data(corpora=("nowhere",)), 6400, 1)


def test_kmeans_finds_what_is_there():
    torch.manual_seed(0)
    places = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [9.0, 9.0]])
    rows = places.repeat_interleave(50, 0) + 0.1 * torch.randn(200, 2)
    centres, counts = kmeans(rows, 4)
    assert counts.sum() >= 200
    assert float((rows - centres[nearest(rows, centres)]).pow(2).sum(1).mean()) < 10
    few, _ = kmeans(rows[:3], 8)
    assert few.shape == (8, 2)
    assert bool(torch.isfinite(few).all())


class Book:
    def __init__(self, size, width):
        self.embed, self.embed_avg = torch.zeros(size, width), torch.zeros(size, width)
        self.cluster_size, self.inited = torch.zeros(size), torch.ones(1)


def test_codebooks_follow_die_and_come_back():
    torch.manual_seed(0)
    books = [Book(16, 4), Book(16, 4)]
    quantiser = ResidualQuantiser(books, 0.9, 0.1)
    assert not quantiser.ready
    rows = torch.randn(400, 4)
    quantiser.begin(rows)
    assert quantiser.ready
    latents = rows.T.reshape(1, 4, 400)
    both, one = quantiser(latents), quantiser(latents, 1)
    assert float((both.values - latents).pow(2).mean()) < float((one.values - latents).pow(2).mean())
    torch.testing.assert_close(quantiser.values(both.codes), both.values)
    torch.testing.assert_close(quantiser.values(both.codes[:, :1]), one.values)
    far = latents + 7
    before = quantiser(far).commitment
    for _ in range(60):
        quantiser(far, torch.tensor([2]), train=True)
    assert float(quantiser(far).commitment) < 0.2 * float(before)
    assert len(quantiser(far).codes[0, 0].unique()) > 8


def test_gradients_pass_as_if_nothing_was_quantised():
    torch.manual_seed(0)
    quantiser = ResidualQuantiser([Book(8, 2)], 0.9, 0.1)
    quantiser.begin(torch.randn(50, 2))
    latents = torch.randn(1, 2, 9, requires_grad=True)
    quantiser(latents).values.sum().backward()
    torch.testing.assert_close(latents.grad, torch.ones(1, 2, 9))


@pytest.mark.parametrize("options", [{}, {"adversary": True, "adversary_from": 4}])
def test_a_run_gets_better_and_an_interrupted_one_comes_to_the_same(tones, tmp_path, options, monkeypatch):
    told = []
    plan = recipe(options, steps=8, batch_seconds=0.8)
    whole = training.run(plan, device="cpu", folder=tmp_path / "whole", report=told.append)
    assert whole.over
    assert whole.steps == 8
    assert {"distance", "distance_1", "distance_2"} == set(whole.metrics)
    assert told[-1].criterion == "distance"
    lines = (tmp_path / "whole" / "0-codec" / "curve.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["4", "8"]

    class Stopping(runs.Loop):
        def run(self, until, stop):
            left = iter(range(6))
            return super().run(until, lambda: next(left, None) is None)

    with monkeypatch.context() as patched:
        patched.setattr(runs, "Loop", Stopping)
        first = training.run(plan, device="cpu", folder=tmp_path / "parts", report=told.append)
    assert not first.over
    second = training.run(plan, device="cpu", folder=tmp_path / "parts", report=told.append)
    assert second.over
    from safetensors.torch import load_file

    wanted, found = (load_file(tmp_path / name / "best.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)

    place = publish(second, tmp_path / "adapters")
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path / "adapters"))
    codec = Codec.open()
    assert place.name == "codec"
    assert (codec.books, codec.codes, codec.frame_seconds) == (2, 8, 0.02)
    assert codec.card.metrics["distance"] == pytest.approx(second.metrics["distance"], abs=1e-3)
    assert codec.decode(codec.encode(np.zeros(999, np.float32))).shape == (1280,)
    assert (place / "curve.csv").is_file()


def test_the_loss_falls(tones, tmp_path):
    plan = recipe({"filters": 4, "free_steps": 20}, steps=60, evaluate_every=30, learning_rate=1e-3)
    told = []
    training.run(plan, device="cpu", folder=tmp_path, report=told.append)
    assert told[-1].loss < 0.7 * told[0].loss
    assert math.isfinite(told[-1].wer)
