"""What the loop trains for the latent family: the trunk by CTC, and an adapter with a LoRA by the text it leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from engines.errors import CorpusInvalid
from engines.evaluation.metrics import Errors, word_errors
from engines.models.pieces import Inventory
from engines.stages.prompts import prompt
from engines.training.dataset import Clip, Source, plan
from engines.training.inventory import said
from engines.training.recipes import Data

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engines.training.networks.speech_llm import SpeechLanguageModel
    from engines.training.networks.trunk import Trunk

FRAMES_PER_SECOND = 50
PIECES_PER_SECOND = 5.0
"""Of text at most when measuring, and eight more, as at run time."""
_TOGETHER = 16


def clips(data: Source, wanted: Data, split: Literal["train", "dev"]) -> list[Clip]:
    """The clips of a split that a recipe asks for, those of repeated corpora as often as it says.

    Raises:
        CorpusInvalid: there are none.
    """
    low, high = wanted.shortest * FRAMES_PER_SECOND, wanted.longest * FRAMES_PER_SECOND
    languages = {*wanted.languages, *wanted.translate}
    found = [
        clip
        for clip in data.clips
        if clip.split == split and clip.language in languages and low <= clip.frames <= high
        for _ in range(wanted.repeat.get(data.names[clip.corpus], 1) if split == "train" else 1)
    ]
    if not found:
        what = "to train on" if split == "train" else "to measure on (split dev)"
        raise CorpusInvalid(f"There are no clips {what} in {', '.join(data.names)}.", "Make more data.")
    return found


def development(data: Source, wanted: Data) -> list[Clip]:
    """Development clips of every language that is transcribed, spread evenly, as many as the recipe says."""
    every = clips(data, wanted, "dev")
    found: list[Clip] = []
    for language in wanted.languages:
        own = [clip for clip in every if clip.language == language]
        places = np.linspace(0, len(own) - 1, min(len(own), wanted.development)).round().astype(int).tolist()
        found += [own[place] for place in places]
    return found or every[: wanted.development]


def rates(items: Sequence[Clip], texts: Sequence[str]) -> dict[str, float]:
    """Word error rates in percent: ``wer`` over English clips (all, where there are none), and one per language."""
    by_language: dict[str, Errors] = {}
    for clip, text in zip(items, texts, strict=True):
        counted = word_errors(clip.text, text, clip.language)
        by_language[clip.language] = by_language.get(clip.language, Errors()) + counted
    main = by_language.get("en") or sum(by_language.values(), Errors())
    return {"wer": 100 * main.rate, **{f"wer_{name}": 100 * found.rate for name, found in sorted(by_language.items())}}


class TrunkTrainee:
    """Trains the trunk; see :class:`engines.training.loop.Trainee`.

    Args:
        trunk: on its device.
        data: clips with states.
        inventory: of the labels.
        wanted: what the recipe says of data.
        batch_seconds: of speech per step.
        seed: of the order.

    Raises:
        CorpusInvalid: there is nothing to train or measure on.
    """

    def __init__(
        self, trunk: Trunk, data: Source, inventory: Inventory, wanted: Data, *, batch_seconds: float, seed: int
    ) -> None:
        self.trunk = trunk
        self._data, self._inventory, self._seed = data, inventory, seed
        self._most = int(batch_seconds * FRAMES_PER_SECOND)
        columns = {int(place): column for column, place in enumerate(inventory.ctc.tolist(), 1)}
        self._items: list[tuple[Clip, list[int], list[int]]] = []
        self.skipped = 0
        for clip in clips(data, wanted, "train"):
            words = said(clip.text, clip.language)
            places, characters = inventory.cut_spoken(words), inventory.characters_of(words)
            if not places or not characters or len(places) > clip.frames // 2:
                self.skipped += 1
                continue
            self._items.append((clip, [columns[place] for place in places], characters))
        if not self._items:
            raise CorpusInvalid("No clip's text can be spelled with the pieces.", "Check the recipe's languages.")
        self._development = development(data, wanted)

    def parameters(self) -> list[Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return list(self.trunk.parameters())

    def batches(self, epoch: int) -> list[list[int]]:
        """See :class:`engines.training.loop.Trainee`."""
        random = np.random.default_rng((self._seed, epoch))
        return plan([self._data.room(clip) for clip, _, _ in self._items], self._most, random)

    def loss(self, batch: list[int], step: int) -> Tensor:
        """See :class:`engines.training.loop.Trainee`."""
        from engines.training.networks.trunk import mask_states

        items = [self._items[place] for place in batch]
        states, lengths = self._data.tensors([clip for clip, _, _ in items], _like(self.trunk), (self._seed, step))
        self.trunk.train()
        masked = mask_states(states, lengths, generator(self._seed, step))
        output = self.trunk(masked, lengths)
        labels = _padded([columns for _, columns, _ in items], states.device)
        characters = _padded([columns for _, _, columns in items], states.device)
        return self.trunk.loss(output, lengths, labels, characters)

    def evaluate(self) -> dict[str, float]:
        """Greedy CTC on the development clips."""
        return rates(self._development, self.heard(self._development))

    def heard(self, items: Sequence[Clip]) -> list[str]:
        """What greedy CTC makes of clips."""
        import torch

        self.trunk.eval()
        texts = [""] * len(items)
        for batch in in_batches(items):
            states, lengths = self._data.tensors([items[place] for place in batch], _like(self.trunk))
            with torch.no_grad():
                output = self.trunk(states, lengths)
            best = output.logits.float().argmax(-1).cpu().numpy()
            for place, row, length in zip(batch, best, output.lengths.tolist(), strict=True):
                labels = row[:length]
                kept = labels[(labels > 0) & (np.diff(labels, prepend=-1) != 0)]
                texts[place] = self._inventory.text(self._inventory.ctc[kept - 1].tolist())
        return texts

    def weights(self) -> dict[str, Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return {name: value.detach().cpu().clone() for name, value in self.trunk.state_dict().items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """See :class:`engines.training.loop.Trainee`."""
        self.trunk.load_state_dict(dict(weights))


@dataclass(frozen=True)
class Item:
    """One thing to learn: what is written when a clip is heard after a prompt.

    Attributes:
        clip: what is heard.
        prompt: token ids between speech and answer.
        answer: places in the inventory.
    """

    clip: Clip
    prompt: tuple[int, ...]
    answer: tuple[int, ...]


class AdapterTrainee:
    """Trains an adapter, and in the stage ``llm`` the LoRA with it; see :class:`engines.training.loop.Trainee`.

    Args:
        model: trunk, adapter and language model, on their device.
        trained: name → parameter.
        data: clips with states.
        inventory: what can be written.
        encode: text to token ids of the language model.
        wanted: what the recipe says of data.
        matching: whether the loss is that of matching.
        batch_seconds: of speech per step.
        seed: of the order.

    Raises:
        CorpusInvalid: there is nothing to train or measure on.
    """

    def __init__(
        self,
        model: SpeechLanguageModel,
        trained: Mapping[str, Tensor],
        data: Source,
        inventory: Inventory,
        encode: Callable[[str], Sequence[int]],
        wanted: Data,
        *,
        matching: bool,
        batch_seconds: float,
        seed: int,
    ) -> None:
        self.model = model
        self._trained = dict(trained)
        self._data, self._inventory, self._encode, self._seed = data, inventory, encode, seed
        self._matching = matching
        self._most = int(batch_seconds * FRAMES_PER_SECOND)
        self._items = [item for clip in clips(data, wanted, "train") for item in self._tasks(clip, wanted)]
        if not self._items:
            raise CorpusInvalid("No clip's text can be spelled with the pieces.", "Check the recipe's languages.")
        self._development = development(data, wanted)

    def _tasks(self, clip: Clip, wanted: Data) -> list[Item]:
        asked = []
        if clip.language in wanted.languages:
            asked.append((prompt("transcript", clip.language), clip.text))
        if clip.english and clip.language in wanted.translate:
            asked.append((prompt("translation", "en"), clip.english))
        cut = [(text, self._inventory.cut(answer)) for text, answer in asked]
        return [Item(clip, tuple(self._encode(text)), tuple(answer)) for text, answer in cut if answer]

    def parameters(self) -> list[Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return list(self._trained.values())

    def batches(self, epoch: int) -> list[list[int]]:
        """See :class:`engines.training.loop.Trainee`."""
        random = np.random.default_rng((self._seed, epoch))
        return plan([self._data.room(item.clip) for item in self._items], self._most, random)

    def loss(self, batch: list[int], step: int) -> Tensor:
        """See :class:`engines.training.loop.Trainee`."""
        from engines.training.networks.trunk import mask_states

        items = [self._items[place] for place in batch]
        clips_of = [item.clip for item in items]
        states, lengths = self._data.tensors(clips_of, _like(self.model.adapter), (self._seed, step))
        self.model.train()
        masked = mask_states(states, lengths, generator(self._seed, step))
        if self._matching:
            labels = _long(self._inventory.ctc, states.device)
            return self.model.matching(masked, lengths, self._inventory.place("▁"), labels)
        return self.model.loss(masked, lengths, [item.prompt for item in items], [item.answer for item in items])

    def evaluate(self) -> dict[str, float]:
        """Greedy texts of the development clips."""
        return rates(self._development, self.written(self._development))

    def written(self, items: Sequence[Clip]) -> list[str]:
        """What is written for clips."""
        self.model.eval()
        texts = [""] * len(items)
        for batch in in_batches(items):
            chosen = [items[place] for place in batch]
            states, lengths = self._data.tensors(chosen, _like(self.model.adapter))
            prompts = [self._encode(prompt("transcript", clip.language)) for clip in chosen]
            longest = [int(8 + PIECES_PER_SECOND * clip.frames / FRAMES_PER_SECOND) for clip in chosen]
            for place, places in zip(batch, self.model.write(states, lengths, prompts, longest), strict=True):
                texts[place] = self._inventory.text(places)
        return texts

    def weights(self) -> dict[str, Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return {name: value.detach().cpu().clone() for name, value in self._trained.items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """See :class:`engines.training.loop.Trainee`."""
        import torch

        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(weights[name])


def in_batches(items: Sequence[Clip]) -> list[list[int]]:
    """Places of clips of like length, together."""
    order = sorted(range(len(items)), key=lambda place: items[place].frames)
    return [order[start : start + _TOGETHER] for start in range(0, len(order), _TOGETHER)]


def generator(seed: int, step: int) -> torch.Generator:
    """Random numbers of a step."""
    import torch

    return torch.Generator().manual_seed((seed << 32) + step)


def _like(module: Any) -> Tensor:
    found: Tensor = next(iter(module.parameters()))
    return found


def _long(values: Any, device: Any) -> Tensor:
    import torch

    return torch.as_tensor(values, dtype=torch.long, device=device)


def _padded(rows: Sequence[Sequence[int]], device: Any) -> Tensor:
    longest = max(map(len, rows))
    return _long([[*row, *[0] * (longest - len(row))] for row in rows], device)
