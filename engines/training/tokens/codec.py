"""Trains the speech codec on the sound of the corpora, through the bench's loop.

What is lowered is the distance of spectra at five resolutions and of the samples themselves, with the commitment to
the codebooks and, where the recipe asks for it, what an adversary says (EnCodec, arXiv 2210.13438, §3.4). Every second
piece goes through a random number of codebooks, so that the first k alone are speech too (SoundStream, arXiv
2107.03312, §III-D). The first steps are taken without quantisation: k-means of latents that mean something is a better
beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engines import paths
from engines.contract import Samples
from engines.evaluation.spectra import log_spectral_distance
from engines.training.loop import Progress
from engines.training.recipes import Recipe
from engines.training.runs import Trained, device_of, from_curves, through
from engines.training.tokens.codec_settings import HOP, CodecSettings, settings_of
from engines.training.tokens.crops import Crops, development

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engines.training.networks.codec import CodecNetwork
    from engines.training.networks.spectral_codec import SpectralCodec

    Network = CodecNetwork | SpectralCodec

CRITERION = "distance"
"""Mean log-spectral distance in dB of the development clips over the numbers of codebooks that are measured."""
_KMEANS_BATCHES = 16


def run(
    recipe: Recipe,
    *,
    minutes: float | None = None,
    device: str = "auto",
    folder: Path,
    report: Callable[[Progress], None],
) -> Trained:
    """Trains, from where the last call stopped; see :func:`engines.training.stages.run`.

    Raises:
        RecipeInvalid: the options are impossible.
        CorpusInvalid: data are missing.
        BadInput: there is no such device.
        TrainingDiverged: the loss is no number any more.
    """
    settings = settings_of(recipe)
    corpora = paths.data() / "training" / "corpora"
    crops = Crops(corpora, recipe.data, settings.crop, recipe.seed)
    clips = development(corpora, recipe.data)
    network = seeded(settings, recipe.seed)
    network.to(device_of(device))
    stage = recipe.stages[0]
    trainee = CodecTrainee(network, crops, clips, settings, batch_seconds=stage.batch_seconds)
    over = through(recipe, lambda _: trainee, folder, minutes=minutes, report=report)
    steps, seconds, metrics = from_curves(folder, recipe, CRITERION)
    count = sum(value.numel() for value in network.trained()) + settings.books * settings.codes * settings.hidden
    return Trained(recipe, folder, over, {"codec": count}, seconds / 60, steps, metrics, crops.hours)


def seeded(settings: CodecSettings, seed: int) -> Network:
    """A network with the weights that a seed begins with."""
    import torch

    from engines.training.networks.codec import CodecNetwork
    from engines.training.networks.spectral_codec import SpectralCodec

    torch.manual_seed(seed)
    return CodecNetwork(settings) if settings.network == "seanet" else SpectralCodec(settings)


class CodecTrainee:
    """Trains the codec; see :class:`engines.training.loop.Trainee`.

    Args:
        network: on its device.
        crops: what is trained on.
        clips: ``(n,)`` each, what is measured on.
        settings: of the recipe.
        batch_seconds: of speech per step.
    """

    criterion = CRITERION

    def __init__(
        self,
        network: Network,
        crops: Crops,
        clips: list[Samples],
        settings: CodecSettings,
        *,
        batch_seconds: float,
    ) -> None:
        from engines.training.networks.adversary import Adversary
        from engines.training.networks.spectra import SpectralDistance
        from engines.training.optimiser import MasterAdamW

        self.network, self._crops, self._clips, self._settings = network, crops, clips, settings
        self._size = max(1, round(batch_seconds / settings.crop_seconds))
        self._device: torch.device = next(network.parameters()).device
        self._distance = SpectralDistance().to(self._device)
        self._adversary = Adversary().to(self._device) if settings.adversary else None
        self._against = MasterAdamW(self._adversary.parameters(), decay=0.0) if self._adversary is not None else None
        self._measured = sorted({max(1, settings.books // share) for share in (8, 4, 2, 1)})

    def parameters(self) -> list[Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return self.network.trained()

    def batches(self, epoch: int) -> list[list[int]]:
        """See :class:`engines.training.loop.Trainee`."""
        return self._crops.batches(epoch, self._size)

    def loss(self, batch: list[int], step: int) -> Tensor:
        """See :class:`engines.training.loop.Trainee`."""
        import torch

        settings, network = self._settings, self.network
        network.train()
        quantised = step >= settings.free_steps
        if quantised and not network.quantiser.ready:
            self._begin(step)
        speech = self._tensor(self._crops.read(batch, step))
        latents = network.encode(speech)
        commitment = latents.new_zeros(())
        if quantised:
            found = network.quantiser(latents, self._books(len(batch)), train=True)
            latents, commitment = found.values, found.commitment
        heard = network.decode(latents)
        scale = speech.abs().mean().clamp(min=1e-4)
        mel, convergence = self._distance(heard, speech)
        loss = settings.spectral * mel + settings.convergence * convergence
        loss = loss + settings.waveform * (heard - speech).abs().mean() / scale + settings.commitment * commitment
        if self._adversary is not None and self._against is not None and step >= settings.adversary_from:
            self._adversary.against(speech, heard).backward()
            self._against.step(settings.adversary_rate)
            self._adversary.requires_grad_(False)  # what it says is for the codec to learn from
            hinge, features = self._adversary.of(speech, heard)
            self._adversary.requires_grad_(True)
            loss = loss + settings.adversarial * hinge + settings.features * features
        return torch.as_tensor(loss)

    def evaluate(self) -> dict[str, float]:
        """Log-spectral distance of the development clips in dB, by number of codebooks and in the mean."""
        import torch

        self.network.eval()
        distances: dict[int, list[float]] = {books: [] for books in self._measured}
        for clip in self._clips:
            frames = -(-clip.shape[0] // HOP)
            speech = self._tensor(np.pad(clip, (0, frames * HOP - clip.shape[0]))[None])
            with torch.no_grad():
                codes = self.network.quantiser(self.network.encode(speech)).codes
                for books in self._measured:
                    heard = self.network.decode(self.network.quantiser.values(codes[:, :books]))
                    samples = np.clip(heard[0, : clip.shape[0]].float().cpu().numpy(), -1, 1)
                    distances[books].append(log_spectral_distance(clip, samples))
        means = {books: float(np.mean(found)) for books, found in distances.items()}
        return {CRITERION: float(np.mean(list(means.values()))), **{f"{CRITERION}_{k}": v for k, v in means.items()}}

    def weights(self) -> dict[str, Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """See :class:`engines.training.loop.Trainee`."""
        self.network.load_state_dict(dict(weights))

    def state(self) -> dict[str, Any]:
        """Codebooks, and the adversary with its optimiser."""
        kept: dict[str, Any] = {"codebooks": self.network.codebooks()}
        if self._adversary is not None and self._against is not None:
            kept |= {"against": self._against.state()}
        return kept

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over :meth:`state`."""
        for name, value in self.network.codebooks().items():
            value.copy_(state["codebooks"][name])
        if self._against is not None:
            self._against.restore(state["against"])

    def _begin(self, step: int) -> None:
        """Sets the codebooks by the latents of some batches of their own."""
        import torch

        self.network.eval()
        found = []
        for number, batch in enumerate(self._crops.batches(2**31 + step, self._size)[:_KMEANS_BATCHES]):
            with torch.no_grad():
                latents = self.network.encode(self._tensor(self._crops.read(batch, 2**31 + step + number)))
            found.append(latents.transpose(1, 2).reshape(-1, latents.shape[1]))
        self.network.quantiser.begin(torch.cat(found))
        self.network.train()

    def _books(self, size: int) -> Tensor:
        """How many codebooks each of a batch goes through: all, or every second time any number."""
        import torch

        every = self._settings.books
        some = torch.randint(1, every + 1, (size,))
        return torch.where(torch.rand(size) < 0.5, some, every).to(self._device)

    def _tensor(self, samples: NDArray[np.float32]) -> Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(samples, np.float32)).to(self._device)
