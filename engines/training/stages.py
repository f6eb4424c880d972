"""Runs the stages of a recipe of the latent family, one after the other, each through the loop.

A run's folder holds a folder per stage (checkpoint, curve, best weights), ``pieces.json`` for the trunk and, once there
is something to keep, ``best.safetensors``. What becomes of it for the program is the business of ``export``.
"""

from __future__ import annotations

import contextlib
import csv
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from engines import paths
from engines.errors import AdapterMissing, BadInput, RecipeInvalid
from engines.models.pieces import Inventory
from engines.training.dataset import SpeechData
from engines.training.loop import Loop, Progress
from engines.training.recipes import Recipe, Stage
from engines.weights import graphs
from engines.weights.store import WeightStore

if TYPE_CHECKING:
    from engines.training.networks.trunk import Trunk, TrunkSize

LANGUAGE_MODEL: Final = "gemma-3-270m"
BEST: Final = "best.safetensors"
PIECES: Final = "pieces.json"
SIZE: Final = "size.json"
_ADAPTERS: Final = ("convolution", "pooling", "qformer", "ctc")


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
        folder: of the run; that of the trunk is ``trunk`` beside it.
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
    data = SpeechData(paths.data() / "training" / "corpora", recipe.data.corpora)
    make = _TrunkBench if recipe.kind == "trunk" else _AdapterBench
    bench: _TrunkBench | _AdapterBench = make(recipe, data, folder, where)
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
    return Trained(recipe, folder, over, bench.parameters(), seconds / 60, steps, metrics, _hours(data, recipe))


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
    if recipe.kind not in {"trunk", *_ADAPTERS}:
        raise RecipeInvalid(f"The recipe {recipe.id} trains {recipe.kind}, which reads no speech.", "Name another.")
    if (recipe.kind == "trunk") != ("ctc" in names):
        raise RecipeInvalid(
            f"The recipe {recipe.id} has the stages {', '.join(names)}, which do not go with {recipe.kind}.",
            "The trunk has a stage ctc; adapters have matching and llm.",
        )


class _TrunkBench:
    """The trunk, its data and pieces."""

    def __init__(self, recipe: Recipe, data: SpeechData, folder: Path, device: str) -> None:
        import torch

        from engines.training.networks.trunk import Trunk

        self._recipe, self._data, self._folder = recipe, data, folder
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / PIECES
        if not file.is_file():
            _choose(data, recipe).write(file)
        self.inventory = Inventory.read(file)
        torch.manual_seed(recipe.seed)
        size = _trunk_size(recipe, self.inventory)
        (folder / SIZE).write_text(json.dumps(asdict(size)) + "\n", encoding="utf-8")
        self.trunk = Trunk(size).to(device, torch.bfloat16)

    def trainee(self, stage: Stage) -> Any:
        from engines.training.speech import TrunkTrainee

        return TrunkTrainee(
            self.trunk, self._data, self.inventory, self._recipe.data,
            batch_seconds=stage.batch_seconds, seed=self._recipe.seed,
        )  # fmt: skip

    def keep(self, stage: Path) -> None:
        copy_best(stage, self._folder)

    def parameters(self) -> dict[str, int]:
        return {"trunk": sum(value.numel() for value in self.trunk.parameters())}


