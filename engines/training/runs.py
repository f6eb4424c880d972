"""A training run of any kind: its stages through the loop, its folder, and what it has come to.

A run's folder holds a folder per stage (checkpoint, curve, best weights) and, once there is something to keep,
``best.safetensors``. What becomes of it for the program is the business of ``export``.
"""

from __future__ import annotations

import contextlib
import csv
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from engines.errors import BadInput
from engines.training.dataset import Clip
from engines.training.loop import Loop, Progress, Trainee
from engines.training.recipes import Recipe, Stage
from engines.training.speech import FRAMES_PER_SECOND

BEST: Final = "best.safetensors"


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


def through(
    recipe: Recipe,
    trainee: Callable[[Stage], Trainee],
    folder: Path,
    *,
    minutes: float | None,
    report: Callable[[Progress], None],
    keeps: Callable[[Stage], bool] = lambda _: True,
) -> bool:
    """Takes a recipe's stages through the loop, from where the last call stopped.

    Args:
        recipe: of the run.
        trainee: makes what a stage trains.
        folder: of the run; every stage has one in it.
        minutes: after which to stop with everything written; None trains to the end.
        report: is told of progress.
        keeps: whether the best of a stage is the best of the run.

    Returns:
        whether every stage is done; otherwise the same call goes on.

    Raises:
        KeyboardInterrupt: somebody wished to stop; everything is written.
        TrainingDiverged: the loss is no number any more.
    """
    until = time.monotonic() + (minutes * 60 if minutes is not None else 10**9)
    with interruptible() as interrupted:
        for number, stage in enumerate(recipe.stages):
            place = folder / f"{number}-{stage.name}"
            over = Loop(trainee(stage), stage, place, seed=recipe.seed, report=report).run(until, interrupted.is_set)
            if keeps(stage) and (place / BEST).is_file():
                part = shutil.copyfile(place / BEST, folder / "best.part")
                part.replace(folder / BEST)
            if not over:
                return False
    return True


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


def hours(clips: Iterable[Clip], recipe: Recipe) -> float:
    """Hours of speech that a recipe trains on."""
    languages = {*recipe.data.languages, *recipe.data.translate}
    frames = sum(clip.frames for clip in clips if clip.split == "train" and clip.language in languages)
    return frames / FRAMES_PER_SECOND / 3600
