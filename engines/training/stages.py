"""Runs the stages of a recipe of the latent family, one after the other, each through the loop.

A run's folder holds a folder per stage (checkpoint, curve, best weights), ``pieces.json`` for the trunk and, once there
is something to keep, ``best.safetensors``. What becomes of it for the program is the business of ``export``.
"""

from __future__ import annotations

import contextlib
import csv
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from engines.errors import BadInput, RecipeInvalid
from engines.training.benches import BEST, LANGUAGE_MODEL, PIECES, AdapterBench, TrunkBench, copy_best, load_trunk
from engines.training.dataset import Source
from engines.training.loop import Loop, Progress
from engines.training.recipes import ADAPTERS, Recipe
from engines.training.speech import FRAMES_PER_SECOND

__all__ = [
    "BEST", "LANGUAGE_MODEL", "PIECES", "Trained", "copy_best", "device_of", "from_curves", "interruptible",
    "load_trunk", "run",
]  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """What a run has come to.

    Attributes:
        recipe: it was trained by.
        folder: of the run.
        over: whether every stage is done; otherwise the same call goes on.
        parameters: part → how many were trained.
        minutes: of training in all.
        steps: optimiser steps in all.
        metrics: the best of the last stage.
        hours: of speech that was trained on.
    """

    recipe: Recipe
    folder: Path
    over: bool
    parameters: Mapping[str, int]
    minutes: float
    steps: int
    metrics: Mapping[str, float]
    hours: float


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
    until = time.monotonic() + (minutes * 60 if minutes is not None else 10**9)
    where = device_of(device)
    make = TrunkBench if recipe.kind == "trunk" else AdapterBench
    bench: TrunkBench | AdapterBench = make(recipe, folder, where)
    over = True
    with interruptible() as interrupted:
        for number, stage in enumerate(recipe.stages):
            place = folder / f"{number}-{stage.name}"
            loop = Loop(bench.trainee(stage), stage, place, seed=recipe.seed, report=report)
            over = loop.run(until, interrupted.is_set)
            bench.keep(place)
            if not over:
                break
    steps, seconds, metrics = from_curves(folder, recipe)
    return Trained(recipe, folder, over, bench.parameters(), seconds / 60, steps, metrics, _hours(bench.data, recipe))


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Takes the first Ctrl-C as a wish to stop behind the present step, with a checkpoint; the second ends at once.

    Yields:
        what is set by it.

    Raises:
        KeyboardInterrupt: behind the block, if there was one.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def wish(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupted.set()

    before = signal.signal(signal.SIGINT, wish)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted.is_set():
        raise KeyboardInterrupt


def device_of(name: str) -> str:
    """``cpu`` or ``cuda``.

    Raises:
        BadInput: there is no such device here.
    """
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise BadInput("There is no GPU here that PyTorch can use.", "Leave out --device, or give --device cpu.")
    return "cuda" if name != "cpu" and torch.cuda.is_available() else "cpu"


def _check(recipe: Recipe) -> None:
    names = [stage.name for stage in recipe.stages]
    if recipe.kind not in {"trunk", *ADAPTERS}:
        raise RecipeInvalid(f"The recipe {recipe.id} trains {recipe.kind}, which reads no speech.", "Name another.")
    if (recipe.kind == "trunk") != ("ctc" in names):
        raise RecipeInvalid(
            f"The recipe {recipe.id} has the stages {', '.join(names)}, which do not go with {recipe.kind}.",
            "The trunk has a stage ctc; adapters have matching and llm.",
        )


def from_curves(folder: Path, recipe: Recipe, criterion: str = "wer") -> tuple[int, float, dict[str, float]]:
    """Steps, seconds and the best metrics of the last stage, from the curves of all stages.

    Args:
        folder: of the run.
        recipe: of the run.
        criterion: the metric whose lowest value is the best; metrics whose names begin with it are given.
    """
    steps, seconds, best = 0, 0.0, {}
    for number, stage in enumerate(recipe.stages):
        file = folder / f"{number}-{stage.name}" / "curve.csv"
        if not file.is_file():
            continue
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        if rows:
            steps, seconds = steps + int(rows[-1]["step"]), seconds + float(rows[-1]["seconds"])
            row = min(rows, key=lambda found: float(found[criterion]))
            best = {name: float(value) for name, value in row.items() if name.startswith(criterion) and value}
    return steps, seconds, best


def _hours(data: Source, recipe: Recipe) -> float:
    languages = {*recipe.data.languages, *recipe.data.translate}
    frames = sum(clip.frames for clip in data.clips if clip.split == "train" and clip.language in languages)
    return frames / FRAMES_PER_SECOND / 3600
