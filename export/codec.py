"""Writes the trained codec as the program reads it: two ONNX graphs with weights in half precision, and a card."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import onnx

from engines.contract import SAMPLE_RATE
from engines.errors import AdapterMissing
from engines.training.runs import BEST, Trained
from engines.training.tokens.codec_settings import HOP, settings_of
from engines.weights.cards import AdapterCard, CodecShape, DataOrigin, Parameters, RecipeOrigin
from export.adapters import write_curve
from export.narrowing import halve

if TYPE_CHECKING:
    from engines.training.tokens.codec import Network

_OPSET: Final = 17
_LICENCE: Final = (
    "Apache-2.0; trained on recordings among which are the Asterisk prompts (CC-BY-SA 3.0) and actors of Flight of the "
    "Amazon Queen (its own licence), none of which it contains."
)


def publish(trained: Trained, target: Path) -> Path:
    """Writes a run's best weights into a folder of the program's adapters, in place of what is there.

    Args:
        trained: what a run came to.
        target: the folder of all adapters.

    Returns:
        the folder of this one.

    Raises:
        AdapterMissing: nothing was measured yet, so there are no best weights.
    """
    from safetensors.torch import load_file

    from engines.training.tokens.codec import seeded

    recipe = trained.recipe
    if not (trained.folder / BEST).is_file():
        raise AdapterMissing(f"The run {recipe.id} has no weights to keep yet.", "Train it for longer.")
    network = seeded(settings_of(recipe), recipe.seed)
    network.load_state_dict(load_file(trained.folder / BEST))
    scratch = target / f".{recipe.id}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        shape = write_graphs(network, scratch)
        _card(trained, shape).write(scratch)
        write_curve(trained, scratch)
        final = target / recipe.id
        shutil.rmtree(final, ignore_errors=True)
        scratch.replace(final)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return final


def write_graphs(network: Network, folder: Path) -> CodecShape:
    """Writes ``encoder.onnx`` and ``decoder.onnx``.

    Args:
        network: trained.
        folder: where they go.

    Returns:
        what the tokens are like.
    """
    import torch

    settings, made = network.settings, network.exported()
    _write(made.encoder, "samples", torch.zeros(3 * HOP), {0: "n"}, "codes", {1: "frames"}, folder)
    example = torch.zeros(settings.books, 3, dtype=torch.long)
    _write(made.decoder, "codes", example, {0: "books", 1: "frames"}, "samples", {0: "n"}, folder)
    return CodecShape(
        rate=SAMPLE_RATE, hop=HOP, books=settings.books, codes=settings.codes, encoder_frames=made.encoder_before,
        encoder_later=made.encoder_later, decoder_frames=made.decoder_before,
    )  # fmt: skip


def _write(
    module: Any, given: str, example: Any, axes: dict[int, str], made: str, made_axes: dict[int, str], folder: Path
) -> None:
    import torch

    file = folder / ("encoder.onnx" if given == "samples" else "decoder.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every Python number
        torch.onnx.export(
            module.eval(), (example,), str(file), input_names=[given], output_names=[made],
            dynamic_axes={given: axes, made: made_axes}, opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
    graph = onnx.load(str(file))
    halve(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(file))


def _card(trained: Trained, shape: CodecShape) -> AdapterCard:
    recipe = trained.recipe
    return AdapterCard(
        id=recipe.id,
        kind="codec",
        name="Speech codec, 16 kHz",
        codec=shape,
        languages=recipe.data.languages,
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
