"""Trains a recipe of the latent family: the trunk, or an adapter behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engines.errors import RecipeInvalid
from engines.training.benches import AdapterBench, TrunkBench
from engines.training.loop import Progress
from engines.training.recipes import ADAPTERS, Recipe
from engines.training.runs import Trained, device_of, from_curves, hours, through


def run(
    recipe: Recipe,
    *,
    minutes: float | None = None,
    device: str = "auto",
    folder: Path,
    report: Callable[[Progress], None],
) -> Trained:
    """Trains, from where the last call stopped.

    Args:
        recipe: of the trunk or of an adapter.
        minutes: after which to stop with everything written; None trains to the end.
        device: ``auto``, ``cpu`` or ``cuda``.
        folder: of the run; that of the trunk lies beside it.
        report: is told of progress.

    Raises:
        RecipeInvalid: the recipe's stages do not go with its kind, or the adapter is outside of its budget.
        CorpusInvalid: data are missing.
        AdapterMissing: the trunk was not trained before.
        WeightsMissing: the language model is not installed.
        BadInput: there is no such device.
        TrainingDiverged: the loss is no number any more.
    """
    _check(recipe)
    make = TrunkBench if recipe.kind == "trunk" else AdapterBench
    bench: TrunkBench | AdapterBench = make(recipe, folder, device_of(device))
    over = through(recipe, bench.trainee, folder, minutes=minutes, report=report, keeps=bench.keeps)
    steps, seconds, metrics = from_curves(folder, recipe)
    spoken = hours(bench.data.clips, recipe)
    return Trained(recipe, folder, over, bench.parameters(), seconds / 60, steps, metrics, spoken)


def _check(recipe: Recipe) -> None:
    names = [stage.name for stage in recipe.stages]
    if recipe.kind not in {"trunk", *ADAPTERS}:
        raise RecipeInvalid(f"The recipe {recipe.id} trains {recipe.kind}, which reads no speech.", "Name another.")
    if (recipe.kind == "trunk") != ("ctc" in names):
        raise RecipeInvalid(
            f"The recipe {recipe.id} has the stages {', '.join(names)}, which do not go with {recipe.kind}.",
            "The trunk has a stage ctc; adapters have matching and llm.",
        )
