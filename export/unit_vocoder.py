"""Writes the trained unit vocoder as the program reads it: two ONNX graphs, weights in half precision, and a card."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import onnx

from engines.errors import AdapterMissing
from engines.tokens.codebook import FILE
from engines.tokens.semantic import ADAPTER
from engines.training.data.latents import VOICE, voice_graph
from engines.training.runs import BEST, Trained
from engines.training.tokens.vocoder import seeded, size_of
from engines.weights import cards
from engines.weights.cards import AdapterCard, DataOrigin, Parameters, RecipeOrigin, VocoderShape
from export.narrowing import halve

if TYPE_CHECKING:
    from torch import Tensor

    from engines.training.networks.unit_vocoder import UnitVocoder

_OPSET: Final = 17
_LICENCE: Final = (
    "Apache-2.0; it speaks through the decoder of the Piper voice en_US joe (MIT, voice data CC0), "
    "which it does not contain."
)


def publish(trained: Trained, target: Path) -> Path:
    """Writes a run's best weights into a folder of the program's adapters, in place of what is there.

    Args:
        trained: what a run came to.
        target: the folder of all adapters, with the units that it was trained on.

    Returns:
        the folder of this one.

    Raises:
        AdapterMissing: nothing was measured yet, so there are no best weights; or the units are not there.
    """
    from safetensors.torch import load_file

    recipe = trained.recipe
    if not (trained.folder / BEST).is_file():
        raise AdapterMissing(f"The run {recipe.id} has no weights to keep yet.", "Train it for longer.")
    codebook = target / str(recipe.options.get("units", ADAPTER)) / FILE
    if not codebook.is_file():
        raise AdapterMissing("The units are not among the program's adapters.", "Run `triptych train units` first.")
    weights = load_file(trained.folder / BEST)
    network = seeded(size_of(recipe, len(weights["embedding.weight"]), len(weights["mean"])), recipe.seed)
    network.load_state_dict(weights)
    scratch = target / f".{recipe.id}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        write_graphs(network, scratch)
        _card(trained, shape_of(network, cards.file_digest(codebook))).write(scratch)
        curve = trained.folder / f"0-{recipe.stages[0].name}" / "curve.csv"
        if curve.is_file():
            shutil.copyfile(curve, scratch / "curve.csv")
        final = target / recipe.id
        shutil.rmtree(final, ignore_errors=True)
        scratch.replace(final)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return final


def shape_of(network: UnitVocoder, codebook: str) -> VocoderShape:
    """What a card says of a network that was trained on the units of a codebook, by the installed decoder."""
    size = network.size
    return VocoderShape(
        units=size.units,
        codebook=codebook,
        decoder=VOICE,
        decoder_graph=voice_graph(),
        reach=size.reach,
        fine_reach=size.fine_reach,
        duration_reach=size.duration_reach,
    )


def write_graphs(network: UnitVocoder, folder: Path) -> None:
    """Writes ``latents.onnx`` and ``durations.onnx``; :mod:`engines.models.unit_vocoder` tells what they take."""
    import torch

    from engines.training.networks.unit_vocoder import ExportedDurations, ExportedLatents

    network.eval()
    units = torch.zeros(5, dtype=torch.long)
    left = torch.tensor([0, 0, 1, 2, 3, 3, 4])
    given = {"units": units, "left": left, "right": (left + 1).clamp(max=4), "mix": torch.rand(7)}
    axes = {"units": "frames", "left": "places", "right": "places", "mix": "places", "latents": "places"}
    _write(ExportedLatents(network), given, "latents", axes, folder / "latents.onnx")
    _write(
        ExportedDurations(network), {"units": units}, "frames", {"units": "runs", "frames": "runs"},
        folder / "durations.onnx",
    )  # fmt: skip


def _write(module: Any, given: Mapping[str, Tensor], made: str, axes: Mapping[str, str], file: Path) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every Python number
        torch.onnx.export(
            module.eval(), tuple(given.values()), str(file), input_names=list(given), output_names=[made],
            dynamic_axes={name: {0: axis} for name, axis in axes.items()}, opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
    graph = onnx.load(str(file))
    halve(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(file))


def _card(trained: Trained, shape: VocoderShape) -> AdapterCard:
    recipe = trained.recipe
    return AdapterCard(
        id=recipe.id,
        kind="vocoder",
        name="Unit vocoder, voice of Piper joe",
        languages=recipe.data.languages,
        vocoder=shape,
        parameters=Parameters(**trained.parameters),
        recipe=RecipeOrigin(name=recipe.id, digest=recipe.digest),
        data=DataOrigin(hours=round(trained.hours, 2), sources=recipe.data.corpora),
        seed=recipe.seed,
        steps=trained.steps,
        minutes=round(trained.minutes, 1),
        metrics={name: round(value, 4) for name, value in trained.metrics.items()},
        licence=_LICENCE,
        notes=("The voice is one person's, whoever was heard.",)
        + (() if trained.over else ("Training was stopped before its end.",)),
    )
