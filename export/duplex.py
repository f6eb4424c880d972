"""Writes the trained duplex model as the program reads it: two ONNX graphs with halved weights, pieces and a card."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import onnx

from engines.errors import AdapterMissing
from engines.models.codec import ID as CODEC
from engines.training.benches import PIECES
from engines.training.runs import BEST, Trained
from engines.training.tokens.duplex import SIZE, seeded
from engines.training.tokens.duplex_data import settings_of
from engines.weights import cards
from engines.weights.cards import AdapterCard, DataOrigin, DuplexShape, Parameters, RecipeOrigin
from export.adapters import write_curve
from export.narrowing import quarter

if TYPE_CHECKING:
    from engines.training.networks.duplex import DuplexNetwork, DuplexSize

_OPSET: Final = 17
_LICENCE: Final = (
    "Apache-2.0; trained on recordings among which are the Asterisk prompts (CC-BY-SA 3.0) and actors of Flight of the "
    "Amazon Queen (its own licence), none of which it contains."
)


def publish(trained: Trained, target: Path) -> Path:
    """Writes a run's best weights into a folder of the program's adapters, in place of what is there.

    Args:
        trained: what a run came to.
        target: the folder of all adapters; the codec that was learnt lies there.

    Returns:
        the folder of this one.

    Raises:
        AdapterMissing: nothing was measured yet, so there are no best weights; or the codec is not there.
    """
    from safetensors.torch import load_file

    from engines.training.networks.duplex import DuplexSize

    recipe = trained.recipe
    if not (trained.folder / BEST).is_file():
        raise AdapterMissing(f"The run {recipe.id} has no weights to keep yet.", "Train it for longer.")
    size = DuplexSize(**json.loads((trained.folder / SIZE).read_text(encoding="utf-8")))
    network = seeded(size, recipe.seed)
    network.load_state_dict(load_file(trained.folder / BEST))
    scratch = target / f".{recipe.id}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        write_graphs(network, scratch)
        shutil.copyfile(trained.folder / PIECES, scratch / PIECES)
        codec = cards.read(CODEC).codec
        seconds = size.stack * (codec.hop / codec.rate if codec is not None else 0.02)
        shape = shape_of(size, cards.codec_digest(CODEC), settings_of(recipe).delay, seconds)
        _card(trained, shape).write(scratch)
        write_curve(trained, scratch)
        final = target / recipe.id
        shutil.rmtree(final, ignore_errors=True)
        scratch.replace(final)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return final


def shape_of(size: DuplexSize, codec: str, delay: int, frame_seconds: float) -> DuplexShape:
    """What a card says of a network.

    Args:
        size: of it.
        codec: see :func:`engines.weights.cards.codec_digest`.
        delay: of its training.
        frame_seconds: seconds per frame.
    """
    return DuplexShape(
        codec=codec, books=size.books, codes=size.codes, stack=size.stack, frame_seconds=round(frame_seconds, 9),
        pieces=size.pieces, window=size.window, layers=size.layers, width=size.width, depth_layers=size.depth_layers,
        depth_width=size.depth_width, delay=delay,
    )  # fmt: skip


def write_graphs(network: DuplexNetwork, folder: Path) -> None:
    """Writes ``temporal.onnx`` and ``depth.onnx``; :mod:`engines.models.duplex` tells what they take."""
    import torch

    from engines.training.networks.exported_duplex import ExportedDepth, ExportedTemporal

    size = network.size
    unknown, zero = torch.full((size.places,), -1), torch.zeros(1, dtype=torch.long)
    past = torch.zeros(size.layers, size.window, size.width)
    given = {
        "text": zero + size.start, "own": unknown, "heard": unknown, "keys": past, "values": past, "filled": zero,
    }  # fmt: skip
    made = ("text_scores", "state", "next_keys", "next_values")
    _write(ExportedTemporal(network), given, made, {}, folder / "temporal.onnx")
    past = torch.zeros(size.depth_layers, 3, size.depth_width)
    given = {
        "state": torch.zeros(size.width), "text": zero, "code": zero, "place": zero + 3, "keys": past, "values": past,
    }  # fmt: skip
    axes = {"keys": {1: "past"}, "values": {1: "past"}, "next_keys": {1: "now"}, "next_values": {1: "now"}}
    _write(ExportedDepth(network), given, ("scores", "next_keys", "next_values"), axes, folder / "depth.onnx")


def _write(
    module: Any, given: dict[str, Any], made: tuple[str, ...], axes: dict[str, dict[int, str]], file: Path
) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every Python number
        torch.onnx.export(
            module.eval(), tuple(given.values()), str(file), input_names=list(given), output_names=list(made),
            dynamic_axes=axes, opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
    graph = onnx.load(str(file))
    quarter(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(file))


def _card(trained: Trained, shape: DuplexShape) -> AdapterCard:
    recipe = trained.recipe
    notes = (
        f"It repeats what it hears {shape.delay * shape.frame_seconds:g} s later; it answers nothing.",
        "Its voice is the one that it hears.",
    )
    return AdapterCard(
        id=recipe.id,
        kind="duplex",
        name="Listening and speaking at once",
        duplex=shape,
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
