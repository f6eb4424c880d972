"""What a model that listens and speaks at once is trained on: repeating what it hears, a fixed time later.

The own stream is the heard one, delayed. The text is what the own stream says: the pieces of a word stand in frames one
behind the other from where the word begins, all other frames are padding, the last before a word a kind of its own
(Moshi's inner monologue, arXiv 2410.00037).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engines.errors import CorpusInvalid, RecipeInvalid
from engines.models.codes import LOST, Codes
from engines.models.duplex_frames import stacked
from engines.training.dataset import Clip
from engines.training.recipes import Recipe
from engines.training.tokens.streams import Words

CODEC_FRAMES_PER_SECOND = 50
UNKNOWN = -1
"""Text of a clip whose words' times are not known."""
_TAIL = 4
"""Frames behind the last one of the speech."""


class DuplexSettings(BaseModel):
    """What a recipe says under ``[options]``.

    Attributes:
        delay: frames by which what is spoken follows what is heard.
        books: codebooks that are heard and spoken.
        stack: codec frames in a frame of 20 ms each.
        window: frames that every layer looks back on.
        depth_width: of the Depth Transformer.
        depth_layers: of it.
        depth_heads: of its attention.
        depth_inner: width of its feed-forward parts.
        text: weight of a piece of text, a code of the last codebook being 1.
        padding: weight of padding, a piece of text being 1.
        first: weight of a code of the first codebook.
        depth: share of the frames whose codes are trained in a step; their text always is.
        lead: longest silence before a clip, in seconds.
        corrupt: share of own codes and texts that are read wrongly, since its own will be.
        lost: share of heard frames that are lost, in bursts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay: int = Field(default=15, ge=1, le=200)
    books: int = Field(default=4, ge=1, le=32)
    stack: int = Field(default=4, ge=1, le=16)
    window: int = Field(default=75, ge=1, le=1000)
    depth_width: int = Field(default=192, ge=8, le=2048)
    depth_layers: int = Field(default=2, ge=1, le=24)
    depth_heads: int = Field(default=4, ge=1, le=32)
    depth_inner: int = Field(default=768, ge=8, le=8192)
    text: float = Field(default=4.0, ge=0, le=1000)
    padding: float = Field(default=0.5, gt=0, le=1)
    first: float = Field(default=4.0, gt=0, le=1000)
    depth: float = Field(default=0.5, gt=0, le=1)
    lead: float = Field(default=1.0, ge=0, le=10)
    corrupt: float = Field(default=0.1, ge=0, lt=1)
    lost: float = Field(default=0.02, ge=0, lt=1)


def settings_of(recipe: Recipe) -> DuplexSettings:
    """The settings of a recipe.

    Raises:
        RecipeInvalid: they are impossible, or the recipe's stages are others.
    """
    try:
        settings = DuplexSettings.model_validate(recipe.options)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["options", *map(str, first["loc"])])
        raise RecipeInvalid(
            f"The recipe {recipe.id} is invalid at {place}: {first['msg'].lower()}.", "Correct it under [options]."
        ) from error
    if [stage.name for stage in recipe.stages] != ["duplex"]:
        raise RecipeInvalid(f"The recipe {recipe.id} has other stages than duplex.", "Name that one alone.")
    if settings.depth_width % settings.depth_heads:
        raise RecipeInvalid(
            f"The recipe {recipe.id} shares a depth_width of {settings.depth_width} by {settings.depth_heads} heads.",
            "Give a multiple.",
        )
    if settings.delay > settings.window:
        raise RecipeInvalid(
            f"The recipe {recipe.id} repeats what was heard {settings.delay} frames before, but looks back on "
            f"{settings.window}.",
            "Raise options.window.",
        )
    return settings


@dataclass(frozen=True)
class Item:
    """A clip.

    Attributes:
        codes: ``(books, T)`` at 50 Hz.
        words: pieces of every word, and the codec frame where it begins; None where that is not known.
    """

    codes: Codes
    words: tuple[tuple[tuple[int, ...], int], ...] | None


def items(
    clips: Sequence[Clip],
    codes: Callable[[Clip], Codes],
    words: Callable[[Clip], Words | None],
    cut: Callable[[str], list[int] | None],
) -> list[Item]:
    """Clips that have codes, with the pieces of their words.

    Raises:
        CorpusInvalid: none has.
    """
    found: list[Item] = []
    for clip in clips:
        own = codes(clip)
        if not own.shape[1]:
            continue
        placed, pieces = words(clip), None
        if placed is not None:
            cuts = [cut(word) for word in placed.words]
            if all(each is not None for each in cuts):
                # Words are placed at 25 Hz.
                pieces = tuple(
                    (tuple(each or ()), 2 * start) for each, start in zip(cuts, placed.starts[:-1], strict=True)
                )
        found.append(Item(own, pieces))
    if not found:
        raise CorpusInvalid("No clip has codes.", "Make the codes of every corpus anew.")
    return found


@dataclass(frozen=True)
class Drawn:
    """A batch, as :class:`engines.training.networks.duplex.Tokens` has it; ``B × … × T``.

    Attributes:
        text: what is written.
        own: what is spoken.
        heard: what is heard.
        mask: where there is a frame.
        read_text: what is read of the text in the next frame.
        read_own: what is read of the own codes in the next frame.
    """

    text: NDArray[np.int64]
    own: NDArray[np.int64]
    heard: NDArray[np.int64]
    mask: NDArray[np.float32]
    read_text: NDArray[np.int64]
    read_own: NDArray[np.int64]


class Frames:
    """Draws frames of all streams.

    Args:
        found: the clips.
        settings: of the recipe.
        pieces: of text.
        codes: entries of each codebook.
        silence: ``(books,)`` codes of a silent codec frame.
    """

    def __init__(
        self, found: Sequence[Item], settings: DuplexSettings, *, pieces: int, codes: int, silence: NDArray[np.int32]
    ) -> None:
        self._items, self._settings = list(found), settings
        self._pieces, self._codes, self._silence = pieces, codes, silence
        lead = round(settings.lead * CODEC_FRAMES_PER_SECOND)
        self.lengths = [-(-(each.codes.shape[1] + lead) // settings.stack) + settings.delay + _TAIL for each in found]

    def draw(self, places: Sequence[int], random: np.random.Generator | None) -> Drawn:
        """Frames of clips; without random numbers nothing comes before them, nothing is lost and all is read right."""
        rows = [self._row(self._items[place], random) for place in places]
        frames = max(len(text) for text, _, _ in rows)
        wide = self._settings.books * self._settings.stack
        text = np.full((len(rows), frames), self._pieces, np.int64)
        own, heard = (np.zeros((len(rows), wide, frames), np.int64) for _ in range(2))
        mask = np.zeros((len(rows), frames), np.float32)
        for row, (written, said, listened) in enumerate(rows):
            count = len(written)
            text[row, :count], own[row, :, :count], heard[row, :, :count] = written, said, listened
            mask[row, :count] = 1
        read_text, read_own = text, own
        if random is not None:
            read_text, read_own = text.copy(), own.copy()
            wrong = (random.random(own.shape) < self._settings.corrupt).nonzero()
            read_own[wrong] = random.integers(0, self._codes, len(wrong[0]))
            read_text[random.random(text.shape) < self._settings.corrupt] = self._pieces
        return Drawn(text, own, heard, mask, read_text, read_own)

    def _row(
        self, each: Item, random: np.random.Generator | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        """Text ``(T,)``, own and heard codes ``(K, T)`` of a clip."""
        settings = self._settings
        longest = round(settings.lead * CODEC_FRAMES_PER_SECOND)
        lead = 0 if random is None else int(random.integers(longest + 1))
        quiet = np.repeat(self._silence[: settings.books, None], lead, axis=1)
        speech = stacked(
            np.concatenate([quiet, each.codes[: settings.books]], axis=1).astype(np.int32),
            settings.stack,
            self._silence,
        )
        silent = np.repeat(self._silence[: settings.books], settings.stack)[:, None].astype(np.int32)
        before, after = (np.repeat(silent, count, axis=1) for count in (settings.delay, _TAIL))
        own = np.concatenate([before, speech, after], axis=1)
        heard = np.concatenate([speech, before, after], axis=1)
        if random is not None and settings.lost:
            heard[:, bursts(heard.shape[1], settings.lost, random)] = LOST
        starts = (
            None
            if each.words is None
            else [(pieces, (start + lead) // settings.stack + settings.delay) for pieces, start in each.words]
        )
        return written(starts, own.shape[1], self._pieces), own, heard


def written(words: Sequence[tuple[Sequence[int], int]] | None, frames: int, pieces: int) -> NDArray[np.int64]:
    """The text of frames ``(frames,)``.

    Args:
        words: pieces of every word and the frame where it begins, in order; a word waits until the one before is
            written, and what does not fit is left out. None where that is not known.
        frames: how many there are.
        pieces: of text; padding is this, and padding before a word one more.
    """
    if words is None:
        return np.full(frames, UNKNOWN, np.int64)
    text = np.full(frames, pieces, np.int64)
    at = 0
    for word, start in words:
        begin = max(at, start)
        if at < begin <= frames:
            text[begin - 1] = pieces + 1
        kept = list(word)[: max(0, frames - begin)]
        text[begin : begin + len(kept)] = kept
        at = begin + len(word)
    return text


def bursts(frames: int, share: float, random: np.random.Generator, length: int = 3) -> NDArray[np.bool_]:
    """Which of ``frames`` are lost: ``share`` of them on average, up to ``length`` in a row."""
    lost = np.zeros(frames, np.bool_)
    for begin in np.flatnonzero(random.random(frames) < 2 * share / (length + 1)):
        lost[begin : begin + int(random.integers(1, length + 1))] = True
    return lost
