"""Trains what learns on N-best lists and writes what the program reads: ``python -m export.text_learning RECIPE``.

Runs are kept in ``training/runs`` under the user's data and go on where they were interrupted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Tokenizer

from engines import paths
from engines.errors import AdapterMissing, RecipeInvalid
from engines.training import recipes
from engines.training.loop import Loop, Progress
from engines.training.recipes import Recipe
from engines.training.text import examples, experts
from engines.training.text.correction import CorrectionTrainee, spread
from engines.training.text.examples import Selection
from engines.training.text.lists import NBestList
from engines.training.text.model import TextModel, load
from engines.weights import graphs
from engines.weights.cards import AdapterCard, DataOrigin, Parameters, RecipeOrigin, encoder_graph
from engines.weights.store import WeightStore
from export.lora import from_peft, write_adapter
from export.vocabulary import kept_ids

LANGUAGE_MODEL: Final = "gemma-3-270m"
Report = Callable[[str, Progress], None]


@dataclass
class Bench:
    """What all runs on lists need.

    Attributes:
        recipe: of the run.
        network: Gemma in torch.
        tokenizer: of the trimmed vocabulary.
        begin: token that begins a text.
        training: the lists to learn from.
        development: those to measure on.
        every: all lists, those that were not chosen too.
        curves: metrics of every run, by its name.
        seconds: of training so far.
    """

    recipe: Recipe
    network: Any
    tokenizer: Tokenizer
    begin: int
    training: list[NBestList]
    development: list[NBestList]
    every: list[NBestList]
    curves: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def open(cls, recipe: Recipe, network: Any | None = None) -> Bench:
        """Reads lists and weights.

        Args:
            recipe: of kind ``correction`` or ``experts``.
            network: in place of Gemma's weights.

        Raises:
            RecipeInvalid: it is of another kind, or an option is unknown.
            CorpusInvalid: lists are missing.
            WeightsMissing: Gemma is not installed.
        """
        selection = options(recipe)
        names = str(recipe.options.get("development_lists", "development")).split()
        every = [item for item in examples.load(recipe.data.corpora) if item.split == "train"]
        development = [item for item in examples.load(names) if item.language in recipe.data.languages]
        tokenizer = Tokenizer.from_file(str(graphs.locate(LANGUAGE_MODEL) / "tokenizer.json"))
        tokenizer.encode_special_tokens = True
        if network is None:
            network = load(WeightStore().path(LANGUAGE_MODEL), kept_ids())
        begin = tokenizer.token_to_id("<bos>")
        return cls(recipe, network, tokenizer, begin, examples.chosen(every, selection), development, every)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def trainee(self, model: TextModel, training: Sequence[NBestList], development: Sequence[NBestList]) -> Any:
        """What the loop trains."""
        settings = self.recipe.options
        return CorrectionTrainee(
            model, self.encode, self.tokenizer.decode, self.begin, training,
            spread(development, self.recipe.data.development),
            tokens=int(settings.get("batch_tokens", 1500)), longest=int(settings.get("longest", 160)),
            seed=self.recipe.seed,
        )  # fmt: skip

    def model(self) -> TextModel:
        """The language model with a fresh LoRA."""
        lora = self.recipe.lora
        end = self.encode("\n")[-1]
        return TextModel(self.network, rank=lora.rank, alpha=lora.alpha, end=end, seed=self.recipe.seed)


_OPTIONS: Final = {"start", "development_lists", "batch_tokens", "longest", "right", "covered"}


def options(recipe: Recipe) -> Selection:
    """Which lists a recipe learns from.

    Raises:
        RecipeInvalid: it is of another kind, or has an unknown or impossible option.
    """
    if recipe.kind not in {"correction", "experts"}:
        raise RecipeInvalid(f"{recipe.id} does not learn on N-best lists.", "Use `triptych train`.")
    unknown = sorted(set(recipe.options) - _OPTIONS)
    if unknown:
        raise RecipeInvalid(
            f"The recipe {recipe.id} has unknown options: {', '.join(unknown)}.",
            f"There are {', '.join(sorted(_OPTIONS))}.",
        )
    try:
        right, covered = float(recipe.options.get("right", 0.25)), float(recipe.options.get("covered", 0.4))
        longest, tokens = int(recipe.options.get("longest", 160)), int(recipe.options.get("batch_tokens", 1500))
    except ValueError as error:
        raise RecipeInvalid(f"An option of the recipe {recipe.id} is no number.", "Correct it.") from error
    if not (0 <= right < 1 and 0 <= covered <= 1 and longest >= 16 and tokens >= longest):
        raise RecipeInvalid(
            f"The options of the recipe {recipe.id} are impossible.",
            "right and covered lie from 0 to 1, longest is 16 or more, and batch_tokens no less than longest.",
        )
    return Selection(tuple(recipe.data.languages), right=right, longest=longest, covered=covered)


def train(recipe: Recipe, until: float, report: Report, *, network: Any | None = None, target: Path) -> bool:
    """Trains a recipe and, once it is through, writes the adapter.

    Args:
        recipe: of kind ``correction`` or ``experts``.
        until: moment of ``time.monotonic()`` at which to stop; the next call goes on.
        report: is told of progress, with the name of the run.
        network: in place of Gemma's weights.
        target: folder that gets the folder of the adapter.

    Returns:
        whether it is through.
    """
    bench = Bench.open(recipe, network)
    folder = runs() / recipe.id
    model = bench.model()
    if recipe.kind == "correction":
        trainee = bench.trainee(model, bench.training, bench.development)
        if not _run(bench, "correction", trainee, folder, until, report):
            return False
        _publish(bench, {"lora": model.weights()}, target / "correction")
        return True
    begin = _start(recipe)
    names = experts.sources(bench.training)
    made: dict[str, Any] = {}
    for source in names:
        model.load(begin)
        trainee = bench.trainee(model, *experts.assigned(bench.training, bench.development, source))
        if not _run(bench, source, trainee, folder / source, until, report):
            return False
        made[f"expert-{source}"] = model.weights()
    known = [item for item in bench.every if not examples.held(item)]
    router = experts.train_router(known, names)
    unknown = [item for item in bench.every if examples.held(item)]
    bench.curves["router"] = experts.accuracy(router, [*unknown, *bench.development])
    note = f"One expert for each of {', '.join(names)}; they start from {recipe.options.get('start', 'correction')}."
    _publish(bench, made, target / "experts", (note,))
    router.save(target / "experts" / "router.npz")
    return True


def runs() -> Path:
    """Where runs are kept."""
    return paths.data() / "training" / "runs"


def _run(bench: Bench, name: str, trainee: CorrectionTrainee, folder: Path, until: float, report: Report) -> bool:
    last = 0.0

    def tell(progress: Progress) -> None:
        nonlocal last
        last = progress.seconds
        report(name, progress)

    done = Loop(trainee, bench.recipe.stages[0], folder, seed=bench.recipe.seed, report=tell).run(until)
    if done:
        bench.seconds += last
        bench.curves[name] = trainee.evaluate()
    return done


def _start(recipe: Recipe) -> Mapping[str, Any]:
    from safetensors.torch import load_file

    file = runs() / str(recipe.options.get("start", "correction")) / "best.safetensors"
    if not file.exists():
        raise AdapterMissing(
            f"The experts start from the run {file.parent.name}, which has not been trained.", "Train that first."
        )
    return dict(load_file(file))


def _publish(bench: Bench, loras: Mapping[str, Mapping[str, Any]], folder: Path, notes: tuple[str, ...] = ()) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    recipe = bench.recipe
    for name, weights in loras.items():
        write_adapter(from_peft(weights, recipe.lora.alpha), folder / f"{name}.onnx_adapter")
    parameters = sum(int(np.prod(value.shape)) for weights in loras.values() for value in weights.values())
    model = bench.network.get_input_embeddings().weight
    AdapterCard(
        id=recipe.kind,
        kind=recipe.kind,
        name={"correction": "Error correction", "experts": "Mixture of experts"}[recipe.kind],
        encoder="whisper-base" if recipe.kind == "experts" else "",
        encoder_graph=encoder_graph() if recipe.kind == "experts" else "",
        language_model=LANGUAGE_MODEL,
        vocabulary=int(model.shape[0]),
        width=int(model.shape[1]),
        languages=recipe.data.languages,
        seed=recipe.seed,
        steps=recipe.stages[0].steps * len(loras),
        minutes=round(bench.seconds / 60, 1),
        licence="Derived from Gemma 3 270M: the Gemma Terms of Use apply.",
        notes=notes,
        parameters=Parameters(lora=parameters),
        recipe=RecipeOrigin(name=recipe.id, digest=recipe.digest),
        data=DataOrigin(
            hours=round(sum(item.seconds for item in bench.training) / 3600, 3), sources=recipe.data.corpora
        ),
        metrics={
            f"{run} {key}": round(value, 4) for run, found in bench.curves.items() for key, value in found.items()
        },
    ).write(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0, help="after which to stop; call again to go on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--target", type=Path, default=paths.adapters(), help="of the adapter")
    given = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(given.threads)

    def report(name: str, progress: Progress) -> None:
        wer = "" if progress.wer is None else f", development word error rate {progress.wer:.2f} %"
        print(
            f"{name} {progress.step}/{progress.steps}: loss {progress.loss:.3f}, {progress.seconds:.0f} s{wer}",
            flush=True,
        )

    done = train(recipes.read(given.recipe), time.monotonic() + 60 * given.minutes, report, target=given.target)
    print("done" if done else "not done yet: call again to go on")


if __name__ == "__main__":
    main()
