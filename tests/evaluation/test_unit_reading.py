"""Words read from units: the head is the trunk's own, and means stand for states."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from engines import paths
from engines.evaluation.unit_reading import Reader, greedy, head_of, unit_means, word_error_rate
from engines.models.trunk import Trunk
from engines.tokens.codebook import Codebook
from engines.weights import cards
from tests.latent.random_adapters import inventory, write_all


@pytest.fixture
def trunk():
    """The one that ships."""
    card = cards.read("trunk")
    return Trunk.open(card.encoder, card.encoder_graph)


def test_the_head_reads_as_the_trunk_does(trunk):
    reader = Reader(trunk, paths.adapters() / "trunk" / "trunk.onnx")
    states = np.random.default_rng(0).normal(size=(40, 512)).astype(np.float32) * 2
    heard = trunk.run(states)
    assert reader.read(heard.states, "trunk", 25) == greedy(heard.log_probs, trunk.inventory)
    assert reader.read(states, "encoder", 50) == greedy(heard.log_probs, trunk.inventory)
    assert word_error_rate(reader, [heard.states], ["no such words"], "trunk", 25) > 0


def test_a_head_that_reads_something_else_is_refused(tmp_path):
    write_all(tmp_path)
    model = onnx.load(str(tmp_path / "trunk" / "trunk.onnx"))
    head, entry = head_of(model)
    assert entry == "hidden"
    assert [output.name for output in head.graph.output] == ["log_probs"]
    for node in model.graph.node:
        node.input[:] = ["states" if name == "hidden" else name for name in node.input]
    with pytest.raises(ValueError, match="head"):
        head_of(model)


def test_labels_become_words():
    pieces = inventory()
    places = [pieces.place(piece) for piece in ("▁the", "▁c", "a", "t")]
    columns = [0, *(1 + int(np.flatnonzero(pieces.ctc == place)[0]) for place in places)]
    frames = [columns[i] for i in (0, 1, 1, 0, 2, 3, 3, 4, 0)]
    log_probs = np.log(np.eye(1 + len(pieces.ctc), dtype=np.float32)[frames] + 1e-6)
    assert greedy(log_probs, pieces) == "the cat"


def test_units_stand_for_their_mean():
    book = Codebook(np.array([[-1.0], [1], [90]]), np.zeros(1), np.ones(1), "l2")
    means = unit_means(book, np.array([[-2.0], [-4], [1]], np.float32))
    assert means.tolist() == [[-3], [1], [pytest.approx(-5 / 3)]]
