"""Costs as Markdown, JSON and CSV, and how they grow as Markdown and drawings."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from engines.evaluation import growth
from engines.evaluation.cost import Cost, Spread
from engines.flops.tally import told_unknown

Grown = Mapping[str, Sequence[Cost]]
"""Id of an engine → its costs by length."""

_UNKNOWN: Final = "–"
_COLUMNS: Final = (
    "engine", "total (p95)", "RTF (p95)", "first text", "first sound", "LAAL", "GFLOP per s of speech",
    "LLM places per s", "parameters (trained)", "on disk", "memory", "energy per run",
)  # fmt: skip
_STAGE_COLUMNS: Final = ("engine", "stage", "median", "of the time", "GFLOP", "of the work")
SERIES: Final[Mapping[str, tuple[str, str, Callable[[Cost], float | None]]]] = {
    "operations": (
        "Floating-point operations", "GFLOP", lambda cost: None if cost.work is None else cost.work.flops / 1e9
    ),
    "time": ("Time in all", "s", lambda cost: None if cost.seconds is None else cost.seconds.median),
    "memory": (
        "Peak memory", "MB", lambda cost: None if cost.peak_memory_bytes is None else cost.peak_memory_bytes / 1e6
    ),
}  # fmt: skip
"""Name of a file → what grows, its unit, and how it is read."""


def as_json(cost: Cost) -> dict[str, Any]:
    """A cost with all that it was made of; seconds, bytes and joules as they are."""
    found: dict[str, Any] = dataclasses.asdict(cost)
    found["flops_per_second"], found["tokens_per_second"] = cost.flops_per_second, cost.tokens_per_second
    if cost.work is not None:
        found["work"] |= {"flops": cost.work.flops, "positions": cost.work.positions}
    return found


def as_csv(costs: Sequence[Cost]) -> str:
    """A row per cost."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ("engine", "speech_s", "threads", "runs", "total_median_s", "total_p95_s", "rtf_median", "rtf_p95",
         "ttft_median_s", "ttft_p95_s", "ttfa_median_s", "ttfa_p95_s", "laal_median_s", "flop", "flop_per_speech_s",
         "llm_tokens_per_speech_s", "parameters", "trained", "disk_bytes", "peak_memory_bytes", "joules",
         "not_counted", "failed")
    )  # fmt: skip
    for cost in costs:
        writer.writerow(
            (cost.engine, f"{cost.speech_seconds:.3f}", cost.setting.threads,
             0 if cost.seconds is None else cost.seconds.count,
             *_pair(cost.seconds), *_pair(cost.rtf), *_pair(cost.first_text), *_pair(cost.first_audio),
             _pair(cost.lag)[0], _plain(None if cost.work is None else cost.work.flops), _plain(cost.flops_per_second),
             _plain(cost.tokens_per_second), _plain(cost.parameters), _plain(cost.trained), _plain(cost.disk_bytes),
             _plain(cost.peak_memory_bytes), _plain(cost.joules),
             told_unknown(cost.work.unknown) if cost.work is not None else "", cost.failed)
        )  # fmt: skip
    return file.getvalue()


def as_markdown(costs: Sequence[Cost], machine: str) -> str:
    """Tables: what engines cost, and where the work goes; then what has to be known about them.

    Args:
        costs: of one utterance, one per engine.
        machine: where it was measured.
    """
    there = [cost for cost in costs if not cost.failed]
    lines: list[str] = []
    if there:
        setting = there[0].setting
        about = (
            f"Each engine alone in its own process, {_count(setting.threads, 'thread')}, "
            f"{_count(setting.repeats, 'run')} after {setting.warm_ups} to warm up, on "
            f"{there[0].speech_seconds:.1f} s of speech. {machine}."
        )
        lines += [about, "", *_head(_COLUMNS, 1), *(_row(cost) for cost in there), ""]
        lines += [*_head(_STAGE_COLUMNS, 2), *(line for cost in there for line in _stage_rows(cost)), ""]
    return "\n".join([*lines, *_notes(costs), ""])


