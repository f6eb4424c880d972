"""Words that a model was unsure of."""

from __future__ import annotations

import math

import pytest

from app.widgets.doubts import Doubt, doubts
from engines.contract import TokenScores


def words(text: str, *scores: TokenScores) -> list[str]:
    return [text[doubt.start : doubt.end] for doubt in doubts(text, scores)]


def scored(*pairs: tuple[str, float], segment: int = 0) -> TokenScores:
    return TokenScores(segment, tuple(token for token, _ in pairs), tuple(math.log(value) for _, value in pairs))


def test_a_word_is_as_likely_as_all_its_tokens() -> None:
    part = scored((" tor", 0.7), ("ture", 0.6), (" menus", 0.9), (".", 0.1))
    found = doubts("The torture menus.", [part])
    assert found == [Doubt(4, 11, pytest.approx(math.log(0.42)))]
    assert found[0].probability == pytest.approx(0.42)


def test_punctuation_is_not_doubted() -> None:
    assert words("Yes, no.", scored((" Yes", 0.9), (",", 0.01), (" no", 0.95), (".", 0.01))) == []


def test_only_words_that_were_scored_are_judged() -> None:
    part = scored((" Never", 0.3), (" tried", 0.2), (" ever", 0.9))
    assert words("Ever tried, ever failed", part) == ["tried"]


def test_stretches_follow_one_another() -> None:
    first = scored((" yes", 0.9), (" and", 0.9), segment=0)
    second = scored((" yes", 0.2), segment=1)
    found = doubts("yes and yes", [first, second])
    assert [(doubt.start, doubt.end) for doubt in found] == [(8, 11)]


def test_pieces_with_marks_at_their_beginning_are_words_too() -> None:
    assert words("the torture", scored(("▁the", 0.9), ("▁tort", 0.3), ("ure", 0.9))) == ["torture"]


def test_scripts_without_spaces_are_marked_by_token() -> None:
    assert words("今天天气好", scored(("今天", 0.9), ("天气", 0.3), ("好", 0.9))) == ["天气"]


def test_scores_of_another_text_mark_nothing() -> None:
    assert words("", scored((" a", 0.1))) == []
    assert words("Wholly other", scored((" a", 0.1))) == []
