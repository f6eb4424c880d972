"""Everything that the fair comparison tells, and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engines.contract import Paradigm
from engines.evaluation import plots, report
from engines.evaluation.by_language import InLanguage, Lateness
from engines.evaluation.cost import Cost
from engines.evaluation.findings import levels_of
from engines.evaluation.paralinguistic import Outcome
from engines.evaluation.plots import Axis, Series, Spot
from engines.evaluation.published import Literature
from engines.evaluation.sheet import Figure
from engines.evaluation.speech_text import Aligned
from engines.evaluation.summary import RATES
from engines.evaluation.token_summary import Tokens

_TALLEST = 120.0
"""Percent of words wrong; what is worse is drawn on the edge."""


@dataclass(frozen=True)
class Fair:
    """The fair comparison.

    Attributes:
        summary: what engines heard, and which differences are differences.
        paradigms: id of an engine → its paradigm.
        literature: what others published.
        lateness: of engines, from the same runs.
        languages: of engines, likewise.
        probes: what reaches a language model besides words.
        aligned: how near to text it is.
        tokens: of the token engines; None where they were not measured.
        costs: of engines, measured alone on a quiet machine; empty where they were not.
        lacking: what could not be measured → one sentence on why.
    """

    summary: report.Summary
    paradigms: Mapping[str, Paradigm]
    literature: Literature
    lateness: Sequence[Lateness] = ()
    languages: Sequence[InLanguage] = ()
    probes: Sequence[Outcome] = ()
    aligned: Sequence[Aligned] = ()
    tokens: Tokens | None = None
    costs: Sequence[Cost] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)


def pictures(found: Fair) -> list[Figure]:
    """Quality against latency, against operations and against noise; those that nothing was measured for are absent."""
    group = next((one for one in RATES if any(one.id in had.rates for had in found.summary.figures.values())), None)
    if group is None:
        return []
    late: dict[str, float | None] = {one.engine: one.median for one in found.lateness}
    first: dict[str, float | None] = {
        one.engine: one.first_text.median for one in found.costs if one.first_text is not None
    }
    flops: dict[str, float | None] = {one.engine: one.flops_per_second for one in found.costs if one.flops_per_second}
    wrong = f"words wrong, %, {group.title}"
    made = []
    kinds: tuple[tuple[str, Mapping[str, float | None], str, str], ...] = (
        ("quality-latency", late, "work, s per second of speech (median)", "latency: lower left is better"),
        ("quality-first-text", first, "time to the first text, s", "the time to the first text, each engine alone"),
        ("quality-flops", flops, "FLOP per second of speech", "operations, counted from the graphs that ran"),
    )
    for name, values, title, caption in kinds:
        series = _against(found, group.id, values)
        if series:
            svg = plots.over(f"{wrong}, against {title}", series, Axis(title, log=True), Axis(wrong, top=_TALLEST))
            made.append(Figure(name, svg, f"Quality against {caption}. Bars are 95 % intervals."))
    return [*made, *_noise(found)]


def _against(found: Fair, group: str, values: Mapping[str, float | None]) -> list[Series]:
    series = []
    for engine in found.summary.engines:
        rate, value = found.summary.figures[engine].rates.get(group), values.get(engine)
        if rate is not None and value is not None and value > 0:
            spot = Spot(value, 100 * rate.value, 100 * rate.low, 100 * rate.high)
            series.append(Series(engine, found.paradigms[engine], (spot,)))
    return series


def _noise(found: Fair) -> list[Figure]:
    """Words wrong by level of babble, one line an engine; the clean recordings are other ones and are no part of it."""
    rates = {engine: had.rates for engine, had in found.summary.figures.items() if levels_of([had.rates])}
    levels = levels_of(list(rates.values()))
    if len(levels) < 2:
        return []
    place: Callable[[float], float] = {level: float(number) for number, level in enumerate(levels)}.__getitem__
    series = []
    for engine, had in rates.items():
        found_rates = [(level, had[f"babble-{level:g}"]) for level in levels]
        spots = tuple(Spot(place(level), 100 * one.value, 100 * one.low, 100 * one.high) for level, one in found_rates)
        series.append(Series(engine, found.paradigms[engine], spots, joined=True))
    ticks = tuple((place(level), f"{level:g} dB") for level in levels)
    title = "speech over babble, worse to the right"
    svg = plots.over(
        "Words wrong against noise", series, Axis(title, ticks=ticks), Axis("words wrong, %", top=_TALLEST)
    )
    return [Figure("quality-noise", svg, "Quality against noise: other people talking. Bars are 95 % intervals.")]
