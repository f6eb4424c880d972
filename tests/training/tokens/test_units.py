"""The codebook of a recipe: made, resumed, published, refused."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import AdapterMissing, CorpusInvalid, RecipeInvalid
from engines.models.phone_recogniser import MODEL
from engines.tokens.semantic import SemanticTokeniser
from engines.training.data import features
from engines.training.data.corpus import Clip, CorpusWriter, corpora
from engines.training.dataset import SpeechData
from engines.training.recipes import Recipe
from engines.training.tokens import speech, units
from engines.weights import cards
from export import training
from tests.latent.random_adapters import STATES, inventory, write_all, write_trunk_graph


def recipe(**options) -> Recipe:
    return Recipe.model_validate(
        {
            "id": "units", "kind": "units", "data": {"corpora": ["one", "two"], "languages": ["en", "es"]},
            "options": {"size": 12, "steps": 20, "batch": 64, "minutes": 1.0} | options,
        }
    )  # fmt: skip


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Two corpora of random states, and a folder of adapters with a trunk."""
    random = np.random.default_rng(0)
    for name, language in (("one", "en"), ("two", "es")):
        with CorpusWriter(corpora() / name) as writer:
            for number in range(20):
                clip = Clip(f"{name}-{number}", "", 0, 0, "a word", language, "made up", "nobody")
                writer.add(clip, random.normal(0, 0.1, 16000 + 4000 * number).astype(np.float32))
        made = lambda _samples, seconds: random.normal(size=(int(50 * seconds), STATES))  # noqa: E731
        features.compute(corpora() / name, encode=made)
    adapters = tmp_path / "adapters"
    write_all(adapters)
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(adapters))
    monkeypatch.setattr(cards, "encoder_graph", lambda _model="": "abc")
    return adapters


def train(bench, tmp_path, name="run", minutes=None, **options):
    told = []
    training.run(
        recipe(**options), minutes=minutes, folder=tmp_path / name, target=bench, report=told.append
    )  # fmt: skip
    return told


def test_a_codebook_is_made_and_opened(bench, tmp_path):
    told = train(bench, tmp_path)
    assert [progress.step for progress in told] == list(range(1, 21))
    card = cards.read("units")
    assert (card.kind, card.units.size, card.data.sources) == ("units", 12, ("one", "two"))
    assert 0.01 <= card.data.hours <= 0.03
    tokeniser = SemanticTokeniser.open()
    ids = tokeniser.units(np.random.default_rng(1).normal(size=(90, STATES)).astype(np.float32))
    assert ids.shape == (45,)
    assert len(set(ids.tolist())) > 4


@pytest.mark.parametrize(("rate", "frames"), [(25, 5), (50, 9)])
def test_units_of_the_encoder_need_no_trunk(bench, tmp_path, rate, frames):
    (bench / "trunk" / "card.toml").unlink()
    train(bench, tmp_path, source="encoder", rate=rate)
    assert SemanticTokeniser.open().units(np.zeros((9, STATES), np.float32)).shape == (frames,)


def test_an_interrupted_run_goes_on(bench, tmp_path):
    assert [progress.step for progress in train(bench, tmp_path, minutes=0)] == [1]
    with pytest.raises(AdapterMissing):
        cards.read("units")
    told = train(bench, tmp_path)
    assert [progress.step for progress in told] == list(range(2, 21))
    resumed = (bench / "units" / "codebook.safetensors").read_bytes()
    train(bench, tmp_path, name="whole")
    assert (bench / "units" / "codebook.safetensors").read_bytes() == resumed


def test_another_trunk_begins_anew(bench, tmp_path):
    train(bench, tmp_path, minutes=0)
    write_trunk_graph(bench / "trunk" / "trunk.onnx", len(inventory().ctc), seed=9)
    assert train(bench, tmp_path)[0].step == 1


def test_speech_comes_in_equal_shares(bench):
    data = SpeechData(corpora(), ("one", "two"))
    found = speech.choose(data, recipe(), 0.5)
    spoken = [sum(clip.frames for clip in found if clip.language == language) for language in ("en", "es")]
    assert sum(spoken) >= 1500
    assert abs(spoken[0] - spoken[1]) < 400
    assert found == speech.choose(data, recipe(), 0.5)
    with pytest.raises(CorpusInvalid):
        speech.choose(data, recipe(), 0.5, split="test")


def test_phones_are_counted_where_they_can_be_heard(bench, tmp_path, monkeypatch):
    class Hearer:
        @classmethod
        def open(cls, folder):
            return cls()

        def hear(self, samples):
            return len(samples) // 320 + 1

        def per_frame(self, frames):
            return ["", "a", None][: frames % 3 + 1] * frames

    monkeypatch.setattr(speech, "PhoneRecogniser", Hearer)
    monkeypatch.setattr(units.WeightStore, "state", lambda _store, model: units.ModelState.INSTALLED)
    monkeypatch.setattr(speech.WeightStore, "path", lambda _store, model: tmp_path / model)
    train(bench, tmp_path, phones=0.2)
    book = SemanticTokeniser.open().codebook
    assert book.phones == ("", "a")
    assert book.counts is not None
    assert book.counts.sum() > 100
    assert "minutes of English" in book.origin
    assert MODEL


@pytest.mark.parametrize(
    "options",
    [{"source": "tea leaves"}, {"rate": 50}, {"size": 1}, {"metric": "taxicab"}, {"colour": 1}, {"size": "many"}],
)
def test_impossible_recipes(bench, tmp_path, options):
    with pytest.raises(RecipeInvalid) as caught:
        train(bench, tmp_path, **options)
    assert caught.value.hint


def test_no_trunk_yet(bench, tmp_path):
    (bench / "trunk" / "card.toml").unlink()
    with pytest.raises(AdapterMissing, match="trunk"):
        train(bench, tmp_path)


def test_too_little_speech(bench, tmp_path):
    with pytest.raises(CorpusInvalid, match="units"):
        train(bench, tmp_path, size=4000)
