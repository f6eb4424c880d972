"""Reading and writing text and units on one sequence, with a small model of random weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from engines.errors import AdapterMismatch, BadInput, GraphInvalid
from engines.models.causal_lm import CausalLM
from engines.models.pieces import Inventory, Piece
from engines.models.token_lm import TokenLM, check_table, read_table
from engines.runtime.generation import Sampling
from engines.runtime.kv_cache import KeyValueCache
from engines.runtime.lora import Lora
from engines.runtime.mixed import Bounds
from engines.runtime.mixed_vocabulary import MARKS, Speech, UnitTable
from engines.weights.cards import AdapterCard, Units
from export.causal_lm import build_gemma
from export.tokens import write_table
from tests.export.test_lora import random_tensors
from tests.export.tiny_gguf import PIECES, write_gemma

K, WIDTH = 24, 64


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    build_gemma(write_gemma(folder / "tiny.gguf"), folder, precision="fp32", trimmed=False)
    return CausalLM.open(folder)


def table(seed=3, scale=0.125):
    random = np.random.default_rng(seed)
    return UnitTable(
        random.normal(0, scale, (K + MARKS, WIDTH)).astype(np.float32),
        random.normal(0, 0.1, K + MARKS).astype(np.float32),
        random.uniform(0, 1.5, K).astype(np.float32),
        random.normal(0, 0.01, WIDTH).astype(np.float32),
    )


@pytest.fixture(scope="module")
def tokens(model):
    ids = {text: model.token_id(text) for text in PIECES}
    pieces = Inventory(tuple(Piece(text, ids[text], -1.0, True) for text in PIECES), ("a",))
    return TokenLM(model, pieces, table(), Lora(random_tensors(model, rank=2, scale=0.05)))


UNITS = np.array([3, 7, 3, 20, 23, 0])


def started(tokens, **changes):
    sequence = tokens.sequence(**changes)
    sequence.read(Speech(UNITS), tokens.model.encode("the house:"))
    return sequence


def slowly(tokens, parts):
    """Scores of what may follow parts, computed in one go and without the graph's cache."""
    ids, vectors, _ = tokens.vocabulary.encode([[tokens.begin], *parts])
    decoder = tokens.model.decoder.adapted(tokens._lora)
    states = decoder.hidden(KeyValueCache(decoder.shape), ids[None], vectors[None])[0, -1]
    return tokens.vocabulary.scores(states[None])[0], states


def log_softmax(scores):
    scores = scores.astype(np.float64)
    return scores - np.logaddexp.reduce(scores)


def test_text_is_written_among_the_pieces_alone(tokens):
    words = tokens.vocabulary
    writing = started(tokens).write("text", Bounds(6))
    written: list[int] = []
    for item in writing:
        assert item.kind == "text"
        assert item.id in words.ids
        scores, _ = slowly(tokens, [Speech(UNITS), tokens.model.encode("the house:"), written])
        text = log_softmax(scores[: len(words.ids)])
        assert item.id == words.ids[text.argmax()]
        assert item.log_probability == pytest.approx(text.max(), abs=1e-3)
        written.append(item.id)
    assert 1 <= len(written) <= 6


def test_units_are_written_in_runs_with_durations(tokens):
    sequence = started(tokens)
    items = list(sequence.write("units", Bounds(10)))
    units = [item.id for item in items]
    assert {item.kind for item in items} == {"unit"}
    assert all(a != b for a, b in itertools.pairwise(units))
    words = tokens.vocabulary
    before = [Speech(UNITS), tokens.model.encode("the house:")]
    for count, item in enumerate(items):
        scores, _ = slowly(tokens, [*before, Speech(np.array(units[:count], int), end=False)])
        allowed = words.allowed("units", speaking=True, last=len(words.ids) + units[count - 1] if count else None)
        scores = np.where(allowed, scores, -np.inf)
        assert scores.argmax() == len(words.ids) + item.id
        _, state = slowly(tokens, [*before, Speech(np.array(units[: count + 1]), end=False)])
        assert item.frames == words.frames(item.id, state)


def test_a_chain_goes_on_behind_whole_parts(tokens):
    sequence = started(tokens)
    words = tokens.vocabulary
    text = [item.id for item in sequence.write("text", Bounds(3))]
    heading = tokens.model.encode(" in the house:")
    sequence.read(heading)
    first = next(sequence.write("units", Bounds(5)))
    end = [tokens.model.token_id("<eos>")]
    scores, _ = slowly(
        tokens,
        [Speech(UNITS), tokens.model.encode("the house:"), text, end, heading, Speech(np.zeros(0, int), end=False)],
    )
    assert first.id == scores[len(words.ids) : words.begin].argmax()


