"""Recordings in which nobody speaks: silence, rooms, noise, hum. Whatever an engine writes of them is invented.

They are computed, so that everyone has the same; levels are of the root mean square against full scale.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from engines.audio.noise import Noise, noise
from engines.contract import SAMPLE_RATE, Samples
from engines.evaluation.corpora import Clip
from engines.evaluation.layouts.rows import UNKNOWN, Corpus, Source

_SECONDS: Final = 10.0
_KINDS: Final[tuple[tuple[Noise, tuple[float, ...]], ...]] = (
    ("white", (-60.0, -40.0, -20.0)),
    ("pink", (-60.0, -40.0, -20.0)),
    ("hum", (-50.0, -30.0)),
)


def read(source: Source) -> Corpus:
    """Ten seconds each of digital silence, white and pink noise as of rooms and machines, mains hum, and clicks."""
    made = [_clip("silence", source, _silence)]
    for kind, levels in _KINDS:
        made += [_clip(f"{kind}{level:+.0f}dBFS", source, partial(_noise, kind, level)) for level in levels]
    made.append(_clip("clicks", source, _clicks))
    return Corpus(source.name, tuple(made))


def _clip(name: str, source: Source, make: Callable[[], Samples]) -> Clip:
    return Clip(name, source.name, UNKNOWN, source.language or "en", "", None, _SECONDS, make)


def _silence() -> Samples:
    return np.zeros(int(_SECONDS * SAMPLE_RATE), np.float32)


def _noise(kind: Noise, level: float) -> Samples:
    made = noise(kind, int(_SECONDS * SAMPLE_RATE), np.random.default_rng(0))
    return np.clip(made * 10 ** (level / 20), -1, 1).astype(np.float32)


def _clicks() -> Samples:
    """As of a keyboard: some eight a second, each a few milliseconds of noise that dies away."""
    rng = np.random.default_rng(1)
    found = rng.normal(0, 10 ** (-60 / 20), int(_SECONDS * SAMPLE_RATE))
    length = int(0.02 * SAMPLE_RATE)
    fading = np.exp(-np.arange(length) / (0.003 * SAMPLE_RATE))
    for at in rng.integers(0, len(found) - length, int(8 * _SECONDS)):
        found[at : at + length] += rng.normal(0, 0.08, length) * fading
    return np.clip(found, -1, 1).astype(np.float32)
