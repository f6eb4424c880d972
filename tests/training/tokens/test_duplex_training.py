"""Training what listens and speaks at once: what is drawn, that it learns and goes on where it stopped, bad recipes."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from engines.errors import CorpusInvalid, RecipeInvalid
from engines.models.codes import LOST
from engines.models.duplex_frames import stacked, unstacked
from engines.training.dataset import Clip
from engines.training.recipes import Recipe
from engines.training.tokens.duplex_data import Frames, Item, bursts, items, settings_of, written
from engines.training.tokens.streams import Words

torch = pytest.importorskip("torch")

from engines.training.loop import Loop  # noqa: E402
from engines.training.tokens.duplex import DuplexTrainee, seeded, size_of  # noqa: E402

BOOKS, CODES, PIECES = 2, 16, 5
SILENCE = np.array([3, 9, 1], np.int32)
"""Of a codec with a book more than is heard."""
SMALL = {
    "delay": 3, "books": BOOKS, "stack": 2, "window": 6, "depth_width": 16, "depth_layers": 1, "depth_heads": 2,
    "depth_inner": 32, "lead": 0.1, "depth": 1.0, "corrupt": 0.0, "lost": 0.0,
}  # fmt: skip


def recipe(options=None, **stage):
    return Recipe.model_validate(
        {
            "id": "token-duplex", "kind": "duplex", "data": {"corpora": ["tones"], "development": 2},
            "network": {"width": 32, "layers": 2, "heads": 2, "inner": 64, "dropout": 0.0},
            "options": {**SMALL, **(options or {})},
            "stages": [
                {"name": "duplex", "steps": 60, "batch_seconds": 20.0, "learning_rate": 1e-2, "warmup": 2,
                 "evaluate_every": 20, **stage}
            ],
        }
    )  # fmt: skip


def clips(count: int = 12) -> list[Item]:
    random = np.random.default_rng(0)
    found = []
    for _ in range(count):
        first = np.repeat(random.integers(0, CODES, 12), 2)
        found.append(Item(np.stack([first, (first + 1) % CODES]).astype(np.int32), (((0, 1), 4), ((2,), 16))))
    return found


def frames(found=None, options=None) -> Frames:
    about = {"pieces": PIECES, "codes": CODES, "silence": SILENCE}
    return Frames(found or clips(), settings_of(recipe(options)), **about)


def test_frames_hold_the_coarsest_codes_first_and_come_apart_again():
    codes = np.arange(10).reshape(2, 5).astype(np.int32)
    made = stacked(codes, 2, np.array([70, 80], np.int32))
    assert made.T.tolist() == [[0, 1, 5, 6], [2, 3, 7, 8], [4, 70, 9, 80]]
    assert unstacked(made, 2)[:, :5].tolist() == codes.tolist()


def test_what_is_spoken_is_what_was_heard_before():
    drawn = frames(options={"lead": 0.0}).draw([0, 3], None)
    assert (drawn.own[:, :, 3:] == drawn.heard[:, :, :-3]).all()
    quiet = np.repeat(SILENCE[:BOOKS], 2)
    assert (drawn.own[:, :, :3] == quiet[:, None]).all()
    assert (drawn.heard[:, :, 12:] == quiet[:, None]).all()
    assert (drawn.heard[0] == drawn.heard[0]).all()
    # The first word begins at codec frame 4: frame 2 of what is heard, and 3 later in what is spoken.
    assert drawn.text[0].tolist()[:14] == [5, 5, 5, 5, 6, 0, 1, 5, 5, 5, 6, 2, 5, 5]


def test_words_that_come_too_fast_wait_and_those_that_do_not_fit_are_left_out():
    assert written([((0, 1, 2), 1), ((3,), 2), ((4, 4), 6)], 7, PIECES).tolist() == [6, 0, 1, 2, 3, 6, 4]
    assert written([((1,), 9)], 4, PIECES).tolist() == [5, 5, 5, 5]
    assert written(None, 3, PIECES).tolist() == [-1, -1, -1]
    assert written([], 2, PIECES).tolist() == [5, 5]


def test_own_codes_are_read_wrongly_and_heard_frames_lost_but_never_in_what_is_learnt():
    drawing = frames(options={"corrupt": 0.3, "lost": 0.3})
    drawn = drawing.draw(list(range(12)), np.random.default_rng(1))
    assert 0.15 < (drawn.own != drawn.read_own).mean() < 0.4
    lost = (drawn.heard == LOST).any(axis=1)
    assert 0.05 < lost.mean() < 0.6
    assert ((drawn.heard == LOST).all(axis=1) == lost).all()
    assert (drawn.own >= 0).all()
    again = drawing.draw(list(range(12)), np.random.default_rng(1))
    assert (again.read_own == drawn.read_own).all()
    assert bursts(10_000, 0.1, np.random.default_rng(0)).mean() == pytest.approx(0.1, abs=0.02)


def test_clips_without_codes_are_left_out_and_without_times_have_no_text():
    def clip(name: str) -> Clip:
        return Clip(name, 0, 0, 10, "a b", "en", None, "train")

    codes = {"a": np.zeros((2, 0), np.int32), "b": np.ones((2, 4), np.int32), "c": np.ones((2, 4), np.int32)}
    times = {"b": Words(("a", "b"), (1, 3, 5)), "c": None}
    found = items(
        [clip(name) for name in codes], lambda clip: codes[clip.id], lambda clip: times[clip.id], lambda _: [7]
    )
    assert [item.words for item in found] == [(((7,), 2), ((7,), 6)), None]
    with pytest.raises(CorpusInvalid, match="has codes"):
        items([clip("a")], lambda clip: codes[clip.id], lambda _: None, lambda _: [7])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"loudness": 1}, "loudness"),
        ({"depth": 0.0}, "depth"),
        ({"depth_heads": 3}, "3 heads"),
        ({"delay": 7}, "looks back on 6"),
    ],
)
def test_impossible_options_are_refused(options, sentence):
    with pytest.raises(RecipeInvalid, match=sentence):
        settings_of(recipe(options))


def test_other_stages_and_more_codebooks_than_the_codec_has_are_refused():
    with pytest.raises(RecipeInvalid, match="other stages"):
        settings_of(recipe(name="codec"))
    with pytest.raises(RecipeInvalid, match="has 2"):
        size_of(recipe(), settings_of(recipe({"books": 3})), PIECES, np.zeros((2, CODES, 4), np.float32))


def trained(folder, until=math.inf, stop=lambda: False):
    wanted = recipe()
    books = torch.randn(BOOKS, CODES, 8, generator=torch.Generator().manual_seed(0))
    network = seeded(size_of(wanted, settings_of(wanted), PIECES, books.numpy()), 1, books)
    trainee = DuplexTrainee(network, clips(), clips()[:3], settings_of(wanted), SILENCE, batch_seconds=20.0, seed=1)
    before = trainee.evaluate()
    Loop(trainee, wanted.stages[0], folder, seed=1, report=lambda _: None).run(until, stop)
    return before, trainee


def test_it_learns_and_goes_on_where_it_stopped(tmp_path):
    before, trainee = trained(tmp_path / "whole")
    after = trainee.evaluate()
    assert set(after) == {"nats", "nats_text", "nats_1", "nats_2"}
    assert after["nats"] < 0.6 * before["nats"]
    assert after["nats_text"] < 0.6 * before["nats_text"]
    weighted = (4 * after["nats_text"] + 4 * after["nats_1"] + after["nats_2"]) / 9
    assert after["nats"] == pytest.approx(weighted)
    count = iter(range(1000))
    trained(tmp_path / "parts", stop=lambda: next(count) >= 25)
    _, other = trained(tmp_path / "parts", until=time.monotonic() + 60)
    for name, value in trainee.weights().items():
        assert torch.allclose(value, other.weights()[name], atol=1e-6), name
