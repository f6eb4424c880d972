"""The waterfall of stages: where spells lie, and what the line says."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.comparison import EngineRun
from app.views import sentences
from app.views.waterfall import WaterfallView
from app.widgets.numbers import operations
from engines.contract import Finished, Result, StageFinished, StageStarted, StageWork, TextDelta, Work
from tests.gui.runs import fold

WORK = Work((StageWork("encode", 8.75e10, 8.75e10, 1), StageWork("rescore", 1e9, 0.0, 2, 250, {"Loop": 1})), ())


def counted() -> EngineRun:
    return fold(
        "rescoring",
        (0.0, StageStarted("encode")),
        (1.0, StageFinished("encode", 1.0, shared=True)),
        (1.0, StageStarted("rescore")),
        (1.2, TextDelta("hello", final=True)),
        (1.5, StageFinished("rescore", 0.5)),
        (2.0, Finished(Result("hello"), 484_000_000, WORK)),
    )


def test_stages_lie_where_they_worked() -> None:
    encode, rescore = counted().stages
    assert encode.spells == ((0.0, 1.0, True),)
    assert rescore.spells == ((1.0, 1.5, False),)


def test_the_line_tells_about_the_stage_that_the_keys_reach(qtbot: QtBot) -> None:
    view = WaterfallView()
    qtbot.addWidget(view)
    view.resize(900, 220)
    view.show_run(counted())
    view.show()
    assert view.accessibleDescription().startswith("Point at a stage")
    QTest.keyClick(view, Qt.Key.Key_Down)
    told = view.accessibleDescription()
    assert told.startswith("encode: 1.00 s, 50.0 % of the time, 1.00 s of it shared with another engine, 87.5 GFLOP")
    QTest.keyClick(view, Qt.Key.Key_End)
    assert "and more that cannot be counted" in view.accessibleDescription()
    assert "250 places of the language model" in view.accessibleDescription()
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert view.accessibleDescription().startswith("Point at a stage")
    assert view.table().rows[-1][5:] == ("88500000000", "87500000000", "250", "484000000")
    assert not view.grab().isNull()


def test_the_sentence_tells_operations_and_memory() -> None:
    assert "It took at least 88.5 GFLOP and 484 MB of memory at most." in sentences.on_time(counted())
    assert [operations(n) for n in (0, 950, 2e6, 3e12)] == ["0 FLOP", "950 FLOP", "2 MFLOP", "3 TFLOP"]
