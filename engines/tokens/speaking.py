"""How token engines speak the units that their language model wrote: a unit vocoder, or stage two and the codec."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, AudioChunk, Component, Evidence, OptionValue, Samples
from engines.errors import VoiceUnavailable
from engines.languages import name_of
from engines.models.codes import LOST, Codes
from engines.models.stage_two import Prompt, StageTwo
from engines.models.unit_vocoder import UnitVocoder
from engines.runtime.mixed import WrittenItem
from engines.tokens.acoustic import AcousticTokeniser
from engines.tokens.reading import Heard, losing

FEWEST_UNITS = 12
"""Half a second of speech; what is shorter tells nothing of a voice."""


class Speaker(Protocol):
    """Speaks units."""

    @property
    def used(self) -> dict[str, Component]:
        """Role → component."""
        ...

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of those that it speaks."""
        ...

    def speak(self, items: Iterator[WrittenItem], heard: Heard, longest: float) -> Iterator[AudioChunk]:
        """Speaks units as they are written.

        Args:
            items: units with their durations; read while speaking.
            heard: the speech that they answer.
            longest: seconds that the units take at most.

        Raises:
            SpeechTooLong: they take longer than what speaks allows; what comes before that was spoken.
        """
        ...

    def evidence(self, segment: int) -> Iterator[Evidence]:
        """Of what was spoken last, beyond the units."""
        ...

    @property
    def note(self) -> str:
        """A sentence on what was spoken last; empty for none."""
        ...


def require_language(speaker: Speaker, language: str) -> None:
    """Checks that a language is spoken.

    Raises:
        VoiceUnavailable: it is not.
    """
    if language not in speaker.languages:
        known = ", ".join(name_of(code) for code in speaker.languages)
        raise VoiceUnavailable(
            f"There is no voice that speaks {name_of(language)} from units; there is one for {known}.",
            "Choose one of these languages, or the cascade.",
        )


@dataclass(frozen=True)
class VocoderSpeaker:
    """Speaks in the voice of the vocoder.

    Attributes:
        vocoder: what speaks.
        early: whether durations are guessed by it, so that sound begins before the last unit is known.
    """

    vocoder: UnitVocoder
    early: bool
    note: str = ""

    @property
    def used(self) -> dict[str, Component]:
        """See :class:`Speaker`."""
        return {"vocoder": self.vocoder}

    @property
    def languages(self) -> tuple[str, ...]:
        """See :class:`Speaker`."""
        return tuple(self.vocoder.card.languages)

    def speak(self, items: Iterator[WrittenItem], heard: Heard, longest: float) -> Iterator[AudioChunk]:
        """See :class:`Speaker`."""
        del heard
        if self.early:
            yield from self.vocoder.speak((item.id for item in items), longest=2 * longest)
            return
        written = list(items)
        if written:
            ids, frames = (np.array([getattr(item, name) for item in written], np.int64) for name in ("id", "frames"))
            yield from self.vocoder.speak(ids, frames, longest=longest + 1.0)

    def evidence(self, segment: int) -> Iterator[Evidence]:
        """See :class:`Speaker`."""
        del segment
        return iter(())


@dataclass
class StageTwoSpeaker:
    """Speaks in the voice that was heard, by way of the codec's codes.

    Attributes:
        stage_two: makes codes of units.
        tokeniser: makes speech of codes.
        options: of the engine.
    """

    stage_two: StageTwo
    tokeniser: AcousticTokeniser
    options: dict[str, OptionValue]
    _voice: Prompt | None = None
    _made: list[Codes] = field(default_factory=list)
    _start: float = 0.0

    @property
    def used(self) -> dict[str, Component]:
        """See :class:`Speaker`."""
        return {"stage two": self.stage_two, "codec": self.tokeniser.codec}

    @property
    def languages(self) -> tuple[str, ...]:
        """See :class:`Speaker`."""
        return self.stage_two.languages

    def speak(self, items: Iterator[WrittenItem], heard: Heard, longest: float) -> Iterator[AudioChunk]:
        """See :class:`Speaker`; frames get lost between stage two and the codec where that was asked for."""
        if self._voice is None:
            self._voice = self.prompt(heard)
        self._start += sum(codes.shape[1] for codes in self._made) * self.tokeniser.frame_seconds
        self._made = []
        books = min(int(self.options.get("books", self.stage_two.shape.books)), self.stage_two.shape.books)
        seed, lost = int(self.options.get("seed", 0)) + heard.stretch.segment, float(self.options.get("lost", 0.0))
        making = self.stage_two.speaking(
            self._voice, books=books, rounds=int(self.options.get("rounds", 6)),
            temperature=float(self.options.get("voice_temperature", 0.7)), seed=seed, longest=longest + 1.0,
        )  # fmt: skip
        decoding = self.tokeniser.codec.stream(books, conceal=lost > 0)

        def said(pieces: Iterator[Codes]) -> Iterator[AudioChunk]:
            for piece in pieces:
                came = losing(piece, lost, seed + 31 * len(self._made))
                self._made.append(came)
                yield AudioChunk(decoding.push(came), self.tokeniser.codec.rate)

        for item in items:
            yield from said(making.push(np.full(item.frames, item.id, np.int64)))
        yield from said(making.finish())

    def prompt(self, heard: Heard) -> Prompt:
        """The voice that was heard: the loudest few seconds of a stretch, as units and codes; or nobody's."""
        shape = self.stage_two.shape
        wanted = min(float(self.options.get("prompt_seconds", shape.prompt_seconds)), shape.prompt_seconds)
        begin, count = loudest(heard.samples, len(heard.ids), round(25 * wanted))
        if count < FEWEST_UNITS:
            return self.stage_two.prompt(np.zeros(0, np.int64))
        unit = SAMPLE_RATE // 25
        codes = self.tokeniser.codec.encode(heard.samples[begin * unit : (begin + count) * unit])
        return self.stage_two.prompt(heard.ids[begin : begin + count], codes[:, : 2 * count])

    @property
    def note(self) -> str:
        """See :class:`Speaker`."""
        lost = sum(int((codes[0] == LOST).sum()) for codes in self._made)
        return f"Of the speech {lost} codec frames were lost on the way and concealed." if lost else ""

    def evidence(self, segment: int) -> Iterator[Evidence]:
        """The codes that were made; -1 where a frame was lost."""
        if self._made:
            ids = np.concatenate(self._made, axis=1)
            yield self.tokeniser.stream(ids, segment=segment, start=self._start, generated=True)


def loudest(samples: Samples, units: int, wanted: int) -> tuple[int, int]:
    """Where in speech a voice is heard best.

    Args:
        samples: ``(n,)`` at 16 kHz.
        units: at 25 Hz of the same speech.
        wanted: units to choose.

    Returns:
        the first unit and how many, as many as there are at most.
    """
    unit = SAMPLE_RATE // 25
    count = min(wanted, units, len(samples) // unit)
    if count <= 0:
        return 0, 0
    power: NDArray[np.float64] = np.square(samples[: len(samples) // unit * unit].astype(np.float64))
    sums = np.concatenate([[0.0], np.cumsum(power.reshape(-1, unit).sum(1))])
    last = min(units, len(sums) - 1)
    return int((sums[count : last + 1] - sums[: last + 1 - count]).argmax()), count
