"""What listens and speaks at once, with small random weights: the graphs are the network, and bad input is named."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from engines.errors import AdapterMismatch, AdapterMissing, GraphInvalid, TokensInvalid
from engines.models.duplex import Duplex, Liveliness, Memory, drawn
from engines.models.duplex_frames import unstacked
from export.narrowing import halve
from tests.models import tiny_codec, tiny_duplex
from tests.models.tiny_duplex import BOOKS, PIECES, STACK, WINDOW

torch = pytest.importorskip("torch")

CODES = tiny_codec.SETTINGS.codes
FRAMES = 2 * WINDOW + 3


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    return tmp_path


@pytest.fixture
def closely(monkeypatch):
    """Weights are kept in half precision, so that a graph can be held against its network."""
    monkeypatch.setattr("export.duplex.quarter", halve)


@pytest.fixture
def opened(home):
    return tiny_duplex.write(home)


def heard(seed: int = 0) -> np.ndarray:
    """``(books, FRAMES · stack)`` with a frame that was lost."""
    codes = np.random.default_rng(seed).integers(0, CODES, (BOOKS, FRAMES * STACK)).astype(np.int32)
    codes[:, 4 * STACK : 5 * STACK] = -1
    return codes


def run(duplex: Duplex, memory: Memory, codes: np.ndarray, seed: int = 0, *, lively: float = 0.0):
    random, said = np.random.default_rng(seed), []
    for begin in range(0, codes.shape[1], STACK):
        frame, memory = duplex.step(memory, random, Liveliness(lively, lively))
        memory = duplex.heard(memory, codes[:, begin : begin + STACK])
        said.append(frame)
    return said, memory


@pytest.mark.usefixtures("closely")
@pytest.mark.parity
def test_the_graphs_step_by_step_are_the_network_at_once(opened):
    from engines.training.networks.duplex import Tokens

    duplex, network = opened
    codes = heard()
    said, memory = run(duplex, duplex.begin(), codes, lively=1.5)
    text = torch.tensor([[frame.text for frame in said]])
    own = torch.from_numpy(np.stack([frame.own for frame in said], axis=1))[None]
    listened = torch.from_numpy(
        codes.reshape(BOOKS, FRAMES, STACK).transpose(0, 2, 1).reshape(1, -1, FRAMES).astype(np.int64)
    )
    tokens = Tokens(text, own, listened, torch.ones(1, FRAMES))
    with torch.no_grad():
        states = network.states(tokens)
        wanted_text = network.text_scores(states)[0].numpy()
        wanted = network.depth(states[0], text[0], own[0].T).numpy()
    memory, random = duplex.begin(), np.random.default_rng(0)
    scored: list[np.ndarray] = []
    temporal, depth = duplex._temporal.run, duplex._depth.run

    def watched(feeds):
        made = depth(feeds)
        scored.append(made[0])
        return made

    for number, frame in enumerate(said):
        scores, *_ = temporal(
            {"text": np.array([memory.text]), "own": memory.own, "heard": memory.heard, "keys": memory.keys,
             "values": memory.values, "filled": np.array([memory.filled])}
        )  # fmt: skip
        assert np.abs(scores - wanted_text[number]).max() < 1e-3
        duplex._depth.run = watched
        again, memory = duplex.step(memory, random, Liveliness(1.5, 1.5))
        assert again.own.tolist() == frame.own.tolist()
        memory = duplex.heard(memory, codes[:, number * STACK : (number + 1) * STACK])
    assert np.abs(np.stack(scored).reshape(wanted.shape) - wanted).max() < 1e-3
    assert memory.filled == WINDOW


def test_a_memory_that_is_put_aside_goes_on_as_if_nothing_had_been(opened):
    duplex, _ = opened
    codes = heard()
    whole, _ = run(duplex, duplex.begin(), codes)
    first, memory = run(duplex, duplex.begin(), codes[:, : 5 * STACK])
    kept = copy.deepcopy(memory)
    run(duplex, memory, heard(1)[:, : 3 * STACK])
    second, after = run(duplex, kept, codes[:, 5 * STACK :])
    assert [frame.own.tolist() for frame in first + second] == [frame.own.tolist() for frame in whole]
    assert after.keys.shape == memory.keys.shape


def test_temperature_zero_is_sure_and_a_seed_gives_the_same(opened):
    duplex, _ = opened
    codes = heard()
    alike = [[frame.own.tolist() for frame in run(duplex, duplex.begin(), codes, seed)[0]] for seed in (0, 1)]
    assert alike[0] == alike[1]
    lively = [
        [frame.own.tolist() for frame in run(duplex, duplex.begin(), codes, seed, lively=2.0)[0]] for seed in (0, 0, 1)
    ]
    assert lively[0] == lively[1] != lively[2]
    assert drawn(np.array([0.0, 9.0], np.float32), 0.0, np.random.default_rng(0)) == 1


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        (np.zeros((BOOKS + 1, STACK), np.int32), "3 codebooks"),
        (np.zeros((BOOKS, STACK - 1), np.int32), "frame of 3 codec frames"),
        (np.zeros((BOOKS, 2 * STACK), np.int32), "frame of 8 codec frames"),
        (np.full((BOOKS, STACK), CODES, np.int32), "does not exist"),
        (np.zeros((BOOKS, STACK), np.float32), "type float32"),
    ],
)
def test_frames_of_another_make_are_refused(opened, codes, sentence):
    duplex, _ = opened
    with pytest.raises(TokensInvalid, match=sentence):
        duplex.heard(duplex.begin(), codes)


def test_what_frames_hold_and_what_texts_stand_for(opened):
    duplex, _ = opened
    codes = heard()[:, :STACK]
    assert (unstacked(duplex.heard(duplex.begin(), codes).heard[:, None], BOOKS) == codes).all()
    assert [duplex.text(place) for place in range(len(PIECES) + 2)] == ["▁", "a", "b", "▁a", "▁ab", "", ""]
    assert duplex.bits_per_second == pytest.approx(BOOKS * 4 * 50)
    assert duplex.provider == "CPU"


def test_another_codec_and_cards_that_do_not_fit_are_refused(home):
    codec, _ = tiny_codec.write(home)
    duplex, _ = tiny_duplex.write(home)
    duplex.check(codec, "d" * 64)
    with pytest.raises(AdapterMismatch, match="another codec"):
        duplex.check(codec, "e" * 64)
    with pytest.raises(AdapterMismatch, match="promises 9"):
        tiny_duplex.write(home, pieces=9)
    with pytest.raises(AdapterMismatch, match="another codec"):
        tiny_duplex.write(home, frame_seconds=0.06)[0].check(codec, "d" * 64)
    with pytest.raises(AdapterMismatch, match="does not take"):
        tiny_duplex.write(home, window=WINDOW + 1)


def test_missing_and_damaged_weights_are_named(home):
    with pytest.raises(AdapterMissing, match="token-duplex"):
        Duplex.open()
    tiny_duplex.write(home)
    (home / "token-duplex" / "depth.onnx").write_bytes(b"none")
    with pytest.raises(GraphInvalid, match=r"depth\.onnx"):
        Duplex.open()
