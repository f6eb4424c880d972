"""Stage two with small random weights: the graph is the network, chunks follow each other, and bad input is named."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import AdapterMismatch, AdapterMissing, BadOption, TokensInvalid
from engines.models.stage_two import FIRST, REST, StageTwo
from export.narrowing import halve
from tests.models import tiny_stage_two
from tests.models.tiny_codec import SETTINGS
from tests.models.tiny_stage_two import UNITS

torch = pytest.importorskip("torch")

BOOKS, CODES = SETTINGS.books, SETTINGS.codes


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    return tmp_path


@pytest.fixture
def closely(monkeypatch):
    """Weights are kept in half precision, so that a graph can be held against its network."""
    monkeypatch.setattr("export.stage_two.quarter", halve)


@pytest.fixture
def opened(home):
    return tiny_stage_two.write(home)


@pytest.mark.usefixtures("closely")
def test_the_graph_is_the_network(opened):
    stage_two, network = opened
    random = np.random.default_rng(0)
    said, codes = random.integers(0, UNITS, 10), random.integers(0, CODES, (BOOKS, 20)).astype(np.int32)
    prompt = stage_two.prompt(said, codes)
    assert prompt.keys.shape == (tiny_stage_two.LAYERS, 21, tiny_stage_two.WIDTH)
    units = random.integers(0, UNITS, 15)
    known = np.full((BOOKS, 15), -1)
    known[0] = random.integers(0, CODES, 15)
    given = np.full((1, BOOKS, 21), -1)
    given[0, :, 1:] = codes
    with torch.no_grad():
        asked = torch.tensor([[UNITS, *np.repeat(said, 2)]])
        past = network.prompt(asked, torch.from_numpy(given), torch.ones(1, 21))
        assert np.abs(past.keys[:, 0].numpy() - prompt.keys).max() < 1e-4
        mask, given = torch.ones(1, 15), torch.tensor(known)[None]
        states, _, _ = network(torch.tensor(units)[None], given, torch.tensor([FIRST]), mask, past)
        scores = network.scores(states)[0].numpy()
        states, _, _ = network(torch.tensor(units)[None], given, torch.tensor([REST]), mask, past)
        rest = network.quantised(network.told(states, REST))[0].numpy()
    assert np.abs(stage_two.scores(units, known, prompt) - scores).max() < 1e-4
    assert (stage_two.rest(units, known, prompt) == rest).mean() > 0.95
    assert rest.shape == (BOOKS - 1, 15)


def test_padding_does_not_matter(opened):
    _, network = opened
    units, codes = torch.randint(UNITS, (1, 9)), torch.full((1, BOOKS, 9), -1)
    level, none = torch.tensor([0]), torch.tensor([[UNITS]])
    with torch.no_grad():
        past = network.prompt(none, torch.full((1, BOOKS, 1), -1), torch.ones(1, 1))
        alone, _, _ = network(units, codes, level, torch.ones(1, 9), past)
        wide = torch.cat([none, torch.zeros(1, 4, dtype=torch.long)], 1)
        mask = torch.tensor([[1.0, 0, 0, 0, 0]])
        past = network.prompt(wide, torch.full((1, BOOKS, 5), -1), mask)
        more = torch.cat([torch.ones(1, 9), torch.zeros(1, 3)], 1)
        padded, _, _ = network(
            torch.cat([units, units[:, :3]], 1), torch.full((1, BOOKS, 12), -1), level, more, past
        )  # fmt: skip
    assert torch.allclose(padded[:, :9], alone, atol=1e-5)


def made(stage_two, units, sizes, **how):
    stream, found, at = stage_two.speaking(**how), [], 0
    for size in sizes:
        found += list(stream.push(units[at : at + size]))
        at += size
    found += list(stream.finish())
    return found


def test_codes_come_chunk_by_chunk_however_units_come(opened):
    stage_two, _ = opened
    units = np.random.default_rng(1).integers(0, UNITS, 90)
    at_once, one_by_one = made(stage_two, units, [90]), made(stage_two, units, [1] * 90)
    assert [chunk.shape[1] for chunk in at_once] == [chunk.shape[1] for chunk in one_by_one]
    assert [chunk.shape[1] for chunk in at_once][:3] == [16, 32, 64]
    assert (np.concatenate(at_once, 1) == np.concatenate(one_by_one, 1)).all()
    whole = np.concatenate(at_once, axis=1)
    assert whole.shape == (BOOKS, 180)
    assert whole.dtype == np.int32
    assert ((whole >= 0) & (whole < CODES)).all()


def test_the_first_sound_needs_no_more_than_a_little_speech(opened):
    stage_two, _ = opened
    stream = stage_two.speaking()
    taken = next(n for n in range(1, 90) if list(stream.push(np.array([3]))))
    assert taken * 0.04 <= 0.6


def test_seeds_prompts_and_books(opened):
    stage_two, _ = opened
    units = np.arange(30) % UNITS
    same, other = (np.concatenate(made(stage_two, units, [30], seed=seed), 1) for seed in (1, 2))
    assert (same == np.concatenate(made(stage_two, units, [30], seed=1), 1)).all()
    assert (same != other).any()
    cold = [np.concatenate(made(stage_two, units, [30], seed=seed, temperature=0.0), 1) for seed in (1, 2)]
    assert (cold[0] == cold[1]).all()
    prompt = stage_two.prompt(np.array([5] * 20), np.full((BOOKS, 40), 3, np.int32))
    assert (np.concatenate(made(stage_two, units, [30], seed=1, prompt=prompt), 1) != same).any()
    assert np.concatenate(made(stage_two, units, [30], books=2, rounds=1), 1).shape == (2, 60)
    assert made(stage_two, units, [0]) == []


def test_what_is_impossible_is_named(opened):
    stage_two, _ = opened
    with pytest.raises(TokensInvalid, match="unit 50"):
        list(stage_two.speaking().push(np.array([UNITS])))
    with pytest.raises(TokensInvalid, match="whole numbers"):
        list(stage_two.speaking().push(np.array([1.5])))
    with pytest.raises(TokensInvalid, match="more than 1 s"):
        list(stage_two.speaking(longest=1.0).push(np.zeros(26, np.int64)))
    with pytest.raises(TokensInvalid, match="9 codebooks"):
        stage_two.prompt(np.zeros(4, np.int64), np.zeros((9, 8), np.int32))
    with pytest.raises(TokensInvalid, match="does not exist"):
        stage_two.prompt(np.zeros(4, np.int64), np.full((BOOKS, 8), CODES, np.int32))
    with pytest.raises(TokensInvalid, match="came with units for 8"):
        stage_two.prompt(np.zeros(4, np.int64), np.zeros((BOOKS, 10), np.int32))
    with pytest.raises(TokensInvalid, match="longer than stage two reads"):
        stage_two.prompt(np.zeros(90, np.int64), np.zeros((BOOKS, 180), np.int32))
    for how in ({"rounds": 0}, {"temperature": -1.0}, {"books": 9}, {"longest": 0.0}):
        with pytest.raises(BadOption):
            stage_two.speaking(**how)


def test_others_are_refused(home, opened):
    stage_two, _ = opened
    stage_two.check(UNITS, "c" * 64, "d" * 64)
    with pytest.raises(AdapterMismatch, match="other units"):
        stage_two.check(UNITS, "e" * 64, "d" * 64)
    with pytest.raises(AdapterMismatch, match="another codec"):
        stage_two.check(UNITS, "c" * 64, "e" * 64)
    tiny_stage_two.card(codes=8).write(home / "token-hybrid")
    with pytest.raises(AdapterMismatch):
        StageTwo.open()
    (home / "token-hybrid" / "stage_two.onnx").unlink()
    with pytest.raises(AdapterMissing, match="stage_two"):
        StageTwo.open()


def test_a_rest_is_put_into_codes_as_the_codec_does(opened):
    _, network = opened
    codes = torch.randint(CODES, (1, BOOKS, 12))
    parts = network.vectors(codes)
    book, rest = network.vectors(torch.arange(CODES).expand(1, BOOKS, CODES))[0, 1], parts[:, 1:].sum(1)
    nearest = torch.cdist(rest[0], book).argmin(1)
    assert (network.quantised(rest)[0, 0] == nearest).all()
