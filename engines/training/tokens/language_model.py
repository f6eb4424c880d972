"""What the loop trains for the token language model: rows of units, and a LoRA, on a mixture of tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.errors import CorpusInvalid, RecipeInvalid
from engines.models.pieces import Inventory, spoken
from engines.tokens import prompts
from engines.tokens.prompts import Element, Heading
from engines.training.dataset import Clip, SpeechData, plan
from engines.training.recipes import Data, Recipe
from engines.training.speech import FRAMES_PER_SECOND, PIECES_PER_SECOND, clips, development, in_batches, rates
from engines.training.tokens.examples import Example, example
from engines.training.tokens.streams import Words

if TYPE_CHECKING:
    from torch import Tensor

    from engines.training.networks.token_llm import TokenLanguageModel

TASKS: Final = ("transcribe", "translate", "speak", "chain", "interleave")


@dataclass(frozen=True)
class Mixture:
    """What a recipe says under ``[options]``.

    Attributes:
        transcribe: how often per epoch a clip is used for units → text; a fraction is a probability.
        translate: the same for units → English text.
        speak: the same for text → units.
        chain: the same for units → transcript → translation → units.
        interleave: the same for text and units in turns.
        unit_weight: what an item of speech counts, one of text being 1.
        duration_weight: what the error of a unit's duration counts.
        drop: share of heard units that are left out while training.
        start: adapter whose LoRA is begun with; empty for none.
        after: run whose best weights are gone on from; empty for none.
    """

    transcribe: float = 1.0
    translate: float = 1.0
    speak: float = 1.0
    chain: float = 0.5
    interleave: float = 0.5
    unit_weight: float = 0.5
    duration_weight: float = 0.1
    drop: float = 0.05
    start: str = ""
    after: str = ""

    @classmethod
    def of(cls, recipe: Recipe) -> Mixture:
        """Reads the options of a recipe.

        Raises:
            RecipeInvalid: there is an unknown one, or a value makes no sense.
        """
        known = {field.name for field in fields(cls)}
        for name, value in recipe.options.items():
            right = (
                isinstance(value, str)
                if name in {"start", "after"}
                else isinstance(value, (int, float)) and 0 <= value <= 20
            )
            if name not in known or isinstance(value, bool) or not right or (name == "drop" and float(value) >= 1):
                raise RecipeInvalid(
                    f"The recipe {recipe.id} cannot set {name} to {value!r}.",
                    f"Its options: {', '.join(sorted(known))}.",
                )
        found = cls(**recipe.options)  # type: ignore[arg-type] # checked above
        if not any(getattr(found, task) for task in TASKS):
            raise RecipeInvalid(f"The recipe {recipe.id} has no task to learn.", "Give one of them more than 0.")
        return found


class Tokens(Protocol):
    """Tokens of clips that were made beforehand."""

    def ids(self, clip: Clip) -> NDArray[np.int32]:
        """``(T,)`` units or ``(books, T)`` codes; empty where there are none."""
        ...

    def words(self, clip: Clip) -> Words | None:
        """Where the clip's words are; None where that is not known."""
        ...


Job = tuple[int, str]
"""Place of a clip, and a task."""


