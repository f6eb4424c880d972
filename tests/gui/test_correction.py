"""Every word of a correction is marked by where it came from, with a number and not by colour alone."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from app.views.correction import CorrectionView
from app.views.dock import EvidenceDock
from engines.contract import Correction
from tests.gui.runs import REFERENCE, WRONG, correction_run


@pytest.fixture
def view(qtbot: QtBot) -> CorrectionView:
    made = CorrectionView()
    qtbot.addWidget(made)
    made.resize(500, 300)
    return made


def test_words_are_numbered_by_their_hypothesis(view: CorrectionView) -> None:
    words = ("Ever", "tried", "once")
    view.show_correction(
        Correction(0, words, ((1, 2), (0, 1), ()), True, "Ever tried once", "Accepted."), "Never tried"
    )
    text = view.toPlainText()
    assert text.startswith("Ever2 tried oncenew")
    assert "2: first found in hypothesis 2" in text
    assert "new: in no hypothesis" in text
    assert "The language model wrote (accepted): Ever tried once" in text
    assert "The recogniser’s best: Never tried" in text
    view.grab()


def test_markup_in_words_is_only_text(view: CorrectionView) -> None:
    view.show_correction(Correction(0, ("<i>x</i>",), ((),), False, "<b>", "Rejected."))
    assert "<i>x</i>new" in view.toPlainText()
    assert "not accepted): <b>" in view.toPlainText()


def test_the_dock_says_what_became_of_it(qtbot: QtBot) -> None:
    dock = EvidenceDock()
    qtbot.addWidget(dock)
    dock.show()
    dock.show_run(correction_run(accepted=True), REFERENCE)
    assert dock.sentence.text().startswith("The language model’s text was kept; 10 of 11 words come from the list.")
    assert dock.correction.isVisible()
    assert not dock.nbest.slider.isVisible()
    dock.show_run(correction_run(accepted=False), REFERENCE)
    assert dock.sentence.text().startswith("The recogniser’s best was kept;")
    assert WRONG.split()[0] in dock.correction.toPlainText()
