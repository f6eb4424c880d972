"""Bit rate against quality: which are the best, and the picture of all."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from engines.evaluation.pareto import Point, best, draw

POINTS = [
    Point("ours", "1", 500, 0.9, 1.5),
    Point("ours", "8", 4000, 0.1, 2.5),
    Point("Opus & others", "6k", 6000, 0.2, 3.5),
    Point("Opus & others", "16k", 16000, 0.05, 3.9),
    Point("units", "heard", 249, 2.5),
]


def test_the_best_are_those_that_none_beats() -> None:
    assert [point.label for point in best(POINTS)] == ["heard", "1", "8", "16k"]
    assert best([]) == []


def test_the_picture_is_an_svg_of_all() -> None:
    picture = ET.fromstring(draw(POINTS))  # noqa: S314 - our own
    circles = picture.findall(".//{*}circle")
    assert len(circles) == 2 * len(POINTS) - 1  # one was not rated
    texts = [text.text for text in picture.findall(".//{*}text")]
    assert {"ours", "Opus & others", "units", "heard"} <= set(texts)
    assert all(0 <= float(circle.get("cy", "-1")) <= 300 for circle in circles)
    assert "original" in draw(POINTS, Point("original", "", 1.0, 0.03, 4.0))
    assert draw(POINTS[:1]).count("<circle") == 2
