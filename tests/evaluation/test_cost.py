"""Cost: measured in a process of its own, spread, energy, and growth with length."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from engines.contract import GraphWork, Request, StageWork, Task, Utterance, Work
from engines.errors import UnknownEngine
from engines.evaluation import costing, growth
from engines.evaluation.cost import Cost, Setting, spread
from engines.evaluation.energy import Meter
from tests.engines.fakes import catalogue

ONE = Setting(repeats=2, warm_ups=1)


def request(seconds: float = 0.1, **options: str | float) -> Request:
    samples = np.linspace(-0.5, 0.5, round(16_000 * seconds), dtype=np.float32)
    utterance = Utterance(samples, hashlib.sha256(samples.tobytes()).hexdigest(), "test", language="en")
    return Request(utterance, Task.SPEAK, options=options)


def test_an_engine_is_measured_alone() -> None:
    cost = costing.measure("fake", request(), ONE, catalogue())
    assert cost.failed == ""
    assert cost.speech_seconds == pytest.approx(0.1)
    assert cost.seconds is not None
    assert cost.rtf is not None
    assert cost.seconds.count == 2
    assert cost.rtf.median == pytest.approx(cost.seconds.median / 0.1)
    for first in (cost.first_text, cost.first_audio):
        assert first is not None
        assert first.median <= cost.seconds.median
    assert cost.lag is not None
    assert cost.lag.median > 0.1
    assert list(cost.stages) == ["encode"]
    assert cost.peak_memory_bytes is not None
    assert cost.peak_memory_bytes > 10e6
    assert cost.work == Work()
    assert (cost.joules is None) == bool(cost.no_joules)


def test_an_engine_that_fails_says_why() -> None:
    cost = costing.measure("fake", request(deed="kill"), ONE, catalogue())
    assert cost.failed
    assert cost.seconds is None


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UnknownEngine):
        costing.measure("none", request(), ONE, catalogue())


def test_growth_ends_where_an_engine_fails() -> None:
    found = list(costing.grow("fake", request(deed="kill"), (2, 1), Setting(repeats=1, warm_ups=0), catalogue()))
    assert [cost.speech_seconds for cost in found] == [1.0]


def test_an_utterance_is_cut_or_repeated() -> None:
    whole = request(1.0).utterance
    short, long = costing.stretched(whole, 0.25), costing.stretched(whole, 2.5)
    assert short.seconds == 0.25
    assert long.seconds == 2.5
    assert np.array_equal(long.samples[16_000:32_000], whole.samples)
    assert len({whole.digest, short.digest, long.digest}) == 3
    samples = np.concatenate([np.zeros(8_000, np.float32), whole.samples])
    late = Utterance(samples, "late", "test")
    assert np.array_equal(costing.stretched(late, 0.25).samples, short.samples)


def test_spread_leaves_out_what_is_not_there() -> None:
    found = spread([None, 1.0, 2.0, 3.0])
    assert found is not None
    assert (found.median, found.count) == (2.0, 3)
    assert found.p95 == pytest.approx(2.9)
    assert spread([None]) is None


def test_figures_per_second_of_speech() -> None:
    work = Work((StageWork("write", 8e9, positions=50),), (GraphWork("a/b.onnx", 1, 8e9, 10, 100),))
    cost = Cost("x", "X", "text", 4.0, Setting(), work=work)
    assert cost.flops_per_second == 2e9
    assert cost.tokens_per_second == 12.5
    assert Cost("x", "X", "text", 4.0, Setting()).flops_per_second is None


def zone(folder: Path, name: str, microjoules: int, most: int = 1_000_000) -> Path:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "energy_uj").write_text(f"{microjoules}\n")
    (place / "max_energy_range_uj").write_text(f"{most}\n")
    return place


def test_energy_is_of_whole_packages_and_counters_wrap(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 100)
    zone(tmp_path, "intel-rapl:1", 999_000)
    zone(tmp_path, "intel-rapl:0:0", 5)
    meter = Meter(tmp_path)
    zone(tmp_path, "intel-rapl:0", 500_100)
    zone(tmp_path, "intel-rapl:1", 1_000)
    zone(tmp_path, "intel-rapl:0:0", 500_000)
    assert meter.read().joules == pytest.approx(0.5 + 0.002)


def test_without_a_counter_it_is_said(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        found = Meter(folder).read()
        assert found.joules is None
        assert found.why_not == "This machine offers no energy counter (RAPL)."


def test_a_power_law_is_found_again() -> None:
    law = growth.fit([(x, 3 * x**1.5) for x in (1, 2, 5, 10, 60)])
    assert law is not None
    assert law.scale == pytest.approx(3)
    assert law.exponent == pytest.approx(1.5)
    assert law.low == pytest.approx(1.5)
    assert law.r_squared == pytest.approx(1)
    assert law.at(4) == pytest.approx(24)


def test_the_interval_of_the_exponent_is_students() -> None:
    # By hand: slopes through (0,0), (1,1), (2,1) in logarithms: b = 1/2, residual sum 1/6, one degree of freedom.
    law = growth.fit([(1.0, 1.0), (math.e, math.e), (math.e**2, math.e)])
    assert law is not None
    assert law.exponent == pytest.approx(0.5)
    assert law.high - law.exponent == pytest.approx(12.706 * math.sqrt(1 / 6 / 2), rel=1e-6)


def test_too_few_lengths_have_no_law() -> None:
    assert growth.fit([(1, 1), (2, 2), (2, 3)]) is None
    assert growth.told(None) == "too few lengths"


def test_the_picture_is_a_drawing_with_every_engine() -> None:
    series = {"A & B": [(1.0, 2.0), (10.0, 30.0), (100.0, 250.0)], "none": []}
    picture = growth.draw(series, "Operations", "GFLOP")
    texts = [node.text for node in ET.fromstring(picture).iter() if node.text]  # noqa: S314 - our own
    assert "A & B" in texts
    assert "none" in texts
    assert any(text.startswith("∝ length^1.0") for text in texts)
    ET.fromstring(growth.draw({}, "Nothing", "s"))  # noqa: S314
