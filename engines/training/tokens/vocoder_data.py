"""What the unit vocoder is trained on: units of speech beside the latents of the decoder that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engines import paths
from engines.errors import CorpusInvalid
from engines.models.unit_speech import FRAMES_PER_SECOND
from engines.training.data.latents import VOICE, Latents, voice_graph
from engines.training.dataset import Clip, SpeechData
from engines.training.recipes import Recipe
from engines.training.speech import clips, development

LATENTS_PER_FRAME: Final = 22050 / 256 / FRAMES_PER_SECOND


class Tokeniser(Protocol):
    """What turns states into units; see :class:`engines.tokens.semantic.SemanticTokeniser`."""

    @property
    def size(self) -> int: ...  # noqa: D102 -- told above

    def units(self, states: NDArray[np.float32]) -> NDArray[np.int32]:
        """``(T50, 512)`` → ``(T25,)``."""
        ...


@dataclass(frozen=True)
class Item:
    """A clip to learn from.

    Attributes:
        units: ``(T,)`` at 25 Hz.
        latents: ``(M, width)`` over the same time.
    """

    units: NDArray[np.int32]
    latents: NDArray[np.float16]


def items(data: SpeechData, recipe: Recipe, tokeniser: Tokeniser) -> tuple[list[Item], list[Item]]:
    """What is trained on, and what is measured on.

    Raises:
        CorpusInvalid: there is nothing, or it was made by another decoder than the one that is installed.
    """
    corpora = paths.data() / "training" / "corpora"
    known = [Latents.open(corpora / name) for name in data.names]
    graph = voice_graph()
    for name, latents in zip(data.names, known, strict=True):
        if (latents.card.get("voice"), latents.card.get("decoder")) != (VOICE, graph):
            raise CorpusInvalid(f"The latents of {name} are those of another decoder.", "Make them anew.")

    def item(clip: Clip) -> Item | None:
        found = known[clip.corpus].of(clip.id)
        if found is None:
            return None
        units = tokeniser.units(data.states(clip).astype(np.float32))
        return Item(units, found[: round(len(units) * LATENTS_PER_FRAME)])

    train = [made for clip in clips(data, recipe.data, "train") if (made := item(clip))]
    measured = [made for clip in development(data, recipe.data) if (made := item(clip))]
    if not train or not measured:
        raise CorpusInvalid(f"No clip of {', '.join(data.names)} has latents.", "Make them anew.")
    return train, measured
