"""The latent engines over a trunk with a tuned encoder: its states are shared among them, not with the recogniser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto

from engines.audio.samples import list_samples, load_sample
from engines.contract import Finished, Request, StageFinished
from engines.latent.engine import Latent
from engines.models.components import Components
from engines.text import baseline
from engines.weights import cards, graphs
from tests.latent.random_adapters import STATES, _Graph, trunk_card, write_all


@pytest.fixture(scope="module")
def components(model_home, tmp_path_factory):
    """A folder with random adapters on a trunk with one tuned layer: it puts the channels in another order."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(graphs.locate("gemma-3-270m") / "tokenizer.json"))
    root = tmp_path_factory.mktemp("adapters")
    write_all(root, cards.encoder_graph(), tokenizer.get_vocab())
    g, f = _Graph(5), TensorProto.FLOAT
    g.node("MatMul", "hidden", g.floats(np.eye(STATES)[::-1]), out="states")
    file = root / "trunk" / "encoder-5.onnx"
    g.write(file, {"hidden": (f, ["T", STATES])}, {"states": (f, ["T", STATES])})
    digest = cards.files_digest([file])
    trunk_card(encoder_graph=cards.encoder_graph(), tuned_layers=1, encoder_digest=digest).write(root / "trunk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIPTYCH_ADAPTERS", str(root))
        yield Components()


def encoded(events):
    return [event.shared for event in events if isinstance(event, StageFinished) and event.stage == "encode"]


def test_tuned_states_are_not_the_recognisers(components):
    utterance = replace(load_sample(list_samples()[0].id), language="en")
    list(baseline.build(components).run(Request(utterance)))
    first = list(Latent(components, "latent-pooling").run(Request(utterance)))
    second = list(Latent(components, "latent-ctc").run(Request(utterance)))
    assert encoded(first) == [False]
    assert encoded(second) == [True]
    result = first[-1]
    assert isinstance(result, Finished)
    assert result.result.components["encoder"].startswith("whisper-base, 1 of 6 layers tuned")


def test_the_language_is_found_out_by_the_recogniser(components):
    utterance = replace(load_sample(list_samples()[1].id), language=None)
    list(baseline.build(components).run(Request(utterance)))
    events = list(Latent(components, "latent-pooling").run(Request(utterance)))
    assert encoded(events) == [False, True, True]  # tuned states; the recogniser's, and the language by them
    assert isinstance(events[-1], Finished)
