"""Word alignment for showing differences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.evaluation.alignment import WordPair, align


def test_case_and_punctuation_make_no_difference() -> None:
    pairs = align("Ever tried. Ever failed!", "ever tried, never failed – again")
    assert pairs == (
        WordPair("equal", "Ever", "ever"),
        WordPair("equal", "tried.", "tried,"),
        WordPair("substitute", "Ever", "never"),
        WordPair("equal", "failed!", "failed –"),
        WordPair("insert", "", "again"),
    )


def test_missing_words_and_empty_texts() -> None:
    assert [pair.operation for pair in align("a b c", "a c")] == ["equal", "delete", "equal"]
    assert align("", "") == ()
    assert align("", "a") == (WordPair("insert", "", "a"),)
    assert align("a", "...") == (WordPair("delete", "a", ""),)


def test_characters_where_there_are_no_spaces() -> None:
    assert [pair.operation for pair in align("今天好。", "今日好", "zh")] == ["equal", "substitute", "equal"]


@pytest.mark.timeout(20)
def test_text_of_hours_is_aligned_soon() -> None:
    left = " ".join(f"w{n % 977}" for n in range(20_000))
    pairs = align(left, left.replace("w5 ", "x "))
    assert sum(pair.operation == "equal" for pair in pairs) > 19_000


@given(st.lists(st.sampled_from("abc.")), st.lists(st.sampled_from("abc,")))
def test_every_word_occurs_once(left: list[str], right: list[str]) -> None:
    pairs = align(" ".join(left), " ".join(right))
    assert [pair.reference.split()[0] for pair in pairs if pair.reference] == [w for w in left if w != "."]
    assert [pair.hypothesis.split()[0] for pair in pairs if pair.hypothesis] == [w for w in right if w != ","]
