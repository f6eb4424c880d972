"""Writes what was trained for the latent family as the program reads it: ONNX graphs, a LoRA and a card.

Weights are kept in half precision, with a cast behind each, so that every file stays under 16 MB.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import onnx

from engines.errors import AdapterMissing
from engines.training.benches import LANGUAGE_MODEL, PIECES, load_trunk
from engines.training.runs import BEST, Trained
from engines.training.tuning import load_encoder
from engines.weights import cards, graphs
from engines.weights.cards import AdapterCard, DataOrigin, Parameters, RecipeOrigin, Shape
from export.lora import from_peft, write_adapter
from export.narrowing import halve

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engines.training.networks.speech_encoder import SpeechEncoder

ENCODER: Final = "whisper-base"
_OPSET: Final = 17
_NAMES: Final = {
    "trunk": "Trunk", "convolution": "Convolution", "pooling": "Pooling", "qformer": "Q-Former",
    "ctc": "CTC compression",
}  # fmt: skip
_LICENCE: Final = "Apache-2.0; what continues Gemma 3 270M is under its terms too."


def publish(trained: Trained, target: Path) -> Path:
    """Writes a run's best weights into a folder of the program's adapters, in place of what is there.

    Args:
        trained: what a run came to.
        target: the folder of all adapters.

    Returns:
        the folder of this one.

    Raises:
        AdapterMissing: nothing was measured yet, so there are no best weights; or the trunk was not published.
    """
    recipe = trained.recipe
    if not (trained.folder / BEST).is_file():
        raise AdapterMissing(f"The run {recipe.id} has no weights to keep yet.", "Train it for longer.")
    scratch = target / f".{recipe.id}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        extra = _write_trunk(trained, scratch) if recipe.kind == "trunk" else _write_adapter(trained, target, scratch)
        _card(trained, extra).write(scratch)
        write_curve(trained, scratch)
        final = target / recipe.id
        shutil.rmtree(final, ignore_errors=True)
        scratch.replace(final)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return final


def _write_trunk(trained: Trained, folder: Path) -> dict[str, Any]:
    trunk, _ = load_trunk(trained.folder)
    write_trunk(trunk, folder / "trunk.onnx")
    shutil.copyfile(trained.folder / PIECES, folder / PIECES)
    encoder = load_encoder(trained.folder, BEST)
    if encoder is None:
        return {"width": trunk.size.width}
    files = write_encoder(encoder, folder)
    return {"width": trunk.size.width, "tuned_layers": encoder.tuned, "encoder_digest": cards.files_digest(files)}


def _write_adapter(trained: Trained, target: Path, folder: Path) -> dict[str, Any]:
    import torch
    from safetensors.torch import load_file

    from engines.training.networks import adapters
    from engines.training.networks.gemma import TorchGemma
    from engines.weights.store import WeightStore

    recipe = trained.recipe
    trunk, inventory = load_trunk(trained.folder.parent / recipe.trunk)
    graph = target / recipe.trunk / "trunk.onnx"
    if not graph.is_file():
        reason = f"The trunk {recipe.trunk} is not among the program's adapters."
        raise AdapterMissing(reason, f"Run `triptych train {recipe.trunk}` first.")
    gemma = TorchGemma.load(WeightStore().path(LANGUAGE_MODEL), torch.float32)
    pieces = [inventory.pieces[place].text for place in inventory.ctc.tolist()]
    embeddings = gemma.embed(torch.tensor(gemma.full_ids(pieces)))
    adapter = adapters.build(recipe.kind, trunk.size.width, recipe.network, embeddings)
    weights = load_file(trained.folder / BEST)
    adapter.load_state_dict(
        {k.removeprefix("adapter."): v.float() for k, v in weights.items() if k.startswith("adapter.")}
    )
    write_graph(recipe.kind, adapter.eval(), trunk.size.width, folder / "adapter.onnx")
    write_lora(weights, recipe.lora.alpha, folder / "lora.onnx_adapter")
    network = recipe.network
    shape = {
        "convolution": Shape(frames_per_vector=network.stack),
        "pooling": Shape(frames_per_vector=network.stack),
        "qformer": Shape(window=network.window, queries=network.queries),
    }.get(recipe.kind, Shape())
    return {
        "width": embeddings.shape[1],
        "language_model": LANGUAGE_MODEL,
        "vocabulary": _vocabulary(),
        "trunk": cards.file_digest(graph),
        "trunk_id": recipe.trunk,
        "adapter": shape,
    }


def write_lora(weights: Mapping[str, Tensor], alpha: float, file: Path) -> None:
    """Writes the LoRA among a run's weights, named as peft names them behind ``lora.``."""
    state = {
        f"base_model.model.model.{_inside(name)}": value for name, value in weights.items() if name.startswith("lora.")
    }
    write_adapter(from_peft(state, alpha), file)