def growth_markdown(grown: Grown) -> str:
    """A table of how operations, time and memory grow, and up to which length each engine came."""
    lines = [
        "| engine | lengths | operations | time | memory |",
        "|---|---|---|---|---|",
    ]
    ends = []
    for costs in grown.values():
        there = [cost for cost in costs if not cost.failed]
        if not there:
            continue
        laws = [growth.told(growth.fit(points(there, read))) for _, _, read in SERIES.values()]
        span = f"{there[0].speech_seconds:g}–{there[-1].speech_seconds:g} s"
        lines.append(f"| {there[0].name} | {span} | {' | '.join(laws)} |")
    for costs in grown.values():
        ends += [f"- {cost.name} at {cost.speech_seconds:g} s: {cost.failed}" for cost in costs if cost.failed]
    about = "Exponents with their 95 % interval (Student's, on the logarithms); 1 grows evenly with the speech."
    return "\n".join([*lines, "", about, *(["", *ends] if ends else []), ""])


def growth_drawings(grown: Grown) -> dict[str, str]:
    """An SVG for everything that grows, by name of its file."""
    found = {}
    for name, (title, unit, read) in SERIES.items():
        series = {costs[0].name: points(costs, read) for costs in grown.values() if costs}
        found[f"growth-{name}.svg"] = growth.draw(series, title, unit)
    return found


def points(costs: Sequence[Cost], read: Callable[[Cost], float | None]) -> list[tuple[float, float]]:
    """Length of speech and cost, where that is known."""
    return [(cost.speech_seconds, value) for cost in costs if (value := read(cost)) is not None]


def _head(columns: Sequence[str], left: int) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|" + "---|" * left + "--:|" * (len(columns) - left)]


def _row(cost: Cost) -> str:
    trained = "" if not cost.trained else f" ({_mega(cost.trained)})"
    cells = [
        cost.name,
        _spread(cost.seconds, "s"),
        _spread(cost.rtf),
        _spread(cost.first_text, "s", tail=False),
        _spread(cost.first_audio, "s", tail=False),
        _spread(cost.lag, "s", tail=False),
        _UNKNOWN if cost.flops_per_second is None else f"{cost.flops_per_second / 1e9:.2f}{_star(cost)}",
        _UNKNOWN if cost.tokens_per_second is None else f"{cost.tokens_per_second:.1f}",
        (_UNKNOWN if cost.parameters is None else _mega(cost.parameters)) + trained,
        _bytes(cost.disk_bytes),
        _bytes(cost.peak_memory_bytes),
        _UNKNOWN if cost.joules is None else f"{cost.joules:.1f} J",
    ]
    return f"| {' | '.join(cells)} |"


def _stage_rows(cost: Cost) -> list[str]:
    whole = sum(cost.stages.values()) or 1.0
    flops = (cost.work.flops if cost.work is not None else 0.0) or 1.0
    rows = []
    for name, seconds in cost.stages.items():
        work = cost.work.of(name) if cost.work is not None else None
        counted = (f"{work.flops / 1e9:.2f}", f"{work.flops / flops:.0%}") if work is not None else (_UNKNOWN, "")
        rows.append(f"| {cost.name} | {name} | {seconds:.3f} s | {seconds / whole:.0%} | {counted[0]} | {counted[1]} |")
    return rows


def _notes(costs: Sequence[Cost]) -> list[str]:
    notes = [f"- {cost.name} could not be measured: {cost.failed}" for cost in costs if cost.failed]
    notes += [
        f"- {cost.name}: not in the count (*): {told_unknown(cost.work.unknown)}."
        for cost in costs
        if cost.work is not None and cost.work.unknown
    ]
    reasons = dict.fromkeys(cost.no_joules for cost in costs if cost.no_joules)
    notes += [f"- Energy was not measured: {reason}" for reason in reasons]
    if any(not cost.failed for cost in costs):
        notes.append(
            "- A multiplication with its addition counts as two operations; LLM places are those that the language "
            "model computed, read or written; memory is the highest resident memory of the engine's process; LAAL is "
            "that of an engine that begins when the utterance ends."
        )
    return notes


def _star(cost: Cost) -> str:
    return "*" if cost.work is not None and cost.work.unknown else ""


def _spread(found: Spread | None, unit: str = "", *, tail: bool = True) -> str:
    if found is None:
        return _UNKNOWN
    space = f" {unit}" if unit else ""
    return f"{found.median:.2f}{space}" + (f" ({found.p95:.2f})" if tail else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _mega(number: int) -> str:
    return f"{number / 1e6:.1f} M"


def _bytes(number: int | None) -> str:
    return _UNKNOWN if number is None else f"{number / 1e6:.0f} MB"


def _pair(found: Spread | None) -> tuple[str, str]:
    return ("", "") if found is None else (f"{found.median:.5f}", f"{found.p95:.5f}")


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
