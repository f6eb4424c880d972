"""What more training would bring, if a learning curve goes on as a power law: value = floor + scale · step^-exponent.

The form is that of Hestness et al. 2017 (arXiv 1712.00409) and Kaplan et al. 2020 (arXiv 2001.08361), who fit it to
runs of different length. One run's own curve is another thing: its learning rate falls to its end, so it flatters the
slope. Therefore every fit is also tried on what is known: the first half of the points predicts the last one.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.errors import BadInput

TIMES: Final = (2, 4, 10)
"""How many times the steps are predicted for."""
FEWEST: Final = 4
"""Points; of fewer nothing is predicted."""
_WITH_FLOOR: Final = 6
"""From so many points on a floor is fitted too; before, it is 0, the most hopeful there is."""
_EXPONENTS: Final = np.geomspace(0.02, 2.0, 200)
_NO_METRICS: Final = frozenset({"stage", "step", "seconds", "loss"})

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class PowerLaw:
    """A falling curve.

    Attributes:
        floor: what no number of steps goes below, ≥ 0.
        scale: above the floor at the first step, > 0.
        exponent: > 0.
    """

    floor: float
    scale: float
    exponent: float

    def at(self, step: float) -> float:
        """The value after so many steps, ≥ 1."""
        return self.floor + self.scale * float(step**-self.exponent)


@dataclass(frozen=True)
class Prediction:
    """What a curve came to and would come to.

    Attributes:
        name: of what was trained.
        metric: as its curve names it.
        points: how many.
        step: the last one.
        last: the value there.
        law: None where the curve does not fall.
        ahead: times the steps → value, lowest and highest value with any one point left out.
        tried: what the first half of the points predicted for the last one; None where they are too few or do not fall.
    """

    name: str
    metric: str
    points: int
    step: int
    last: float
    law: PowerLaw | None
    ahead: dict[int, tuple[float, float, float]]
    tried: float | None


def fit(points: Points) -> PowerLaw | None:
    """The law nearest to points by least squares; None where it would not fall, or they are too few.

    Args:
        points: ``(step, value)``, steps ≥ 1, values ≥ 0.
    """
    if len(points) < FEWEST - 1:
        return None
    steps, values = (np.array(column, np.float64) for column in zip(*points, strict=True))
    best: tuple[float, PowerLaw] | None = None
    for exponent in _EXPONENTS:
        shape = steps**-exponent
        floor, scale = _line(shape, values) if len(points) >= _WITH_FLOOR else (0.0, _through_zero(shape, values))
        error = float(np.square(floor + scale * shape - values).sum())
        if scale > 0 and (best is None or error < best[0]):
            best = error, PowerLaw(floor, scale, float(exponent))
    flat = float(np.square(values - values.mean()).sum())
    return best[1] if best is not None and best[0] < flat else None


def _line(shape: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Floor and scale, neither below 0."""
    apart = shape - shape.mean()
    scale = float((apart * (values - values.mean())).sum() / np.square(apart).sum())
    floor = float(values.mean() - scale * shape.mean())
    return (floor, scale) if floor >= 0 else (0.0, _through_zero(shape, values))


def _through_zero(shape: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    return float((shape * values).sum() / np.square(shape).sum())


def predict(name: str, metric: str, points: Points) -> Prediction | None:
    """What more steps would bring; None where points are too few.

    Args:
        name: of what was trained.
        metric: for people.
        points: as for :func:`fit`.
    """
    if len(points) < FEWEST:
        return None
    step, last = points[-1]
    law = fit(points)
    ahead: dict[int, tuple[float, float, float]] = {}
    if law is not None:
        without = [fit([*points[:place], *points[place + 1 :]]) for place in range(len(points))]
        for times in TIMES:
            values = [found.at(times * step) for found in without if found is not None]
            value = law.at(times * step)
            ahead[times] = value, min([value, *values]), max([value, *values])
    half = fit(points[: max(FEWEST - 1, len(points) // 2)])
    return Prediction(name, metric, len(points), int(step), last, law, ahead, half.at(step) if half else None)


def of_curve(file: Path, name: str) -> list[Prediction]:
    """Predictions for every metric of the last stage of a learning curve; its loss where it has no metric.

    Args:
        file: as training writes it; word error rates are percent.
        name: of what was trained.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        rows = [row for row in rows if row.get("stage") == rows[-1].get("stage")]
        columns = [column for column in (rows[0] if rows else {}) if column not in _NO_METRICS]
        columns = [one for one in columns if "_" not in one or one.split("_")[0] not in columns]
        found = [
            predict(name, column, [(float(row["step"]), float(row[column])) for row in rows if row[column]])
            for column in columns or ["loss"]
        ]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file} cannot be read as a learning curve.", "Curves are written by training.") from error
    return [one for one in found if one is not None]
