"""The text-based engines on real speech with real weights, through the catalogue, without a host."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from engines.audio.load import from_samples
from engines.audio.samples import list_samples, load_sample
from engines.contract import (
    AudioChunk,
    Correction,
    Event,
    EvidenceFound,
    Finished,
    LanguageFound,
    NBest,
    Request,
    StageFinished,
    StageStarted,
    Task,
    TextDelta,
)
from engines.errors import BadOption, Cancelled, TaskUnsupported, UnknownLanguage
from engines.evaluation.metrics import word_errors
from engines.models.components import Components
from engines.runtime.cancellation import CancelToken, cancellable
from engines.text import baseline, cascade, correction, rescoring

BUILD = {
    "whisper": baseline.build,
    "rescoring": rescoring.build,
    "correction": correction.build,
    "cascade": cascade.build,
}
SMOL = {"llm": "smollm2-135m-instruct"}


@pytest.fixture(scope="module")
def components(model_home) -> Components:
    return Components()


def run(components: Components, engine: str, request: Request) -> list[Event]:
    return list(BUILD[engine](components).run(request))


def result(events: list[Event]):
    assert isinstance(events[-1], Finished)
    return events[-1].result


def found(events: list[Event], kind: type) -> list:
    return [event.evidence for event in events if isinstance(event, EvidenceFound) and isinstance(event.evidence, kind)]


@pytest.mark.parametrize("engine", BUILD)
def test_every_engine_transcribes_the_first_sample(components, engine):
    utterance = load_sample(list_samples()[0].id)
    events = run(components, engine, Request(utterance))
    transcript = result(events).transcript
    assert word_errors(str(utterance.reference), transcript, "en").rate < 0.25
    final = "".join(event.text for event in events if isinstance(event, TextDelta) and event.final)
    assert final == transcript
    started = [event.stage for event in events if isinstance(event, StageStarted)]
    finished = [event.stage for event in events if isinstance(event, StageFinished)]
    assert started == finished
    assert found(events, NBest)


def test_the_language_model_mends_the_first_sample(components):
    utterance = load_sample(list_samples()[0].id)
    alone = result(run(components, "whisper", Request(utterance))).transcript
    rescored = result(run(components, "rescoring", Request(utterance))).transcript
    reference = str(utterance.reference)
    assert word_errors(reference, rescored, "en").total < word_errors(reference, alone, "en").total


def test_equal_work_is_shared_and_its_cost_still_told(components):
    utterance = load_sample(list_samples()[1].id)
    run(components, "whisper", Request(utterance))
    events = run(components, "rescoring", Request(utterance))
    stages = {event.stage: event for event in events if isinstance(event, StageFinished)}
    assert stages["encode"].shared
    assert stages["encode"].seconds > 0
    assert not stages["rescore"].shared


def test_lambda_nought_is_the_recogniser_alone(components):
    utterance = load_sample(list_samples()[0].id)
    alone = result(run(components, "whisper", Request(utterance))).transcript
    events = run(components, "rescoring", Request(utterance, options={"lambda": 0.0}))
    assert result(events).transcript == alone
    assert all(h.lm is not None and h.lm < 0 for h in found(events, NBest)[0].hypotheses)


def test_a_correction_says_where_its_words_came_from(components):
    events = run(components, "correction", Request(load_sample(list_samples()[0].id)))
    (corrected,) = found(events, Correction)
    assert len(corrected.words) == len(corrected.origins)
    assert corrected.reason.endswith(".")


def test_speech_over_thirty_seconds_is_cut_and_joined(components):
    utterance = load_sample("en-demonstration")
    events = run(components, "whisper", Request(utterance))
    lists = found(events, NBest)
    assert len(lists) >= 2
    assert all(before.end <= after.start + 1e-6 for before, after in itertools.pairwise(lists))
    assert word_errors(str(utterance.reference), result(events).transcript, "en").rate < 0.15


@pytest.mark.parametrize("language", ["es", "fr"])
@pytest.mark.parametrize("engine", BUILD)
def test_every_engine_translates_to_english(components, engine, language):
    sample = next(sample for sample in list_samples() if sample.language == language)
    utterance = replace(load_sample(sample.id), language=None)
    events = run(components, engine, Request(utterance, Task.TRANSLATE, "en"))
    assert [event.language for event in events if isinstance(event, LanguageFound)] == [language]
    words = set(result(events).translation.lower().replace(".", "").replace(",", "").split())
    wanted = set(str(sample.translation).lower().replace(".", "").replace(",", "").split())
    assert len(words & wanted) >= 3


@pytest.mark.parametrize("target", ["es", "de", "zh"])
def test_the_cascade_translates_to_other_languages(components, target):
    request = Request(load_sample(list_samples()[0].id), Task.TRANSLATE, target)
    translated = result(run(components, "cascade", request))
    assert translated.translation
    assert translated.translation != translated.transcript


def test_speech_that_is_in_the_target_already_is_left_alone(components):
    told = result(run(components, "cascade", Request(load_sample(list_samples()[0].id), Task.TRANSLATE, "en")))
    assert told.translation == told.transcript
    assert "already" in told.notes[0]


def test_the_cascade_answers_aloud(components):
    events = run(components, "cascade", Request(load_sample(list_samples()[0].id), Task.RESPOND))
    assert result(events).answer
    assert "SmolLM2" in result(events).components["language model"]
    assert sum(event.samples.size / event.rate for event in events if isinstance(event, AudioChunk)) > 0.5


def test_what_is_spoken_is_read_back(components):
    utterance = load_sample("en-caller")
    events = run(components, "cascade", Request(utterance, Task.SPEAK))
    chunks = [event for event in events if isinstance(event, AudioChunk)]
    spoken = from_samples(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].rate, "spoken")
    heard = result(run(components, "whisper", Request(replace(spoken, language="en")))).transcript
    assert word_errors(result(events).transcript, heard, "en").rate < 0.15


@pytest.mark.parametrize("engine", BUILD)
def test_silence_gives_no_text_and_says_so(components, engine):
    silence = from_samples(np.zeros(32_000, np.float32), 16_000, "silence")
    told = result(run(components, engine, Request(silence)))
    assert told.transcript == ""
    assert told.notes == ("No speech was found.",)


def test_another_language_model_is_named_in_the_result(components):
    told = result(run(components, "rescoring", Request(load_sample(list_samples()[0].id), options=SMOL)))
    assert "SmolLM2" in told.components["language model"]


@pytest.mark.parametrize(
    ("engine", "request_options", "error"),
    [
        ("whisper", {"task": Task.RESPOND}, TaskUnsupported),
        ("whisper", {"task": Task.TRANSLATE, "target": "fr"}, UnknownLanguage),
        ("rescoring", {"options": {"lambda": 1.5}}, BadOption),
        ("rescoring", {"options": {"llm": "gpt"}}, BadOption),
        ("cascade", {"task": Task.TRANSLATE, "target": "tlh"}, UnknownLanguage),
        ("cascade", {"task": Task.TRANSLATE, "target": "fr", "options": {"llm": "server"}}, BadOption),
    ],
)
def test_impossible_requests_are_refused_with_a_sentence(components, engine, request_options, error):
    with pytest.raises(error) as caught:
        run(components, engine, Request(load_sample(list_samples()[0].id), **request_options))
    assert caught.value.message
    assert caught.value.hint


def test_a_language_the_recogniser_does_not_know_is_refused(components):
    with pytest.raises(UnknownLanguage, match="xx"):
        run(components, "whisper", Request(replace(load_sample(list_samples()[0].id), language="xx")))


@pytest.mark.parametrize("engine", BUILD)
def test_a_run_stops_when_it_is_cancelled(model_home, engine):
    token = CancelToken()

    def until_cancelled() -> Iterator[Event]:
        for event in BUILD[engine](Components()).run(Request(load_sample(list_samples()[0].id))):
            if isinstance(event, StageStarted) and event.stage == "recognise":
                token.cancel()
            yield event

    with cancellable(token), pytest.raises(Cancelled):
        list(until_cancelled())
