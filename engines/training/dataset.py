"""The clips of training corpora, with the encoder's states in one memory-mapped file per corpus.

The layout is that of :mod:`engines.training.data`: ``manifest.jsonl`` and, under ``features``, ``states.f16`` with
``index.npz`` (``offset`` and ``frames`` per line of the manifest).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.errors import CorpusInvalid

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 512
"""Of the encoder's states."""


@dataclass(frozen=True)
class Clip:
    """One clip.

    Attributes:
        id: unique.
        corpus: index of its corpus.
        offset: row of its first frame in the corpus's states.
        frames: at 50 Hz.
        text: what is said, as it is written.
        language: ISO 639-1 code.
        english: translation, if there is one.
        split: ``train``, ``dev`` or ``test``.
    """

    id: str
    corpus: int
    offset: int
    frames: int
    text: str
    language: str
    english: str | None
    split: str


class Source(Protocol):
    """Clips, and the encoder's states of them.

    Attributes:
        clips: of all corpora.
        names: of the corpora.
    """

    clips: list[Clip]
    names: tuple[str, ...]

    def room(self, clip: Clip) -> int:
        """Frames that a clip costs in a batch."""
        ...

    def tensors(
        self, chosen: Sequence[Clip], like: Tensor, seed: tuple[int, int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """States of a batch.

        Args:
            chosen: the clips.
            like: a parameter that tells type and device.
            seed: of what is drawn at random; None draws nothing, as when measuring.

        Returns:
            ``(B, T, 512)``, zeros at the end, and the numbers of frames ``(B,)``.
        """
        ...


class SpeechData:
    """Clips of several corpora with states that were computed before.

    Args:
        folders: of the corpora.
        names: their names.

    Attributes:
        skipped: clips that were left out because their states are missing.

    Raises:
        CorpusInvalid: a corpus is missing, has no features or holds nothing.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.clips: list[Clip] = []
        self.skipped = 0
        self.names = tuple(names)
        self._states: list[NDArray[np.float16]] = []
        for number, name in enumerate(names):
            self._read(number, folder / name)
        if not self.clips:
            raise CorpusInvalid(f"There are no clips in {', '.join(names)}.", "Make the data again.")

    def _read(self, number: int, folder: Path) -> None:
        features = folder / "features"
        try:
            lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
            index = np.load(features / "index.npz")
            offsets, frames = index["offset"].tolist(), index["frames"].tolist()
            states = np.memmap(features / "states.f16", np.float16, "r").reshape(-1, WIDTH)
        except (OSError, KeyError, ValueError) as error:
            raise CorpusInvalid(
                f"The training data {folder.name} are missing or have no features ({folder}).",
                "Make them with `triptych train --data`.",
            ) from error
        self._states.append(states)
        for line, offset, count in zip(lines, offsets, frames, strict=False):
            try:
                row = json.loads(line)
                clip = Clip(
                    str(row["id"]), number, offset, count, str(row["text"]), str(row["language"]),
                    row.get("english"), str(row.get("split", "train")),
                )  # fmt: skip
            except (ValueError, KeyError):
                self.skipped += 1
                continue
            if count < 2 or offset < 0 or offset + count > len(states):
                self.skipped += 1
                continue
            self.clips.append(clip)

    def states(self, clip: Clip) -> NDArray[np.float16]:
        """``(frames, 512)``."""
        return self._states[clip.corpus][clip.offset : clip.offset + clip.frames]

    def padded(self, clips: Sequence[Clip]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """States of a batch ``(B, T, 512)``, zeros at the end, and the numbers of frames ``(B,)``."""
        lengths = np.array([clip.frames for clip in clips], np.int64)
        states = np.zeros((len(clips), int(lengths.max()), WIDTH), np.float32)
        for row, clip in zip(states, clips, strict=True):
            row[: clip.frames] = self.states(clip)
        return states, lengths

    def room(self, clip: Clip) -> int:
        """See :class:`Source`."""
        return clip.frames

    def tensors(
        self, chosen: Sequence[Clip], like: Tensor, seed: tuple[int, int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """See :class:`Source`; nothing is drawn."""
        import torch

        del seed
        states, lengths = self.padded(chosen)
        return torch.from_numpy(states).to(like.device, like.dtype), torch.from_numpy(lengths).to(like.device)


def plan(lengths: Sequence[int], most: int, random: np.random.Generator) -> list[list[int]]:
    """Cuts an epoch into batches of like length.

    Args:
        lengths: of all items, in frames.
        most: frames in a batch, padding included; an item longer than that is a batch by itself.
        random: shuffles; the same state gives the same plan.

    Returns:
        lists of places in ``lengths``, each place once.
    """
    jitter = random.uniform(0.85, 1.15, len(lengths))
    order = np.argsort(np.asarray(lengths) * jitter, kind="stable")
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for place in order.tolist():
        longest = max(longest, lengths[place])
        if batch and longest * (len(batch) + 1) > most:
            batches.append(batch)
            batch, longest = [], lengths[place]
        batch.append(place)
    if batch:
        batches.append(batch)
    return [batches[i] for i in random.permutation(len(batches)).tolist()]
