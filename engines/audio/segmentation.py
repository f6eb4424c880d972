"""From the probability of speech in every frame to spans of speech.

Finding runs follows Silero's own rule (two thresholds, so that a run does not flicker); packing runs into spans is a
shortest-path problem over the pauses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE

FRAME_SAMPLES = 512
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE

Span = tuple[float, float]

_BEGINS = 0.5
_ENDS = 0.35
_SHORTEST_SPEECH = 0.1
_SHORTEST_PAUSE = 0.1
_LONG_PAUSE = 2.0
_PAUSE_WORTH = 0.05


def speech_runs(probabilities: NDArray[np.float32], longest: float) -> list[Span]:
    """Runs of speech between pauses of at least 0.1 s.

    Args:
        probabilities: one per frame of 32 ms, ``(T,)`` in [0, 1].
        longest: no run is longer; one that is gets cut where speech is least probable.

    Returns:
        Ascending, disjoint ``(start, end)`` in seconds.
    """
    return [
        (first * FRAME_SECONDS, behind * FRAME_SECONDS)
        for run in _frames_of_speech(probabilities)
        for first, behind in _cut(*run, probabilities, longest)
    ]


def pad(spans: list[Span], padding: float, seconds: float) -> list[Span]:
    """Widens spans into the pauses around them, at most to the middle of a pause.

    Args:
        spans: ascending and disjoint.
        padding: seconds to add on each side.
        seconds: length of the audio.
    """
    starts = [max(0.0, span[0] - padding) for span in spans]
    ends = [min(seconds, span[1] + padding) for span in spans]
    for index in range(1, len(spans)):
        if ends[index - 1] > starts[index]:
            ends[index - 1] = starts[index] = (spans[index - 1][1] + spans[index][0]) / 2
    return list(zip(starts, ends, strict=True))


def _frames_of_speech(probabilities: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Runs as frame numbers ``(first, behind the last)``: begin at 0.5, end below 0.35 for at least 0.1 s."""
    loud = np.flatnonzero(probabilities >= _ENDS)
    if not loud.size:
        return []
    breaks = np.flatnonzero(np.diff(loud) * FRAME_SECONDS > _SHORTEST_PAUSE)
    firsts = loud[np.concatenate([[0], breaks + 1])]
    lasts = loud[np.concatenate([breaks, [loud.size - 1]])]
    runs = []
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        above = np.flatnonzero(probabilities[first : last + 1] >= _BEGINS)
        if above.size and (last + 1 - first - above[0]) * FRAME_SECONDS >= _SHORTEST_SPEECH:
            runs.append((first + int(above[0]), last + 1))
    return runs


def _cut(first: int, behind: int, probabilities: NDArray[np.float32], longest: float) -> list[tuple[int, int]]:
    """Cuts a run without pauses into pieces that fit with their padding, where speech is least probable."""
    limit = int(longest / FRAME_SECONDS)
    pieces = []
    while behind - first > limit:
        window = probabilities[first + limit // 2 : first + limit]
        smooth = np.convolve(window, np.full(5, 0.2, np.float32), "same")
        smooth[:2] = smooth[-2:] = np.inf
        at = first + limit // 2 + int(smooth.argmin())
        pieces.append((first, at))
        first = at
    return [*pieces, (first, behind)]


def pack(runs: list[Span], longest: float) -> list[Span]:
    """Joins neighbouring runs into as few spans as fit, cutting at the longest pauses.

    The cost of a span is 1, and 0.05 s divided by the pause is added for every cut, so that of all partitions with
    fewest spans the one with the longest pauses at its cuts is taken (dynamic programming, O(n · runs in a span)).

    Args:
        runs: ascending and disjoint, each at most ``longest``.
        longest: length in seconds that no span exceeds.

    Returns:
        Ascending, disjoint spans. Pauses of 2 s and more are never inside one.
    """
    best = [0.0]
    came_from = [0]
    for index, (_, end) in enumerate(runs):
        cost, first = float("inf"), index
        for begin in range(index, -1, -1):
            if end - runs[begin][0] > longest:
                break
            if begin < index and runs[begin + 1][0] - runs[begin][1] >= _LONG_PAUSE:
                break
            pause = runs[begin][0] - runs[begin - 1][1] if begin else _LONG_PAUSE
            through = best[begin] + 1 + min(_PAUSE_WORTH / max(pause, 0.01), 5.0)
            if through < cost:
                cost, first = through, begin
        best.append(cost)
        came_from.append(first)
    spans: list[Span] = []
    index = len(runs)
    while index:
        first = came_from[index]
        spans.append((runs[first][0], runs[index - 1][1]))
        index = first
    return spans[::-1]
