"""What is made of speech that an engine spoke: the text that a recogniser reads back, and how good it would be found.

WER and BLEU of such transcripts are those of speech (Jia et al. 2019, "Direct speech-to-speech translation with a
sequence-to-sequence model"): errors of the recogniser count as errors of the voice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol

from engines.contract import Recognised, Recogniser, Samples
from engines.errors import TriptychError
from engines.evaluation.dnsmos import WEIGHTS, Dnsmos
from engines.models.components import Components

READER: Final = "whisper-base, beam 5"
"""What reads speech back; measurements made by another are others."""
Read = Callable[[Samples], str]
"""What a recogniser makes of English speech, ``(n,)`` at 16 kHz."""


def reader(recogniser: Recogniser) -> Read:
    """Reads English speech back with beam 5, 30 s at a time at most: what is beyond is not read."""

    def read(samples: Samples) -> str:
        if not samples.size:
            return ""
        *_, found = recogniser.nbest(recogniser.encode(samples), language="en")
        return found.hypotheses[0].text if isinstance(found, Recognised) else ""

    return read


@dataclass(frozen=True)
class Heard:
    """Speech, listened to.

    Attributes:
        text: read back; empty for silence.
        opinion: DNSMOS, overall, 1 to 5; None where there is no speech or the network is not installed.
    """

    text: str
    opinion: float | None


class Listens(Protocol):
    """Listens to English speech, ``(n,)`` at 16 kHz."""

    def __call__(self, samples: Samples) -> Heard:
        """Reads it back and judges it."""
        ...


@dataclass
class Listener:
    """Whisper base and DNSMOS, opened when something is first heard.

    Args:
        components: models of this process.
    """

    components: Components = field(default_factory=Components)

    def __call__(self, samples: Samples) -> Heard:
        """See :class:`Listens`.

        Raises:
            WeightsMissing: the recogniser is not installed.
        """
        text = self._read(samples)
        opinion = None if self._dnsmos is None or not samples.size else round(self._dnsmos.rate(samples).overall, 3)
        return Heard(text, opinion)

    @cached_property
    def _read(self) -> Read:
        return reader(self.components.recogniser())

    @cached_property
    def _dnsmos(self) -> Dnsmos | None:
        try:
            return Dnsmos.open(self.components.store.path(WEIGHTS))
        except TriptychError:
            return None
