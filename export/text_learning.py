"""Trains what learns on N-best lists and writes what the program reads; ``triptych train`` calls it.

Runs are kept in ``training/runs`` under the user's data and go on where they were interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Tokenizer

from engines import paths
from engines.errors import AdapterMissing, RecipeInvalid
from engines.training.loop import Loop, Progress
from engines.training.recipes import Recipe
from engines.training.runs import BEST, device_of, interruptible
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
        clocks: seconds of training of every run.
    """

    recipe: Recipe
    network: Any
    tokenizer: Tokenizer
    begin: int
    training: list[NBestList]
    development: list[NBestList]
    every: list[NBestList]
    curves: dict[str, dict[str, float]] = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)

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

    def learn(
        self,
        name: str,
        trainee: CorrectionTrainee,
        folder: Path,
        until: float,
        report: Report,
        stop: Callable[[], bool],
    ) -> bool:
        """Runs the recipe's stage on a trainee; returns whether it is through. The best weights are measured again."""

        def tell(progress: Progress) -> None:
            self.clocks[name] = progress.seconds
            if progress.wer is not None:
                best = min(progress.wer, self.curves.get(name, {}).get("wer", progress.wer))
                self.curves[name] = {"wer": best}
            report(name, progress)

        stage = self.recipe.stages[0]
        over = Loop(trainee, stage, folder, seed=self.recipe.seed, report=tell).run(until, stop)
        if over:
            self.curves[name] = trainee.evaluate()
        return over


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


def train(
    recipe: Recipe,
    until: float,
    report: Report,
    *,
    target: Path,
    folder: Path | None = None,
    device: str = "auto",
    network: Any | None = None,
) -> bool:
    """Trains a recipe and writes the adapter; that of a correction as soon as there is something to keep.

    Args:
        recipe: of kind ``correction`` or ``experts``.
        until: moment of ``time.monotonic()`` at which to stop; the next call goes on.
        report: is told of progress, with the name of the run.
        target: folder that gets the folder of the adapter.
        folder: of the run; by default in :func:`runs`.
        device: ``auto``, ``cpu`` or ``cuda``.
        network: in place of Gemma's weights.

    Returns:
        whether it is through.

    Raises:
        TriptychError: as :meth:`Bench.open` tells; AdapterMissing where experts have nothing to start from.
    """
    bench = Bench.open(recipe, network)
    bench.network.to(device_of(device))
    folder = folder or runs() / recipe.id
    begin = None if recipe.kind == "correction" else _start(folder.parent / _base(recipe))
    model = bench.model()
    with interruptible() as interrupted:
        if begin is None:
            trainee = bench.trainee(model, bench.training, bench.development)
            over = bench.learn("correction", trainee, folder, until, report, interrupted.is_set)
            if (folder / BEST).exists():
                model.load(_weights(folder / BEST))
                _publish(bench, {"lora": model.weights()}, target / "correction")
            return over
        names = experts.sources(bench.training)
        made: dict[str, Any] = {}
        for source in names:
            model.load(begin)
            trainee = bench.trainee(model, *experts.assigned(bench.training, bench.development, source))
            if not bench.learn(source, trainee, folder / source, until, report, interrupted.is_set):
                return False
            made[f"expert-{source}"] = model.weights()
    known = [item for item in bench.every if not examples.held(item)]
    router = experts.train_router(known, names)
    unknown = [item for item in bench.every if examples.held(item)]
    bench.curves["router"] = experts.accuracy(router, [*unknown, *bench.development])
    note = f"One expert for each of {', '.join(names)}; they start from {_base(recipe)}."
    _publish(bench, made, target / "experts", (note,))
    router.save(target / "experts" / "router.npz")
    return True


def runs() -> Path:
    """Where runs are kept if nobody says otherwise."""
    return paths.data() / "training" / "runs"


def _base(recipe: Recipe) -> str:
    return str(recipe.options.get("start", "correction"))


def _start(folder: Path) -> Mapping[str, Any]:
    if not (folder / BEST).exists():
        raise AdapterMissing(
            f"The experts start from the run {folder.name}, which has not been trained.", "Train that first."
        )
    return _weights(folder / BEST)


def _weights(file: Path) -> Mapping[str, Any]:
    from safetensors.torch import load_file

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
        minutes=round(sum(bench.clocks.values()) / 60, 1),
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
