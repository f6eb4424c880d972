"""Trains the unit vocoder's network on speech whose latents are known, through the bench's loop.

What is lowered is the mean distance of the latents, each dimension standardised, that of their change from one to the
next, and the distance of the logarithms of durations. Some units are exchanged for others while it learns, since the
units of strangers and of a language model are not always the right ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from engines import paths
from engines.errors import RecipeInvalid
from engines.models.unit_speech import FRAMES_PER_SECOND, places
from engines.tokens.semantic import ADAPTER, SemanticTokeniser
from engines.tokens.units import collapse
from engines.training.dataset import SpeechData, plan
from engines.training.loop import Progress
from engines.training.recipes import Recipe
from engines.training.runs import Trained, device_of, from_curves, through
from engines.training.speech import generator
from engines.training.tokens.vocoder_data import LATENTS_PER_FRAME, Item, Tokeniser, items

if TYPE_CHECKING:
    from torch import Tensor

    from engines.training.networks.unit_vocoder import UnitVocoder, VocoderSize

CRITERION: Final = "distance"
"""Mean absolute error of standardised latents on the development clips."""
_OPTIONS: Final = {"units", "fine", "durations", "corrupt"}
_STATISTICS: Final = 400
"""Clips that mean and deviation of the latents are taken from."""


def run(
    recipe: Recipe,
    *,
    minutes: float | None = None,
    device: str = "auto",
    folder: Path,
    report: Callable[[Progress], None],
    tokeniser: Tokeniser | None = None,
) -> Trained:
    """Trains, from where the last call stopped; see :func:`engines.training.stages.run`.

    Args:
        recipe: of kind ``vocoder``.
        minutes: after which to stop with everything written; None trains to the end.
        device: ``auto``, ``cpu`` or ``cuda``.
        folder: of the run.
        report: is told of progress.
        tokeniser: gives the units; the one that the recipe names by default.

    Raises:
        RecipeInvalid: an option is unknown or impossible.
        CorpusInvalid: data are missing, or were made by another decoder than the one that is installed.
        AdapterMissing: there are no units yet.
        BadInput: there is no such device.
        TrainingDiverged: the loss is no number any more.
    """
    _check(recipe)
    units = tokeniser or SemanticTokeniser.open(adapter=str(recipe.options.get("units", ADAPTER)))
    data = SpeechData(paths.data() / "training" / "corpora", recipe.data.corpora)
    train, measured = items(data, recipe, units)
    network = seeded(size_of(recipe, units.size, train[0].latents.shape[1]), recipe.seed)
    standardise(network, train)
    network.to(device_of(device))
    stage = recipe.stages[0]
    trainee = VocoderTrainee(
        network, train, measured,
        batch_seconds=stage.batch_seconds, corrupt=float(recipe.options.get("corrupt", 0.04)), seed=recipe.seed,
    )  # fmt: skip
    over = through(recipe, lambda _: trainee, folder, minutes=minutes, report=report)
    steps, seconds, metrics = from_curves(folder, recipe, CRITERION)
    count = sum(value.numel() for value in network.parameters())
    hours = sum(len(item.units) for item in train) / FRAMES_PER_SECOND / 3600
    return Trained(recipe, folder, over, {"vocoder": count}, seconds / 60, steps, metrics, hours)


def size_of(recipe: Recipe, units: int, latents: int) -> VocoderSize:
    """Sizes of the network of a recipe, for a number of units and a width of latents."""
    from engines.training.networks.unit_vocoder import VocoderSize

    network = recipe.network
    return VocoderSize(
        units=units, width=network.width, layers=network.layers, fine=int(recipe.options.get("fine", 3)),
        durations=int(recipe.options.get("durations", 2)), inner=network.inner, kernel=network.kernel,
        latents=latents, dropout=network.dropout,
    )  # fmt: skip


def seeded(size: VocoderSize, seed: int) -> UnitVocoder:
    """A network with the weights that a seed begins with."""
    import torch

    from engines.training.networks.unit_vocoder import UnitVocoder

    torch.manual_seed(seed)
    return UnitVocoder(size)


def standardise(network: UnitVocoder, train: list[Item]) -> None:
    """Sets mean and deviation of the latents from clips that are spread evenly."""
    import torch

    chosen = train[:: max(1, len(train) // _STATISTICS)]
    values = np.concatenate([item.latents for item in chosen]).astype(np.float32)
    network.mean.copy_(torch.from_numpy(values.mean(0)))
    network.deviation.copy_(torch.from_numpy(np.maximum(values.std(0), 1e-3)))


class VocoderTrainee:
    """Trains the network; see :class:`engines.training.loop.Trainee`.

    Args:
        network: on its device.
        train: what is trained on.
        measured: what is measured on.
        batch_seconds: of speech per step.
        corrupt: share of units that are exchanged for others.
        seed: of order and exchanges.
    """

    criterion = CRITERION

    def __init__(
        self,
        network: UnitVocoder,
        train: list[Item],
        measured: list[Item],
        *,
        batch_seconds: float,
        corrupt: float,
        seed: int,
    ) -> None:
        self.network, self._train, self._measured = network, train, measured
        self._most = int(batch_seconds * FRAMES_PER_SECOND)
        self._corrupt, self._seed = corrupt, seed

    def parameters(self) -> list[Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return list(self.network.parameters())

    def batches(self, epoch: int) -> list[list[int]]:
        """See :class:`engines.training.loop.Trainee`."""
        random = np.random.default_rng((self._seed, epoch))
        return plan([len(item.units) for item in self._train], self._most, random)

    def loss(self, batch: list[int], step: int) -> Tensor:
        """See :class:`engines.training.loop.Trainee`."""
        self.network.train()
        errors = self._errors([self._train[place] for place in batch], step)
        return errors["distance"] + 0.5 * errors["change"] + 0.2 * errors["distance_durations"]

    def evaluate(self) -> dict[str, float]:
        """Mean absolute errors on the development clips: latents, their change, logarithms of durations."""
        import torch

        self.network.eval()
        sums: dict[str, float] = {}
        total = 0
        for begin in range(0, len(self._measured), 8):
            chosen = self._measured[begin : begin + 8]
            weight = sum(len(item.latents) for item in chosen)
            with torch.no_grad():
                for name, value in self._errors(chosen, None).items():
                    sums[name] = sums.get(name, 0.0) + weight * float(value)
            total += weight
        return {name: value / total for name, value in sums.items()}

    def _errors(self, chosen: list[Item], step: int | None) -> dict[str, Tensor]:
        """Mean absolute errors of a batch; with a step, some units are exchanged."""
        import torch

        network = self.network
        units, mask = _padded([torch.from_numpy(item.units).long() for item in chosen])
        if step is not None and self._corrupt:
            random = generator(self._seed, step)
            wrong = torch.rand(units.shape, generator=random) < self._corrupt
            units = torch.where(wrong, torch.randint(network.size.units, units.shape, generator=random), units)
        wanted, fine = _padded([torch.from_numpy(item.latents.astype(np.float32)) for item in chosen])
        where = [places(0, len(item.latents), LATENTS_PER_FRAME, len(item.units)) for item in chosen]
        left, right = (_padded([torch.from_numpy(getattr(w, n)) for w in where])[0] for n in ("left", "right"))
        mix = _padded([torch.from_numpy(w.mix) for w in where])[0]
        device = network.mean.device
        units, mask, wanted, fine = (value.to(device) for value in (units, mask, wanted, fine))
        found = network(units, left.to(device), right.to(device), mix.to(device), mask, fine)
        error = (found - (wanted - network.mean) / network.deviation) * fine.unsqueeze(-1)
        change = error[:, 1:] - error[:, :-1]
        inside = fine[:, 1:].unsqueeze(-1)
        count = fine.sum() * error.shape[-1]
        runs = [collapse(item.units) for item in chosen]
        names, known = _padded([torch.from_numpy(run.units).long() for run in runs])
        frames = _padded([torch.from_numpy(run.durations.astype(np.float32)).log() for run in runs])[0]
        lengths = network.log_durations(names.to(device), known.to(device))
        off = ((lengths - frames.to(device)) * known.to(device)).abs().sum() / known.sum()
        return {
            "distance": error.abs().sum() / count,
            "change": (change * inside).abs().sum() / count,
            "distance_durations": off,
        }

    def weights(self) -> dict[str, Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """See :class:`engines.training.loop.Trainee`."""
        self.network.load_state_dict(dict(weights))


def _padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Rows of several lengths in one tensor with zeros at the end, and where there is something."""
    import torch

    lengths = torch.tensor([len(row) for row in rows])
    mask = (torch.arange(int(lengths.max()))[None] < lengths[:, None]).float()
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), mask


def _check(recipe: Recipe) -> None:
    unknown = sorted(set(recipe.options) - _OPTIONS)
    if unknown:
        known = ", ".join(sorted(_OPTIONS))
        raise RecipeInvalid(f"The recipe {recipe.id} has unknown options: {', '.join(unknown)}.", f"There are {known}.")
    if [stage.name for stage in recipe.stages] != ["vocoder"]:
        raise RecipeInvalid(f"The recipe {recipe.id} trains a vocoder, which has one stage, vocoder.", "Name that one.")
    try:
        fine, durations = int(recipe.options.get("fine", 3)), int(recipe.options.get("durations", 2))
        corrupt = float(recipe.options.get("corrupt", 0.04))
    except ValueError as error:
        raise RecipeInvalid(f"An option of the recipe {recipe.id} is no number.", "Correct it.") from error
    if not (0 <= fine <= 16 and 0 <= durations <= 16 and 0 <= corrupt < 1):
        raise RecipeInvalid(
            f"The options of the recipe {recipe.id} are impossible.",
            "fine and durations are numbers of blocks up to 16, corrupt is a share below 1.",
        )
