"""Learning curves carried on: known laws are found again, and what does not fall is not carried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.errors import BadInput
from engines.evaluation.prediction import PowerLaw, fit, of_curve, predict

STEPS = (100, 200, 400, 800, 1600, 3200, 6400)


def points(law: PowerLaw, count: int = 7) -> list[tuple[float, float]]:
    return [(step, law.at(step)) for step in STEPS[:count]]


def test_a_known_law_is_found_again() -> None:
    law = PowerLaw(2.0, 30.0, 0.5)
    found = predict("x", "wer", points(law))
    assert found is not None
    assert found.law is not None
    assert (found.points, found.step) == (7, 6400)
    for times, (value, low, high) in found.ahead.items():
        assert value == pytest.approx(law.at(times * 6400), rel=0.02)
        assert low <= value <= high
    assert found.tried is not None
    assert 0 < found.tried < found.last  # three points have no floor, which is hopeful


def test_few_points_have_no_floor() -> None:
    law = PowerLaw(0.0, 5.0, 0.2)
    found = fit(points(law, 4))
    assert found is not None
    assert found.floor == 0
    assert found.exponent == pytest.approx(0.2, rel=0.05)
    assert predict("x", "wer", points(law, 3)) is None


def test_what_rises_or_stays_is_not_carried_on() -> None:
    for values in ((1, 2, 3, 4, 5, 6, 7), (3, 3, 3, 3, 3, 3, 3)):
        found = predict("x", "wer", list(zip(STEPS, values, strict=True)))
        assert found is not None
        assert (found.law, found.ahead, found.tried) == (None, {}, None)


def test_the_metrics_of_the_last_stage_are_read(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    rows = [f"llm,{step},9,1.0,{40 - n},{40 - n}," for n, step in enumerate(STEPS)]
    lines = ["stage,step,seconds,loss,wer,wer_en,nats", "matching,50,1,9.0,99,99,9", *rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [(one.metric, one.points) for one in of_curve(file, "x")] == [("wer", 7)]
    losses = "\n".join(["step,seconds,loss", *(f"{step},1,{9 - n}" for n, step in enumerate(STEPS))])
    file.write_text(losses + "\n", encoding="utf-8")
    assert [one.metric for one in of_curve(file, "x")] == ["loss"]
    file.write_text("", encoding="utf-8")
    assert of_curve(file, "x") == []


def test_what_is_no_curve_is_named(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_text("step,loss\nx,y\n", encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be read as a learning curve"):
        of_curve(file, "x")
    with pytest.raises(BadInput, match="cannot be read"):
        of_curve(tmp_path / "nowhere.csv", "x")
