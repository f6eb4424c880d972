"""Pieces of equal length out of the sound of corpora, for networks that make sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import CorpusInvalid
from engines.training.data.corpus import Clip, Corpus
from engines.training.recipes import Data

_QUIETEST, _LOUDEST = -16.0, 3.0
"""Decibels by which a piece is made quieter or louder."""
_PEAK: Final = 0.98


class Crops:
    """Random pieces of the training clips; mild changes of loudness and polarity, nothing else.

    Args:
        folder: of all corpora.
        wanted: what the recipe says of data.
        samples: length of a piece.
        seed: of the order and of the places.

    Attributes:
        hours: of speech that is trained on, each clip counted once.

    Raises:
        CorpusInvalid: a corpus is missing, or there is nothing to train on.
    """

    def __init__(self, folder: Path, wanted: Data, samples: int, seed: int) -> None:
        self._samples, self._seed = samples, seed
        self._items: list[tuple[Corpus, Clip]] = []
        self.hours = 0.0
        for name in wanted.corpora:
            corpus = Corpus.open(folder / name)
            found = [clip for clip in corpus.clips if clip.split == "train" and _is_wanted(clip, wanted)]
            self.hours += sum(clip.seconds for clip in found) / 3600
            for clip in found:
                pieces = -(-clip.samples // samples) * wanted.repeat.get(name, 1)
                self._items += [(corpus, clip)] * pieces
        if not self._items:
            raise CorpusInvalid(f"There are no clips to train on in {', '.join(wanted.corpora)}.", "Make more data.")

    def __len__(self) -> int:
        return len(self._items)

    def batches(self, epoch: int, size: int) -> list[list[int]]:
        """Places of the pieces of each batch of an epoch; every second of speech is drawn once on average."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._items))
        if len(order) < size:
            order = np.resize(order, size)
        return [order[start : start + size].tolist() for start in range(0, len(order) - size + 1, size)]

    def read(self, batch: Sequence[int], step: int) -> NDArray[np.float32]:
        """Pieces ``(B, samples)`` in [-1, 1]; the same for the same step.

        Raises:
            CorpusInvalid: a file is damaged.
        """
        random = np.random.default_rng((self._seed, step, 1))
        return np.stack([self._piece(*self._items[place], random) for place in batch])

    def _piece(self, corpus: Corpus, clip: Clip, random: np.random.Generator) -> Samples:
        spare = clip.samples - self._samples
        start = int(random.integers(spare + 1)) if spare > 0 else 0
        before = int(random.integers(-spare + 1)) if spare < 0 else 0
        sign = float(random.choice([-1.0, 1.0]))
        gain = 10 ** (random.uniform(_QUIETEST, _LOUDEST) / 20)
        piece = np.zeros(self._samples, np.float32)
        sound = corpus.samples(clip)[start : start + self._samples]
        peak = max(float(np.abs(sound).max(initial=0.0)), 1e-6)
        piece[before : before + sound.shape[0]] = sound * np.float32(sign * min(gain, _PEAK / peak))
        return piece


def development(folder: Path, wanted: Data) -> list[Samples]:
    """Clips that are set aside to measure on, unchanged ones, spread evenly over corpora and languages.

    Raises:
        CorpusInvalid: there are none.
    """
    found: list[Samples] = []
    for name in wanted.corpora:
        corpus = Corpus.open(folder / name)
        for language in wanted.languages:
            own = [
                clip for clip in corpus.clips
                if clip.split == "dev" and clip.language == language and not clip.augmented
                and max(1.0, wanted.shortest) <= clip.seconds <= wanted.longest
            ]  # fmt: skip
            places = np.linspace(0, len(own) - 1, min(len(own), wanted.development)).round().astype(int).tolist()
            found += [corpus.samples(own[place]) for place in places]
    if not found:
        names = ", ".join(wanted.corpora)
        raise CorpusInvalid(f"There are no clips to measure on (split dev) in {names}.", "Make more data.")
    return found


def _is_wanted(clip: Clip, wanted: Data) -> bool:
    return clip.language in wanted.languages and wanted.shortest <= clip.samples / SAMPLE_RATE <= wanted.longest
