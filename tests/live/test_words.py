"""A word shown as final never changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.live.words import LocalAgreement, behind, common_prefix, same, split

WORDS = st.sampled_from(["the", "The", "cat,", "cat", "sat", "on", "a", "mat.", "是", "的", "—", "…", "l'été"])
TEXTS = st.lists(st.one_of(st.lists(WORDS, max_size=8).map(" ".join), st.text(max_size=20)), max_size=8)


@given(texts=TEXTS, last=st.one_of(st.none(), st.lists(WORDS, max_size=8).map(" ".join)))
def test_final_words_only_grow(texts: list[str], last: str | None) -> None:
    agreement, shown = LocalAgreement(), ""
    for text in texts:
        change = agreement.hear(text)
        shown += change.final
        assert agreement.final == shown.strip()
        assert change.provisional == agreement.provisional
    end = agreement.give_up() if last is None else agreement.finish(last)
    assert end.provisional == ""
    assert (shown + end.final).strip() == agreement.final
    assert agreement.over


@given(st.text())
def test_words_joined_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text.rstrip() or not text.strip()


@given(st.lists(WORDS, max_size=8).map(" ".join))
def test_a_text_heard_twice_is_final(text: str) -> None:
    agreement = LocalAgreement()
    first, second = agreement.hear(text), agreement.hear(text)
    assert first.count == 0
    assert agreement.final == text.strip()
    assert second.provisional == ""


def test_what_two_texts_agree_on_is_final() -> None:
    agreement = LocalAgreement()
    assert agreement.hear("he said that").provisional == "he said that"
    change = agreement.hear("He said, those are")
    assert (change.final, change.provisional) == ("He said,", "those are")
    assert agreement.hear("He said those are the").final == " those are"
    assert agreement.finish("he said those are the ones").final == " the ones"
    assert agreement.final == "He said, those are the ones"


def test_what_was_final_stays_where_a_later_text_reads_it_differently() -> None:
    agreement = LocalAgreement()
    agreement.hear("ice cream is good")
    agreement.hear("ice cream is good")
    change = agreement.finish("I scream is good for you")
    assert agreement.final == "ice cream is good for you"
    assert change.final == " for you"


def test_a_text_that_shares_nothing_goes_on_behind_a_space() -> None:
    agreement = LocalAgreement()
    agreement.hear("yes")
    agreement.hear("yes")
    agreement.hear("")
    assert agreement.finish("").final == ""
    assert agreement.final == "yes"


def test_chinese_is_taken_character_by_character() -> None:
    agreement = LocalAgreement()
    agreement.hear("今天天")
    assert agreement.hear("今天天气").final == "今天天"
    assert agreement.finish("今天天气很好").final == "气很好"


@pytest.mark.parametrize(
    ("final", "text", "expected"),
    [([], "a b", 0), (["a"], "a b", 1), (["a", "b"], "b c", 1), (["a", "b"], "a x b c", 3), (["a", "b"], "", 0)],
)
def test_where_new_words_begin(final: list[str], text: str, expected: int) -> None:
    assert behind(final, split(text)) == expected


def test_case_and_punctuation_do_not_make_another_word() -> None:
    assert same(" Hello,", "hello")
    assert not same("…", "—")
    assert common_prefix(["a", "b"], ["A", "c"]) == 1


def test_a_phrase_that_is_over_takes_nothing() -> None:
    agreement = LocalAgreement()
    agreement.finish("done")
    with pytest.raises(RuntimeError, match="over"):
        agreement.hear("more")