class TokenTrainee:
    """Trains the rows of units and, in the stage ``llm``, the LoRA with them.

    See :class:`engines.training.loop.Trainee`.

    Args:
        model: on its device.
        trained: name → parameter.
        data: the clips.
        streams: their units.
        inventory: pieces of text.
        encode: text to token ids of the whole vocabulary.
        wanted: what the recipe says of data.
        mixture: of tasks.
        batch_seconds: of speech per step.
        seed: of the order.

    Raises:
        CorpusInvalid: there is nothing to train or measure on.
    """

    def __init__(
        self,
        model: TokenLanguageModel,
        trained: Mapping[str, Tensor],
        data: SpeechData,
        streams: Tokens,
        inventory: Inventory,
        encode: Callable[[str], Sequence[int]],
        wanted: Data,
        mixture: Mixture,
        *,
        batch_seconds: float,
        seed: int,
    ) -> None:
        self.model = model
        self._trained = dict(trained)
        self._streams, self._inventory, self._encode = streams, inventory, encode
        self._wanted, self._mixture, self._seed = wanted, mixture, seed
        self._most = int(batch_seconds * FRAMES_PER_SECOND)
        self._layout = model.layout
        self._clips = [clip for clip in clips(data, wanted, "train") if streams.ids(clip).size]
        self._english: dict[str, list[Clip]] = {}
        for clip in self._clips:
            if clip.language == "en":
                self._english.setdefault(spoken(clip.text), []).append(clip)
        self._jobs = [(place, task) for place, clip in enumerate(self._clips) for task in self._tasks(clip)]
        if not self._jobs:
            raise CorpusInvalid("No clip has units and a text that the recipe asks for.", "Check its languages.")
        self._development = [clip for clip in development(data, wanted) if streams.ids(clip).size]
        if not self._development:
            raise CorpusInvalid("No development clip has units.", "Make the units of every corpus anew.")

    def _tasks(self, clip: Clip) -> list[str]:
        """What can be learnt from a clip and counts for something."""
        own, crosses = clip.language in self._wanted.languages, clip.language in self._wanted.translate
        english = bool(clip.english) and crosses
        able = {
            "transcribe": own,
            "translate": english,
            "speak": own,
            "chain": english,
            "interleave": own and self._streams.words(clip) is not None,
        }
        return [task for task in TASKS if able[task] and getattr(self._mixture, task) > 0]

    def parameters(self) -> list[Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return list(self._trained.values())

    def batches(self, epoch: int) -> list[list[Job]]:
        """See :class:`engines.training.loop.Trainee`; which tasks a clip is used for is drawn anew in every epoch."""
        random = np.random.default_rng((self._seed, epoch))
        weights = np.array([getattr(self._mixture, task) for _, task in self._jobs])
        counts = (weights + random.random(len(weights))).astype(int)
        jobs = [job for job, count in zip(self._jobs, counts, strict=True) for _ in range(count)]
        jobs = jobs or list(self._jobs)
        lengths = [self._clips[place].frames * (2 if task == "chain" else 1) for place, task in jobs]
        return [[jobs[place] for place in batch] for batch in plan(lengths, self._most, random)]

    def loss(self, batch: list[Job], step: int) -> Tensor:
        """See :class:`engines.training.loop.Trainee`."""
        random = np.random.default_rng((self._seed, 3, step))
        made = [self._example(self._elements(self._clips[place], task, random), random) for place, task in batch]
        examples = [each for each in made if each is not None]
        self.model.train()
        if not examples:
            return sum((value.sum() * 0.0 for value in self._trained.values()), start=self.model.bias.sum() * 0.0)
        losses = self.model.losses(examples, smoothing=0.05)
        return losses.total(self._mixture.unit_weight, self._mixture.duration_weight)

    def _elements(self, clip: Clip, task: str, random: np.random.Generator) -> list[Element]:
        ids, english = self._streams.ids(clip), clip.english or ""
        if task == "transcribe":
            return prompts.transcribe(ids, clip.text, clip.language)
        if task == "translate":
            return prompts.translate(ids, english)
        if task == "speak":
            return prompts.speak(clip.text, clip.language, ids)
        if task == "chain":
            same = self._english.get(spoken(english), [])
            said = self._streams.ids(same[int(random.integers(len(same)))]) if same else None
            return prompts.chain(ids, clip.text, clip.language, english, said)
        words = self._streams.words(clip)
        assert words is not None
        return prompts.interleave(words.words, words.starts, ids, random)

    def _example(self, elements: Sequence[Element], random: np.random.Generator | None) -> Example | None:
        drop = self._mixture.drop if random is not None else 0.0
        return example(
            elements, self._layout, self._inventory, self._encode, self.model.gemma.begin, random=random, drop=drop
        )

    def evaluate(self) -> dict[str, float]:
        """Greedy transcripts of the development clips, and nats per item of speech and of text on them."""
        return {**rates(self._development, self.written(self._development)), **self._nats()}

    def _nats(self) -> dict[str, float]:
        import torch

        text = units = 0.0
        texts = count = 0
        self.model.eval()
        for batch in in_batches(self._development):
            found = [self._development[place] for place in batch]
            listed = [prompts.transcribe(self._streams.ids(clip), clip.text, clip.language) for clip in found]
            if self._mixture.speak:
                listed += [prompts.speak(clip.text, clip.language, self._streams.ids(clip)) for clip in found]
            examples = [each for each in (self._example(elements, None) for elements in listed) if each is not None]
            if examples:
                with torch.no_grad():
                    losses = self.model.losses(examples)
                text, texts = text + float(losses.text), texts + losses.texts
                units, count = units + float(losses.units), count + losses.unit_count
        return {"nats_text": text / max(1, texts), "nats_units": units / max(1, count)}

    def written(self, items: Sequence[Clip]) -> list[str]:
        """What is written for clips."""
        self.model.eval()
        texts = [""] * len(items)
        for batch in in_batches(items):
            chosen = [items[place] for place in batch]
            asked: list[Example] = []
            for clip in chosen:
                given = prompts.transcribe(self._streams.ids(clip), "", clip.language)[:-1]
                assert isinstance(given[-1], Heading)
                made = self._example(given, None)
                assert made is not None
                asked.append(made)
            longest = [int(8 + PIECES_PER_SECOND * clip.frames / FRAMES_PER_SECOND) for clip in chosen]
            for place, places in zip(batch, self.model.transcripts(asked, longest), strict=True):
                texts[place] = self._inventory.text(places)
        return texts

    def weights(self) -> dict[str, Tensor]:
        """See :class:`engines.training.loop.Trainee`; with the mean durations, which are not trained."""
        found = {name: value.detach().cpu().clone() for name, value in self._trained.items()}
        return {**found, "log_frames": self.model.log_frames.detach().cpu().clone()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """See :class:`engines.training.loop.Trainee`."""
        import torch

        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(weights[name])
