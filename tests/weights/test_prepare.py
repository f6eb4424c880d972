"""From weights to graphs: when they are built, when not, and what happens when it fails."""

from __future__ import annotations

import inspect
import time
from contextlib import closing

import pytest

from engines.errors import DiskFull, GraphInvalid, LicenceNotAccepted, UnknownModel, WeightsMissing
from engines.weights import graphs, manifest
from engines.weights.store import WeightStore
from export import prepare
from export.registry import BUILDERS, Builder
from tests.weights.conftest import SMALL, TOY_FILES, catalogue_of


@pytest.fixture
def builder(monkeypatch):
    """Makes one of the builders of this folder that of the toy model."""

    def use(function, version=1):
        monkeypatch.setitem(BUILDERS, "toy", Builder("tests.weights.builders", function, version))

    return use


def entries():
    """What lies in the folder of graphs, locks apart."""
    return sorted(path.name for path in graphs.folder().iterdir() if path.suffix != ".lock")


def test_a_model_without_builder_is_ready_once_fetched(store, index):
    assert prepare.missing(["toy", "toy"], store) == ["toy"]
    assert list(prepare.prepare(["toy"], store))
    assert prepare.missing(["toy"], store) == []
    assert entries() == []


def test_weights_are_fetched_and_graphs_built(store, index, builder):
    builder("build")
    events = list(prepare.prepare(["toy"], store))
    assert list(dict.fromkeys(event.what for event in events)) == ["Fetching Toy", "Preparing Toy to run"]
    assert (graphs.locate("toy") / "model.onnx").read_bytes() == SMALL + b" built"
    assert prepare.is_ready("toy", store)
    assert list(prepare.prepare(["toy"], store)) == []


def test_graphs_of_another_version_are_built_anew_and_the_old_ones_go(store, index, builder):
    builder("build")
    list(prepare.prepare(["toy"], store))
    old = graphs.locate("toy")
    builder("build", 2)
    assert not prepare.is_ready("toy", store)
    list(prepare.prepare(["toy"], store))
    assert graphs.locate("toy") != old
    assert entries() == sorted([graphs.locate("toy").name, "toy.current"])


def test_an_interrupted_build_ends_its_process_and_leaves_nothing(store, index, builder):
    builder("dawdle")
    began = time.monotonic()
    with closing(prepare.prepare(["toy"], store)) as events:
        for event in events:
            if event.what.startswith("Preparing") and any(graphs.folder().glob(".toy-building-*/*")):
                break
    assert time.monotonic() - began < 20
    assert entries() == []
    builder("build")
    list(prepare.prepare(["toy"], store))
    assert prepare.is_ready("toy", store)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        ("refuse", GraphInvalid, "The checkpoint has no decoder"),
        ("stumble", GraphInvalid, r"The graphs of Toy could not be built: KeyError: 'decoder\.weight'\."),
        ("die", GraphInvalid, r"The graphs of Toy could not be built: it was ended by SIGKILL\."),
        ("fill", DiskFull, "The disk is full: toy does not fit"),
        ("absent", GraphInvalid, "AttributeError"),
    ],
)
def test_a_build_that_fails_is_one_sentence_and_leaves_nothing(store, index, builder, function, error, message):
    builder(function)
    with pytest.raises(error, match=message) as caught:
        list(prepare.prepare(["toy"], store))
    assert caught.value.hint
    assert entries() == []
    assert not prepare.is_ready("toy", store)


def test_terms_are_asked_for_before_anything_is_fetched(index, tmp_path):
    store = WeightStore(tmp_path, catalogue=catalogue_of(TOY_FILES, licence="strict"))
    with pytest.raises(LicenceNotAccepted):
        list(prepare.prepare(["toy"], store))
    assert index.asked == []


def test_an_unknown_model_is_named(store):
    for action in (prepare.is_ready, lambda model, store: list(prepare.prepare([model], store))):
        with pytest.raises(UnknownModel, match="nope"):
            action("nope", store)


def test_graphs_are_removed_with_what_is_left_of_others(store, index, builder):
    builder("build")
    list(prepare.prepare(["toy"], store))
    other = graphs.folder() / f"toy-two-{'0' * 16}"
    other.mkdir()
    assert graphs.remove("toy") == len(SMALL) + len(b" built")
    assert entries() == [other.name]
    with pytest.raises(WeightsMissing, match="toy is not ready to run"):
        graphs.locate("toy")


def test_the_digest_covers_weights_and_builder(store):
    model = store.catalogue.model("toy")
    other = catalogue_of(TOY_FILES[:1]).model("toy")
    digests = {
        Builder("m", "f", 1).digest(model),
        Builder("m", "f", 2).digest(model),
        Builder("m", "g", 1).digest(model),
        Builder("m", "f", 1).digest(other),
    }
    assert len(digests) == 4


@pytest.mark.parametrize("model_id", BUILDERS)
def test_every_registered_builder_takes_weights_and_target(model_id):
    parameters = inspect.signature(BUILDERS[model_id].load()).parameters.values()
    positional = [name.name for name in parameters if name.default is name.empty]
    assert positional == ["weights", "target"]


@pytest.mark.parametrize("model_id", [model.id for model in manifest.load().models])
def test_every_fetched_model_is_ready_to_run(model_home, model_id):
    assert prepare.is_ready(model_id), f"run `triptych models fetch {model_id}`"