def test_both_changes_between_text_and_speech_by_its_marks(tokens):
    for seed in range(6):
        sequence = started(tokens)
        writing = sequence.write("both", Bounds(30), Sampling(temperature=3.0, top_k=0, top_p=1.0, seed=seed))
        speaking, last = False, ""
        for item in writing:
            assert (item.kind in {"unit", "end"}) == speaking
            assert (item.kind, last) not in {("end", "begin"), ("begin", "end")}
            speaking = item.kind == "begin" or (speaking and item.kind != "end")
            last = item.kind
        assert sequence.places >= writing.places


def test_the_bounds_hold(tokens):
    frames = [item.frames for item in started(tokens).write("units", Bounds(100, frames=9))]
    assert sum(frames) <= 9
    assert len(list(started(tokens).write("text", Bounds(2)))) <= 2
    looping = started(tokens).write("units", Bounds(400))
    assert len(list(looping)) < 400 or looping.ended


def test_sampling_is_seeded(tokens):
    draws = [
        [item.id for item in started(tokens).write("units", Bounds(12), Sampling(1.5, 0, 1.0, seed))]
        for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_the_likeliest_end_is_told(tokens):
    words = tokens.vocabulary
    eager = UnitTable(
        words.table.rows,
        np.r_[words.table.bias[:-1], 100].astype(np.float32),
        words.table.log_frames,
        words.table.tempo,
    )
    short = TokenLM(tokens.model, tokens.inventory, eager)
    writing = started(short).write("units", Bounds(10))
    assert len(list(writing)) == 1
    assert writing.ended
    assert writing.end_log_probability == pytest.approx(0, abs=1e-3)


def test_scores_are_those_of_every_item_among_all(tokens):
    text = [tokens.model.token_id("▁the"), tokens.model.token_id("▁house")]
    units = np.array([1, 5, 2])
    words = tokens.vocabulary
    prefix = [tokens.model.encode("a:")]
    total, mean = tokens.score(prefix, [text, Speech(units)])
    places = words.encode([text, Speech(units)])[2]
    expected = 0.0
    for count, place in enumerate(places):
        seen: list = list(prefix)
        seen += [text[:count]] if count <= 2 else [text, Speech(units[: count - 3], end=False)]
        expected += log_softmax(slowly(tokens, seen)[0])[place]
    assert total == pytest.approx(expected, abs=2e-3)
    assert mean == pytest.approx(total / 7)
    long = Speech(np.arange(700) % K)
    whole = tokens.score([], [long])[0]
    assert whole == pytest.approx(
        tokens.score([], [Speech(long.units[:300], end=False)])[0]
        + tokens.score([Speech(long.units[:300], end=False)], [Speech(long.units[300:], begin=False)])[0],
        abs=0.5,
    )


def test_attention_of_a_text_is_told(tokens):
    sequence = started(tokens, watching=True)
    writing = sequence.write("text", Bounds(4))
    count = len(list(writing))
    looked = writing.attention()
    assert looked.shape[2:] == (count, writing.places)
    assert (looked.sum(-1) <= 1 + 1e-4).all()
    with pytest.raises(ValueError, match="attention"):
        started(tokens).write("units", Bounds(1)).attention()


def test_what_cannot_be_is_refused(tokens):
    with pytest.raises(ValueError, match="from 0 to 23"):
        tokens.sequence().read(Speech(np.array([24])))
    with pytest.raises(ValueError, match="an item"):
        tokens.score([], [])
    with pytest.raises(ValueError, match="can be written"):
        tokens.score([], [[tokens.model.token_id("▁s") + 60]])
    with pytest.raises(BadInput):
        tokens.score([], [Speech(np.arange(100_000) % K)])


def test_tables_are_read_again_or_refused(tokens, tmp_path):
    own = tokens.vocabulary.table
    arrays = {"rows": own.rows, "bias": own.bias, "log_frames": own.log_frames, "tempo": own.tempo}
    file = tmp_path / "table.safetensors"
    write_table(arrays, file)
    found = read_table(file)
    assert found.size == K
    assert np.allclose(found.rows, own.rows, atol=1e-3)
    card = AdapterCard(
        id="token-semantic", kind="tokens", name="x", languages=("en",), tokeniser="0" * 64,
        units=Units(size=K, frame_seconds=0.04),
    )  # fmt: skip
    check_table(card, found, WIDTH)
    with pytest.raises(AdapterMismatch, match="promises"):
        check_table(card, found, WIDTH + 1)
    with pytest.raises(AdapterMismatch, match="another tokeniser"):
        card.check_tokeniser("1" * 64)
    for broken in (
        {name: value for name, value in arrays.items() if name != "tempo"},
        {**arrays, "bias": own.bias[:-1]},
        {**arrays, "rows": np.full_like(own.rows, np.nan)},
    ):
        write_table(broken, file)
        with pytest.raises(GraphInvalid, match="table"):
            read_table(file)
    file.write_bytes(b"no table")
    with pytest.raises(GraphInvalid, match="cannot be read"):
        read_table(file)
