"""The units that ship are whole, and belong to the encoder that the trunk belongs to."""

from __future__ import annotations

import numpy as np

from engines import paths
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
