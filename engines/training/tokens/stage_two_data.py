"""What stage two is trained on: pieces of speech as units and codes, and prompts of the same voice from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.errors import CorpusInvalid, RecipeInvalid
from engines.models.codes import LOST
from engines.training.dataset import Clip
from engines.training.recipes import Recipe

FRAMES_PER_SECOND: Final = 50
_SHORTEST_PROMPT: Final = 25
"""Frames; what is shorter tells little of a voice."""


@dataclass(frozen=True)
class StageTwoSettings:
    """What a recipe says under ``[options]``.

    Attributes:
        tokens: adapter whose language model writes the units that are spoken; it is not trained here.
        voices: corpora, with spaces between, in which what the manifest calls a voice is one person; elsewhere prompts
            are taken from the same clip alone.
        window: seconds of speech that are made at once in training.
        prompt: longest prompt in seconds.
        alone: share of pieces without a prompt.
        first: share of pieces that train the first codebook; the others train what it leaves.
        corrupt: share of units, and of known codes of the codebooks below, that are exchanged for others.
        fewer: share of pieces whose past has the first codebooks alone, as many as are drawn.
    """

    tokens: str = "token-semantic"
    voices: str = ""
    window: float = 3.0
    prompt: float = 3.0
    alone: float = 0.2
    first: float = 0.6
    corrupt: float = 0.04
    fewer: float = 0.2

    @classmethod
    def of(cls, recipe: Recipe) -> StageTwoSettings:
        """Reads the options of a recipe.

        Raises:
            RecipeInvalid: one is unknown or makes no sense, or the stages are not those of stage two.
        """
        known = {field.name: type(field.default) for field in fields(cls)}
        for name, value in recipe.options.items():
            text = known.get(name) is str
            right = isinstance(value, str) if text else _is_share(name, value)
            if name not in known or not right:
                raise RecipeInvalid(
                    f"The recipe {recipe.id} cannot set {name} to {value!r}.", f"Its options: {', '.join(known)}."
                )
        if [stage.name for stage in recipe.stages] != ["stage-two"]:
            raise RecipeInvalid(f"The recipe {recipe.id} has other stages than stage-two.", "Name that one alone.")
        return cls(**recipe.options)  # type: ignore[arg-type] # checked above


def _is_share(name: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return 0.5 <= value <= 10 if name in {"window", "prompt"} else 0 <= value < 1


@dataclass(frozen=True)
class Item:
    """A clip.

    Attributes:
        units: ``(T,)`` at 50 Hz.
        codes: ``(books, T)`` of the same time.
        voice: whose it is; None where it is not known to be one person's.
    """

    units: NDArray[np.int32]
    codes: NDArray[np.int32]
    voice: str | None

    def __len__(self) -> int:
        return len(self.units)


def item(units: NDArray[np.int32], codes: NDArray[np.int32], voice: str | None = None) -> Item:
    """A clip of units ``(T25,)`` at 25 Hz and codes ``(books, T50)`` at 50 Hz, as long as both go."""
    frames = min(2 * len(units), codes.shape[1])
    return Item(np.repeat(units, 2)[:frames], codes[:, :frames], voice)


def items(
    clips: Sequence[Clip],
    units: Callable[[Clip], NDArray[np.int32]],
    codes: Callable[[Clip], NDArray[np.int32]],
    voice: Callable[[Clip], str | None],
) -> list[Item]:
    """Clips that have units and codes.

    Raises:
        CorpusInvalid: none has.
    """
    found = [item(units(clip), codes(clip), voice(clip)) for clip in clips]
    found = [each for each in found if len(each) >= 2]
    if not found:
        raise CorpusInvalid("No clip has both units and codes.", "Make the codes of every corpus anew.")
    return found


@dataclass(frozen=True)
class Drawn:
    """A batch.

    Attributes:
        units: ``(B, T)``.
        codes: ``(B, books, T)`` what is known; -1 elsewhere.
        targets: ``(B, books, T)`` what is to be told.
        learnt: ``(B, T)`` where something is to be learnt.
        mask: ``(B, T)`` where there is a frame.
        level: ``(B,)`` 0 where the first codebook is wanted, 1 where the others are.
        prompt_units: ``(B, P)``, the first of them nobody's.
        prompt_codes: ``(B, books, P)``.
        prompt_mask: ``(B, P)``.
    """

    units: NDArray[np.int64]
    codes: NDArray[np.int64]
    targets: NDArray[np.int64]
    learnt: NDArray[np.bool_]
    mask: NDArray[np.float32]
    level: NDArray[np.int64]
    prompt_units: NDArray[np.int64]
    prompt_codes: NDArray[np.int64]
    prompt_mask: NDArray[np.float32]


class Windows:
    """Draws pieces and prompts.

    Args:
        found: the clips.
        settings: of the recipe.
        size: number of units.
        books: codebooks.
        codes: entries of each.
    """

    def __init__(self, found: Sequence[Item], settings: StageTwoSettings, *, size: int, books: int, codes: int) -> None:
        self._items, self._settings = list(found), settings
        self._size, self._books, self._codes = size, books, codes
        self._window = round(settings.window * FRAMES_PER_SECOND)
        self._longest = round(settings.prompt * FRAMES_PER_SECOND)
        self._others: dict[str, list[int]] = {}
        for place, each in enumerate(self._items):
            if each.voice is not None:
                self._others.setdefault(each.voice, []).append(place)
        self._pieces = [p for p, each in enumerate(self._items) for _ in range(-(-len(each) // self._window))]

    def batches(self, random: np.random.Generator, size: int) -> list[list[int]]:
        """Places of clips, every window's worth of them once; ``size`` in a batch."""
        order = [self._pieces[place] for place in random.permutation(len(self._pieces))]
        whole = max(1, len(order) // size)
        return [order[number::whole] for number in range(whole)]

    def draw(
        self, places: Sequence[int], random: np.random.Generator, level: int | None = None, *, masked: float = 1.0
    ) -> Drawn:
        """Pieces of clips.

        Args:
            places: of the clips.
            random: decides everything that is open.
            level: 0 or 1, what is wanted, with nothing before the piece and nothing exchanged, as when measuring;
                drawn by default.
            masked: with a level: share of the first codebook's frames that are not known.
        """
        settings, books = self._settings, self._books
        rows = []
        for place in places:
            each = self._items[place]
            length = min(self._window, len(each))
            start = int(random.integers(len(each) - length + 1))
            wanted = level
            if wanted is None:
                wanted = int(random.random() >= settings.first and books > 1)
            units, codes = each.units[start : start + length].copy(), each.codes[:, start : start + length]
            known = np.full(codes.shape, LOST, np.int32)
            known[:wanted] = codes[:wanted]
            learnt = np.ones(length, np.bool_)
            if wanted == 0:
                share = masked if level is not None else math.cos(random.random() * math.pi / 2)
                learnt = random.random(length) < share
                learnt[int(random.integers(length))] = True
                known[0, ~learnt] = codes[0, ~learnt]
            kept = books
            if level is None:
                kept = int(random.integers(1, books + 1)) if random.random() < settings.fewer else books
                self._exchange(units, self._size, random)
                for row in known[:wanted]:
                    self._exchange(row, self._codes, random)
                before = int(random.integers(length // 2 + 1)) if random.random() < 0.5 else 0
                known[:, :before] = LOST
                known[:kept, :before] = codes[:kept, :before]
                learnt[:before] = False
            prompt = self._prompt(place, start, length, random)
            said = np.full((books, len(prompt[0])), LOST, np.int32)
            said[:kept, 1:] = prompt[1][:kept]
            rows.append((units, known, codes, learnt, wanted, prompt[0], said))
        return self._together(rows)

    def _exchange(self, row: NDArray[np.int32], size: int, random: np.random.Generator) -> None:
        wrong = (random.random(len(row)) < self._settings.corrupt) & (row >= 0)
        row[wrong] = random.integers(0, size, int(wrong.sum()))

    def _prompt(
        self, place: int, start: int, length: int, random: np.random.Generator
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Units ``(1 + P,)``, nobody's first, and codes ``(books, P)``; P is 0 for no prompt."""
        each = self._items[place]
        none = np.array([self._size], np.int32), np.zeros((self._books, 0), np.int32)
        if random.random() < self._settings.alone:
            return none
        spans = [(place, 0, start), (place, start + length, len(each))]
        others = [] if each.voice is None else self._others[each.voice]
        if len(others) > 1:
            other = others[int(random.integers(len(others)))]
            if other != place:
                spans.append((other, 0, len(self._items[other])))
        spans = [span for span in spans if span[2] - span[1] >= _SHORTEST_PROMPT]
        if not spans:
            return none
        number, begin, end = spans[int(random.integers(len(spans)))]
        taken = int(random.integers(_SHORTEST_PROMPT, min(self._longest, end - begin) + 1))
        begin += int(random.integers(end - begin - taken + 1))
        found = self._items[number]
        units = np.concatenate([none[0], found.units[begin : begin + taken]])
        return units, found.codes[:, begin : begin + taken]

    def _together(self, rows: Sequence[tuple[NDArray[np.int32], ...]] | list) -> Drawn:  # type: ignore[type-arg]
        size, books = len(rows), self._books
        frames, places = max(len(row[0]) for row in rows), max(len(row[5]) for row in rows)
        units, targets = np.zeros((size, frames), np.int64), np.zeros((size, books, frames), np.int64)
        codes = np.full((size, books, frames), LOST, np.int64)
        learnt, mask = np.zeros((size, frames), np.bool_), np.zeros((size, frames), np.float32)
        prompt_units, prompt_mask = np.zeros((size, places), np.int64), np.zeros((size, places), np.float32)
        prompt_codes = np.full((size, books, places), LOST, np.int64)
        for n, (own, known, wanted, where, _, asked, said) in enumerate(rows):
            units[n, : len(own)], codes[n, :, : len(own)], targets[n, :, : len(own)] = own, known, wanted
            learnt[n, : len(own)], mask[n, : len(own)] = where, 1
            prompt_units[n, : len(asked)], prompt_codes[n, :, : len(asked)] = asked, said
            prompt_mask[n, : len(asked)] = 1
        level = np.array([row[4] for row in rows], np.int64)
        return Drawn(units, codes, targets, learnt, mask, level, prompt_units, prompt_codes, prompt_mask)
