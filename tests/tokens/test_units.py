"""Runs of units, bits, and codebooks on their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import GraphInvalid, TokensInvalid
from engines.tokens.codebook import FILE, Codebook
from engines.tokens.units import bits_per_second, check_ids, collapse, expand, halve, stream
from tests.tokens.random_units import SIZE, random_codebook


@given(st.lists(st.integers(0, 3), max_size=40))
def test_expanding_undoes_collapsing(ids):
    units, durations = collapse(np.array(ids, np.int32))
    assert (units[1:] != units[:-1]).all()
    assert (durations >= 1).all()
    assert durations.sum() == len(ids)
    assert expand(units, durations).tolist() == ids


def test_frames_are_averaged_in_pairs():
    states = np.array([[1.0, 0], [3, 2], [7, 7]])
    assert halve(states).tolist() == [[2, 1], [7, 7]]
    assert halve(states[:0]).shape == (0, 2)
    assert halve(np.zeros((8, 3), np.float16)).dtype == np.float32


@pytest.mark.parametrize(("units", "durations"), [([1, 2], [1]), ([1], [-1]), ([[1]], [[1]])])
def test_durations_that_do_not_fit(units, durations):
    with pytest.raises(TokensInvalid) as caught:
        expand(np.array(units), np.array(durations))
    assert caught.value.hint


def test_bits_of_a_stream():
    ids = np.array([[4, 4, 4, 7, 7, 1]], np.int32)
    assert bits_per_second(ids, (1024,), 0.04, joined=False) == pytest.approx(250)
    assert bits_per_second(ids, (1024,), 0.04, joined=True) == pytest.approx(125)
    assert bits_per_second(np.zeros((8, 50), np.int32), (1024,) * 8, 0.02, joined=False) == pytest.approx(4000)
    assert bits_per_second(ids[:, :0], (1024,), 0.04, joined=True) == 0


@pytest.mark.parametrize(
    ("ids", "sizes"),
    [([[0, 1]], (4, 4)), ([[0], [1]], (4,)), ([[0, 4]], (4,)), ([[-1]], (4,)), ([[0.5]], (4,)), ([[[1]]], (4,))],
)
def test_tokens_of_another_tokeniser(ids, sizes):
    with pytest.raises(TokensInvalid):
        check_ids(np.array(ids), sizes)


def test_lost_frames_are_marked():
    found = stream("Codec", np.array([[3, -1], [1, -1]]), (8, 8), 0.02, start=1.0, generated=True)
    assert found.ids.tolist() == [[3, -1], [1, -1]]
    assert (found.durations, found.direction, found.start) == (None, "out", 1.0)
    joined = stream("Units", np.array([5, 5, 6]), (8,), 0.04, joined=True)
    assert joined.durations is not None
    assert joined.durations.tolist() == [2, 1]


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_the_nearest_centroid_is_found(metric):
    random = np.random.default_rng(0)
    book = random_codebook(width=16)
    book = Codebook(
        book.centroids * (1 if metric == "cosine" else random.uniform(1, 3, (SIZE, 1))), book.mean, book.scale, metric
    )
    states = random.normal(size=(300, 16)).astype(np.float32)
    points = book.standardised(states)
    if metric == "cosine":
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
    wanted = ((points[:, None] - book.centroids) ** 2).sum(2).argmin(1)
    assert book.assign(states).tolist() == wanted.tolist()


def test_states_of_another_width_are_refused():
    with pytest.raises(ValueError, match="512"):
        random_codebook(width=512).assign(np.zeros((3, 384)))


def test_neighbours_of_a_unit():
    book = random_codebook(size=6, width=4)
    found = book.nearest(2, 3)
    assert len(found) == 3
    assert 2 not in found


def test_a_codebook_is_read_as_it_was_written(tmp_path):
    book = random_codebook()
    book.write(tmp_path)
    found = Codebook.read(tmp_path)
    np.testing.assert_allclose(found.centroids, book.centroids, atol=1e-3)
    assert (found.metric, found.phones, found.origin) == (book.metric, book.phones, book.origin)
    assert found.counts is not None
    assert (found.counts == book.counts).all()
    states = np.random.default_rng(1).normal(size=(500, book.width))
    assert (found.assign(states) == book.assign(states)).mean() > 0.98


@pytest.mark.parametrize("harm", ["missing", "cut", "noise", "shape", "metric"])
def test_a_damaged_codebook_is_refused(tmp_path, harm):
    from safetensors.numpy import save_file

    file = random_codebook().write(tmp_path)
    whole = {"centroids": np.ones((4, 3), np.float16), "mean": np.zeros(3, np.float32), "scale": np.ones(3, np.float32)}
    match harm:
        case "missing":
            file.unlink()
        case "cut":
            file.write_bytes(file.read_bytes()[:200])
        case "noise":
            file.write_bytes(bytes(range(256)) * 4)
        case "shape":
            save_file(whole | {"mean": np.zeros(2, np.float32)}, str(file), {"about": '{"metric": "l2"}'})
        case "metric":
            save_file(whole, str(file), {"about": '{"metric": "taxicab"}'})
    with pytest.raises(GraphInvalid, match=FILE.split(".", maxsplit=1)[0]):
        Codebook.read(tmp_path)
