"""The tokeniser of an installation, on a random trunk and random centroids."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engines.contract import SpeechStates
from engines.errors import AdapterMismatch, AdapterMissing, GraphInvalid
from engines.tokens.semantic import SemanticTokeniser, collapse, expand
from engines.weights import cards
from engines.weights.cards import Units
from tests.latent.random_adapters import STATES, write_all
from tests.tokens.random_units import SIZE, random_codebook, write_units


@pytest.fixture
def root(tmp_path, monkeypatch):
    write_all(tmp_path)
    write_units(tmp_path)
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    monkeypatch.setattr(cards, "encoder_graph", lambda _model: "abc")
    return tmp_path


def states(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, STATES)).astype(np.float32)


@pytest.mark.parametrize("frames", [1, 2, 7, 100])
def test_units_have_half_the_rate(root, frames):
    tokeniser = SemanticTokeniser.open()
    ids = tokeniser.units(states(frames))
    assert ids.dtype == np.int32
    assert ids.shape == ((frames + 1) // 2,)
    assert ids.min() >= 0
    assert ids.max() < tokeniser.size == SIZE
    assert (expand(*collapse(ids)) == ids).all()


def test_no_speech_has_no_units(root):
    assert SemanticTokeniser.open().units(states(0)).shape == (0,)


def test_padding_has_no_units(root):
    tokeniser = SemanticTokeniser.open()
    speech = SpeechStates(states(1500), 1.01)
    assert tokeniser.units_of(speech).shape == (26,)


def test_the_encoder_alone(root):
    write_units(
        root, random_codebook(width=STATES), trunk="", units=Units(source="encoder", size=SIZE, frame_seconds=0.04)
    )
    assert SemanticTokeniser.open().units(states(9)).shape == (5,)
    write_units(
        root, random_codebook(width=STATES), trunk="", units=Units(source="encoder", size=SIZE, frame_seconds=0.02)
    )
    assert SemanticTokeniser.open().units(states(9)).shape == (9,)


def test_what_is_shown(root):
    tokeniser = SemanticTokeniser.open()
    ids = tokeniser.units(states(20))
    shown = tokeniser.stream(ids, segment=2, start=1.5)
    assert shown.durations is not None
    assert (shown.segment, shown.start, shown.sizes, int(shown.durations.sum())) == (2, 1.5, (SIZE,), 10)
    assert shown.bits_per_second == pytest.approx(math.log2(SIZE) * len(shown.durations) / 0.4)
    phones = tokeniser.phones(ids, segment=2)
    assert phones is not None
    assert sorted(set(ids.tolist())) == phones.units.tolist()
    np.testing.assert_allclose(phones.shares.sum(1), 1, atol=1e-6)
    write_units(root, random_codebook(phones=False))
    assert SemanticTokeniser.open().phones(ids) is None


def refused(error, *words):
    with pytest.raises(error) as caught:
        SemanticTokeniser.open()
    assert caught.value.hint
    for word in words:
        assert word in caught.value.message


def test_units_that_are_not_there(root):
    (root / "units" / "codebook.safetensors").unlink()
    refused(AdapterMissing, "codebook.safetensors")


def test_units_of_another_trunk(root):
    write_units(root, trunk="0" * 64)
    refused(AdapterMismatch, "another trunk")


def test_units_of_another_encoder(root):
    write_units(root, encoder="whisper-tiny")
    refused(AdapterMismatch, "whisper-tiny")


def test_units_of_a_source_that_no_engine_runs(root):
    write_units(root, units=Units(source="facebook/hubert-base-ls960", layer=9, size=SIZE, frame_seconds=0.02))
    refused(AdapterMismatch, "hubert")


def test_a_codebook_of_another_size(root):
    write_units(root, random_codebook(size=40))
    refused(AdapterMismatch, "40")


def test_a_damaged_codebook(root):
    (root / "units" / "codebook.safetensors").write_bytes(b"{}")
    refused(GraphInvalid, "codebook")


def test_a_card_without_the_clusters(root):
    text = (root / "units" / "card.toml").read_text(encoding="utf-8")
    (root / "units" / "card.toml").write_text(text.split("[units]")[0], encoding="utf-8")
    refused(AdapterMismatch, "card")
