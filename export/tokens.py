"""Writes what was trained for the token language model as the program reads it: a table, a LoRA, pieces and a card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from engines.errors import AdapterMissing
from engines.models.token_lm import LORA, PIECES, TABLE
from engines.tokens.codebook import FILE
from engines.tokens.semantic import ADAPTER
from engines.training.benches import LANGUAGE_MODEL
from engines.training.runs import BEST, Trained
from engines.weights import cards, graphs
from engines.weights.cards import AdapterCard, DataOrigin, Parameters, RecipeOrigin
from export.adapters import ENCODER, write_curve, write_lora

_LICENCE: Final = "Apache-2.0; what continues Gemma 3 270M is under its terms too."


def publish(trained: Trained, target: Path) -> Path:
    """Writes a run's best weights into a folder of the program's adapters, in place of what is there.

    Args:
        trained: what a run came to.
        target: the folder of all adapters; the units that were learnt lie there.

    Returns:
        the folder of this one.

    Raises:
        AdapterMissing: nothing was measured yet, so there are no best weights; or the tokeniser is not there.
    """
    from safetensors.torch import load_file

    recipe = trained.recipe
    if not (trained.folder / BEST).is_file():
        raise AdapterMissing(f"The run {recipe.id} has no weights to keep yet.", "Train it for longer.")
    scratch = target / f".{recipe.id}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        weights = load_file(trained.folder / BEST)
        arrays = {
            "rows": weights["rows"].float().numpy(), "bias": weights["bias"].float().numpy(),
            "tempo": weights["tempo"].float().numpy(), "log_frames": weights["log_frames"].float().numpy(),
        }  # fmt: skip
        write_table(arrays, scratch / TABLE)
        write_lora(weights, recipe.lora.alpha, scratch / LORA)
        shutil.copyfile(trained.folder / PIECES, scratch / PIECES)
        _card(trained, arrays["rows"].shape[1]).write(scratch)
        write_curve(trained, scratch)
        final = target / recipe.id
        shutil.rmtree(final, ignore_errors=True)
        scratch.replace(final)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return final


def write_table(arrays: Mapping[str, NDArray[np.floating]], file: Path) -> None:
    """Writes a table in half precision, see :func:`engines.models.token_lm.read_table`."""
    save_file({name: np.ascontiguousarray(value, np.float16) for name, value in arrays.items()}, file)


def _card(trained: Trained, width: int) -> AdapterCard:
    recipe = trained.recipe
    tokeniser = cards.read(ADAPTER)
    config: dict[str, Any] = json.loads((graphs.locate(LANGUAGE_MODEL) / "config.json").read_text(encoding="utf-8"))
    before = recipe.options.get("after")
    notes = [f"It goes on from {before}; its steps and minutes come on top of those."] if before else []
    notes += [] if trained.over else ["Training was stopped before its end."]
    return AdapterCard(
        id=recipe.id,
        kind="tokens",
        name="Units",
        encoder=ENCODER,
        encoder_graph=cards.encoder_graph(ENCODER),
        language_model=LANGUAGE_MODEL,
        vocabulary=int(config["vocabulary"]),
        width=width,
        tokeniser=cards.file_digest(cards.locate(ADAPTER) / FILE),
        units=tokeniser.units,
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
        notes=tuple(notes),
    )
