"""Trains stage two, units of speech to the codec's codes, through the bench's loop.

What is lowered is the cross-entropy of the first codebook where frames of it are masked, and the squared error of the
codec's latent: of all of it there, and of what the first codebook leaves where that is known. What is measured is the
same on development clips with all frames of the first codebook masked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from engines import paths
from engines.errors import AdapterMismatch
from engines.models.codec import ID as CODEC
from engines.models.stage_two import FIRST, REST
from engines.training.data.corpus import Corpus
from engines.training.dataset import Clip, SpeechData
from engines.training.loop import Progress
from engines.training.recipes import Recipe
from engines.training.runs import Trained, device_of, from_curves, hours, through
from engines.training.speech import clips, development
from engines.training.tokens import codes, streams
from engines.training.tokens.stage_two_data import Drawn, Item, StageTwoSettings, Windows, items
from engines.weights import cards

if TYPE_CHECKING:
    from torch import Tensor

    from engines.training.networks.stage_two import StageTwoNetwork, StageTwoSize

CRITERION: Final = "error"
"""On the development clips: nats per code of the first codebook, and the share of what it leaves that is not told."""
SIZE: Final = "size.json"
_WEIGHTS: Final = {"nats": 1.0, "latent": 2.0, "rest": 2.0}
"""In the loss; a batch has some of the first two and some of the last."""


def run(
    recipe: Recipe,
    *,
    minutes: float | None = None,
    device: str = "auto",
    folder: Path,
    report: Callable[[Progress], None],
) -> Trained:
    """Trains, from where the last call stopped; see :func:`engines.training.stages.run`.

    Units and codes of corpora that have none by the present tokeniser and codec are made first.

    Raises:
        RecipeInvalid: an option is unknown or impossible.
        CorpusInvalid: data are missing.
        AdapterMissing: there are no units or no codec yet.
        AdapterMismatch: the codec's file holds no codebooks.
        BadInput: there is no such device.
        TrainingDiverged: the loss is no number any more.
    """
    import torch

    settings = StageTwoSettings.of(recipe)
    where = device_of(device)
    corpora, names = paths.data() / "training" / "corpora", recipe.data.corpora
    data = SpeechData(corpora, names)
    units = streams.ensure(corpora, names, print)
    coded = codes.ensure(corpora, names, print)
    voice = voices(corpora, names, settings.voices.split())
    train = items(clips(data, recipe.data, "train"), units.ids, coded.ids, voice)
    measured = items(development(data, recipe.data), units.ids, coded.ids, voice)
    books = codebooks(CODEC)
    size = size_of(recipe, units.size, *books.shape)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SIZE).write_text(json.dumps(asdict(size)) + "\n", encoding="utf-8")
    network = seeded(size, recipe.seed, torch.from_numpy(books)).to(where)
    stage = recipe.stages[0]
    trainee = StageTwoTrainee(network, train, measured, settings, batch_seconds=stage.batch_seconds, seed=recipe.seed)
    over = through(recipe, lambda _: trainee, folder, minutes=minutes, report=report)
    steps, seconds, metrics = from_curves(folder, recipe, CRITERION)
    count = sum(value.numel() for value in network.parameters())
    return Trained(recipe, folder, over, {"stage_two": count}, seconds / 60, steps, metrics, hours(data.clips, recipe))


def voices(folder: Path, names: Sequence[str], known: Sequence[str]) -> Callable[[Clip], str | None]:
    """Who speaks in a clip, where the corpus tells persons apart.

    Args:
        folder: of the corpora.
        names: of those that are read.
        known: of those that tell.
    """
    found: list[dict[str, str]] = []
    for name in names:
        corpus = Corpus.open(folder / name, check=False) if name in known else None
        found.append({} if corpus is None else {clip.id: f"{name}/{clip.voice}" for clip in corpus.clips})
    return lambda clip: found[clip.corpus].get(clip.id)


def codebooks(codec_id: str) -> NDArray[np.float32]:
    """The vectors of a codec's codes, ``(books, codes, hidden)``, out of its decoder's graph.

    Raises:
        AdapterMissing: it is not there.
        AdapterMismatch: it is no codec, or keeps its vectors elsewhere.
    """
    import onnx
    from onnx import numpy_helper

    folder, shape = cards.locate(codec_id), cards.read(codec_id).codec
    if shape is not None:
        for tensor in onnx.load(str(folder / "decoder.onnx")).graph.initializer:
            if tensor.name in {"embedding", "embedding_half"}:
                values = numpy_helper.to_array(tensor).astype(np.float32)
                return values.reshape(shape.books, shape.codes, -1)
    raise AdapterMismatch(f"{codec_id} keeps no codebooks that can be learnt from.", "Train it anew.")


def size_of(recipe: Recipe, units: int, books: int, codes: int, hidden: int) -> StageTwoSize:
    """Sizes of the network of a recipe, for units and a codec."""
    from engines.training.networks.stage_two import StageTwoSize

    network = recipe.network
    return StageTwoSize(
        units=units, books=books, codes=codes, hidden=hidden, width=network.width, layers=network.layers,
        heads=network.heads, inner=network.inner, kernel=network.kernel, dropout=network.dropout,
    )  # fmt: skip


def seeded(size: StageTwoSize, seed: int, books: Tensor | None = None) -> StageTwoNetwork:
    """A network with the weights that a seed begins with."""
    import torch

    from engines.training.networks.stage_two import StageTwoNetwork

    torch.manual_seed(seed)
    return StageTwoNetwork(size, books)


class StageTwoTrainee:
    """Trains the network; see :class:`engines.training.loop.Trainee`.

    Args:
        network: on its device.
        train: what is trained on.
        measured: what is measured on.
        settings: of the recipe.
        batch_seconds: of speech per step, prompts aside.
        seed: of everything that is drawn.
    """

    criterion = CRITERION

    def __init__(
        self,
        network: StageTwoNetwork,
        train: Sequence[Item],
        measured: Sequence[Item],
        settings: StageTwoSettings,
        *,
        batch_seconds: float,
        seed: int,
    ) -> None:
        size = network.size
        self.network, self._seed = network, seed
        about = {"size": size.units, "books": size.books, "codes": size.codes}
        self._windows = Windows(train, settings, **about)
        self._measured, self._count = Windows(measured, settings, **about), len(measured)
        self._together = max(1, round(batch_seconds / settings.window))

    def parameters(self) -> list[Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return list(self.network.parameters())

    def batches(self, epoch: int) -> list[list[int]]:
        """See :class:`engines.training.loop.Trainee`."""
        return self._windows.batches(np.random.default_rng((self._seed, epoch)), self._together)

    def loss(self, batch: list[int], step: int) -> Tensor:
        """See :class:`engines.training.loop.Trainee`."""
        self.network.train()
        drawn = self._windows.draw(batch, np.random.default_rng((self._seed, 3, step)))
        found = {
            name: error.sum() / about.sum().clamp(min=1e-6) for name, (error, about) in self._errors(drawn).items()
        }
        return sum((_WEIGHTS[name] * value for name, value in found.items()), start=self.network.bias.new_zeros(()))

    def evaluate(self) -> dict[str, float]:
        """Nats per code of the first codebook, the share of the latent and of the rest that is not told; and a sum."""
        import torch

        self.network.eval()
        sums = dict.fromkeys(("nats", "latent", "rest"), 0.0)
        spread = {"latent": 0.0, "rest": 0.0, "nats": 0.0}
        for level in (FIRST, REST)[: min(2, self.network.size.books)]:
            for begin in range(0, self._count, 8):
                places = list(range(begin, min(begin + 8, self._count)))
                drawn = self._measured.draw(places, np.random.default_rng((self._seed, 7, begin)), level)
                with torch.no_grad():
                    for name, (error, about) in self._errors(drawn).items():
                        sums[name] += float(error.sum())
                        spread[name] += float(about.sum())
        found = {name: sums[name] / spread[name] for name in sums if spread[name]}
        return {CRITERION: found["nats"] + found.get("rest", 0.0)} | {
            f"{CRITERION}_{name}": value for name, value in found.items()
        }

    def _errors(self, drawn: Drawn) -> dict[str, tuple[Tensor, Tensor]]:
        """For every frame that is to be learnt: its error, and what the mean alone would be off by (1 of nats)."""
        import torch
        from torch.nn import functional

        network = self.network
        device = network.known.device
        told = {name: torch.from_numpy(value).to(device) for name, value in vars(drawn).items()}
        past = network.prompt(told["prompt_units"], told["prompt_codes"], told["prompt_mask"])
        states, _, _ = network(told["units"], told["codes"], told["level"], told["mask"], past)
        parts = network.vectors(told["targets"])
        found = {}
        for level, name in ((FIRST, "latent"), (REST, "rest")):
            where = told["learnt"] & (told["level"] == level)[:, None]
            if not where.any():
                continue
            wanted = parts[:, level:].sum(1)[where]
            if level == FIRST:
                nats = functional.cross_entropy(
                    network.scores(states)[where].float(), told["targets"][:, 0][where], reduction="none"
                )
                found["nats"] = nats, torch.ones_like(nats)
            error = (network.told(states, level)[where].float() - wanted).square().sum(1)
            found[name] = error, (wanted - wanted.mean(0)).square().sum(1)
        return found

    def weights(self) -> dict[str, Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """See :class:`engines.training.loop.Trainee`."""
        self.network.load_state_dict(dict(weights))
