"""What an engine costs, as data; :mod:`engines.evaluation.costing` measures it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engines.contract import Work


@dataclass(frozen=True)
class Setting:
    """How cost is measured.

    Attributes:
        threads: intra-op threads.
        repeats: runs that count.
        warm_ups: runs before them that do not.
        provider: short name of an execution provider.
    """

    threads: int = 1
    repeats: int = 5
    warm_ups: int = 1
    provider: str = "CPU"


@dataclass(frozen=True)
class Spread:
    """Of several measurements.

    Attributes:
        median: of them.
        p95: their 95th percentile, between the two nearest by a straight line.
        count: how many they are.
    """

    median: float
    p95: float
    count: int


@dataclass(frozen=True)
class Cost:
    """What an engine costs for one utterance.

    Attributes:
        engine: its id.
        name: for people.
        paradigm: of it.
        speech_seconds: length of the utterance.
        setting: how it was measured.
        seconds: of the engine's own time; None where it failed.
        rtf: the same per second of speech.
        first_text: time to the first text (TTFT) in seconds.
        first_audio: time to the first sound (TTFA) in seconds.
        lag: LAAL in seconds.
        stages: name → median of its seconds.
        work: floating-point operations by stage and graph; None where they could not be counted.
        parameters: of all graphs that ran, and of LoRAs.
        trained: the part of them that this program trained; None where no card tells.
        disk_bytes: of the graphs that ran and of the engine's own files.
        peak_memory_bytes: the highest of all runs.
        joules: median per run; None where the machine does not tell.
        no_joules: why not.
        provider: what it really ran on.
        precision: of its weights.
        failed: why it could not be measured; empty where it could.
    """

    engine: str
    name: str
    paradigm: str
    speech_seconds: float
    setting: Setting
    seconds: Spread | None = None
    rtf: Spread | None = None
    first_text: Spread | None = None
    first_audio: Spread | None = None
    lag: Spread | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    work: Work | None = None
    parameters: int | None = None
    trained: int | None = None
    disk_bytes: int | None = None
    peak_memory_bytes: int | None = None
    joules: float | None = None
    no_joules: str = ""
    provider: str = ""
    precision: str = ""
    failed: str = ""

    @property
    def flops_per_second(self) -> float | None:
        """Floating-point operations per second of speech."""
        return None if self.work is None or not self.speech_seconds else self.work.flops / self.speech_seconds

    @property
    def tokens_per_second(self) -> float | None:
        """Places that the language model computed, read or written, per second of speech."""
        return None if self.work is None or not self.speech_seconds else self.work.positions / self.speech_seconds


def spread(values: Sequence[float | None]) -> Spread | None:
    """Median and 95th percentile of what there is; None for nothing."""
    there = [value for value in values if value is not None]
    if not there:
        return None
    return Spread(statistics.median(there), float(np.percentile(there, 95)), len(there))
