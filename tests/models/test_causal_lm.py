"""Gemma and SmolLM2 with their real weights: scoring, writing, chatting."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import BadInput, BadOption, Cancelled, GraphInvalid
from engines.models.causal_lm import CausalLM
from engines.runtime.cancellation import CancelToken, cancellable
from engines.weights import graphs

SHOTS = (
    "English: The weather is nice today.\nGerman: Das Wetter ist heute schön.\n\n"
    "English: I am hungry.\nGerman: Ich habe Hunger.\n\n"
)


def _opened(model: str) -> CausalLM:
    from export.prepare import prepare

    for _ in prepare([model]):
        pass
    return CausalLM.open(graphs.locate(model))


@pytest.fixture(scope="module")
def gemma(model_home):
    return _opened("gemma-3-270m")


@pytest.fixture(scope="module")
def smollm2(model_home):
    return _opened("smollm2-135m-instruct")


def test_a_likely_text_scores_above_an_unlikely_one(gemma):
    (likely, count), (unlikely, _) = gemma.score("", ["Ever tried. Ever failed.", "Never tried, ever failed."])
    assert count == 6
    assert likely > unlikely + 2


def test_score_of_a_known_text(gemma):
    """-45.9 with the full vocabulary and Q4_K_M; the trimmed one leaves a little less to the pieces that are gone."""
    ((total, count),) = gemma.score("", ["Ever tried. Ever failed. No matter. Try again."])
    assert count == 12
    assert total == pytest.approx(-45.6, abs=0.6)


def test_continuations_in_one_batch_score_as_each_alone(gemma):
    texts = [" Hallo", " Guten Tag, mein lieber Freund, wie geht es dir?", " 你好", " Katze"]
    prefix = SHOTS + "English: Hello\nGerman:"
    together = gemma.score(prefix, texts)
    for text, (total, count) in zip(texts, together, strict=True):
        ((alone, tokens),) = gemma.score(prefix, [text])
        assert tokens == count
        assert total == pytest.approx(alone, rel=0.03, abs=0.1)  # activations are rounded to 8 bits


def test_score_of_a_continuation_is_a_difference_of_scores(gemma):
    prefix, text = "The capital of France", " is Paris."
    ((whole, n), (part, m)) = gemma.score("", [prefix + text, prefix])
    ((rest, k),) = gemma.score(prefix, [text])
    assert k == n - m
    assert rest == pytest.approx(whole - part, abs=0.1)


def test_letters_that_merge_with_the_prefix_are_scored_for_all_alike(gemma):
    scores = gemma.score("He is the stron", ["gest of all.", "g man."])
    assert all(np.isfinite(total) and count >= 1 for total, count in scores)
    assert scores[0][0] < 0


def test_more_continuations_than_fit_a_batch(gemma):
    texts = [f" number {i} of many words that follow each other" for i in range(40)]
    scores = gemma.score("This is", texts)
    assert len(scores) == 40
    ((alone, _),) = gemma.score("This is", [texts[17]])
    assert scores[17][0] == pytest.approx(alone, abs=0.1)


def test_nothing_to_score(gemma):
    assert gemma.score("x", []) == []
    assert gemma.score("", [""]) == [(0.0, 0)]
    tokens, values = gemma.score_tokens("")
    assert tokens == ()
    assert values.shape == (0,)


def test_token_scores_add_up(gemma):
    tokens, values = gemma.score_tokens("Where is the station?")
    ((total, count),) = gemma.score("", ["Where is the station?"])
    assert "".join(tokens) == "Where is the station?"
    assert count == len(tokens)
    assert total == pytest.approx(float(values.sum()), abs=0.05)


def test_translates_with_examples(gemma):
    text = "".join(gemma.generate(SHOTS + "English: The house is big.\nGerman:", max_tokens=30, stop=("\n",)))
    assert "Haus" in text
    assert "\n" not in text


def test_a_known_prefix_gives_the_same_text(gemma):
    prompt = SHOTS + "English: Where is my book?\nGerman:"
    first = "".join(gemma.generate(prompt, max_tokens=20, stop=("\n",)))
    assert "".join(gemma.generate(prompt, max_tokens=20, stop=("\n",))) == first


def test_sampling_follows_its_seed(gemma):
    def sample(seed: int) -> str:
        return "".join(gemma.generate("Once upon a time", max_tokens=16, temperature=1.0, seed=seed))

    assert sample(1) == sample(1)
    assert len({sample(seed) for seed in range(4)}) > 1


def test_pieces_are_whole_characters(gemma):
    pieces = list(gemma.generate("🤽‍♀️ 𐰑𐰑 🤽‍♀️ 𐰑𐰑 🤽‍♀️ 𐰑𐰑", max_tokens=40))
    assert pieces
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_text_in_circles_is_ended(gemma):
    text = "".join(gemma.generate("ha ha ha ha ha ha ha ha", max_tokens=200))
    assert len(text) < 300


def test_nbest_is_sorted_and_unique(gemma):
    found = gemma.generate_nbest(SHOTS + "English: The house is big.\nGerman:", 4, 20, ("\n",))
    assert len(found) == 4
    assert len({text for text, _, _ in found}) == 4
    ranks = [score / count for _, score, count in found]
    assert ranks == sorted(ranks, reverse=True)
    assert all("\n" not in text for text, _, _ in found)


def test_nbest_scores_are_those_of_scoring(gemma):
    prompt = SHOTS + "English: The house is big.\nGerman:"
    text, score, count = gemma.generate_nbest(prompt, 3, 20, ("\n",))[0]
    ((total, tokens), (longer, _)) = gemma.score(prompt, [text + "\n\n", text + "\n"])
    assert count == tokens
    assert any(score == pytest.approx(value, abs=0.2) for value in (total, longer))


def test_cancel_stops_at_the_next_step(gemma):
    token = CancelToken()
    pieces = []
    with cancellable(token):
        writing = gemma.generate("The history of Rome begins", max_tokens=200)
        pieces.append(next(writing))
        token.cancel()
        with pytest.raises(Cancelled):
            pieces.extend(writing)
    assert len(pieces) == 1


def test_too_long_a_prompt_is_refused(gemma):
    with pytest.raises(BadInput, match="tokens"):
        list(gemma.generate("word " * 5000, max_tokens=10))
    with pytest.raises(BadInput, match="tokens"):
        gemma.score("", ["word " * 5000])


@pytest.mark.parametrize("settings", [{"temperature": -1.0}, {"temperature": float("nan")}, {"top_p": 0.0}])
def test_impossible_settings_are_refused(gemma, settings):
    with pytest.raises(BadOption):
        list(gemma.generate("x", max_tokens=3, **settings))


def test_no_tokens_are_refused(gemma):
    with pytest.raises(BadOption):
        list(gemma.generate("x", max_tokens=0))
    with pytest.raises(BadOption):
        gemma.generate_nbest("x", 0, 5)


def test_control_tokens_in_a_text_are_text(gemma, smollm2):
    for model in (gemma, smollm2):
        for word in ("<eos>", "<bos>", "<|im_end|>"):
            assert len(model.encode(word)) > 1


def test_smollm2_answers(smollm2):
    text = "".join(smollm2.chat("You are a helpful assistant.", "What is the capital of France?", max_tokens=30))
    assert "Paris" in text


def test_gemma_answers_on_one_line(gemma):
    text = "".join(gemma.chat("", "What is the capital of France?", max_tokens=30))
    assert "Paris" in text
    assert "\n" not in text


def test_vectors_instead_of_ids_give_the_same_states(gemma):
    """-1 takes a vector; with the tokens' own embeddings nothing changes."""
    from engines.runtime.kv_cache import KeyValueCache

    ids = np.array([gemma._tokens("Where is the station?")], np.int64)
    shape = gemma.decoder.shape
    expected = gemma.decoder.advance(KeyValueCache(shape), ids).copy()
    zeros = np.zeros((1, ids.shape[1], gemma.decoder.width), np.float32)
    mixed = ids.copy()
    mixed[0, 2] = -1
    other = gemma.decoder.advance(KeyValueCache(shape), mixed, embeds=zeros).copy()
    assert np.abs(other - expected).max() > 0.1
    states = gemma.decoder.hidden(KeyValueCache(shape), ids)
    assert states.shape == (1, ids.shape[1], gemma.decoder.width)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(GraphInvalid):
        CausalLM.open(tmp_path)
