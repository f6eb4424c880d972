"""Whisper base on every bundled sample, its text as it comes, and folders that hold no graphs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engines.audio.samples import list_samples, load_sample
from engines.contract import Recognised
from engines.errors import GraphInvalid
from engines.evaluation.metrics import word_errors
from engines.models.whisper import WhisperRecogniser
from engines.weights import graphs


@pytest.fixture(scope="module")
def recogniser(model_home):
    from export.prepare import prepare

    for _ in prepare(["whisper-base"]):
        pass
    return WhisperRecogniser.open(graphs.locate("whisper-base"))


@pytest.fixture(scope="module")
def caller(recogniser):
    return recogniser.encode(load_sample("en-caller").samples)


def last(items) -> Recognised:
    *_, found = items
    assert isinstance(found, Recognised)
    return found


SHORT = [sample for sample in list_samples() if sample.id != "en-demonstration"]


@pytest.mark.parametrize("sample", SHORT, ids=lambda sample: sample.id)
def test_real_speech_is_recognised_and_its_language_found(recogniser, sample):
    states = recogniser.encode(load_sample(sample.id).samples)
    languages = recogniser.detect_language(states)
    if states.seconds > 4:  # less speech than that, and Whisper base itself guesses, in float32 too
        assert max(languages, key=languages.__getitem__) == sample.language
    assert sum(languages.values()) == pytest.approx(1, abs=1e-4)
    found = last(recogniser.nbest(states, language=sample.language, beam=5))
    errors = word_errors(sample.reference, found.hypotheses[0].text, sample.language)
    assert errors.rate <= 0.25, found.hypotheses[0].text


def test_texts_are_cut_into_the_tokens_that_whisper_writes(recogniser):
    """The tokenizer that comes with the weights lacks its first merge."""
    cut = recogniser._tokenizer.encode(" these torture menus to the", add_special_tokens=False).tokens
    assert cut == ["Ġthese", "Ġtorture", "Ġmenus", "Ġto", "Ġthe"]


def test_text_comes_while_it_decodes(recogniser, caller):
    items = list(recogniser.nbest(caller, language="en", beam=1))
    texts = [item for item in items if isinstance(item, str)]
    assert len(texts) > 5
    assert items[-1].hypotheses[0].text.startswith(texts[5])


def test_token_scores_sum_to_less_than_the_hypothesis(recogniser, caller):
    found = last(recogniser.nbest(caller, language="en", beam=2))
    scores = found.scores
    assert len(scores.tokens) == len(scores.log_probabilities) == found.hypotheses[0].tokens - 1
    assert all(value <= 1e-6 for value in scores.log_probabilities)
    assert found.hypotheses[0].acoustic <= sum(scores.log_probabilities) + 1e-4


def test_all_languages_are_offered(recogniser):
    assert len(recogniser.languages) == 99
    assert {"en", "es", "fr", "zh", "de", "haw"} <= set(recogniser.languages)


@pytest.mark.parametrize("beam", [1, 5])
@pytest.mark.parametrize("kind", ["quiet noise", "tone"])
def test_what_is_no_speech_ends_soon(recogniser, kind, beam):
    count = 16_000 * 2
    samples = {
        "quiet noise": np.random.default_rng(0).normal(0, 0.001, count),
        "tone": np.sin(np.arange(count) / 5),
    }[kind].astype(np.float32)
    found = last(recogniser.nbest(recogniser.encode(samples), language="en", beam=beam))
    assert found.hypotheses
    assert len(found.hypotheses[0].text) < 200
    assert 0 <= found.no_speech <= 1


def test_two_speeches_in_turn_do_not_mix(recogniser, caller):
    other = recogniser.encode(load_sample("en-asterisk").samples)
    alone = last(recogniser.nbest(caller, language="en", beam=2)).hypotheses
    last(recogniser.nbest(other, language="en", beam=2))
    assert last(recogniser.nbest(caller, language="en", beam=2)).hypotheses == alone


# --- graph folders that are none ---


@pytest.mark.parametrize("config", [None, "", "{}", "[]", '{"layers": 6}'])
def test_a_broken_folder_is_named(tmp_path, config):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(GraphInvalid, match=r"Whisper|encoder\.onnx"):
        WhisperRecogniser.open(tmp_path)


def test_a_broken_graph_is_named(tmp_path):
    config = {
        "name": "Whisper base",
        "precision": "int8",
        "layers": 6,
        "heads": 8,
        "suppress": [],
        "suppress_first": [],
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(GraphInvalid, match=r"encoder\.onnx"):
        WhisperRecogniser.open(tmp_path)
