"""What can say an English text: the program's synthesisers, and the token language model with what speaks its units."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engines.contract import AudioChunk, Synthesiser
from engines.errors import TextUnspeakable
from engines.evaluation.resynthesis import coded
from engines.models.codec import Codec
from engines.models.stage_two import StageTwo
from engines.models.token_lm import TokenLM
from engines.models.unit_vocoder import UnitVocoder
from engines.runtime.mixed import Bounds, WrittenItem
from engines.stages.prompts import prompt

SECONDS_PER_PIECE = 0.6
"""Bounds units that do not end by themselves, as the engine does, with two seconds more."""

SpeakUnits = Callable[[Iterator[WrittenItem], float], Iterator[AudioChunk]]
"""Units with their durations, and the seconds that they take at most → speech."""


class Voice(Protocol):
    """Speaks English text."""

    @property
    def id(self) -> str:
        """For records."""
        ...

    @property
    def version(self) -> str:
        """Changes with its weights, and with what reads back."""
        ...

    def say(self, text: str) -> list[AudioChunk]:
        """Speaks a sentence.

        Raises:
            TextUnspeakable: nothing in the text can be spoken.
        """
        ...


@dataclass(frozen=True)
class Synthesised:
    """A synthesiser of the program.

    Attributes:
        id: for records.
        version: changes with its weights, and with what reads back.
        synthesiser: speaks.
    """

    id: str
    version: str
    synthesiser: Synthesiser

    def say(self, text: str) -> list[AudioChunk]:
        """See :class:`Voice`."""
        return list(self.synthesiser.speak(text, "en"))


@dataclass(frozen=True)
class UnitVoice:
    """The token language model writes units behind a text, and something speaks them.

    Attributes:
        id: for records.
        version: changes with the weights of both, and with what reads back.
        tokens: writes units.
        speak: speaks them.
        frame_seconds: seconds per frame of the units.
    """

    id: str
    version: str
    tokens: TokenLM
    speak: SpeakUnits
    frame_seconds: float = 0.04

    def say(self, text: str) -> list[AudioChunk]:
        """See :class:`Voice`; greedily, in the order in which it was trained on."""
        pieces = self.tokens.inventory.cut(text) if text.strip() else None
        if not pieces:
            raise TextUnspeakable(
                f"{text[:40]!r} cannot be spelled.", "Use letters of the languages it was trained on."
            )
        model, sequence = self.tokens.model, self.tokens.sequence()
        words = [*self.tokens.inventory.ids[pieces].tolist(), model.token_id("<eos>")]
        sequence.read(model.encode(prompt("transcript", "en")), words, model.encode(prompt("speech", "en")))
        longest = 2.0 + SECONDS_PER_PIECE * len(pieces)
        most = int(longest / self.frame_seconds)
        return list(self.speak(iter(sequence.write("units", Bounds(items=most, frames=most))), longest))


def by_vocoder(vocoder: UnitVocoder) -> SpeakUnits:
    """The vocoder, which guesses durations, as the engine has it by default."""
    return lambda items, longest: vocoder.speak((item.id for item in items), longest=2 * longest)


def by_stage_two(stage_two: StageTwo, codec: Codec) -> SpeakUnits:
    """Stage two and the codec, in nobody's voice: a text has none."""

    def speak(items: Iterator[WrittenItem], longest: float) -> Iterator[AudioChunk]:
        frames = (np.full(item.frames, item.id, np.int64) for item in items)
        yield from coded(stage_two.speaking(longest=longest + 1.0), codec, frames)

    return speak
