"""Cuts speech that goes on for ever into phrases: where one begins, where it ends, and the samples in it.

Silero's rule of two thresholds decides where speech is. A phrase ends at a pause; the longer it lasts the shorter a
pause will do, and at fifteen seconds, the longest stretch that adapters were trained on, it is cut where speech is
least probable. Memory is bounded by that length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.audio.segmentation import FRAME_SAMPLES, FRAME_SECONDS
from engines.contract import Samples

LONGEST_SECONDS = 15.0

_BEGINS = 0.5
_ENDS = 0.35
_SHORTEST_SPEECH = 0.25
_BEFORE = 0.3
_MARGIN = 0.2
_PAUSES = ((0.0, 0.6), (8.0, 0.3), (11.0, 0.15))
"""From which length on (s) which pause (s) ends a phrase."""

Detect = Callable[[Samples], NDArray[np.float32]]
"""Gives the probability of speech, one per 512 samples, for the frames that follow."""


@dataclass(frozen=True)
class PhraseBegan:
    """Somebody begins to speak.

    Attributes:
        phrase: its number, from 0.
        at: where its samples begin, in seconds of the stream.
    """

    phrase: int
    at: float


@dataclass(frozen=True)
class PhraseEnded:
    """A phrase is complete.

    Attributes:
        phrase: its number.
        at: where speech ended, in seconds of the stream.
        samples: ``(n,)`` at 16 kHz, with a margin on both sides; empty if it was too short to be speech.
        cut: whether it was cut because it was long, while somebody still speaks.
    """

    phrase: int
    at: float
    samples: Samples
    cut: bool = False


class PhraseFinder:
    """Takes samples in order and tells where phrases begin and end.

    Args:
        detect: the detector, for this stream alone (see :meth:`engines.audio.vad.VoiceActivity.stream`).
    """

    def __init__(self, detect: Detect) -> None:
        self._detect = detect
        self._rest = np.zeros(0, np.float32)
        self._frames: list[Samples] = []
        self._odds: list[float] = []
        self._first = 0
        self._phrase = -1
        self._speaking = False
        self._last_speech = 0

    @property
    def seconds(self) -> float:
        """How much was heard, in whole frames."""
        return (self._first + len(self._frames)) * FRAME_SECONDS

    @property
    def speaking(self) -> bool:
        """Whether a phrase is open."""
        return self._speaking

    @property
    def phrase(self) -> int:
        """Number of the phrase that is open, or of the last one; -1 before the first."""
        return self._phrase

    def so_far(self) -> Samples:
        """The samples of the open phrase, ``(n,)``; none where no phrase is open."""
        if not self._speaking:
            return np.zeros(0, np.float32)
        return np.concatenate(self._frames)

    def hear(self, samples: Samples) -> list[PhraseBegan | PhraseEnded]:
        """Takes the samples that follow, ``(n,)`` at 16 kHz; tells what began and ended in them."""
        joined = np.concatenate([self._rest, samples]) if self._rest.size else samples
        whole = joined.shape[0] // FRAME_SAMPLES * FRAME_SAMPLES
        self._rest = joined[whole:].copy()
        found: list[PhraseBegan | PhraseEnded] = []
        if whole:
            odds = self._detect(joined[:whole])
            for index, odd in enumerate(odds.tolist()):
                frame = joined[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES].copy()
                found += self._step(frame, odd)
        return found

    def close(self) -> list[PhraseBegan | PhraseEnded]:
        """The stream is over; ends what is open."""
        return [self._end(len(self._frames), cut=False)] if self._speaking else []

    def _step(self, frame: Samples, odd: float) -> list[PhraseBegan | PhraseEnded]:
        self._frames.append(frame)
        self._odds.append(odd)
        if not self._speaking:
            if odd < _BEGINS:
                self._forget(max(0, len(self._frames) - round(_BEFORE / FRAME_SECONDS)))
                return []
            return [self._begin()]
        if odd >= _ENDS:
            self._last_speech = len(self._frames)
        length = len(self._frames) * FRAME_SECONDS
        pause = (len(self._frames) - self._last_speech) * FRAME_SECONDS
        enough = next(needed for begins, needed in reversed(_PAUSES) if length >= begins)
        if pause >= enough:
            return [self._end(self._last_speech, cut=False)]
        if length >= LONGEST_SECONDS:
            ended = self._end(self._weakest(), cut=True)
            return [ended, self._begin()]
        return []

    def _begin(self) -> PhraseBegan:
        self._phrase += 1
        self._speaking = True
        self._last_speech = len(self._frames)
        return PhraseBegan(self._phrase, self._first * FRAME_SECONDS)

    def _end(self, last: int, *, cut: bool) -> PhraseEnded:
        """Closes the open phrase behind frame ``last``, an index into the frames at hand."""
        behind = last if cut else min(len(self._frames), last + round(_MARGIN / FRAME_SECONDS))
        speech = sum(odd >= _ENDS for odd in self._odds[:last]) * FRAME_SECONDS
        samples = np.concatenate(self._frames[:behind]) if speech >= _SHORTEST_SPEECH else np.zeros(0, np.float32)
        at = (self._first + last) * FRAME_SECONDS
        self._speaking = False
        self._forget(behind)
        return PhraseEnded(self._phrase, at, samples, cut)

    def _weakest(self) -> int:
        """Where the speech of the last third is least probable, the latest of such places."""
        begin = len(self._odds) * 2 // 3
        smooth = np.convolve(self._odds[begin:], np.full(5, 0.2), "valid")
        return begin + smooth.size - 1 - int(smooth[::-1].argmin()) + 2

    def _forget(self, count: int) -> None:
        del self._frames[:count]
        del self._odds[:count]
        self._first += count
