"""The strip says where the time went, on a scale shared by all."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.stagetimes import StageTime
from app.widgets.numbers import amount, clock, nats, seconds, share
from app.widgets.strip import StageStrip

STAGES = (StageTime("encode", 0.5, 0.5), StageTime("recognise", 1.0))


@pytest.fixture
def strip(qtbot: QtBot) -> StageStrip:
    made = StageStrip("text")
    qtbot.addWidget(made)
    made.resize(400, 20)
    made.set_stages(STAGES, 1.5, first_text=0.9, first_audio=1.4)
    return made


def test_tips_follow_the_common_scale(strip: StageStrip) -> None:
    strip.set_scale(4.0)
    assert strip.tip_at(25) == "encode 0.50 s, shared with another engine: shown at its full cost"
    assert strip.tip_at(60) == "recognise 1.00 s"
    assert strip.tip_at(90) == "First text after 0.90 s"
    assert strip.tip_at(140) == "First sound after 1.40 s"
    assert strip.tip_at(390) == "1.50 s in all"


def test_it_is_described_in_words(strip: StageStrip) -> None:
    assert strip.accessibleDescription() == (
        "encode 0.50 s, shared with another engine: shown at its full cost; recognise 1.00 s; "
        "first text after 0.90 s; first sound after 1.40 s"
    )


def test_a_running_stage_grows_with_the_clock(strip: StageStrip) -> None:
    strip.set_stages((StageTime("encode", 0.0, running=True),), 2.0)
    strip.set_scale(4.0)
    assert strip.tip_at(150) == "encode …"
    assert strip.tip_at(300) == "2.00 s in all"


def test_what_is_longer_than_the_scale_still_fits(strip: StageStrip) -> None:
    strip.set_scale(0.1)
    assert strip.tip_at(395) == "recognise 1.00 s"


def test_shared_work_looks_different(strip: StageStrip) -> None:
    strip.set_stages(STAGES, 1.5)
    strip.set_scale(1.5)
    picture = strip.grab().toImage()
    middle = picture.height() // 2

    def colours(left: int, right: int) -> set[str]:
        ratio = picture.width() / 400
        return {QColor(picture.pixel(int(x * ratio), middle)).name() for x in range(left, right)}

    assert len(colours(10, 120)) > 4
    assert len(colours(150, 390)) == 1


def test_an_empty_strip_paints(qtbot: QtBot) -> None:
    made = StageStrip("token")
    qtbot.addWidget(made)
    made.grab()
    assert made.tip_at(5) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(0.038, "38 ms"), (1.239, "1.24 s"), (12.34, "12.3 s"), (125.2, "2 min 05 s")]
)
def test_durations(value: float, text: str) -> None:
    assert seconds(value) == text


def test_other_numbers() -> None:
    assert amount(34_000_000, 78_000_000, "bytes") == "34 of 78 MB"
    assert amount(34_000_000, None, "bytes") == "34 MB"
    assert amount(3, 12, "steps") == "3 of 12"
    assert amount(3, None, "steps") == "3"
    assert share(0.0833) == "8.3 %"
    assert clock(64.2) == "1:04.2"
    assert nats(-18.6) == "−18.6"
