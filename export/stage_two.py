"""Writes the trained stage two as the program reads it: an ONNX graph with weights in half precision, and a card."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import onnx

from engines.errors import AdapterMissing
from engines.models.codec import ID as CODEC
from engines.tokens.codebook import FILE
from engines.tokens.semantic import ADAPTER
from engines.training.runs import BEST, Trained
from engines.training.tokens.stage_two import SIZE, seeded
from engines.training.tokens.stage_two_data import StageTwoSettings
from engines.weights import cards
from engines.weights.cards import AdapterCard, DataOrigin, Parameters, RecipeOrigin, StageTwoShape
from export.adapters import write_curve
from export.narrowing import quarter

if TYPE_CHECKING:
    from engines.training.networks.stage_two import StageTwoNetwork

_OPSET: Final = 17
_LICENCE: Final = (
    "Apache-2.0; trained on recordings among which are the Asterisk prompts (CC-BY-SA 3.0) and actors of Flight of the "
    "Amazon Queen (its own licence), none of which it contains."
)


def publish(trained: Trained, target: Path) -> Path:
    """Writes a run's best weights into a folder of the program's adapters, in place of what is there.

    Args:
        trained: what a run came to.
        target: the folder of all adapters; the units and the codec that were learnt lie there.

    Returns:
        the folder of this one.

    Raises:
        AdapterMissing: nothing was measured yet, so there are no best weights; or units or codec are not there.
    """
    from safetensors.torch import load_file

    from engines.training.networks.stage_two import StageTwoSize

    recipe = trained.recipe
    if not (trained.folder / BEST).is_file():
        raise AdapterMissing(f"The run {recipe.id} has no weights to keep yet.", "Train it for longer.")
    size = StageTwoSize(**json.loads((trained.folder / SIZE).read_text(encoding="utf-8")))
    network = seeded(size, recipe.seed)
    network.load_state_dict(load_file(trained.folder / BEST))
    scratch = target / f".{recipe.id}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        write_graph(network, scratch / "stage_two.onnx")
        _card(trained, shape_of(network, StageTwoSettings.of(recipe))).write(scratch)
        write_curve(trained, scratch)
        final = target / recipe.id
        shutil.rmtree(final, ignore_errors=True)
        scratch.replace(final)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return final


def shape_of(network: StageTwoNetwork, settings: StageTwoSettings) -> StageTwoShape:
    """What a card says of a network that was trained on the units and the codec of this installation."""
    size = network.size
    return StageTwoShape(
        tokens=settings.tokens,
        units=size.units,
        codebook=cards.file_digest(cards.locate(ADAPTER) / FILE),
        codec=cards.codec_digest(CODEC),
        books=size.books,
        codes=size.codes,
        layers=size.layers,
        width=size.width,
        prompt_seconds=settings.prompt,
        window_seconds=settings.window,
    )


def write_graph(network: StageTwoNetwork, file: Path) -> None:
    """Writes the graph; :mod:`engines.models.stage_two` tells what it takes."""
    import torch

    from engines.training.networks.stage_two import ExportedStageTwo

    size = network.size
    past = torch.zeros(size.layers, 4, size.width)
    given = {
        "units": torch.zeros(5, dtype=torch.long), "codes": torch.full((size.books, 5), -1),
        "level": torch.zeros(1, dtype=torch.long), "keys": past, "values": past,
    }  # fmt: skip
    axes = {
        "units": {0: "frames"}, "codes": {1: "frames"}, "keys": {1: "past"}, "values": {1: "past"},
        "scores": {0: "frames"}, "rest": {1: "frames"}, "own_keys": {1: "frames"}, "own_values": {1: "frames"},
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every Python number
        torch.onnx.export(
            ExportedStageTwo(network).eval(), tuple(given.values()), str(file), input_names=list(given),
            output_names=["scores", "rest", "own_keys", "own_values"], dynamic_axes=axes, opset_version=_OPSET,
            dynamo=False,
        )  # fmt: skip
    graph = onnx.load(str(file))
    quarter(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(file))


def _card(trained: Trained, shape: StageTwoShape) -> AdapterCard:
    recipe = trained.recipe
    notes = (
        f"The units are written by the language model of {shape.tokens}; it was not trained anew.",
        "The voice is that of the speech that was heard, as far as three seconds of it tell.",
    )
    return AdapterCard(
        id=recipe.id,
        kind="stage-two",
        name="Stage two: units to codes",
        stage_two=shape,
        languages=recipe.data.languages,
        parameters=Parameters(**trained.parameters),
        recipe=RecipeOrigin(name=recipe.id, digest=recipe.digest),
        data=DataOrigin(hours=round(trained.hours, 2), sources=recipe.data.corpora),
        seed=recipe.seed,
        steps=trained.steps,
        minutes=round(trained.minutes, 1),
        metrics={name: round(value, 3) for name, value in trained.metrics.items()},
        licence=_LICENCE,
        notes=notes + (() if trained.over else ("Training was stopped before its end.",)),
    )
