from __future__ import annotations

from engines.contract import Hypothesis
from engines.text.cascade import sentences, token_bound
from engines.text.correction import distinct
from engines.text.origins import word_origins
from engines.text.prompts import correction, translation


def test_origins_name_every_hypothesis_that_has_the_word_there():
    words = ["Ever", "tried.", "Ever", "failed."]
    listed = ["Never tried, ever failed", "Ever tried, ever feeled", "quite another thing"]
    assert word_origins(words, listed) == ((1,), (0, 1), (0, 1), (0,))


def test_a_word_from_no_hypothesis_has_no_origin():
    assert word_origins(["brand", "new"], ["something else"]) == ((), ())


def test_no_words_have_no_origins():
    assert word_origins([], ["something"]) == ()


def test_hypotheses_that_differ_in_case_and_points_only_count_once():
    listed = [Hypothesis(text, -1.0, 3) for text in ("No matter.", "no matter", "No, matter!", "No mother.")]
    assert distinct(listed) == ["No matter.", "No mother."]


def test_prompts_end_where_the_model_has_to_go_on():
    assert translation("Hola.", "es", "en").endswith("Spanish: Hola.\nEnglish:")
    assert correction(["a", "b"]).endswith("### Other-hypothesis: b\n### Best-hypothesis: a\n### Response:")


def test_a_language_without_examples_is_still_prompted():
    prompt = translation("Tere.", "et", "en")
    assert prompt.endswith("Estonian: Tere.\nEnglish:")
    assert "Spanish: " in prompt


def test_sentences_are_split_and_never_empty():
    assert sentences("One. Two?  Three!") == ["One.", "Two?", "Three!"]
    assert sentences("一。二！") == ["一。", "二！"]
    assert sentences("   ") == []


def test_output_is_bounded_by_the_input():
    assert token_bound("") < token_bound("a word or two") < 200
