"""Several runs of one engine on one request become one, with medians for times."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from app.comparison import EngineRun, Status
from app.stagetimes import StageTime


def median(runs: Sequence[EngineRun]) -> EngineRun:
    """The last run with the medians of all runs' times and the highest of their peak memories.

    Args:
        runs: at least one, all of one engine on one request; the first that did not end well is returned as it is.
    """
    for run in runs:
        if run.status is not Status.OK:
            return run
    last = runs[-1]
    peaks = [run.peak_memory_bytes for run in runs if run.peak_memory_bytes is not None]
    return replace(
        last,
        seconds=statistics.median(run.seconds for run in runs),
        first_text_seconds=_median([run.first_text_seconds for run in runs]),
        first_audio_seconds=_median([run.first_audio_seconds for run in runs]),
        stages=tuple(_stage(stage, runs) for stage in last.stages),
        peak_memory_bytes=max(peaks, default=None),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _stage(stage: StageTime, runs: Sequence[EngineRun]) -> StageTime:
    same = [found for run in runs for found in run.stages if found.name == stage.name]
    return replace(
        stage,
        seconds=statistics.median(found.seconds for found in same),
        shared_seconds=statistics.median(found.shared_seconds for found in same),
    )