class _AdapterBench:
    """Trunk, adapter and language model with a LoRA."""

    def __init__(self, recipe: Recipe, data: SpeechData, folder: Path, device: str) -> None:
        import torch
        from tokenizers import Tokenizer

        from engines.training.networks import adapters
        from engines.training.networks.gemma import TorchGemma
        from engines.training.networks.speech_llm import SpeechLanguageModel

        self._recipe, self._data, self._folder = recipe, data, folder
        trunk, self.inventory = load_trunk(folder.parent / "trunk")
        gemma = TorchGemma.load(WeightStore().path(LANGUAGE_MODEL), torch.bfloat16)
        pieces = [self.inventory.pieces[place].text for place in self.inventory.ctc.tolist()]
        torch.manual_seed(recipe.seed)
        embeddings = gemma.embed(torch.tensor(gemma.full_ids(pieces)))
        adapter = adapters.build(recipe.kind, trunk.size.width, recipe.network, embeddings)
        self.adapter_parameters = sum(value.numel() for value in adapter.parameters())
        _require_budget(recipe, self.adapter_parameters)
        lora = gemma.adapt(recipe.lora)
        self.lora_parameters = sum(value.numel() for value in lora)
        head = gemma.writable(self.inventory)
        self.model = SpeechLanguageModel(trunk, adapter, gemma, head).to(device, torch.bfloat16)
        tokenizer = Tokenizer.from_file(str(graphs.locate(LANGUAGE_MODEL) / "tokenizer.json"))
        known = gemma.full_ids

        def encode(text: str) -> list[int]:
            return known(tokenizer.encode(text, add_special_tokens=False).tokens)

        self._encode = encode

    def trainee(self, stage: Stage) -> Any:
        from engines.training.speech import AdapterTrainee

        trained: dict[str, Any] = {f"adapter.{name}": value for name, value in self.model.adapter.named_parameters()}
        for name, value in self.model.gemma.body.named_parameters():
            if "lora_" in name:
                value.requires_grad_(stage.name == "llm")
                if stage.name == "llm":
                    trained[f"lora.{name}"] = value
        return AdapterTrainee(
            self.model, trained, self._data, self.inventory, self._encode, self._recipe.data,
            matching=stage.name == "matching", batch_seconds=stage.batch_seconds, seed=self._recipe.seed,
        )  # fmt: skip

    def keep(self, stage: Path) -> None:
        if stage.name.endswith("-llm"):
            copy_best(stage, self._folder)

    def parameters(self) -> dict[str, int]:
        return {"adapter": self.adapter_parameters, "lora": self.lora_parameters}


def _trunk_size(recipe: Recipe, inventory: Inventory) -> TrunkSize:
    from engines.training.networks.trunk import TrunkSize

    network = recipe.network
    return TrunkSize(
        width=network.width, layers=network.layers, heads=network.heads, inner=network.inner, kernel=network.kernel,
        characters=len(inventory.characters), pieces=len(inventory.ctc), dropout=network.dropout,
    )  # fmt: skip


def load_trunk(folder: Path) -> tuple[Trunk, Inventory]:
    """The best trunk of a run, and its pieces.

    Raises:
        AdapterMissing: it was not trained.
    """
    import torch
    from safetensors.torch import load_file

    from engines.training.networks.trunk import Trunk, TrunkSize

    if not (folder / BEST).is_file():
        raise AdapterMissing(f"The trunk was not trained yet ({folder}).", "Run `triptych train trunk` first.")
    trunk = Trunk(TrunkSize(**json.loads((folder / SIZE).read_text(encoding="utf-8")))).to(torch.bfloat16)
    trunk.load_state_dict(load_file(folder / BEST))
    return trunk.eval(), Inventory.read(folder / PIECES)


def _choose(data: SpeechData, recipe: Recipe) -> Inventory:
    from tokenizers import Tokenizer

    from engines.training.inventory import choose

    tokenizer = Tokenizer.from_file(str(graphs.locate(LANGUAGE_MODEL) / "tokenizer.json"))
    texts = [(clip.text, clip.language) for clip in data.clips if clip.split == "train"]
    texts += [(clip.english, "en") for clip in data.clips if clip.split == "train" and clip.english]
    languages = {*recipe.data.languages, *recipe.data.translate}
    return choose([pair for pair in texts if pair[1] in languages | {"en"}], tokenizer)


def _require_budget(recipe: Recipe, count: int) -> None:
    budget = recipe.budget
    if budget is not None and abs(count / budget.adapter_parameters - 1) > budget.tolerance:
        raise RecipeInvalid(
            f"The adapter of {recipe.id} has {count:,} parameters; {budget.adapter_parameters:,} ± "
            f"{100 * budget.tolerance:g} % are allowed.",
            "Change its sizes under [network].",
        )


def copy_best(stage: Path, folder: Path) -> None:
    """Keeps the best weights of a stage as those of the run."""
    if not (stage / BEST).is_file():
        return
    part = folder / "best.part"
    part.write_bytes((stage / BEST).read_bytes())
    part.replace(folder / BEST)


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


def _hours(data: SpeechData, recipe: Recipe) -> float:
    from engines.training.speech import FRAMES_PER_SECOND

    languages = {*recipe.data.languages, *recipe.data.translate}
    frames = sum(clip.frames for clip in data.clips if clip.split == "train" and clip.language in languages)
    return frames / FRAMES_PER_SECOND / 3600
