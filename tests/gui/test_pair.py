"""Evidence of two engines beside each other, and the times of all on one scale."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.comparison import EngineRun
from app.timeline import TimeLine
from app.views import sentences
from app.views.alltimes import AllTimesView
from app.views.kinds import SCORES, TIMES
from app.views.pair import EvidencePair
from app.views.saving import Tabled
from engines.contract import EvidenceFound, Finished, Result, StageFinished, StageStarted, TextDelta
from tests.gui.runs import NBEST, TOKENS, fold


def done(engine: str, text: str, seconds: float) -> EngineRun:
    return fold(
        engine,
        (0.0, StageStarted("encode")),
        (0.5, StageFinished("encode", 0.5, shared=engine != "whisper")),
        (0.5, StageStarted("recognise")),
        (0.8, TextDelta(text, final=True)),
        (0.8, EvidenceFound(TOKENS)),
        (0.9, EvidenceFound(NBEST)),
        (seconds, StageFinished("recognise", seconds - 0.5)),
        (seconds, Finished(Result(text), 400_000_000)),
    )


ONE, TWO = done("whisper", "a cat", 2.0), done("rescoring", "the cat", 1.0)
RUNS = {"whisper": ONE, "rescoring": TWO}


def opened(qtbot: QtBot) -> EvidencePair:
    pair = EvidencePair(TimeLine())
    qtbot.addWidget(pair)
    pair.least(lambda lines: 16 * lines, 15)
    pair.resize(1200, 700)
    pair.show()
    return pair


def test_another_engine_is_compared_with_when_somebody_names_it(qtbot: QtBot) -> None:
    pair = opened(qtbot)
    pair.show_run(ONE, RUNS, (None, None))
    assert not pair.second.isVisible()
    alone = pair.minimumHeight()
    assert [pair.choice.itemText(place) for place in range(pair.choice.count())] == ["Compare with…", TWO.engine.name]
    pair.first.want(SCORES)
    pair.choice.setCurrentIndex(1)
    pair.choice.activated.emit(1)
    assert pair.second.isVisible()
    assert pair.minimumHeight() > alone, "the splitter gives it room"
    assert pair.second.run is TWO
    assert pair.second.tabs.currentIndex() == SCORES, "the same kind of evidence"
    assert pair.sentence.text() == (
        "Whisper base wrote “a cat”, N-best rescoring “the cat”. "
        "Whisper base took 2.0 times as long (2.00 s against 1.00 s)."
    )
    pair.choice.setCurrentIndex(0)
    pair.choice.activated.emit(0)
    assert not pair.second.isVisible()
    assert pair.minimumHeight() == alone


def test_what_is_compared_with_comes_further(qtbot: QtBot) -> None:
    pair = opened(qtbot)
    begun = fold("rescoring", (0.0, StageStarted("encode")))
    pair.show_run(ONE, {**RUNS, "rescoring": begun}, (None, None))
    pair.choice.setCurrentIndex(1)
    pair.choice.activated.emit(1)
    assert "have not both written" in pair.sentence.text()
    pair.show_all(RUNS)
    assert pair.second.run is TWO
    assert pair.sentence.text().startswith("Whisper base wrote")


def test_the_engine_that_is_selected_is_not_compared_with_itself(qtbot: QtBot) -> None:
    pair = opened(qtbot)
    pair.show_run(ONE, RUNS, (None, None))
    pair.choice.setCurrentIndex(1)
    pair.choice.activated.emit(1)
    pair.show_run(TWO, RUNS, (None, None))
    assert pair.other is None
    assert not pair.second.isVisible()


def test_times_of_all_engines_stand_on_one_scale(qtbot: QtBot) -> None:
    pair = opened(qtbot)
    pair.show_run(ONE, {"whisper": ONE}, (None, None))
    assert not pair.first.tabs.isTabVisible(TIMES), "one engine has its own tab"
    pair.show_all(RUNS)
    assert pair.first.tabs.isTabVisible(TIMES)
    pair.first.want(TIMES)
    assert pair.first.sentence.text().startswith("N-best rescoring was quickest with 1.00 s; Whisper base took 2.00 s.")
    view = pair.first.all_times
    assert isinstance(view, Tabled)
    assert pair.first._seen() is view
    rows = view.table().rows
    assert [row[0] for row in rows] == ["whisper", "rescoring"]
    assert rows[1][:4] == ("rescoring", "1.0000", "0.5000", "0.8000")


def test_keys_go_from_engine_to_engine(qtbot: QtBot) -> None:
    view = AllTimesView()
    qtbot.addWidget(view)
    view.resize(1200, 240)
    view.show_runs(tuple(RUNS.values()))
    view.show()
    assert view.accessibleDescription().startswith("Point at an engine")
    QTest.keyClick(view, Qt.Key.Key_End)
    told = view.accessibleDescription()
    assert told.startswith("N-best rescoring: 1.00 s in all, first text after 0.80 s, most in “encode”, 0.50 s")
    QTest.mouseMove(view, view._row(0).center().toPoint())
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert not view.grab().isNull()


def test_what_two_runs_differ_in_is_said_before_they_end() -> None:
    running = replace(TWO, seconds=0.0)
    assert sentences.on_two(ONE, ONE) == (
        "Whisper base and Whisper base wrote the same. Whisper base took 1.0 times as long (2.00 s against 2.00 s)."
    )
    assert sentences.on_two(ONE, running) == "Whisper base wrote “a cat”, N-best rescoring “the cat”."
    assert sentences.on_all_times(()) is None
