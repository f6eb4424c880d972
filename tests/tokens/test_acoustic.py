"""Acoustic tokens: evidence of what was heard, and sound again; streams of other tokenisers are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.errors import TokensInvalid
from engines.tokens.acoustic import AcousticTokeniser

pytest.importorskip("torch")

from tests.models import tiny_codec


@pytest.fixture(scope="module")
def tokeniser(tmp_path_factory):
    return AcousticTokeniser(tiny_codec.write(tmp_path_factory.mktemp("adapters"))[0])


@pytest.fixture(scope="module")
def stream(tokeniser):
    samples = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    return tokeniser.encode(samples.astype(np.float32), segment=2, start=1.5)


def test_a_stream_says_what_it_is(stream):
    assert (stream.segment, stream.start, stream.frame_seconds, stream.direction) == (2, 1.5, 0.02, "in")
    assert stream.ids.shape == (4, 50)
    assert stream.sizes == (16,) * 4
    assert stream.bits_per_second == 800


def test_it_sounds_again_as_a_whole_and_chunk_by_chunk(tokeniser, stream):
    whole = tokeniser.decode(stream, 3)
    chunks = list(tokeniser.speak(stream, 3, frames=7))
    assert {chunk.rate for chunk in chunks} == {16_000}
    assert chunks[0].samples.shape == (7 * 320,)
    np.testing.assert_allclose(np.concatenate([chunk.samples for chunk in chunks]), whole, atol=1e-5)


def test_fewer_codebooks_take_fewer_bits(tokeniser):
    coarse = tokeniser.encode(np.zeros(640, np.float32), 1)
    assert coarse.bits_per_second == 200
    assert tokeniser.decode(coarse).shape == (640,)
    with pytest.raises(TokensInvalid, match="2 codebooks were asked for; there are 1"):
        tokeniser.decode(coarse, 2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"frame_seconds": 0.04}, "has 25 frames per second; the codec reads 50"),
        ({"sizes": (500,)}, r"codebooks \(500\) are not those of the codec \(4 of 16\)"),
        ({"durations": np.ones(50, np.int32)}, "joined runs"),
    ],
)
def test_streams_of_other_tokenisers_are_refused(tokeniser, stream, change, sentence):
    with pytest.raises(TokensInvalid, match=sentence):
        tokeniser.decode(replace(stream, **change))
    with pytest.raises(TokensInvalid, match=sentence):
        next(tokeniser.speak(replace(stream, **change)))
