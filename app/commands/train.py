"""``triptych train``: trains what a recipe describes, builds the data for it, or stages both for a GPU machine."""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from app.commands import training_data
from app.commands.progress import ProgressLine
from engines import paths
from engines.errors import BadInput, BadOption, TrainingUnavailable
from engines.evaluation.curves import sparkline

if TYPE_CHECKING:
    from engines.training.loop import Progress

_REDRAW_SECONDS: Final = 0.2
_BAR: Final = 24
_NO_RECIPES: Final = ("fairness", "gpu")
_ON_DEMAND: Final = ("trunk-first", "trunk-tuned", "vocoder", "token-acoustic", "token-hybrid", "token-duplex")
"""Recipes that are staged only where they are named: none that is staged reads what they make, or something else must
be made for them first."""
_MARKER: Final = "training.json"
"""Written into the folder of a run, so that only such a folder is ever emptied by --restart."""

_EPILOG: Final = """\
examples:
  triptych train --data english.toml                 build a corpus and the encoder's features of it
  triptych train latent-ctc --minutes 90             train by a bundled recipe; the same command goes on where it was
  triptych train my.toml --restart --output run1     begin anew, in a folder of your choice
  triptych train --stage-for-gpu staged              everything a GPU machine needs, in pieces under 64 MB"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``train`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "train",
        help="train an adapter, a LoRA or experts by a recipe",
        description="Trains what a recipe describes: resumable, seeded, with curves and the best weights written as it "
        'goes. Needs the training libraries: pip install "triptych[train]".',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="a TOML file, or the name of a bundled recipe")
    parser.add_argument("--minutes", metavar="N", help="stop after so long, with everything written")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where (default: auto)")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on where the last run stopped (the default)")
    again.add_argument("--restart", action="store_true", help="forget the last run and begin anew")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where checkpoints and curves go")
    parser.add_argument(
        "--overlay", type=Path, metavar="FILE", help="values that replace the recipe's, such as gpu.toml"
    )
    parser.add_argument(
        "--adapters", type=Path, metavar="DIR", help="where weights are put (default: the program's own)"
    )
    parser.add_argument("--data", type=Path, metavar="SPEC.toml", help="build a corpus as described there")
    parser.add_argument(
        "--stage-for-gpu", type=Path, metavar="DIR", help="pack data, weights and code for a GPU machine"
    )
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR", help="with --stage-for-gpu: packages that Python lacks there"
    )
    parser.add_argument("--with-features", action="store_true", help="with --stage-for-gpu: pack encoder states too")
    parser.add_argument("--list", action="store_true", help="name the bundled recipes")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        RecipeInvalid: a recipe is not what it should be.
        TrainingUnavailable: the training libraries are not installed.
        BadInput: something impossible was asked for.
    """
    if args.list:
        print("\n".join(file.stem for file in bundled()))
        return 0
    if args.data is not None:
        return training_data.build(args.data)
    if args.stage_for_gpu is not None:
        return _stage(args.stage_for_gpu, args.recipes, wheels=args.wheels, features=args.with_features)
    if not args.recipes:
        raise BadOption("No recipe was named.", "`triptych train --list` names the bundled ones.")
    minutes = None if args.minutes is None else _minutes(args.minutes)
    if args.output is not None and len(args.recipes) > 1:
        raise BadOption("--output goes with one recipe.", "Train one recipe after the other.")
    files = [find(name) for name in args.recipes]
    _require_libraries()
    for name, file in zip(args.recipes, files, strict=True):
        _train(name, file, minutes, args)
    return 0


def find(name: str) -> Path:
    """The file of a recipe: one of the user's, or a bundled one by its name.

    Raises:
        BadInput: there is no such file and no such recipe.
    """
    file = Path(name)
    if file.is_file():
        return file
    known = {found.stem: found for found in bundled()}
    if name in known:
        return known[name]
    raise BadInput(f"There is no recipe {name}.", f"Name a file, or one of {', '.join(known) or 'none'}.")


def bundled() -> list[Path]:
    """The recipes that ship with the program."""
    folder = paths.resources() / "recipes"
    return sorted(
        file for file in folder.glob("*.toml") if file.stem not in _NO_RECIPES and not file.stem.startswith("corpus")
    )


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 100_000:
        raise BadOption(f"--minutes cannot be {text!r}.", "Give a number above 0, for example 90 or 0.5.")
    return value


