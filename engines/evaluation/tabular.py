"""The table of adapters for programs: CSV and JSON of a summary."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict
from typing import Any

from engines.evaluation.report import Summary
from engines.evaluation.summary import Compared


def rows(summary: Summary) -> str:
    """CSV: one line per engine and column of figures."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["engine", "measure", "set", "value", "low", "high", "clips", "words", "failures"])
    for engine in summary.engines:
        found = summary.figures[engine]
        for group, rate in found.rates.items():
            bounds = [round(rate.value, 6), round(rate.low, 6), round(rate.high, 6)]
            writer.writerow([engine, "wer", group, *bounds, rate.clips, rate.words, rate.failures])
        for language, translated in found.translations.items():
            interval = round(translated.low, 4), round(translated.high, 4)
            for name, score, (low, high) in (("bleu", translated.bleu, interval), ("chrf", translated.chrf, ("", ""))):
                row = [engine, name, f"{language}-en", round(score.value, 4), low, high, translated.clips, ""]
                writer.writerow([*row, translated.failures])
        for name, value in (("places_per_second", found.places_per_second), ("work_per_second", found.work)):
            if value is not None:
                writer.writerow([engine, name, "clean", round(value, 5), "", "", "", "", ""])
        for stage, spent in found.stages.items():
            writer.writerow([engine, f"stage:{stage}", "clean", round(spent, 5), "", "", "", "", ""])
    return out.getvalue()


def document(summary: Summary) -> dict[str, Any]:
    """The summary as JSON, schema 1."""
    return {
        "schema": 1,
        "measured": summary.measured,
        "machines": list(summary.machines),
        "engines": [
            {
                "id": engine,
                "name": summary.names.get(engine, engine),
                **asdict(summary.figures[engine]),
                "trained": asdict(summary.trained[engine]) if engine in summary.trained else None,
            }
            for engine in summary.engines
        ],
        "comparisons": [compared(one) for one in summary.compared],
    }


def compared(one: Compared) -> dict[str, Any]:
    """A pair as JSON, which knows no infinite numbers: None stands for a statistic of stretches that all agree."""
    found = {**asdict(one), "significant": one.significant}
    if one.segments is not None and not math.isfinite(one.segments.statistic):
        found["segments"]["statistic"] = None
    return found
