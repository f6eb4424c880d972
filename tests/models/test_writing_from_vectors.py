"""Writing from tokens and vectors: choices, ends, attention, nearest tokens; a small model with random weights."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import BadInput, BadOption, GraphInvalid
from engines.models.causal_lm import CausalLM
from engines.runtime.kv_cache import KeyValueCache
from engines.runtime.lora import Lora
from export.causal_lm import build_gemma
from tests.export.test_lora import random_tensors
from tests.export.tiny_gguf import write_gemma


@pytest.fixture(scope="module", params=["fp32", "int8"])
def tiny(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    build_gemma(write_gemma(folder / "tiny.gguf"), folder, precision=request.param, trimmed=False)
    return CausalLM.open(folder)


TEXT = "the house in there and so on, over the rest"


def log_softmax(logits):
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def test_tokens_write_what_a_prompt_writes(tiny):
    tokens = list(tiny.write_from([tiny._tokens(TEXT)], max_tokens=10))
    assert "".join(token.text for token in tokens) == "".join(tiny.generate(TEXT, max_tokens=10))
    cache = KeyValueCache(tiny._shape)
    ids = tiny._tokens(TEXT)
    state = tiny.decoder.advance(cache, np.array([ids]))
    for token in tokens:
        assert token.log_probability == pytest.approx(log_softmax(state[0])[token.id], abs=1e-3)
        state = tiny.decoder.advance(cache, np.array([[token.id]]))


def test_embeddings_of_tokens_write_what_the_tokens_write(tiny):
    ids = tiny._tokens(TEXT)
    expected = list(tiny.write_from([ids], max_tokens=10))
    parts = [ids[:1], tiny.embeddings(ids[1:5]), ids[5:7], np.zeros((0, 64), np.float32), tiny.embeddings(ids[7:])]
    written = list(tiny.write_from(parts, max_tokens=10))
    assert [token.id for token in written] == [token.id for token in expected]
    values = [[token.log_probability for token in tokens] for tokens in (written, expected)]
    assert values[0] == pytest.approx(values[1], abs=1e-3)


def test_long_inputs_are_computed_in_pieces(tiny):
    ids = tiny._tokens(TEXT * 40)
    assert len(ids) > 512
    expected = [token.id for token in tiny.write_from([ids], max_tokens=4)]
    vectors = tiny.write_from([ids[:600], tiny.embeddings(ids[600:])], max_tokens=4)
    assert [token.id for token in vectors] == expected


def test_only_allowed_tokens_are_written(tiny):
    allowed = [300, 299, 271, 275, 280]
    ids = tiny._tokens(TEXT)
    writing = tiny.write_from([ids], max_tokens=8, allowed=allowed, end=1)
    tokens = list(writing)
    choices = np.array([*allowed, 1])
    cache = KeyValueCache(tiny._shape)
    state = tiny.decoder.advance(cache, np.array([ids]))
    for token in tokens:
        assert token.id in allowed
        among = log_softmax(state[0][choices])
        assert token.log_probability == pytest.approx(among[choices.tolist().index(token.id)], abs=0.05)
        state = tiny.decoder.advance(cache, np.array([[token.id]]))


def test_a_text_ends_at_its_end(tiny):
    ids = tiny._tokens(TEXT)
    first = [token.id for token in tiny.write_from([ids], max_tokens=4)]
    writing = tiny.write_from([ids], max_tokens=4, end=first[1])
    assert [token.id for token in writing] == first[: first.index(first[1])]
    assert writing.ended
    assert writing.end_log_probability < 0
    nothing = tiny.write_from([ids], max_tokens=4, end=[first[0]], allowed=[], attention=True)
    assert list(nothing) == []
    assert nothing.end_log_probability == pytest.approx(0)
    assert nothing.attention().shape == (1, 2, 0, len(ids))


def test_a_text_in_circles_is_ended(tiny):
    writing = tiny.write_from([tiny._tokens(TEXT)], max_tokens=100, allowed=[300], end=[])
    assert len(list(writing)) == 8  # one token twelve times, or two of them as a phrase four times
    assert not writing.ended


def test_a_beam_of_one_is_greedy(tiny):
    allowed = [299, 300, 271, 275, 280]
    parts = [tiny._tokens(TEXT)[:3], tiny.embeddings(tiny._tokens(TEXT)[3:])]
    writing = tiny.write_from(parts, max_tokens=6, allowed=allowed, end=1)
    tokens = list(writing)
    (best,) = tiny.write_nbest_from(parts, 1, max_tokens=6, allowed=allowed, end=1)
    assert best.tokens == tuple(token.id for token in tokens)
    total = sum(token.log_probability for token in tokens) + writing.end_log_probability
    assert best.log_probability == pytest.approx(total, abs=1e-3)


def test_a_wide_beam_stays_among_the_allowed(tiny):
    allowed = [299, 300, 271, 275, 280]
    ids = tiny._tokens(TEXT)
    found = tiny.write_nbest_from([ids], 4, max_tokens=5, allowed=allowed, end=1)
    assert len({written.text for written in found}) == 4
    assert [written.rank for written in found] == sorted((written.rank for written in found), reverse=True)
    choices = np.array(sorted([*allowed, 1]))
    for written in found:
        assert set(written.tokens) <= set(allowed)
        rows = np.arange(len(ids) - 1, len(ids) + len(written.tokens))
        whole = np.array([[*ids, *written.tokens]])
        scores = log_softmax(tiny.decoder.advance(KeyValueCache(tiny._shape), whole, rows)[:, choices])
        targets = [*written.tokens, 1][: written.count]
        expected = sum(scores[place, choices.tolist().index(token)] for place, token in enumerate(targets))
        assert written.log_probability == pytest.approx(expected, abs=0.3)


def test_sampling_follows_its_seed(tiny):
    def sample(seed):
        writing = tiny.write_from([tiny._tokens(TEXT)], max_tokens=12, temperature=2.0, seed=seed)
        return [token.id for token in writing]

    assert sample(1) == sample(1)
    assert len({tuple(sample(seed)) for seed in range(4)}) > 1


def test_an_adapter_changes_what_is_written(tiny):
    lora = Lora(random_tensors(tiny))
    parts = [tiny._tokens(TEXT)[:1], tiny.embeddings(tiny._tokens(TEXT)[1:])]
    plain = [token.id for token in tiny.write_from(parts, max_tokens=8)]
    assert [token.id for token in tiny.write_from(parts, max_tokens=8, lora=lora)] != plain
    assert [token.id for token in tiny.write_from(parts, max_tokens=8)] == plain


@pytest.mark.parametrize("allowed", [None, list(range(262, 338))])
def test_attention_is_told_for_each_token(tiny, allowed):
    ids = tiny._tokens(TEXT)
    writing = tiny.write_from([ids], max_tokens=5, allowed=allowed, attention=True, end=[])
    count = len(list(writing))
    seen = writing.attention()
    assert seen.shape == (1, 2, count, len(ids))  # layer 5 of 6 sees everything
    assert (seen >= 0).all()
    sums = seen.sum(axis=-1)
    assert np.allclose(sums[:, :, 0], 1, atol=1e-5)
    assert (sums[:, :, 1:] < 1).all()
    # Attention of the whole in one go, from other calls of the graph.
    again = tiny.write_from([ids], max_tokens=1, attention=True)
    list(again)
    assert np.allclose(again.attention()[:, :, 0], seen[:, :, 0], atol=1e-4)


def test_attention_that_was_not_asked_for(tiny):
    writing = tiny.write_from([tiny._tokens(TEXT)], max_tokens=2)
    list(writing)
    with pytest.raises(ValueError, match="asked for"):
        writing.attention()


def test_nearest_tokens(tiny):
    ids = np.array(tiny._tokens(TEXT)[1:])
    found, cosines = tiny.nearest(tiny.embeddings(ids) * 3, 4)
    assert found.shape == cosines.shape == (len(ids), 4)
    assert (found[:, 0] == ids).all()
    assert np.allclose(cosines[:, 0], 1, atol=1e-5)
    assert (np.diff(cosines, axis=1) <= 0).all()
    table = tiny.embedding.rows(np.arange(tiny.decoder.vocabulary))
    expected = (table[ids] @ table.T) / np.linalg.norm(table[ids], axis=1)[:, None] / np.linalg.norm(table, axis=1)
    readable = [place for place in range(len(table)) if place >= 6 and not 8 <= place < 264]
    order = np.array(readable)[np.argsort(-expected[:, readable], axis=1)[:, :4]]
    assert (order == found).all()


def test_nearest_never_tells_control_tokens_or_bytes(tiny):
    strange = np.array([0, 1, 2, 20, 100])
    found, cosines = tiny.nearest(tiny.embeddings(strange), 3)
    assert ((found == 6) | (found == 7) | (found >= 264)).all()
    assert (cosines < 0.99).all()
    zeros, values = tiny.nearest(np.zeros((1, 64), np.float32), 2)
    assert zeros.shape == (1, 2)
    assert (values == 0).all()
    assert tiny.nearest(np.zeros((0, 64), np.float32), 2)[0].shape == (0, 2)


def test_bad_input(tiny):
    ids = tiny._tokens(TEXT)
    with pytest.raises(ValueError, match="wide"):
        tiny.write_from([ids, np.zeros((3, 63), np.float32)], max_tokens=3)
    with pytest.raises(ValueError, match="finite"):
        tiny.write_from([ids, np.full((3, 64), np.nan, np.float32)], max_tokens=3)
    with pytest.raises(ValueError, match="nothing"):
        tiny.write_from([[], np.zeros((0, 64), np.float32)], max_tokens=3)
    with pytest.raises(ValueError, match="allowed"):
        tiny.write_from([ids], max_tokens=3, allowed=[10**6])
    with pytest.raises(BadInput, match="tokens"):
        tiny.write_from([np.zeros((5000, 64), np.float32)], max_tokens=3)
    with pytest.raises(BadOption):
        tiny.write_from([ids], max_tokens=0)
    with pytest.raises(BadOption):
        tiny.write_nbest_from([ids], 0, max_tokens=3)
    with pytest.raises(BadOption):
        tiny.write_from([ids], max_tokens=2, temperature=-1)


def test_a_set_of_an_older_builder_is_refused(tmp_path):
    import json

    build_gemma(write_gemma(tmp_path / "tiny.gguf"), tmp_path, trimmed=False)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["embedding"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(GraphInvalid):
        CausalLM.open(tmp_path)
