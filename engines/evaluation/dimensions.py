"""The survey's five qualitative dimensions, each as a share that is computed from measurements, with its definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from engines.contract import Paradigm
from engines.evaluation import radar
from engines.evaluation.paralinguistic import TITLES as TITLES_OF_PROBES
from engines.evaluation.paralinguistic import Outcome
from engines.evaluation.report import Summary
from engines.evaluation.speech_text import Aligned
from engines.evaluation.summary import Rate

NAMES: Final = ("integration depth", "interpretability", "speech generation", "real time", "ease")
DEFINITIONS: Final = (
    "how often the probe tells all three kinds of minimal pairs by the model's input: 0 for guessing, 1 for always",
    "share of the words that were said which can be read off the language model's input, less what is found by chance",
    "share of words that are right when the engine's own speech is read back: 1 − WER, not below 0",
    "1 / (1 + seconds of work per second of speech): .5 just keeps pace",
    "1 / (1 + trained parameters in tens of millions): 1 where nothing is trained",
)
TITLES: Final[dict[Paradigm, str]] = {"text": "Text-based", "latent": "Latent representation", "token": "Audio tokens"}


@dataclass(frozen=True)
class Dimensions:
    """One paradigm; every value in [0, 1] is the mean over its engines, None where nothing was measured."""

    paradigm: Paradigm
    values: tuple[float | None, ...]


def of(
    summary: Summary, paradigms: Mapping[str, Paradigm], probes: Sequence[Outcome], aligned: Sequence[Aligned],
    said: Mapping[str, Rate],
) -> list[Dimensions]:  # fmt: skip
    """The values of the three paradigms, in the order of :data:`NAMES`.

    Args:
        summary: what engines did.
        paradigms: id of an engine → its paradigm.
        probes: what their inputs tell.
        aligned: what can be read off their inputs.
        said: engine → words wrong in its own speech, read back.
    """
    made = []
    for paradigm in TITLES:
        own = [engine for engine in summary.engines if paradigms[engine] == paradigm]
        asked = [one for one in probes if one.paradigm == paradigm]
        whole = {one.property for one in asked} == set(TITLES_OF_PROBES)
        told = [max(0.0, 2 * one.told.share - 1) for one in asked] if whole else []
        read = [max(0.0, one.share - one.by_chance) for one in aligned if one.paradigm == paradigm]
        spoken = [max(0.0, 1 - rate.value) for engine, rate in said.items() if paradigms.get(engine) == paradigm]
        works = [summary.figures[engine].work for engine in own]
        pace = [1 / (1 + work) for work in works if work is not None]
        ease = [1 / (1 + _trained(summary, engine) / 1e7) for engine in own if engine in summary.trained]
        values = tuple(fmean(found) if found else None for found in (told, read, spoken, pace, ease))
        made.append(Dimensions(paradigm, values))
    return made


def _trained(summary: Summary, engine: str) -> int:
    return sum(summary.trained[engine].parameters.values())


def picture(found: Sequence[Dimensions]) -> str:
    """The radar."""
    shapes = [radar.Shape(TITLES[one.paradigm], one.paradigm, one.values) for one in found]
    return radar.draw("The survey's five dimensions, measured", NAMES, shapes)
