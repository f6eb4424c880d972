"""Learning to correct: one LoRA on N-best lists, the H2T way (HyPoradise, arXiv 2309.15701).

Implements :class:`engines.training.loop.Trainee`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engines.errors import CorpusInvalid
from engines.evaluation.metrics import Errors, word_errors
from engines.text.correction import distinct
from engines.training.text import examples
from engines.training.text.examples import Encode, Example
from engines.training.text.lists import NBestList
from engines.training.text.model import TextModel

if TYPE_CHECKING:
    from torch import Tensor

Decode = Callable[[Sequence[int]], str]

_TOGETHER = 16
"""Lists that are corrected in one batch when measuring."""


class CorrectionTrainee:
    """Trains a LoRA on lists.

    Args:
        model: the language model.
        encode: text to token ids.
        decode: token ids to text.
        begin: token that begins a text.
        training: lists to learn from.
        development: lists to measure on.
        tokens: in a batch, padding included.
        longest: tokens of the longest sequence; longer ones are left out.
        seed: of the order.

    Raises:
        CorpusInvalid: there is nothing to learn from or to measure on.
    """

    def __init__(
        self,
        model: TextModel,
        encode: Encode,
        decode: Decode,
        begin: int,
        training: Sequence[NBestList],
        development: Sequence[NBestList],
        *,
        tokens: int = 1200,
        longest: int = 160,
        seed: int = 0,
    ) -> None:
        self._model = model
        self._encode, self._decode, self._begin = encode, decode, begin
        made = [examples.example(encode, begin, item) for item in training]
        self.examples = [example for example in made if example.length <= longest]
        self.skipped = len(made) - len(self.examples)
        self._development = list(development)
        if not self.examples or not self._development:
            what = "learn from" if not self.examples else "measure on"
            raise CorpusInvalid(f"There are no N-best lists to {what}.", "Make more of them.")
        self._tokens = tokens
        self._seed = seed

    def parameters(self) -> list[Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return self._model.parameters()

    def batches(self, epoch: int) -> list[list[Example]]:
        """See :class:`engines.training.loop.Trainee`."""
        random = np.random.default_rng((self._seed, epoch))
        cut = examples.batches([example.length for example in self.examples], self._tokens, random)
        return [[self.examples[place] for place in batch] for batch in cut]

    def loss(self, batch: list[Example], step: int) -> Tensor:  # noqa: ARG002 - one form for all that is trained
        """See :class:`engines.training.loop.Trainee`."""
        return self._model.loss(batch)

    def evaluate(self) -> dict[str, float]:
        """On the development lists in percent: ``wer`` of what is written, ``heard`` of the best hypotheses."""
        written = self.corrected(self._development)
        pairs = list(zip(self._development, written, strict=True))
        return {
            "wer": 100 * _rate([word_errors(item.reference, text, item.target) for item, text in pairs]),
            "heard": 100 * _rate([word_errors(item.reference, item.texts[0], item.target) for item, _ in pairs]),
        }

    def corrected(self, items: Sequence[NBestList]) -> list[str]:
        """What the model writes for lists; where all hypotheses say the same, that."""
        texts = [item.texts[0] for item in items]
        todo = [(place, distinct(item.hypotheses)) for place, item in enumerate(items)]
        todo = [(place, listed) for place, listed in todo if len(listed) > 1]
        todo.sort(key=lambda pair: sum(map(len, pair[1])))
        for start in range(0, len(todo), _TOGETHER):
            batch = todo[start : start + _TOGETHER]
            prompts = [examples.prompt_ids(self._encode, self._begin, listed) for _, listed in batch]
            limit = max(len(self._encode(listed[0])) for _, listed in batch) * 3 // 2 + 8
            for (place, _), tokens in zip(batch, self._model.write(prompts, limit), strict=True):
                texts[place] = self._decode(tokens).strip() or texts[place]
        return texts

    def weights(self) -> dict[str, Tensor]:
        """See :class:`engines.training.loop.Trainee`."""
        return self._model.weights()

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """See :class:`engines.training.loop.Trainee`."""
        self._model.load(weights)


def spread(items: Sequence[NBestList], count: int) -> list[NBestList]:
    """So many of the lists, the same ones every time, whatever their order."""
    return sorted(items, key=lambda item: hashlib.sha256(item.key.encode()).hexdigest())[:count]


def _rate(errors: Sequence[Errors]) -> float:
    return sum(errors, start=Errors()).rate
