"""Training a trunk together with the last layers of the speech encoder, and reading an encoder that was tuned.

The encoder's states change with every step, so that they cannot be computed once: features are computed from the clips'
sound and run through the encoder in every step. A batch is padded to little more than its longest clip and not to 30 s,
as at run time (:mod:`engines.models.tuned_encoder`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from engines.contract import SAMPLE_RATE
from engines.errors import AdapterMissing, CorpusInvalid
from engines.models.pieces import Inventory
from engines.models.tuned_encoder import MARGIN_SECONDS, SHORTEST_SECONDS, window
from engines.training.data.corpus import MANIFEST, Corpus
from engines.training.dataset import Clip
from engines.training.recipes import Data
from engines.training.speech import FRAMES_PER_SECOND, TrunkTrainee
from engines.weights.store import WeightStore

if TYPE_CHECKING:
    from torch import Tensor

    from engines.training.networks.speech_encoder import SpeechEncoder
    from engines.training.networks.trunk import Trunk

ENCODER: Final = "encoder.json"
"""Of a run with tuned layers: how many there are. Their weights are among those of the trunk."""
PREFIX: Final = "encoder."
"""Of the names of the encoder's weights there."""
MODEL: Final = "whisper-base"
_MARGIN: Final = (0.5, 2.0)
_SHORTEST: Final = (3.0, 5.0)


class EncodedSound:
    """Clips of several corpora, encoded whenever they are asked for; see :class:`engines.training.dataset.Source`.

    Decoded sound is kept in memory, 115 MB an hour.

    Args:
        folder: of the corpora.
        names: their names.
        encoder: on its device.

    Attributes:
        skipped: clips that were left out because their sound is missing.

    Raises:
        CorpusInvalid: a corpus is missing, has no sound or holds nothing.
    """

    def __init__(self, folder: Path, names: Sequence[str], encoder: SpeechEncoder) -> None:
        self.encoder = encoder
        self.names = tuple(names)
        self.clips: list[Clip] = []
        self.skipped = 0
        self._corpora: list[Corpus] = []
        for number, name in enumerate(names):
            corpus = _open(folder / name)
            self._corpora.append(corpus)
            self.skipped += sum(corpus.problems.shards.values()) + len(corpus.problems.lines)
            self.clips += [
                Clip(c.id, number, place, c.frames, c.text, c.language, c.english or None, c.split)
                for place, c in enumerate(corpus.clips)
            ]

    def room(self, clip: Clip) -> int:
        """See :class:`engines.training.dataset.Source`: the silence behind a clip is encoded too."""
        return max(clip.frames + int(MARGIN_SECONDS * FRAMES_PER_SECOND), int(SHORTEST_SECONDS * FRAMES_PER_SECOND))

    def tensors(
        self, chosen: Sequence[Clip], like: Tensor, seed: tuple[int, int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """See :class:`engines.training.dataset.Source`; how much silence follows is drawn, up to two seconds."""
        import torch

        from engines.training.networks.log_mel import log_mel

        frames = [clip.frames for clip in chosen]
        longest = max(frames) / FRAMES_PER_SECOND
        if seed is None:
            seconds = window(longest)
        else:
            random = np.random.default_rng((*seed, 1))
            seconds = window(longest, random.uniform(*_MARGIN), random.uniform(*_SHORTEST))
        sound = np.zeros((len(chosen), round(seconds * SAMPLE_RATE)), np.float32)
        for row, clip in zip(sound, chosen, strict=True):
            corpus = self._corpora[clip.corpus]
            samples = corpus.samples(corpus.clips[clip.offset])[: sound.shape[1]]
            row[: len(samples)] = samples
        states = self.encoder(log_mel(torch.from_numpy(sound).to(like.device)).to(like.dtype))[:, : max(frames)]
        lengths = torch.tensor(frames, device=like.device)
        real = torch.arange(states.shape[1], device=like.device) < lengths[:, None]
        return states * real.unsqueeze(-1), lengths


class TunedTrunkTrainee(TrunkTrainee):
    """Trains the trunk and the last layers of the encoder; see :class:`engines.training.loop.Trainee`.

    Args:
        trunk: on its device.
        data: clips, with the encoder.
        inventory: of the labels.
        wanted: what the recipe says of data.
        batch_seconds: of speech and the silence behind it per step.
        seed: of the order.
        scale: of the encoder's learning rate.

    Raises:
        CorpusInvalid: there is nothing to train or measure on.
    """

    def __init__(
        self,
        trunk: Trunk,
        data: EncodedSound,
        inventory: Inventory,
        wanted: Data,
        *,
        batch_seconds: float,
        seed: int,
        scale: float,
    ) -> None:
        super().__init__(trunk, data, inventory, wanted, batch_seconds=batch_seconds, seed=seed)
        self._encoder, self._scale = data.encoder, scale

    def parameters(self) -> list[Tensor]:
        """The trunk's, then the encoder's."""
        return [*super().parameters(), *self._encoder.trained().values()]

    def scales(self) -> list[float]:
        """What the learning rate is multiplied with, a number per parameter."""
        return [1.0] * len(super().parameters()) + [self._scale] * len(self._encoder.trained())

    def weights(self) -> dict[str, Tensor]:
        """The trunk's, and the encoder's behind :data:`PREFIX`."""
        tuned = self._encoder.trained().items()
        return super().weights() | {PREFIX + name: value.detach().cpu().clone() for name, value in tuned}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """See :class:`engines.training.loop.Trainee`."""
        super().load(trunk_part(weights))
        self._encoder.take(encoder_part(weights))


def trunk_part(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trunk's among the weights of a run."""
    return {name: value for name, value in weights.items() if not name.startswith(PREFIX)}


def encoder_part(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's among the weights of a run, by their own names."""
    return {name.removeprefix(PREFIX): value for name, value in weights.items() if name.startswith(PREFIX)}


def new_encoder(tuned: int) -> SpeechEncoder:
    """The encoder as it is installed.

    Args:
        tuned: how many of its last layers are to be trained.

    Raises:
        WeightsMissing: it is not installed.
    """
    from engines.training.networks.speech_encoder import SpeechEncoder

    return SpeechEncoder.load(WeightStore().path(MODEL), tuned)


def load_encoder(folder: Path, best: str) -> SpeechEncoder | None:
    """The encoder that a trunk was tuned with, frozen; None where it is the installed one.

    Args:
        folder: of the trunk's run.
        best: name of its weights' file.

    Raises:
        AdapterMissing: the weights are not there.
        WeightsMissing: Whisper is not installed.
    """
    if not (folder / ENCODER).is_file():
        return None
    from safetensors.torch import load_file

    encoder = new_encoder(int(json.loads((folder / ENCODER).read_text(encoding="utf-8"))["tuned_layers"]))
    try:
        encoder.take(encoder_part(load_file(folder / best)))
    except (OSError, KeyError, RuntimeError) as error:
        reason = f"The run {folder.name} has no weights of the encoder that it tunes."
        raise AdapterMissing(reason, f"Run `triptych train {folder.name}` first.") from error
    encoder.requires_grad_(False)
    encoder.eval()
    return encoder


def _open(folder: Path) -> Corpus:
    if (folder / MANIFEST).is_file() and not any((folder / "audio").glob("*")):
        raise CorpusInvalid(
            f"The training data {folder.name} have no sound, which a tuned encoder needs ({folder}).",
            "Make them again with `triptych train --data`, or leave the encoder frozen.",
        )
    return Corpus.open(folder)
