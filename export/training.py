"""Trains recipes and writes what the program reads: the whole way from data to ``resources/adapters``.

``python -m export.training RECIPE… [--overlay FILE] [--device cuda] [--minutes 20] --output DIR`` does so for several
recipes within a time, where there is Python with torch and not the whole program: the encoder's states are computed
where they are missing, the trunk comes first, and every recipe gets a share of the minutes that are left.
``python -m export.training --collect ADAPTERS --output DIR`` packs what came of it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from engines import paths
from engines.errors import TriptychError
from engines.training import recipes, staging
from engines.training.loop import Progress
from engines.training.recipes import ADAPTERS, Recipe

_SHARES: Final = {
    "trunk": 6.0, "correction": 1.0, "experts": 1.5, "codec": 6.0, "vocoder": 2.0, "tokens": 4.0,
    "acoustic": 4.0, "stage-two": 4.0, "duplex": 6.0,
}  # fmt: skip
"""How much of the time a kind gets, by weight; every adapter 2."""
_ORDER: Final = {
    "trunk": 0, "correction": 2, "experts": 3, "codec": 4, "vocoder": 5, "tokens": 5, "acoustic": 6, "stage-two": 7,
    "duplex": 8,
}  # fmt: skip
_LEARNERS: Final = {
    "codec": ("engines.training.tokens.codec", "export.codec"),
    "vocoder": ("engines.training.tokens.vocoder", "export.unit_vocoder"),
    "tokens": ("engines.training.tokens.bench", "export.tokens"),
    "acoustic": ("engines.training.tokens.acoustic", "export.acoustic"),
    "stage-two": ("engines.training.tokens.stage_two", "export.stage_two"),
    "duplex": ("engines.training.tokens.duplex", "export.duplex"),
}
"""Kind → what trains it and what writes it as the program reads it."""
_TEXT: Final = ("correction", "experts")
_SOUND: Final = ("codec",)
"""Kinds that are trained on sound itself, without the encoder's states."""


def run(
    recipe: Recipe,
    *,
    minutes: float | None = None,
    device: str = "auto",
    folder: Path,
    target: Path,
    report: Callable[[Progress], None],
) -> Path:
    """Trains a recipe, from where the last run stopped, and publishes its best weights.

    Args:
        recipe: what is trained.
        minutes: after which to stop, with everything written; None trains to the end.
        device: ``auto``, ``cpu`` or ``cuda``.
        folder: of the run.
        target: the folder of the program's adapters.
        report: is told of progress.

    Returns:
        the folder of the adapter.

    Raises:
        TriptychError: as :func:`engines.training.stages.run` and :func:`export.adapters.publish` tell.
    """
    if recipe.kind in _TEXT:
        until = time.monotonic() + (10**9 if minutes is None else 60 * minutes)
        text: Any = importlib.import_module("export.text_learning")
        text.train(
            recipe, until, lambda _, progress: report(progress), target=target, folder=folder, device=device
        )  # fmt: skip
        return target / recipe.id
    if recipe.kind == "units":
        from engines.training.tokens import units

        return units.train(recipe, minutes=minutes, folder=folder, target=target, report=report)
    learner, publisher = _LEARNERS.get(recipe.kind, ("engines.training.stages", "export.adapters"))
    learning: Any = importlib.import_module(learner)
    trained = learning.run(recipe, minutes=minutes, device=device, folder=folder, report=report)
    publishing: Any = importlib.import_module(publisher)
    published: Path = publishing.publish(trained, target)
    return published


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code: 0, or that of the last recipe that failed."""
    parser = argparse.ArgumentParser(prog="python -m export.training", description="Trains recipes within a time.")
    parser.add_argument("recipes", nargs="*", type=Path)
    parser.add_argument("--overlay", type=Path)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--collect", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.collect is not None:
            for piece in staging.collect(options.collect, options.output):
                print(f"{piece.name}: {piece.stat().st_size} bytes")
            return 0
        return _train(options)
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return error.exit_code


def _train(options: argparse.Namespace) -> int:
    overlay = options.overlay if options.overlay is not None and options.overlay.is_file() else None
    wanted = [recipes.read(file, overlay) for file in options.recipes]
    wanted.sort(key=lambda recipe: _ORDER.get(recipe.kind, 1))
    end = time.monotonic() + 60 * options.minutes
    _features(wanted)
    code = 0
    for place, recipe in enumerate(wanted):
        weights = [_SHARES.get(other.kind, 2.0) for other in wanted[place:]]
        minutes = max(0.0, end - time.monotonic()) / 60 * weights[0] / sum(weights)
        print(f"{recipe.id}: {minutes:.1f} minutes", flush=True)
        try:
            run(
                recipe, minutes=minutes, device=options.device, folder=options.output / recipe.id,
                target=paths.adapters(), report=_shower(recipe.id),
            )  # fmt: skip
        except TriptychError as error:
            print(f"{recipe.id}: {error.message} {error.hint}".strip(), file=sys.stderr, flush=True)
            code = error.exit_code
    return code


def _shower(name: str) -> Callable[[Progress], None]:
    def show(progress: Progress) -> None:
        value = progress.wer
        name_of = "WER" if progress.criterion == "wer" else progress.criterion
        wer = "" if value is None else f", development {name_of} {value:.3g}"
        where = f"{name} {progress.stage} {progress.step} of {progress.steps}"
        print(f"{where}, {progress.seconds:.0f} s: loss {progress.loss:.3f}{wer}", flush=True)

    return show


def reads_states(recipe: Recipe, wanted: Sequence[Recipe]) -> bool:
    """Whether a recipe is trained on the frozen encoder's states: not where it, or its trunk, tunes the encoder."""
    tuned = {other.id for other in wanted if other.encoder.tuned_layers}
    if recipe.kind in (*_TEXT, *_SOUND) or recipe.id in tuned:
        return False
    return recipe.kind not in ADAPTERS or recipe.trunk not in tuned


def _features(wanted: Sequence[Recipe]) -> None:
    """Computes the encoder's states of every corpus that lacks them, on all cores, for those that read them."""
    from engines.training.data import features

    names = [name for recipe in wanted if reads_states(recipe, wanted) for name in recipe.data.corpora]
    for name in dict.fromkeys(names):
        folder = paths.data() / "training" / "corpora" / name
        if not (folder / "features" / "index.npz").is_file():
            print(f"{name}: computing the encoder's states", flush=True)
            features.compute(folder, processes=os.cpu_count() or 1)


if __name__ == "__main__":
    sys.exit(main())