def _require_libraries() -> None:
    missing = [name for name in ("torch", "transformers", "peft") if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainingUnavailable(
            f"Training needs {' and '.join(missing)}, not installed here.", 'Run `pip install "triptych[train]"`.'
        )


def _train(name: str, file: Path, minutes: float | None, args: argparse.Namespace) -> None:
    from engines.training import recipes
    from export import training

    recipe = recipes.read(file, args.overlay)
    folder: Path = args.output or paths.data() / "training" / "runs" / recipe.id
    if args.restart:
        _forget(folder)
    _mark(folder, recipe.id, recipe.digest)
    line = TrainingLine(sys.stderr, recipe.id)
    try:
        training.run(
            recipe, minutes=minutes, device=args.device, folder=folder, target=args.adapters or paths.adapters(),
            report=line.show,
        )  # fmt: skip
    except KeyboardInterrupt:
        line.end()
        again = f"triptych train {name}" + (f" --output {args.output}" if args.output else "")
        print(f"Interrupted. What was trained so far is kept; go on with: {again}", file=sys.stderr)
        raise
    line.end()
    print(f"{args.adapters or paths.adapters()} holds what was trained.", file=sys.stderr)


def _mark(folder: Path, name: str, digest: str) -> None:
    """Notes what a folder's run is by, so that no other recipe goes on in it.

    Raises:
        BadInput: the folder holds a run by another recipe, something else, or cannot be written.
    """
    marker = folder / _MARKER
    try:
        if marker.is_file():
            found = json.loads(marker.read_text(encoding="utf-8"))
            if found != {"recipe": name, "digest": digest}:
                reason = f"{folder} holds a run by another recipe, or by this one before it was changed."
                raise BadInput(reason, "Begin anew with --restart, or name another folder with --output.")
            return
        if folder.is_dir() and any(folder.iterdir()):
            raise BadInput(f"{folder} is not the folder of a training run.", "Name an empty folder with --output.")
        folder.mkdir(parents=True, exist_ok=True)
        marker.write_text(json.dumps({"recipe": name, "digest": digest}) + "\n", encoding="utf-8")
    except ValueError as error:
        raise BadInput(f"{marker} is damaged.", "Begin anew with --restart.") from error
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written: {error.strerror}.", "Name another folder with --output."
        ) from error


def _forget(folder: Path) -> None:
    """Empties the folder of an earlier run, and nothing that is none."""
    if not folder.exists():
        return
    if not (folder / _MARKER).is_file():
        if any(folder.iterdir()):
            hint = "Name an empty folder, or that of an earlier run."
            raise BadInput(f"{folder} is not the folder of a training run, so it is not emptied.", hint)
        return
    shutil.rmtree(folder)


def _stage(folder: Path, names: Sequence[str], *, wheels: Path | None, features: bool) -> int:
    from engines.training import staging

    recipes = [find(name) for name in names or [file.stem for file in bundled() if file.stem not in _ON_DEMAND]]
    with ProgressLine(sys.stderr) as line:
        for event in staging.stage(folder, recipes, wheels=wheels, features=features):
            line.show(event)
    print(f"{folder} is staged. On the other machine: bash {folder.name}/run.sh", file=sys.stderr)
    return 0


class TrainingLine:
    """One line that is redrawn at a terminal; elsewhere a line for every stage, evaluation and minute.

    Args:
        stream: where to write, standard error as a rule.
        name: of what is trained.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._terminal = stream.isatty()
        self._drawn = 0.0
        self._stage = ""
        self._losses: list[float] = []
        self._wer: float | None = None

    def show(self, progress: Progress) -> None:
        """Shows where training is."""
        if progress.stage != self._stage:
            self._keep()
            self._stage, self._losses, self._wer, self._drawn = progress.stage, [], None, 0.0
        if math.isfinite(progress.loss):
            self._losses.append(progress.loss)
        news = progress.wer is not None
        if progress.wer is not None:
            self._wer = progress.wer
        now = time.monotonic()
        if self._terminal and (news or now - self._drawn >= _REDRAW_SECONDS):
            self._drawn = now
            self._stream.write(f"\r\x1b[K{self._text(progress, bar=True)}")
            self._stream.flush()
        elif not self._terminal and (news or now - self._drawn >= 60):
            self._drawn = now
            print(self._text(progress, bar=False), file=self._stream, flush=True)

    def end(self) -> None:
        """Leaves the last line standing, with the way the loss went."""
        self._keep()
        if self._losses:
            print(f"{self._name}: loss {sparkline(self._losses)} {self._losses[-1]:.3f}", file=self._stream)

    def _keep(self) -> None:
        if self._terminal and self._stage:
            self._stream.write("\n")
            self._stream.flush()

    def _text(self, progress: Progress, *, bar: bool) -> str:
        share = progress.step / progress.steps if progress.steps else 0.0
        drawn = ("█" * round(min(1.0, share) * _BAR)).ljust(_BAR, "░") + " " if bar else ""
        parts = [
            f"{self._name} {progress.stage} {drawn}{progress.step} of {progress.steps}",
            f"{progress.seconds / 60:.1f} min",
            f"loss {progress.loss:.3f}",
            f"lr {progress.learning_rate:.1e}",
        ]
        if self._wer is not None:
            is_wer = progress.criterion == "wer"
            parts.append(f"dev WER {self._wer:.1f} %" if is_wer else f"dev {progress.criterion} {self._wer:.3f}")
        return " · ".join(parts)