def _inside(name: str) -> str:
    return name[name.index("layers.") :]


def _vocabulary() -> int:
    import json

    config = json.loads((graphs.locate(LANGUAGE_MODEL) / "config.json").read_text(encoding="utf-8"))
    return int(config["vocabulary"])


def _card(trained: Trained, extra: Mapping[str, Any]) -> AdapterCard:
    recipe = trained.recipe
    notes = () if trained.over else ("Training was stopped before its end.",)
    return AdapterCard(
        id=recipe.id,
        kind=recipe.kind,
        name=_NAMES[recipe.kind],
        encoder=ENCODER,
        encoder_graph=cards.encoder_graph(ENCODER),
        languages=recipe.data.languages,
        translates=recipe.data.translate,
        parameters=Parameters(**trained.parameters),
        recipe=RecipeOrigin(name=recipe.id, digest=recipe.digest),
        data=DataOrigin(hours=round(trained.hours, 2), sources=recipe.data.corpora),
        seed=recipe.seed,
        steps=trained.steps,
        minutes=round(trained.minutes, 1),
        metrics={name: round(value, 3) for name, value in trained.metrics.items()},
        licence=_LICENCE,
        notes=notes,
        **extra,
    )


def write_curve(trained: Trained, folder: Path) -> None:
    """Puts the curves of all stages into one file, each with its own columns left empty in the others."""
    import csv

    rows: list[dict[str, str]] = []
    for number, stage in enumerate(trained.recipe.stages):
        file = trained.folder / f"{number}-{stage.name}" / "curve.csv"
        if file.is_file():
            with file.open(encoding="utf-8", newline="") as lines:
                rows += list(csv.DictReader(lines))
    if rows:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with (folder / "curve.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def write_trunk(trunk: Any, file: Path) -> None:
    """Writes the trunk's graph, see :class:`engines.training.networks.exported.ExportedTrunk`."""
    import torch

    from engines.training.networks.exported import ExportedTrunk

    _export(ExportedTrunk(trunk), {"states": torch.zeros(37, trunk.size.states)}, ("hidden", "log_probs"), file)


def write_encoder(encoder: SpeechEncoder, folder: Path) -> list[Path]:
    """Writes the tuned layers of the encoder, a graph each: ``hidden (T, d)`` → ``states (T, d)``.

    Returns:
        the files, from the lowest layer to the last, which has the encoder's norm behind it.
    """
    import torch

    from engines.training.networks.exported import ExportedLayer

    encoder = encoder.float()
    layers = encoder.upper
    files = [folder / name for name in cards.encoder_files(encoder.tuned)]
    for layer, file in zip(layers, files, strict=True):
        norm = encoder.body.layer_norm if layer is layers[-1] else None
        _export(ExportedLayer(layer, norm), {"hidden": torch.randn(37, encoder.width)}, ("states",), file)
    return files


def write_graph(kind: str, adapter: Any, hidden: int, file: Path) -> None:
    """Writes an adapter's graph: its inputs and outputs are those that :mod:`engines.latent.adapters` names."""
    import torch

    from engines.training.networks import exported

    example = torch.randn(37, hidden)
    if kind == "ctc":
        ids, weights = torch.zeros(37, 8, dtype=torch.long), torch.full((37, 8), 0.125)
        inputs = {"hidden": example, "ids": ids, "weights": weights}
        _export(exported.ExportedRuns(adapter), inputs, ("vectors",), file)
    elif kind == "qformer":
        _export(exported.ExportedQueries(adapter), {"hidden": example}, ("vectors", "attention"), file)
    else:
        _export(exported.ExportedGroups(adapter), {"hidden": example}, ("vectors",), file)


def _export(module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], file: Path) -> None:
    import torch

    axes = {name: {0: "rows"} for name in inputs} | {name: {0: f"{name}_rows"} for name in outputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every Python number
        torch.onnx.export(
            module.eval(), tuple(inputs.values()), str(file), input_names=list(inputs), output_names=list(outputs),
            dynamic_axes=axes, opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
    graph = onnx.load(str(file))
    halve(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(file))
