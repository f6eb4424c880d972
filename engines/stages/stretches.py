"""Cuts what the encoder took at once into stretches as long as those that adapters were trained on."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.audio.segmentation import Span, pack, pad, speech_runs
from engines.contract import SAMPLE_RATE, Event, Utterance
from engines.models.components import Components
from engines.runtime import cancellation
from engines.stages.listening import Window
from engines.stages.sharing import shared_stage

LONGEST_SECONDS = 15.0
"""Adapters were trained on clips of up to 20 s, most of them far shorter; a long stretch makes a small model lose its
place."""

_MARGIN = 0.2


@dataclass(frozen=True)
class Stretch:
    """One stretch of speech.

    Attributes:
        segment: index within the utterance, from 0.
        start: where it begins, in seconds of the utterance.
        end: where it ends, at most 15 s later.
        states: ``(T, 512)`` of the encoder, T ≥ 1, cut out of those of its window.
    """

    segment: int
    start: float
    end: float
    states: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


def stretches(
    components: Components, utterance: Utterance, window: Window, first: int
) -> Generator[Event, None, list[Stretch]]:
    """Cuts a window at its longest pauses; silence around speech is left out.

    Args:
        components: the parts.
        utterance: the speech.
        window: a stretch of it with the encoder's states.
        first: index of the first stretch.
    """
    samples = utterance.samples[round(window.start * SAMPLE_RATE) : round(window.end * SAMPLE_RATE)]
    seconds = window.end - window.start

    def cut() -> list[Span]:
        probabilities = components.voice_activity().probabilities(samples, cancellation.check)
        return cut_at_pauses(probabilities, seconds)

    spans = yield from shared_stage(components, "listen", ("stretches", *window.key), cut)
    rate = 1 / window.states.frame_seconds
    found = []
    for index, (start, end) in enumerate(spans):
        begin = min(int(start * rate), len(window.states.frames) - 1)
        behind = max(begin + 1, min(len(window.states.frames), int(np.ceil(end * rate))))
        states = window.states.frames[begin:behind]
        found.append(Stretch(first + index, window.start + start, window.start + end, states))
    return found


def cut_at_pauses(probabilities: NDArray[np.float32], seconds: float) -> list[Span]:
    """Spans of at most 15 s that hold all speech.

    Args:
        probabilities: of speech, one per 32 ms.
        seconds: length of the audio.

    Returns:
        Ascending, disjoint; the whole where no speech was found, cut where it is too long, so that nothing is lost that
        another look at the speech found.
    """
    longest = LONGEST_SECONDS - 2 * _MARGIN
    runs = speech_runs(probabilities, longest)
    if not runs:
        count = max(1, int(np.ceil(seconds / LONGEST_SECONDS)))
        edges = np.linspace(0, seconds, count + 1)
        return [(float(a), float(b)) for a, b in itertools.pairwise(edges)]
    return pad(pack(runs, longest), _MARGIN, seconds)
