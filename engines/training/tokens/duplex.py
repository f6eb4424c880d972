"""Trains the model that listens and speaks at once, through the bench's loop.

What is lowered is the weighted cross-entropy of text and codes; what is measured is the same on development clips, and
the nats of the text and of every codebook by itself.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from engines import paths
from engines.errors import RecipeInvalid
from engines.models.codec import ID as CODEC
from engines.models.codec import Codec
from engines.models.pieces import Inventory
from engines.training.benches import PIECES
from engines.training.dataset import SpeechData, plan
from engines.training.loop import Progress
from engines.training.recipes import Recipe
from engines.training.runs import Trained, device_of, from_curves, hours, through
from engines.training.speech import clips, development
from engines.training.tokens import codes, streams
from engines.training.tokens.duplex_data import (
    CODEC_FRAMES_PER_SECOND,
    Drawn,
    DuplexSettings,
    Frames,
    Item,
    items,
    settings_of,
)
from engines.training.tokens.stage_two import codebooks
from engines.weights import cards

if TYPE_CHECKING:
    from torch import Tensor

    from engines.training.networks.duplex import DuplexNetwork, DuplexSize, Tokens

CRITERION: Final = "nats"
"""Weighted cross-entropy per token on the development clips."""
SIZE: Final = "size.json"
_TOGETHER: Final = 4
"""Clips that are measured at once."""


def run(
    recipe: Recipe,
    *,
    minutes: float | None = None,
    device: str = "auto",
    folder: Path,
    report: Callable[[Progress], None],
) -> Trained:
    """Trains, from where the last call stopped; see :func:`engines.training.stages.run`.

    Units, with the words' times, and codes of corpora that have none by the present tokeniser and codec are made first.

    Raises:
        RecipeInvalid: an option is unknown or impossible.
        CorpusInvalid: data are missing.
        AdapterMissing: there is no trunk, no units or no codec yet.
        AdapterMismatch: the codec's file holds no codebooks.
        BadInput: there is no such device.
        TrainingDiverged: the loss is no number any more.
    """
    import torch

    settings = settings_of(recipe)
    where = device_of(device)
    corpora, names = paths.data() / "training" / "corpora", recipe.data.corpora
    data = SpeechData(corpora, names)
    words = streams.ensure(corpora, names, print).words
    coded = codes.ensure(corpora, names, print)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(cards.locate("trunk") / PIECES, folder / PIECES)
    inventory = Inventory.read(folder / PIECES)
    train = items(clips(data, recipe.data, "train"), coded.ids, words, inventory.cut)
    measured = items(development(data, recipe.data), coded.ids, words, inventory.cut)
    books = codebooks(CODEC)
    size = size_of(recipe, settings, len(inventory), books)
    (folder / SIZE).write_text(json.dumps(asdict(size)) + "\n", encoding="utf-8")
    network = seeded(size, recipe.seed, torch.from_numpy(books[: settings.books])).to(where)
    trainee = DuplexTrainee(
        network, train, measured, settings, Codec.open().silence, batch_seconds=recipe.stages[0].batch_seconds,
        seed=recipe.seed,
    )  # fmt: skip
    over = through(recipe, lambda _: trainee, folder, minutes=minutes, report=report)
    steps, seconds, metrics = from_curves(folder, recipe, CRITERION)
    count = sum(value.numel() for value in network.parameters())
    return Trained(recipe, folder, over, {"duplex": count}, seconds / 60, steps, metrics, hours(data.clips, recipe))


def size_of(recipe: Recipe, settings: DuplexSettings, pieces: int, books: NDArray[np.float32]) -> DuplexSize:
    """Sizes of the network of a recipe.

    Args:
        recipe: whose network gives the sizes of the Temporal Transformer.
        settings: its options.
        pieces: of text.
        books: ``(books, codes, hidden)``, the codec's vectors.

    Raises:
        RecipeInvalid: the codec has fewer codebooks.
    """
    from engines.training.networks.duplex import DuplexSize

    if settings.books > books.shape[0]:
        raise RecipeInvalid(
            f"The recipe {recipe.id} hears {settings.books} codebooks; the codec {CODEC} has {books.shape[0]}.",
            "Lower options.books.",
        )
    network = recipe.network
    return DuplexSize(
        pieces=pieces, books=settings.books, codes=books.shape[1], hidden=books.shape[2], stack=settings.stack,
        width=network.width, layers=network.layers, heads=network.heads, inner=network.inner, window=settings.window,
        depth_width=settings.depth_width, depth_layers=settings.depth_layers, depth_heads=settings.depth_heads,
        depth_inner=settings.depth_inner, dropout=network.dropout,
    )  # fmt: skip


def seeded(size: DuplexSize, seed: int, books: Tensor | None = None) -> DuplexNetwork:
    """A network with the weights that a seed begins with."""
    import torch

    from engines.training.networks.duplex import DuplexNetwork

    torch.manual_seed(seed)
    return DuplexNetwork(size, books)


class DuplexTrainee:
    """Trains the network; see :class:`engines.training.loop.Trainee`.

    Args:
        network: on its device.
        train: what is trained on.
        measured: what is measured on.
        settings: of the recipe.
        silence: ``(books,)`` or more, codes of a silent codec frame.
        batch_seconds: of speech per step.
        seed: of everything that is drawn.
    """

    criterion = CRITERION

    def __init__(
        self,
        network: DuplexNetwork,
        train: Sequence[Item],
        measured: Sequence[Item],
        settings: DuplexSettings,
        silence: NDArray[np.int32],
        *,
        batch_seconds: float,
        seed: int,
    ) -> None:
        from engines.training.networks.duplex import Weights

        self.network, self._settings, self._seed = network, settings, seed
        about: dict[str, Any] = {"pieces": network.size.pieces, "codes": network.size.codes, "silence": silence}
        self._frames, self._measured = Frames(train, settings, **about), Frames(measured, settings, **about)
        self._count = len(measured)
        self._most = max(1, int(batch_seconds * CODEC_FRAMES_PER_SECOND / settings.stack))
        self._weights = Weights(settings.text, settings.padding, settings.first)

    def parameters(self) -> list[Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return list(self.network.parameters())

    def batches(self, epoch: int) -> list[list[int]]:
        """See :class:`engines.training.loop.Trainee`."""
        return plan(self._frames.lengths, self._most, np.random.default_rng((self._seed, epoch)))

    def loss(self, batch: list[int], step: int) -> Tensor:
        """See :class:`engines.training.loop.Trainee`."""
        random = np.random.default_rng((self._seed, 3, step))
        self.network.train()
        tokens, read = self._tensors(self._frames.draw(batch, random))
        chosen = tokens.mask.bool() & self._some(tokens.mask, random)
        text, each, books = self.network.losses(tokens, read, chosen, self._weights)
        return self.network.together((text * each).sum() / each.sum().clamp(min=1), books, self._weights)

    def _some(self, mask: Tensor, random: np.random.Generator) -> Tensor:
        """The share of the frames whose codes are trained, at least one of every clip."""
        import torch

        some = random.random(tuple(mask.shape)) < self._settings.depth
        some[:, 0] = True
        return torch.from_numpy(some).to(mask.device)

    def evaluate(self) -> dict[str, float]:
        """Nats of the text, of every codebook from ``nats_1`` on, and of all weighted as in training."""
        import torch

        self.network.eval()
        said = weight = 0.0
        codes = np.zeros(self.network.size.books)
        frames = 0.0
        for begin in range(0, self._count, _TOGETHER):
            places = list(range(begin, min(begin + _TOGETHER, self._count)))
            tokens, read = self._tensors(self._measured.draw(places, None))
            chosen = tokens.mask.bool()
            with torch.no_grad():
                text, each, books = self.network.losses(tokens, read, chosen, self._weights)
            said, weight = said + float((text * each).sum()), weight + float(each.sum())
            codes += books.double().cpu().numpy() * int(chosen.sum())
            frames += int(chosen.sum())
        text_nats, book_nats = said / max(weight, 1.0), codes / frames
        mean = self.network.together(torch.tensor(text_nats), torch.from_numpy(book_nats), self._weights)
        found = {f"nats_{number}": float(value) for number, value in enumerate(book_nats, 1)}
        return {CRITERION: float(mean), "nats_text": text_nats, **found}

    def _tensors(self, drawn: Drawn) -> tuple[Tokens, Tokens]:
        """What is to be told, and what is read of it."""
        import torch

        from engines.training.networks.duplex import Tokens

        device = self.network.own.device
        told = {name: torch.from_numpy(value).to(device) for name, value in vars(drawn).items()}
        heard, mask = told["heard"], told["mask"]
        tokens = Tokens(told["text"], told["own"], heard, mask)
        return tokens, Tokens(told["read_text"], told["read_own"], heard, mask)

    def weights(self) -> dict[str, Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """See :class:`engines.training.loop.Trainee`."""
        self.network.load_state_dict(dict(weights))
