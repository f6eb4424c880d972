"""λ re-ranks as it moves, and the marks stand exactly where the winner changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.views.dock import EvidenceDock
from app.views.kinds import SCORES, TIME
from app.views.nbest import NBestView
from app.views.nbesttable import LM, WER
from app.views.sentences import on_ranking
from engines.contract import Attention, Hypothesis, NBest
from engines.text.envelope import reigns
from engines.text.ranking import rank
from tests.gui.runs import NBEST, REFERENCE, correction_run, rescored_run, runs

_SCORE = st.integers(-400, 0).map(lambda value: value / 8)
_LISTS = st.lists(st.tuples(_SCORE, _SCORE), min_size=1, max_size=8)


@given(_LISTS, st.integers(0, 997).map(lambda value: value / 997))
def test_the_envelope_names_the_winner_at_every_weight(scores: list[tuple[float, float]], weight: float) -> None:
    listed = [Hypothesis(str(i), am, 1, lm, 1) for i, (am, lm) in enumerate(scores)]
    found = reigns(listed)
    assert [reign.start for reign in found] == sorted(reign.start for reign in found)
    winner = [reign.winner for reign in found if reign.start <= weight][-1]
    ranked = rank(listed, weight)
    assert dict(ranked)[winner] == pytest.approx(ranked[0][1], abs=1e-9)


def test_breakpoint_of_two_lines() -> None:
    found = reigns([Hypothesis("a", -1.0, 2, -9.0, 3), Hypothesis("b", -2.0, 2, -6.0, 3)])
    assert [(reign.start, reign.winner) for reign in found] == [(0.0, 0), (0.25, 1)]
    normalised = reigns([Hypothesis("a", -1.0, 2, -9.0, 3), Hypothesis("b", -2.0, 2, -6.0, 3)], normalised=True)
    assert normalised[1].start == pytest.approx(1 / 3)
    assert reigns([Hypothesis("a", -1.0, 2)]) == []


@pytest.fixture
def view(qtbot: QtBot) -> NBestView:
    made = NBestView()
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.show_list(NBEST, None, errors=(2 / 12, 0.0, 1 / 12, 2 / 12), language="en")
    made.show()
    return made


def column(view: NBestView, number: int) -> list[str]:
    return [str(view.model.data(view.model.index(row, number))) for row in range(view.model.rowCount())]


def test_the_slider_reranks(view: NBestView, qtbot: QtBot) -> None:
    assert column(view, 0) == ["1  ▲1  ✓", "2  ▼1", "3  ▲1", "4  ▼1"]
    assert column(view, WER) == ["0.0 %", "16.7 %", "16.7 %", "8.3 %"]
    with qtbot.waitSignal(view.weight_changed) as caught:
        view.slider.setValue(0)
    assert caught.args == [0.0]
    assert column(view, 0) == ["1", "2  ✓", "3", "4"]
    assert column(view, 2) == ["−3.1", "−3.9", "−6.0", "−6.6"]
    assert column(view, 4)[0] == "−3.10"
    assert view.value.text() == "0.00"


def test_keys_move_lambda_and_jump_between_winners(view: NBestView, qtbot: QtBot) -> None:
    view.slider.setValue(0)
    qtbot.keyClick(view.slider, Qt.Key.Key_Right)
    assert view.weight == 0.01
    qtbot.keyClick(view.slider, Qt.Key.Key_Period)
    assert view.weight == 0.103
    assert view.model.hypothesis_at(0) == 1
    qtbot.keyClick(view.slider, Qt.Key.Key_Comma)
    assert view.weight == 0.101
    assert view.model.hypothesis_at(0) == 0
    assert "0.10" in view.slider.accessibleDescription()


def test_the_mouse_puts_the_handle_where_it_clicks(view: NBestView, qtbot: QtBot) -> None:
    qtbot.mouseClick(view.slider, Qt.MouseButton.LeftButton, pos=view.slider.rect().center())
    assert view.weight == pytest.approx(0.5, abs=0.01)
    view.grab()


def test_copy_gives_a_table(view: NBestView) -> None:
    view.copy_tsv()
    rows = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert [len(row) for row in rows] == [7] * 5
    assert rows[1][:4] == ["1", "2", REFERENCE, "-3.9000"]


def test_unscored_lists_have_no_slider(view: NBestView) -> None:
    bare = replace(NBEST, hypotheses=tuple(replace(h, lm=None) for h in NBEST.hypotheses), weight=None)
    view.show_list(bare, None)
    assert not view.slider.isVisible()
    assert view.table.isColumnHidden(LM)
    assert view.table.isColumnHidden(WER)


def test_only_words_that_differ_are_strong(view: NBestView) -> None:
    rich = view.model.data(view.model.index(0, 1), Qt.ItemDataRole.UserRole)
    assert "<b>Ever</b> tried." in rich
    assert "<b>matter.</b>" in rich


def test_markup_in_a_hypothesis_is_only_text(view: NBestView) -> None:
    view.show_list(NBest(0, 0, 1, (Hypothesis("<b>a & b</b>", -1.0, 2, -1.0, 2),)), None)
    assert "&amp;" in view.model.data(view.model.index(0, 1), Qt.ItemDataRole.UserRole)


def test_sentences() -> None:
    assert on_ranking(NBEST, 0.35) == (
        "The recogniser preferred “Never tried” by 0.8 nats; the language model finds “Ever tried” 7.0 nats likelier, "
        "which outweighs that at λ = 0.35."
    )
    assert "would win from λ = 0.10 on" in on_ranking(NBEST, 0.05)
    alone = replace(NBEST, hypotheses=NBEST.hypotheses[:1])
    assert on_ranking(alone, 0.2).endswith("it offered nothing else.")
    agreed = replace(NBEST, hypotheses=(Hypothesis("Yes.", -1, 2, -3, 2), Hypothesis("Jess.", -2, 2, -9, 2)))
    assert on_ranking(agreed, 0.2) == "Recogniser and language model agree on “Yes.”, whatever λ is."


@pytest.fixture
def dock(qtbot: QtBot) -> EvidenceDock:
    made = EvidenceDock()
    qtbot.addWidget(made)
    made.resize(1000, 320)
    made.show()
    return made


def test_an_empty_dock_says_what_to_do(dock: EvidenceDock) -> None:
    assert dock.sentence.text().startswith("Run the engines, then choose a card")
    assert not dock.segment.isVisible()
    dock.show_run(runs()["waiting"], None)
    assert "has not run yet" in dock.sentence.text()
    dock.show_run(runs()["failed"], None)
    assert "ended unexpectedly" in dock.sentence.text()


def test_the_dock_tells_lambda_and_keeps_it(dock: EvidenceDock, qtbot: QtBot) -> None:
    run = replace(rescored_run(), scores={"wer": 0.0, "o_nb": 0.0, "o_cp": 0.0})
    dock.show_run(run, REFERENCE)
    assert dock.nbest.weight == 0.35
    assert dock.nbest.oracle.text() == "o_nb 0.0 % (best choice from the list) · o_cp 0.0 % (best of all its words)"
    with qtbot.waitSignal(dock.lambda_changed) as caught:
        dock.nbest.slider.setValue(50)
    assert caught.args == ["rescoring", 0.05]
    assert "would win from" in dock.sentence.text()
    dock.show_run(correction_run(accepted=True), REFERENCE)
    dock.show_run(run, REFERENCE)
    assert dock.nbest.weight == 0.05


def test_stretches_can_be_chosen(dock: EvidenceDock) -> None:
    dock.show_run(runs()["segments"], REFERENCE)
    assert dock.segment.isVisible()
    assert dock.segment.count() == 2
    dock.segment.setCurrentIndex(1)
    assert "agree on “Yes.”" in dock.sentence.text()
    assert dock.nbest.table.isColumnHidden(WER)
    dock.show_run(rescored_run(), REFERENCE)
    assert not dock.segment.isVisible()


def test_scores_and_time(dock: EvidenceDock) -> None:
    dock.show_run(rescored_run(), None)
    dock.tabs.setCurrentIndex(SCORES)
    assert "least sure of “mother”" in dock.sentence.text()
    assert dock.scores.tip_at(1) == "“Never”: log p -0.91 nats, p 0.40"
    assert dock.scores.toPlainText() == "Never tried, ever failed. No mother. Try again."
    dock.tabs.setCurrentIndex(TIME)
    cells = [row[0] for row in dock.timing.table().rows]
    assert cells[:4] == ["listen", "encode", "recognise", "rescore"]
    assert "Most of its 1.24 s went to “rescore”" in dock.sentence.text()


def test_another_run_forgets_the_moved_lambda_even_with_arrays_among_the_evidence(dock: EvidenceDock) -> None:
    attention = Attention(("a",), np.ones((1, 4), np.float32), 0.0, 0.02)
    first = replace(rescored_run(), evidence=(attention, *rescored_run().evidence))
    dock.show_run(first, None)
    dock.nbest.slider.setValue(900)
    dock.show_run(replace(first, seconds=9.0), None)
    assert dock.nbest.weight == 0.9
    again = Attention(("a",), np.ones((1, 4), np.float32), 0.0, 0.02)
    dock.show_run(replace(first, evidence=(again, *rescored_run().evidence)), None)
    assert dock.nbest.weight == 0.35


def test_chinese_hypotheses_are_compared_by_character(view: NBestView) -> None:
    found = NBest(0, 0, 1, (Hypothesis("今天天气好。", -1.0, 2), Hypothesis("今天天汽好。", -2.0, 2)))
    view.show_list(found, None, language="zh")
    assert view.model.data(view.model.index(1, 1), Qt.ItemDataRole.UserRole) == "今天天<b>汽</b>好。"


def test_a_list_without_language_model_keeps_the_recognisers_order(view: NBestView) -> None:
    view.show_list(NBest(0, 0, 1, (Hypothesis("One.", -3.0, 9), Hypothesis("one.", -2.0, 3))), None)
    assert column(view, 0) == ["1  ✓", "2"]
    assert on_ranking(view.model.found, 0.0) == (
        "The recogniser puts “One.” first, although in sum 1.0 nats less likely than the next, "
        "which differs in case or punctuation only."
    )


def test_normalised_lists_show_scores_per_token(view: NBestView) -> None:
    view.show_list(replace(NBEST, normalised=True), None)
    assert column(view, 2)[0] == f"{-3.9 / 18:.2f}".replace("-", "−")
    title = view.model.headerData(2, Qt.Orientation.Horizontal)
    assert title == "log p recogniser / token"
    assert view.model.data(view.model.index(0, 2), Qt.ItemDataRole.ToolTipRole) == "−3.9 nats over 18 tokens"
