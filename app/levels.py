"""How loud sound is that comes in, and what a person should be told about it. No Qt."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from app.language import tr

CLIPPED = 0.999
"""Fraction of full scale from which a sample counts as clipped."""
FLOOR_DB = -120.0
"""What silence is called in dB."""
LOW_DB = -32.0
"""Loudest peak in dB of full scale under which speech is too quiet: 16 bits then lose audible detail to the noise."""
HIGH_DB = -3.0
"""Loudest peak from which a laugh would clip."""
_LOOK_SECONDS = 5.0
_CLIPPED_SECONDS = 2.0
_SILENT_SECONDS = 1.0
_PATIENCE_SECONDS = 2.5


@dataclass(frozen=True)
class Level:
    """How loud a block of sound is.

    Attributes:
        peak: largest magnitude as a fraction of full scale, in [0, 1].
        rms: root mean square, in [0, 1].
        seconds: length of the block.
        gaps: how often sound was lost in the whole recording until now.
    """

    peak: float = 0.0
    rms: float = 0.0
    seconds: float = 0.05
    gaps: int = 0


def measure(block: NDArray[np.int16], rate: int, gaps: int = 0) -> Level:
    """The level of samples ``(n,)``, n > 0."""
    floats = block.astype(np.float32) / 32_768.0
    power = float(np.mean(floats * floats, dtype=np.float64))
    return Level(float(np.abs(floats).max()), math.sqrt(power), block.shape[0] / rate, gaps)


def decibel(fraction: float) -> float:
    """A fraction of full scale in dBFS, not under :data:`FLOOR_DB`.

    RMS is told on the same scale as peaks, so that a full square wave has 0 dB and a full sine −3 dB.
    """
    return max(FLOOR_DB, 20 * math.log10(max(fraction, 1e-9)))


class Verdict(Enum):
    """What is to be said about the level; the value is the sentence."""

    WAITING = ""
    GOOD = tr("The level is good.")
    SILENT = tr("Nothing arrives: it is muted, or this program may not use it.")
    CLIPS = tr("Too loud, it clips: turn the input down.")
    HIGH = tr("Nearly too loud: turn the input down a little.")
    LOW = tr("Very quiet: come closer, or turn the input up.")

    @property
    def bad(self) -> bool:
        """Whether something is to be mended."""
        return self not in {Verdict.WAITING, Verdict.GOOD}


class Judge:
    """Looks at the last seconds of levels; time is the length of the sound, so that no clock can jump."""

    def __init__(self) -> None:
        self._recent: deque[Level] = deque()
        self._held = 0.0
        self._heard = 0.0
        self._zeros = 0.0
        self._since_clip = math.inf

    def hear(self, level: Level) -> Verdict:
        """Takes the next level; returns what is to be said now."""
        self._heard += level.seconds
        self._held += level.seconds
        self._recent.append(level)
        while self._held - self._recent[0].seconds >= _LOOK_SECONDS:
            self._held -= self._recent.popleft().seconds
        self._zeros = 0.0 if level.peak > 0 else self._zeros + level.seconds
        self._since_clip = 0.0 if level.peak >= CLIPPED else self._since_clip + level.seconds
        loudest = decibel(max(one.peak for one in self._recent))
        if self._since_clip < _CLIPPED_SECONDS:
            return Verdict.CLIPS
        if self._zeros >= _SILENT_SECONDS:
            return Verdict.SILENT
        if self._heard < _PATIENCE_SECONDS:
            return Verdict.WAITING
        if loudest < LOW_DB:
            return Verdict.LOW
        return Verdict.HIGH if loudest > HIGH_DB else Verdict.GOOD
