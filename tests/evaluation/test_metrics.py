"""Error rates, translation scores and oracles against values worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.evaluation.metrics import (
    Errors,
    bleu,
    character_errors,
    chrf,
    oracle_compositional,
    oracle_nbest,
    word_errors,
)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "language", "errors"),
    [
        ("Ever tried. Ever failed.", "ever tried, ever failed", "en", Errors(hits=4)),
        ("Ever tried.", "Never tried", "en", Errors(hits=1, substitutions=1)),
        ("It's twenty-one colours", "It is 21 colors", "en", Errors(hits=4)),
        ("a b c", "a c", "es", Errors(hits=2, deletions=1)),
        ("uno dos", "uno y dos", "es", Errors(hits=2, insertions=1)),
        ("¿Qué tal?", "que tal", "es", Errors(hits=1, substitutions=1)),
        ("今天天气很好。", "今天天気很好", "zh", Errors(hits=5, substitutions=1)),
        ("", "", "en", Errors()),
        ("", "x", "en", Errors(insertions=1)),
        ("x y", "", "en", Errors(deletions=2)),
    ],
)
def test_word_errors(reference: str, hypothesis: str, language: str, errors: Errors) -> None:
    assert word_errors(reference, hypothesis, language) == errors


def test_rates_add_up_over_a_corpus() -> None:
    whole = word_errors("a b c d", "a b c d", "es") + word_errors("e", "f", "es")
    assert whole.rate == pytest.approx(1 / 5)
    assert Errors().rate == 0.0
    assert Errors(insertions=3).rate == 1.0
    assert sum([whole, Errors(insertions=1)], Errors()).total == 2


def test_character_errors() -> None:
    assert character_errors("abcd", "abxd", "es") == Errors(hits=3, substitutions=1)
    assert character_errors("ab cd", "abcd", "es").total == 0


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["en", "fr", "zh", None]))
def test_any_text_has_a_rate(reference: str, hypothesis: str, language: str | None) -> None:
    errors = word_errors(reference, hypothesis, language)
    assert errors.rate >= 0
    assert word_errors(reference, reference, language).total == 0


def test_translation_scores_say_how_they_were_computed() -> None:
    same = bleu(["The cat sat on the mat."], ["The cat sat on the mat."])
    assert same.value == pytest.approx(100)
    assert "tok:13a" in same.signature
    assert "version:" in same.signature or "v:" in same.signature
    assert bleu(["今天天气很好"], ["今天天气很好"], "zh").value == pytest.approx(100)
    assert 0 < chrf(["The cat sat."], ["The cat sits."]).value < 100
    with pytest.raises(ValueError, match="as many"):
        bleu(["a"], [])


def test_oracles_of_one_list() -> None:
    lists = [["never tried never failed", "ever tried never failed", "never cried ever failed"]]
    reference = "Ever tried. Ever failed."
    assert oracle_nbest(lists, reference).total == 1
    assert oracle_compositional(lists, reference).total == 0
    assert oracle_compositional(lists, "Ever loved.").total == 1


def test_oracles_of_several_lists() -> None:
    lists = [["one too", "one two"], ["three for", "three four"], []]
    assert oracle_nbest(lists, "one two three four", "es").total == 0
    assert oracle_compositional(lists, "one two three four five", "es") == Errors(hits=4, deletions=1)
    assert oracle_nbest([], "a b", "es").total == 2
