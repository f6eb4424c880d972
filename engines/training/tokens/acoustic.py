"""Runs a recipe of the kind ``acoustic``: the language model that reads the codec's codes, stage by stage.

As with units, and on the same terms as every adapter: in the stage ``matching`` what reads codes is trained alone, in
front of a language model that stays as it is; in ``llm`` its LoRA with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engines import paths
from engines.errors import RecipeInvalid
from engines.models.codec import ID as CODEC
from engines.models.pieces import MARK, Inventory
from engines.training.benches import LANGUAGE_MODEL, PIECES, require_budget
from engines.training.dataset import Clip, SpeechData
from engines.training.loop import Progress
from engines.training.recipes import Recipe, Stage
from engines.training.runs import Trained, device_of, from_curves, hours, through
from engines.training.tokens import codes
from engines.training.tokens.bench import begin_with
from engines.training.tokens.examples import Layout
from engines.training.tokens.language_model import Mixture, TokenTrainee
from engines.weights import cards, graphs
from engines.weights.store import WeightStore

if TYPE_CHECKING:
    from engines.training.networks.acoustic_llm import ReaderSize

SIZE: Final = "size.json"
BOOKS: Final = 4
_ABLE: Final = {"transcribe", "translate", "drop", "start"}


class CachedCodes(Protocol):
    """Codes of clips that were made beforehand."""

    size: int
    """Entries of each codebook."""
    books: int
    """Codebooks that there are."""

    def ids(self, clip: Clip) -> NDArray[np.int32]:
        """``(books, T)``."""
        ...


@dataclass(frozen=True)
class FirstBooks:
    """The first codebooks of cached codes.

    Attributes:
        cached: all that there are.
        books: how many are kept.
    """

    cached: CachedCodes
    books: int

    def ids(self, clip: Clip) -> NDArray[np.int32]:
        """``(books, T)``; empty where the clip had no sound."""
        return self.cached.ids(clip)[: self.books]

    def words(self, clip: Clip) -> None:
        """Where the clip's words are is not known."""
        del clip


def run(
    recipe: Recipe,
    *,
    minutes: float | None = None,
    device: str = "auto",
    folder: Path,
    report: Callable[[Progress], None],
) -> Trained:
    """Trains, from where the last call stopped; codes of corpora that have none by the present codec are made first.

    Args:
        recipe: of the kind ``acoustic``.
        minutes: after which to stop with everything written; None trains to the end.
        device: ``auto``, ``cpu`` or ``cuda``.
        folder: of the run.
        report: is told of progress.

    Raises:
        RecipeInvalid: an option or a stage is none, the adapter is outside of its budget, or the LoRA to begin with has
            another rank.
        CorpusInvalid: data are missing.
        AdapterMissing: trunk, codec or the adapter to begin with are not there.
        WeightsMissing: the language model is not installed.
        BadInput: there is no such device.
        TrainingDiverged: the loss is no number any more.
    """
    books, mixture = settings_of(recipe)
    where = device_of(device)
    corpora, names = paths.data() / "training" / "corpora", recipe.data.corpora
    data = SpeechData(corpora, names)
    bench = Bench(recipe, mixture, data, FirstBooks(codes.ensure(corpora, names, print), books), folder, where)
    last = recipe.stages[-1]
    over = through(recipe, bench.trainee, folder, minutes=minutes, report=report, keeps=lambda stage: stage is last)
    steps, seconds, metrics = from_curves(folder, recipe)
    heard = hours(data.clips, recipe)
    return Trained(recipe, folder, over, bench.parameters(), seconds / 60, steps, metrics, heard)


def settings_of(recipe: Recipe) -> tuple[int, Mixture]:
    """How many codebooks are read, and the mixture of tasks.

    Raises:
        RecipeInvalid: an option or a stage is none.
    """
    if any(stage.name not in {"matching", "llm"} for stage in recipe.stages):
        raise RecipeInvalid(f"The recipe {recipe.id} has a stage that codes have not.", "Give matching and llm.")
    options = dict(recipe.options)
    books = options.pop("books", BOOKS)
    if isinstance(books, bool) or not isinstance(books, int) or not 1 <= books <= 8:
        raise RecipeInvalid(f"The recipe {recipe.id} cannot set books to {books!r}.", "Give 1 to 8.")
    unable = sorted(set(options) - _ABLE)
    if unable:
        raise RecipeInvalid(
            f"The recipe {recipe.id} sets {', '.join(unable)}, but codes are only read.",
            f"Its options: books, {', '.join(sorted(_ABLE))}.",
        )
    nothing = {"speak": 0.0, "chain": 0.0, "interleave": 0.0}
    return books, Mixture.of(recipe.model_copy(update={"options": {**nothing, **options}}))


