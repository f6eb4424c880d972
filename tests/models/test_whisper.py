from __future__ import annotations

import numpy as np
import pytest

from engines.audio.samples import list_samples, load_sample
from engines.contract import Recognised, SpeechStates
from engines.errors import Cancelled
from engines.evaluation.metrics import word_errors
from engines.models.whisper import WhisperRecogniser, breaks_off
from engines.runtime.cancellation import CancelToken, cancellable
from engines.weights import graphs


@pytest.fixture(scope="module")
def recogniser(model_home) -> WhisperRecogniser:
    return WhisperRecogniser.open(graphs.locate("whisper-base"))


@pytest.fixture(scope="module")
def english(recogniser) -> tuple[SpeechStates, str]:
    utterance = load_sample("en-caller")
    return recogniser.encode(utterance.samples), str(utterance.reference)


def decoded(recogniser: WhisperRecogniser, states: SpeechStates, **options) -> Recognised:
    *_, found = recogniser.nbest(states, **{"language": "en", **options})
    assert isinstance(found, Recognised)
    return found


def test_it_hears_real_speech(recogniser, english):
    states, reference = english
    assert word_errors(reference, decoded(recogniser, states).hypotheses[0].text, "en").rate < 0.1


@pytest.mark.parametrize("language", ["es", "fr"])
def test_it_hears_and_translates_other_languages(recogniser, language):
    sample = next(sample for sample in list_samples() if sample.language == language)
    states = recogniser.encode(load_sample(sample.id).samples)
    found = recogniser.detect_language(states)
    assert max(found, key=lambda code: found[code]) == language
    assert sum(found.values()) == pytest.approx(1, abs=1e-4)
    heard = decoded(recogniser, states, language=language).hypotheses[0].text
    assert word_errors(sample.reference, heard, language).rate < 0.35
    english = decoded(recogniser, states, language=language, task="translate").hypotheses[0].text
    shared = set(english.lower().strip(".").split()) & set(str(sample.translation).lower().strip(".").split())
    assert len(shared) >= 3


def test_the_list_is_unique_ranked_and_no_longer_than_the_beam(recogniser, english):
    hypotheses = decoded(recogniser, english[0], beam=5).hypotheses
    assert 2 <= len(hypotheses) <= 5
    assert len({h.text for h in hypotheses}) == len(hypotheses)
    ranks = [h.acoustic / h.tokens for h in hypotheses]
    assert ranks == sorted(ranks, reverse=True)


def test_forced_decoding_gives_the_score_of_the_search(recogniser, english):
    hypotheses = decoded(recogniser, english[0], beam=5).hypotheses[:2]
    scores = recogniser.score(english[0], [h.text for h in hypotheses], language="en")
    for hypothesis, (score, tokens) in zip(hypotheses, scores, strict=True):
        assert tokens == hypothesis.tokens
        assert score == pytest.approx(hypothesis.acoustic, abs=0.02 * tokens)


def test_nonsense_scores_far_below_what_was_said(recogniser, english):
    best = decoded(recogniser, english[0]).hypotheses[0].text
    (said, _), (nonsense, _) = recogniser.score(english[0], [best, "Purple cats sing."], language="en")
    assert nonsense < said - 10


def test_sampling_is_reproducible(recogniser, english):
    first, again = (
        decoded(recogniser, english[0], beam=1, temperature=1.0, seed=7).hypotheses[0].text for _ in range(2)
    )
    assert first == again


def test_attention_moves_forward_through_the_speech(recogniser, english):
    looked = decoded(recogniser, english[0], attention=True).attention
    assert looked is not None
    assert looked.weights.shape[0] == len(looked.labels)
    assert looked.weights.shape[1] * looked.frame_seconds == pytest.approx(english[0].seconds, abs=0.05)
    centres = looked.weights @ np.arange(looked.weights.shape[1]) / looked.weights.sum(axis=1)
    assert np.corrcoef(centres, np.arange(centres.size))[0, 1] > 0.8


@pytest.mark.parametrize("kind", ["silence", "noise", "nothing"])
def test_what_is_not_speech_ends(recogniser, kind):
    rng = np.random.default_rng(0)
    samples = {
        "silence": np.zeros(32_000, np.float32),
        "noise": (0.3 * rng.standard_normal(32_000)).astype(np.float32),
        "nothing": np.zeros(0, np.float32),
    }[kind]
    found = decoded(recogniser, recogniser.encode(samples))
    assert len(found.hypotheses[0].text.split()) < 30


def test_it_stops_when_it_is_cancelled(recogniser, english):
    token = CancelToken()
    decoding = recogniser.nbest(english[0], language="en")
    with cancellable(token):
        next(decoding)
        token.cancel()
        with pytest.raises(Cancelled):
            next(decoding)


def test_a_beginning_of_the_best_hypothesis_is_no_other_reading():
    best = "Everyone is busy. Please hold the line."
    assert breaks_off("Everyone is busy.", best)
    assert breaks_off("", best)
    assert not breaks_off("Everyone is busy. Please hold the", best)
    assert not breaks_off("Everyone was busy.", best)
    assert not breaks_off(best, best)
