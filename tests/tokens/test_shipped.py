"""The units that ship are whole, and belong to the encoder that the trunk belongs to."""

from __future__ import annotations

import numpy as np
import pytest

from engines import paths
from engines.models.codec import ID as CODEC
from engines.models.codec import Codec
from engines.models.duplex import Duplex
from engines.models.stage_two import StageTwo
from engines.tokens.codebook import FILE
from engines.tokens.semantic import ADAPTER, SemanticTokeniser
from engines.training.recipes import read
from engines.training.tokens.units import settings
from engines.weights import cards


def test_the_units_that_ship(monkeypatch):
    card = cards.read(ADAPTER)
    assert card.encoder_graph == cards.read("trunk").encoder_graph
    monkeypatch.setattr(cards, "encoder_graph", lambda _model: card.encoder_graph)
    tokeniser = SemanticTokeniser.open()
    wanted = settings(read(paths.resources() / "recipes" / "units.toml"))
    assert (tokeniser.size, tokeniser.frame_seconds) == (wanted.size, 1 / wanted.rate)
    assert card.units is not None
    assert card.units.source == wanted.source
    assert card.recipe is not None
    assert card.recipe.digest == read(paths.resources() / "recipes" / "units.toml").digest
    ids = tokeniser.units(np.random.default_rng(0).normal(size=(200, 512)).astype(np.float32))
    assert ids.shape == (100,)
    phones = tokeniser.phones(ids)
    assert phones is not None
    assert "English" in phones.origin
    assert all(file.stat().st_size < 16_000_000 for file in cards.locate(ADAPTER).iterdir())


@pytest.mark.parametrize(
    "name", ["token-semantic", "token-semantic-first", "token-acoustic", "token-hybrid", "token-duplex"]
)
def test_what_ships_is_of_its_recipe_and_belongs_to_the_codec(name: str) -> None:
    card = cards.read(name)
    assert card.recipe is not None
    assert card.recipe.digest == read(paths.resources() / "recipes" / f"{name}.toml").digest
    assert (cards.locate(name) / "curve.csv").read_text(encoding="utf-8").count("\n") > 4
    assert all(file.stat().st_size < 16_000_000 for file in cards.locate(name).iterdir())


def test_the_stage_two_that_ships_makes_codes_of_the_units_that_ship() -> None:
    stage_two, codec = StageTwo.open(), Codec.open()
    shape = stage_two.shape
    units = cards.read(ADAPTER)
    assert units.units is not None
    stage_two.check(units.units.size, cards.file_digest(cards.locate(ADAPTER) / FILE), cards.codec_digest(CODEC))
    spoken = stage_two.speaking(longest=2.0)
    codes = np.concatenate([*spoken.push(np.arange(25) % shape.units), *spoken.finish()], axis=1)
    assert codes.shape == (shape.books, 50)
    assert np.abs(codec.decode(codes)).max() <= 1


def test_the_duplex_model_that_ships_makes_frames_of_the_codec_that_ships() -> None:
    model, codec = Duplex.open(), Codec.open()
    model.check(codec, cards.codec_digest(CODEC))
    said, memory = model.step(model.begin(), np.random.default_rng(0))
    assert said.own.shape == (model.places,)
    assert memory.filled == 1
