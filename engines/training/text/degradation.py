"""Makes speech worse in the ways that experts are trained for: noise, a telephone line, a room that echoes.

A *source* is where errors come from (NeKo, arXiv 2411.05945, trains one expert for each). Everything random is drawn
from the generator that is given, so that the same seed makes the same sound.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import numpy as np

from engines.audio.distortion import telephone
from engines.audio.loudness import active_level
from engines.audio.noise import add_noise
from engines.audio.noise import noise as noise_of
from engines.contract import SAMPLE_RATE, Samples
from engines.errors import BadOption

SOURCES: Final = ("clean", "noisy", "telephone", "reverberant", "accented")
"""In the order in which the router knows them. The accent of ``accented`` is the voice's own; no sound is added."""


class Condition(NamedTuple):
    """How speech is degraded.

    Attributes:
        kind: one of :data:`SOURCES`, or ``babble``, which is noisy too: other people talk.
        snr: signal-to-noise ratio in dB; None draws one from 5 to 15.
    """

    kind: str
    snr: float | None = None

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Reads ``"clean"``, ``"noisy"``, ``"noisy:5"``, ``"babble:5"``, ``"telephone"`` and the like.

        Raises:
            BadOption: it is none of these.
        """
        found = re.fullmatch(rf"({'|'.join(SOURCES)}|babble)(?::(-?\d+(?:\.\d+)?))?", text)
        if found is None or (found[2] is not None and found[1] not in {"noisy", "babble"}):
            raise BadOption(
                f"{text!r} is no way to degrade speech.",
                f"Give one of {', '.join(SOURCES)}, babble, or a noise with its level, for example noisy:5.",
            )
        return cls(found[1], None if found[2] is None else float(found[2]))

    @property
    def source(self) -> str:
        """The source of errors, one of :data:`SOURCES`."""
        return "noisy" if self.kind == "babble" else self.kind

    def __str__(self) -> str:
        return self.kind if self.snr is None else f"{self.kind}:{self.snr:g}"


def degrade(samples: Samples, condition: Condition, random: np.random.Generator) -> Samples:
    """Degrades speech.

    Args:
        samples: ``(n,)`` at 16 kHz.
        condition: how.
        random: what is random is drawn from it.

    Returns:
        as many samples, within [-1, 1].
    """
    match condition.kind:
        case "clean" | "accented":
            made = samples
        case "noisy":
            made = with_noise(samples, _drawn(condition.snr, random, 5.0, 15.0), random)
        case "babble" if len(samples):
            talk = noise_of("babble", len(samples), random)
            made = add_noise(samples, talk, _drawn(condition.snr, random, 5.0, 15.0))
        case "telephone":
            made = telephone(with_noise(samples, random.uniform(12.0, 30.0), random))
        case "reverberant":
            made = in_room(samples, random)
        case _:
            made = samples
    peak = float(np.abs(made).max(initial=1e-9))
    return np.asarray(made * min(1.0, 0.95 / peak), np.float32)


def with_noise(samples: Samples, snr: float, random: np.random.Generator) -> Samples:
    """Adds stationary noise whose spectrum falls with a random slope, white to brown.

    Args:
        samples: ``(n,)``.
        snr: active speech level over the noise's root mean square, in dB.
        random: draws noise and slope.
    """
    count = len(samples)
    if count == 0:
        return samples
    frequencies = np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 50.0)
    spectrum = random.standard_normal(len(frequencies)) + 1j * random.standard_normal(len(frequencies))
    noise = np.fft.irfft(spectrum * frequencies ** -random.uniform(0.0, 1.0), count)
    return add_noise(samples, noise, snr)


def in_room(samples: Samples, random: np.random.Generator) -> Samples:
    """Reverberation: convolution with exponentially decaying noise, .25–.7 s to −60 dB, and the direct sound."""
    if len(samples) == 0:
        return samples
    decay = random.uniform(0.25, 0.7)
    count = int(decay * SAMPLE_RATE)
    echo = random.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    echo[: int(0.003 * SAMPLE_RATE)] = 0
    echo *= np.sqrt(1 / 10 ** (random.uniform(-2.0, 6.0) / 10) / float(np.sum(echo**2)))
    echo[0] = 1.0
    length = len(samples) + count
    wet = np.fft.irfft(np.fft.rfft(samples, length) * np.fft.rfft(echo, length), length)[: len(samples)]
    level = active_level(samples) / max(active_level(np.asarray(wet, np.float32)), 1e-9)
    return np.asarray(wet * level, np.float32)


def _drawn(value: float | None, random: np.random.Generator, low: float, high: float) -> float:
    drawn = float(random.uniform(low, high))
    return drawn if value is None else value
