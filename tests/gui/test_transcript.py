"""Differences are found, marked and told; a streaming text moves nothing."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from app.widgets.differences import Difference, differences, right_where_wrong
from app.widgets.transcript import TranscriptLabel
from engines.contract import TokenScores

TRUTH = "Ever tried. Ever failed. No matter."


@pytest.fixture
def label(qtbot: QtBot) -> TranscriptLabel:
    made = TranscriptLabel()
    qtbot.addWidget(made)
    made.resize(300, made.height())
    made.show()
    return made


def look_at(label: TranscriptLabel, place: int) -> tuple[bool, bool, bool]:
    """Whether a character is underlined, bold, struck through; the place counts UTF-16 code units."""
    spans = label.document().firstBlock().layout().formats()
    for span in spans:
        if span.start <= place < span.start + span.length:
            look = span.format
            return look.fontUnderline(), look.fontWeight() >= 700, look.fontStrikeOut()
    return False, False, False


def test_each_kind_of_difference_has_its_place() -> None:
    found = differences("Never tried. Ever so failed. No.", TRUTH)
    assert found == (
        Difference("substituted", 0, 5, "Ever"),
        Difference("inserted", 18, 20),
        Difference("deleted", 32, 32, "matter."),
    )


def test_case_and_punctuation_are_no_difference() -> None:
    assert differences("ever tried, EVER failed; no matter", TRUTH) == ()


def test_what_is_yet_to_come_is_not_missing() -> None:
    assert differences("Ever tried.", TRUTH, complete=False) == ()
    assert differences("Ever tried.", TRUTH)[0].kind == "deleted"


def test_scripts_without_spaces_are_compared_by_character() -> None:
    assert differences("今天天汽好", "今天天气好") == (Difference("substituted", 3, 4, "气"),)


def test_words_that_are_right_where_the_rival_is_wrong() -> None:
    assert right_where_wrong("Ever tried.", TRUTH, "Never tried.") == ((0, 4),)


def test_empty_texts_differ_in_nothing_or_everything() -> None:
    assert differences("", "") == ()
    assert [d.kind for d in differences("", TRUTH)] == ["deleted"]
    assert [d.kind for d in differences("one two", "")] == ["inserted", "inserted"]


def test_marks_and_what_a_screen_reader_says(label: TranscriptLabel) -> None:
    label.set_reference(TRUTH, baseline="Ever tried. Never failed. No matter.")
    label.set_text("Never tried. Ever failed. No matter.")
    assert ("Never", "substituted", "“Never” where the reference has “Ever”") in label.marks
    assert ("Ever", "right", "“Ever”: right, where the baseline is wrong") in label.marks
    assert label.accessibleDescription() == "1 differ from the reference: “Never” where the reference has “Ever”"
    label.set_reference(None)
    assert label.marks == []


def test_wrong_words_are_not_marked_by_colour_alone(label: TranscriptLabel) -> None:
    label.set_reference(TRUTH)
    label.set_text("Never tried. Ever so failed. No matter.")
    assert look_at(label, 2) == (True, True, False)
    assert look_at(label, 19) == (False, False, True)
    assert look_at(label, 8) == (False, False, False)


def test_the_last_word_of_a_streaming_text_is_not_judged(label: TranscriptLabel) -> None:
    label.set_reference(TRUTH)
    label.set_text("Ever", "tri", complete=False)
    assert label.marks == []
    assert label.text == "Ever tri"


def test_height_stays_and_selection_survives_streaming(label: TranscriptLabel) -> None:
    height = label.height()
    label.set_text("Ever tried.", complete=False)
    cursor = label.textCursor()
    cursor.setPosition(0)
    cursor.setPosition(4, QTextCursor.MoveMode.KeepAnchor)
    label.setTextCursor(cursor)
    label.set_text("Ever tried. " * 60, "Ever fai", complete=False, caret=True)
    assert label.height() == height
    assert label.textCursor().selectedText() == "Ever"
    assert label.verticalScrollBar().value() == label.verticalScrollBar().maximum()
    assert label.horizontalScrollBar().maximum() == 0
    label.grab()


def test_characters_outside_the_basic_plane_keep_marks_in_place(label: TranscriptLabel) -> None:
    label.set_reference("🎉 hello world")
    label.set_text("🎉 hallo world")
    assert not look_at(label, 2)[0]
    assert look_at(label, 3)[0]
    assert look_at(label, 7)[0]
    assert not look_at(label, 8)[0]
    assert ("hallo", "substituted", "“hallo” where the reference has “hello”") in label.marks


def test_doubtful_tokens_are_underlined_when_asked(label: TranscriptLabel) -> None:
    label.set_text("Never tried.")
    label.set_scores([TokenScores(0, (" Never", " tried", "."), (-0.9, -0.1, -2.0))])
    assert label.marks == [("Never", "doubtful", "“Never”: probability 40.7 % (log p −0.9 nats)")]
    label.show_doubts(False)
    assert label.marks == []


def test_long_texts_are_compared_in_a_thread(label: TranscriptLabel, qtbot: QtBot) -> None:
    label.set_reference("so it goes on " * 1200)
    label.set_text("so it went on " + "so it goes on " * 1100, complete=False)
    assert label.marks == []
    label.set_text("so it went on " + "so it goes on " * 1199)
    qtbot.waitUntil(lambda: bool(label.marks), timeout=10_000)
    assert label.marks == [("went", "substituted", "“went” where the reference has “goes”")]
    label.set_reference("so it goes on " * 1199)
    label.set_text("Short.")
    qtbot.wait(200)
    assert {look for _, look, _ in label.marks} <= {"substituted", "deleted"}


def test_whoever_scrolled_up_stays_there_and_a_complete_text_shows_its_beginning(label: TranscriptLabel) -> None:
    label.set_text("Ever tried. " * 60, complete=False)
    bar = label.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    bar.setValue(10)
    label.set_text("Ever tried. " * 70, complete=False)
    assert bar.value() == 10
    bar.setValue(bar.maximum())
    label.set_text("Ever tried. " * 71)
    assert bar.value() == 0


def test_what_error_rates_take_for_the_same_is_not_marked() -> None:
    said, heard = "The party you are trying to reach has ten calls.", "The party you're trying to reach has 10 calls."
    assert differences(heard, said, "en") == ()
    assert [d.kind for d in differences(heard, said)] != []
    assert right_where_wrong(heard, said, "The party or trying to reach has ten calls.", "en") == ((10, 16),)
