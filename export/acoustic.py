"""Writes the trained reader of codes as the program reads it: a graph, marks of speech, a LoRA, pieces and a card."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx

from engines.errors import AdapterMissing
from engines.models.code_reader import FILE
from engines.models.codec import ID as CODEC
from engines.models.token_lm import LORA, PIECES, TABLE
from engines.training.benches import LANGUAGE_MODEL
from engines.training.runs import BEST, Trained
from engines.training.tokens.acoustic import SIZE
from engines.weights import cards, graphs
from engines.weights.cards import AdapterCard, CodesRead, DataOrigin, Parameters, RecipeOrigin
from export.adapters import write_curve, write_lora
from export.narrowing import halve
from export.tokens import write_table

if TYPE_CHECKING:
    from engines.training.networks.acoustic_llm import CodesToVectors, ReaderSize

_OPSET: Final = 17
_LICENCE: Final = "Apache-2.0; what continues Gemma 3 270M is under its terms too."


def publish(trained: Trained, target: Path) -> Path:
    """Writes a run's best weights into a folder of the program's adapters, in place of what is there.

    Args:
        trained: what a run came to.
        target: the folder of all adapters; the codec whose codes were learnt lies there.

    Returns:
        the folder of this one.

    Raises:
        AdapterMissing: nothing was measured yet, so there are no best weights; or the codec is not there.
    """
    from safetensors.torch import load_file

    from engines.training.networks.acoustic_llm import CodesToVectors, ReaderSize

    recipe = trained.recipe
    if not (trained.folder / BEST).is_file():
        raise AdapterMissing(f"The run {recipe.id} has no weights to keep yet.", "Train it for longer.")
    weights = load_file(trained.folder / BEST)
    size = ReaderSize(**json.loads((trained.folder / SIZE).read_text(encoding="utf-8")))
    reader = CodesToVectors(size)
    reader.load_state_dict(
        {name.removeprefix("reader."): value for name, value in weights.items() if name.startswith("reader.")}
    )
    scratch = target / f".{recipe.id}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        write_graph(reader, scratch / FILE)
        write_marks(weights["rows"].float().numpy(), scratch / TABLE)
        write_lora(weights, recipe.lora.alpha, scratch / LORA)
        shutil.copyfile(trained.folder / PIECES, scratch / PIECES)
        _card(trained, size).write(scratch)
        write_curve(trained, scratch)
        final = target / recipe.id
        shutil.rmtree(final, ignore_errors=True)
        scratch.replace(final)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return final


def write_graph(reader: CodesToVectors, file: Path) -> None:
    """Writes the graph; :mod:`engines.models.code_reader` tells what it takes."""
    import torch

    from engines.training.networks.acoustic_llm import ExportedReader

    codes = torch.zeros(reader.size.books, 2 * reader.size.stack, dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every Python number
        torch.onnx.export(
            ExportedReader(reader.float()).eval(), (codes,), str(file), input_names=["codes"],
            output_names=["vectors"], dynamic_axes={"codes": {1: "frames"}, "vectors": {0: "places"}},
            opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
    graph = onnx.load(str(file))
    halve(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(file))


def write_marks(rows: np.ndarray[Any, np.dtype[np.float32]], file: Path) -> None:
    """Writes the marks of speech ``(2, W)`` as a table without units."""
    nothing = np.zeros(0, np.float32)
    arrays = {"rows": rows, "bias": np.zeros(2, np.float32), "log_frames": nothing, "tempo": np.zeros_like(rows[0])}
    write_table(arrays, file)


def _card(trained: Trained, size: ReaderSize) -> AdapterCard:
    recipe, codec = trained.recipe, cards.read(CODEC).codec
    assert codec is not None
    config: dict[str, Any] = json.loads((graphs.locate(LANGUAGE_MODEL) / "config.json").read_text(encoding="utf-8"))
    return AdapterCard(
        id=recipe.id,
        kind="acoustic",
        name="Codes",
        language_model=LANGUAGE_MODEL,
        vocabulary=int(config["vocabulary"]),
        width=size.model,
        tokeniser=cards.codec_digest(CODEC),
        codes=CodesRead(books=size.books, codes=size.codes, stack=size.stack, frame_seconds=codec.hop / codec.rate),
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
        notes=() if trained.over else ("Training was stopped before its end.",),
    )
