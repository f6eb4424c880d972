"""A sweep: the same speech at growing severities, and what every engine still hears of it. No Qt.

The window and the command line run the engines; this keeps what came of it, at any time as far as it has come.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.comparison import EngineRun, Status
from engines.audio.conditions import SCALES, Condition, Kind, amounting, name_of, ordered, title_of
from engines.audio.stressing import stressed
from engines.contract import Utterance
from engines.evaluation import breaking
from engines.evaluation.breaking import Curve, Reading
from engines.evaluation.normalisation import UNSPACED


@dataclass(frozen=True)
class Step:
    """One severity.

    Attributes:
        amount: of what is swept; None for the recording as it is.
        conditions: all that is done to the speech.
    """

    amount: float | None
    conditions: tuple[Condition, ...] = ()

    @property
    def title(self) -> str:
        """For people."""
        return title_of(self.conditions)


class Sweep:
    """One kind of condition in several amounts, and the readings so far.

    Args:
        utterance: as it was recorded, with its reference if there is one.
        kind: what is swept.
        amounts: in any order.
        base: other conditions that hold at every amount, but not on the clean recording.
        seed: of all that is drawn.

    Attributes:
        steps: the clean recording first, then mildest first.
        readings: in the order in which they came.

    Raises:
        BadOption: an amount is out of range, there are none, or the base holds the kind itself.
    """

    def __init__(
        self,
        utterance: Utterance,
        kind: Kind,
        amounts: Iterable[float],
        base: Sequence[Condition] = (),
        *,
        seed: int = 0,
    ) -> None:
        self.utterance = utterance
        self.kind = kind
        self.seed = seed
        self.base = ordered(base)
        self.amounts = breaking.mildest_first(kind, amounts)
        self.steps = (
            Step(None),
            *(Step(amount, ordered((*self.base, amounting(kind, amount)))) for amount in self.amounts),
        )
        self.readings: list[Reading] = []

    def heard(self, step: Step) -> Utterance:
        """The speech of a step; see :func:`engines.audio.stressing.stressed` for what it raises."""
        return stressed(self.utterance, step.conditions, seed=self.seed)

    def take(self, step: Step, runs: Iterable[EngineRun]) -> None:
        """Keeps what engines made of a step; runs that were cancelled or are not over count for nothing."""
        for run in runs:
            if not run.status.over or run.status is Status.CANCELLED:
                continue
            good = run.status is Status.OK
            self.readings.append(
                Reading(
                    run.engine.id,
                    run.engine.paradigm,
                    step.amount,
                    (run.transcript or "") if good else None,
                    "" if run.error is None else f"{run.error.message} {run.error.hint}".strip(),
                    run.seconds,
                    run.language,
                )
            )

    def curves(self) -> list[Curve]:
        """One per engine that was heard from; counts errors, which takes a moment for long texts."""
        return breaking.curves(self.readings, self.kind, self.utterance.reference, self.utterance.language)

    @property
    def complete(self) -> bool:
        """Whether every engine has a reading at every severity."""
        engines = {reading.engine for reading in self.readings}
        found = {(reading.engine, reading.amount) for reading in self.readings}
        return bool(engines) and all((engine, step.amount) in found for engine in engines for step in self.steps)

    @property
    def metric(self) -> str:
        """``WER``, or ``CER`` for languages that are written without spaces."""
        return "CER" if self.utterance.language in UNSPACED else "WER"


def sentences(sweep: Sweep, curves: Sequence[Curve]) -> list[str]:
    """What came of it, in plain words: what breaks first, and against what errors are counted."""
    found = breaking.verdict(curves, sweep.kind)
    if curves:
        found.append(breaking.basis(sweep.utterance.reference, curves, sweep.utterance.language))
    return found


def as_json(sweep: Sweep, curves: Sequence[Curve]) -> dict[str, Any]:
    """The sweep as a JSON document's part; rates are shares (0.05 is 5 %), amounts null for the clean recording."""
    return {
        "kind": sweep.kind,
        "unit": SCALES[sweep.kind].unit,
        "base": name_of(sweep.base),
        "seed": sweep.seed,
        "amounts": list(sweep.amounts),
        "complete": sweep.complete,
        "metric": sweep.metric,
        "against": "reference" if sweep.utterance.reference is not None else "own clean transcript",
        "sentences": sentences(sweep, curves),
        "engines": [
            {
                "engine": curve.engine,
                "paradigm": curve.paradigm,
                "breaks": _breaks(curve),
                "points": [_point(sweep, point) for point in curve.points],
            }
            for curve in curves
        ],
    }


def _breaks(curve: Curve) -> dict[str, Any]:
    found = breaking.breaking(curve.rates())
    return {"level": breaking.BROKEN, "state": found.state, "amount": _rounded(found.amount)}


def _point(sweep: Sweep, point: breaking.Point) -> dict[str, Any]:
    step = next(step for step in sweep.steps if step.amount == point.amount)
    errors = point.errors
    return {
        "amount": point.amount,
        "condition": name_of(step.conditions),
        "rate": None if errors is None else round(errors.rate, 6),
        "hits": None if errors is None else errors.hits,
        "substitutions": None if errors is None else errors.substitutions,
        "deletions": None if errors is None else errors.deletions,
        "insertions": None if errors is None else errors.insertions,
        "transcript": point.reading.text,
        "seconds": _rounded(point.reading.seconds),
        "failure": point.reading.failure or None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def as_csv(sweep: Sweep, curves: Sequence[Curve]) -> str:
    """One line per engine and severity."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    unit = SCALES[sweep.kind].unit
    writer.writerow(["engine", "paradigm", f"{sweep.kind} ({unit})", "condition", sweep.metric, "transcript"])
    for curve in curves:
        for point in curve.points:
            found = _point(sweep, point)
            amount = "clean" if point.amount is None else f"{point.amount:g}"
            rate = "" if found["rate"] is None else found["rate"]
            writer.writerow([curve.engine, curve.paradigm, amount, found["condition"], rate, found["transcript"] or ""])
    return out.getvalue()
