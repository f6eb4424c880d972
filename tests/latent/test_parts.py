"""Adapters, stretches and evidence with random weights, without any fetched model."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.errors import UnknownLanguage
from engines.latent.adapters import Adapted, even_shares, open_adapter
from engines.latent.evidence import Done, neighbours, posteriors, query_attention, token_attention
from engines.models.trunk import Trunk
from engines.stages.prompts import prompt
from engines.stages.stretches import LONGEST_SECONDS, Stretch, cut_at_pauses
from tests.latent.random_adapters import KINDS, QUERIES, STACK, VOCABULARY, WIDTH, WINDOW, write_all


@pytest.fixture(scope="module")
def trunk(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    write_all(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIPTYCH_ADAPTERS", str(root))
        yield Trunk.open("whisper-base", "abc")


def opened(trunk, kind):
    return open_adapter(f"latent-{kind}", trunk, "gemma-3-270m", VOCABULARY, WIDTH)


def states(frames: int):
    return np.random.default_rng(frames).normal(0, 1, (frames, 512)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frames", [1, 2, 5, 16, 17, 31, 32, 33, 750])
def test_spans_and_shares_tell_where_vectors_come_from(trunk, kind, frames):
    hidden = trunk.run(states(frames))
    short = -(-frames // 2)
    assert hidden.states.shape == (short, 384)
    assert np.allclose(np.exp(hidden.log_probs).sum(1), 1, atol=1e-3)
    adapted = opened(trunk, kind).adapt(hidden, "average", 0.9)
    count = {"convolution": -(-short // STACK), "pooling": -(-short // STACK), "qformer": -(-short // WINDOW) * QUERIES}
    assert len(adapted.vectors) == count.get(kind, len(adapted.spans)) >= 1
    assert adapted.vectors.shape[1] == WIDTH
    assert adapted.spans[-1, 1] <= short
    assert (adapted.spans[:, 0] < adapted.spans[:, 1]).all()
    assert adapted.shares.shape == (len(adapted.vectors), short)
    for share, (begin, end) in zip(adapted.shares, adapted.spans, strict=True):
        assert share[:begin].sum() == share[end:].sum() == 0
    if kind != "qformer":
        assert np.allclose(adapted.shares.sum(1), 1, atol=1e-5)
    if kind in count:
        assert (adapted.of_frame >= 0).all()


def test_a_dropped_frame_went_into_no_vector():
    adapted = Adapted(
        np.zeros((2, 4), np.float32), np.array([[1, 3], [4, 5]]), even_shares(np.array([[1, 3], [4, 5]]), 6)
    )
    assert adapted.of_frame.tolist() == [-1, 0, 0, -1, 1, -1]


def test_attention_is_handed_on_to_frames(trunk):
    spans = np.array([[0, 2], [2, 3]])
    adapted = Adapted(np.zeros((2, 4), np.float32), spans, even_shares(spans, 3))
    looked = np.array([[[[0.1, 0.6, 0.2, 0.1]], [[0.1, 0.2, 0.6, 0.1]]]], np.float32)  # bos, two vectors, a prompt
    stretch = Stretch(3, 10.0, 10.12, states(6))
    done = Done(stretch, trunk.run(stretch.states), adapted, (), looked)
    found = token_attention(done, ("word",))
    assert np.allclose(found.weights, [[0.2, 0.2, 0.4]])
    assert (found.segment, found.start, found.rows) == (3, 10.0, "tokens")


def test_evidence_counts_time_from_the_start_of_the_utterance(trunk):
    stretch = Stretch(1, 20.0, 21.0, states(50))
    hidden = trunk.run(stretch.states)
    adapted = opened(trunk, "qformer").adapt(hidden, "average", 0.9)
    queries = query_attention(stretch, adapted)
    assert queries.labels[:3] == ("20.00 s, query 1", "20.00 s, query 2", "20.32 s, query 1")
    assert queries.weights.shape == (8, 25)
    heard = posteriors(stretch, hidden, adapted, trunk.inventory)
    assert heard.labels[0].strip()
    assert (np.diff(heard.probabilities, axis=1) <= 0).all()
    near = neighbours(
        stretch,
        adapted,
        lambda token: f"▁{token}",
        lambda v, k: (np.zeros((len(v), k), np.int64), np.ones((len(v), k))),
    )
    assert near.spans[0].tolist() == pytest.approx([20.0, 20.32])
    assert near.spans[-1].tolist() == pytest.approx([20.96, 21.0])
    assert near.tokens[0] == (" 0",) * 5


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 500)), min_size=1, max_size=12))
def test_stretches_hold_all_speech_and_are_short_enough(runs):
    probabilities = np.concatenate([np.full(count, 0.9 if loud else 0.01) for loud, count in runs]).astype(np.float32)
    seconds = len(probabilities) * 0.032
    spans = cut_at_pauses(probabilities, seconds)
    assert spans
    assert all(0 <= start < end <= seconds + 1e-6 for start, end in spans)
    assert all(end - start <= LONGEST_SECONDS + 1e-6 for start, end in spans)
    assert all(a[1] <= b[0] + 1e-6 for a, b in itertools.pairwise(spans))
    edges = np.cumsum([0, *(count for _, count in runs)]) * 0.032
    for (loud, count), start in zip(runs, edges[:-1], strict=True):
        middle = start + count * 0.016
        if loud and count > 3:
            assert any(a - 1e-6 <= middle <= b + 1e-6 for a, b in spans)


def test_prompts_name_the_language():
    assert prompt("transcript", "es") == "\nSpanish transcript:"
    assert prompt("translation", "en") == "\nEnglish translation:"
    with pytest.raises(UnknownLanguage):
        prompt("transcript", "xx")