class Bench:
    """The language model, what reads codes in front of it, and what they learn from.

    Args:
        recipe: of the run.
        mixture: of its tasks.
        data: the clips.
        read: codes of them.
        folder: of the run; the pieces are kept there.
        device: ``cpu`` or ``cuda``.

    Raises:
        RecipeInvalid: the adapter is outside of its budget.
    """

    def __init__(
        self, recipe: Recipe, mixture: Mixture, data: SpeechData, read: FirstBooks, folder: Path, device: str
    ) -> None:
        import torch

        from engines.training.networks.acoustic_llm import AcousticLanguageModel, CodesToVectors
        from engines.training.networks.gemma import TorchGemma

        self._recipe, self._mixture, self._data, self._read = recipe, mixture, data, read
        self.inventory = Inventory.read(cards.locate("trunk") / PIECES)
        folder.mkdir(parents=True, exist_ok=True)
        self.inventory.write(folder / PIECES)
        gemma = TorchGemma.load(WeightStore().path(LANGUAGE_MODEL), torch.bfloat16)
        labels = [self.inventory.pieces[place].text for place in self.inventory.ctc.tolist()]
        typical = gemma.table[torch.tensor(gemma.full_ids(labels))].float().norm(dim=1).median()
        size = size_of(recipe, read, gemma.width)
        (folder / SIZE).write_text(json.dumps(asdict(size)) + "\n", encoding="utf-8")
        torch.manual_seed(recipe.seed)
        self._lora = gemma.adapt(recipe.lora)
        if mixture.start:
            begin_with(mixture.start, dict(gemma.body.named_parameters()), recipe)
        marks = gemma.table[gemma.ids[MARK]].float().repeat(2, 1)
        layout = Layout(len(self.inventory), 0, size.stack)
        head = gemma.writable(self.inventory)
        self.model = AcousticLanguageModel(gemma, head, marks, CodesToVectors(size, float(typical)), layout)
        require_budget(recipe, self.parameters()["adapter"])
        self.model.to(device, torch.bfloat16)
        self._encode = gemma.encoder(graphs.locate(LANGUAGE_MODEL) / "tokenizer.json")

    def trainee(self, stage: Stage) -> TokenTrainee:
        """What a stage trains."""
        trained: dict[str, Any] = {f"reader.{name}": value for name, value in self.model.reader.named_parameters()}
        trained |= {"rows": self.model.rows, **self.model.gemma.lora_parameters(trained=stage.name == "llm")}
        return TokenTrainee(
            self.model, trained, self._data, self._read, self.inventory, self._encode, self._recipe.data,
            self._mixture, batch_seconds=stage.batch_seconds, seed=self._recipe.seed,
        )  # fmt: skip

    def parameters(self) -> dict[str, int]:
        """Part → how many are trained."""
        reader = sum(value.numel() for value in self.model.reader.parameters())
        return {"adapter": reader + self.model.rows.numel(), "lora": sum(value.numel() for value in self._lora)}


def size_of(recipe: Recipe, read: FirstBooks, width: int) -> ReaderSize:
    """Sizes of what reads codes, for a language model of a width.

    Raises:
        RecipeInvalid: the codec has not so many codebooks.
    """
    from engines.training.networks.acoustic_llm import ReaderSize

    if read.books > read.cached.books:
        raise RecipeInvalid(
            f"The recipe {recipe.id} reads {read.books} codebooks; the codec {CODEC} has {read.cached.books}.",
            "Lower options.books.",
        )
    network = recipe.network
    return ReaderSize(read.books, read.cached.size, network.stack, network.width, network.inner, width)
