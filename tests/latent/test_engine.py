"""The latent engines over real Whisper and Gemma with random adapters: gibberish, but in order and within bounds."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from engines.audio.load import from_samples
from engines.audio.samples import list_samples, load_sample
from engines.contract import (
    Attention,
    AudioChunk,
    EvidenceFound,
    Finished,
    LanguageFound,
    Neighbours,
    Posteriors,
    Request,
    Segments,
    SpeechTokens,
    StageFinished,
    StageStarted,
    Task,
    TextDelta,
    TokenScores,
)
from engines.errors import AdapterMismatch, Cancelled, TaskUnsupported, UnknownLanguage
from engines.latent.engine import MORE_PIECES, PIECES_PER_SECOND, Latent
from engines.models.components import Components
from engines.runtime.cancellation import CancelToken, cancellable
from engines.stages.stretches import LONGEST_SECONDS
from engines.text import baseline
from engines.weights import cards
from tests.latent.random_adapters import KINDS, WINDOW, adapter_card, write_all

STAGES = ["listen", "encode", "listen", "trunk", "adapt", "write"]


@pytest.fixture(scope="module")
def adapters(model_home, tmp_path_factory):
    """A folder with random adapters for the models in use."""
    from tokenizers import Tokenizer

    from engines.weights import graphs

    tokenizer = Tokenizer.from_file(str(graphs.locate("gemma-3-270m") / "tokenizer.json"))
    root = tmp_path_factory.mktemp("adapters")
    write_all(root, cards.encoder_graph(), tokenizer.get_vocab())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIPTYCH_ADAPTERS", str(root))
        yield root


@pytest.fixture(scope="module")
def components(adapters) -> Components:
    return Components()


def run(components, kind, request):
    return list(Latent(components, f"latent-{kind}").run(request))


def found(events, kind):
    return [event.evidence for event in events if isinstance(event, EvidenceFound) and isinstance(event.evidence, kind)]


def bound(seconds: float) -> int:
    return MORE_PIECES + int(PIECES_PER_SECOND * seconds)


@pytest.mark.parametrize("kind", KINDS)
def test_events_come_in_order_and_evidence_fits_together(components, kind):
    utterance = load_sample(list_samples()[0].id)
    events = run(components, kind, Request(utterance))
    assert [event.stage for event in events if isinstance(event, StageStarted)] == STAGES
    assert [event.stage for event in events if isinstance(event, StageFinished)] == STAGES
    assert isinstance(events[-1], Finished)
    result = events[-1].result
    final = "".join(event.text for event in events if isinstance(event, TextDelta) and event.final)
    assert final == result.transcript
    assert result.translation is None
    assert result.components["adapter"] == f"Random {kind}"
    assert list(result.components) == ["encoder", "adapter", "language model"]
    assert found(events, Segments)
    (counted,), (scores,), (heard,), (near,) = (
        found(events, wanted) for wanted in (SpeechTokens, TokenScores, Posteriors, Neighbours)
    )
    frames = len(heard.blank)
    assert 0 < counted.seconds <= utterance.seconds + 1e-6
    assert frames == pytest.approx(counted.seconds / 0.04, abs=2)
    assert heard.ids.shape == heard.probabilities.shape == (frames, 5)
    assert heard.ids.max() < len(heard.labels)
    assert ((heard.probabilities >= 0) & (heard.probabilities <= 1)).all()
    assert heard.vectors.max() == counted.count - 1 or kind == "qformer"
    assert len(near.tokens) == len(near.spans) == counted.count
    assert near.similarities.shape == (counted.count, 5)
    assert (near.spans[:, 0] < near.spans[:, 1]).all()
    assert len(scores.tokens) == len(scores.log_probabilities) <= bound(counted.seconds)
    attention = {looked.rows: looked for looked in found(events, Attention)}
    assert attention["tokens"].weights.shape == (len(scores.tokens), frames)
    assert (attention["tokens"].weights.sum(1) <= 1 + 1e-4).all()
    assert ("queries" in attention) == (kind == "qformer")
    if kind == "qformer":
        assert attention["queries"].weights.shape == (counted.count, frames)
        assert (np.count_nonzero(attention["queries"].weights, axis=1) <= WINDOW).all()
        assert attention["queries"].labels[1].endswith("query 2")


def test_encoder_and_trunk_are_shared(components):
    utterance = load_sample(list_samples()[1].id)
    list(baseline.build(components).run(Request(utterance)))
    first = run(components, "pooling", Request(utterance))
    second = run(components, "ctc", Request(utterance))
    shared = [[e.stage for e in events if isinstance(e, StageFinished) and e.shared] for events in (first, second)]
    assert shared[0] == ["listen", "encode"]
    assert set(shared[1]) == {"listen", "encode", "trunk"}


@pytest.mark.parametrize("compression", ["blank-removal", "threshold"])
def test_compression_decides_how_much_the_model_reads(components, compression):
    utterance = load_sample(list_samples()[0].id)
    counts = [
        found(run(components, "ctc", Request(utterance, options=options)), SpeechTokens)[0].count
        for options in ({}, {"compression": compression, "threshold": 0.99})
    ]
    assert counts[0] < counts[1]


def test_long_speech_is_cut_at_pauses(components):
    utterance = load_sample("en-demonstration")
    events = run(components, "qformer", Request(utterance))
    heard = found(events, Posteriors)
    assert [each.segment for each in heard] == list(range(len(heard)))
    assert len(heard) >= 4
    ends = [each.start + len(each.blank) * 0.04 for each in heard]
    assert all(len(each.blank) * 0.04 <= LONGEST_SECONDS + 0.1 for each in heard)
    assert all(end <= after.start + 0.1 for end, after in zip(ends, heard[1:], strict=False))
    assert all(len(s.tokens) <= bound(LONGEST_SECONDS) for s in found(events, TokenScores))
    near = found(events, Neighbours)
    assert all(a.spans[-1, 1] <= b.spans[0, 0] + 0.1 for a, b in itertools.pairwise(near))


def test_spanish_is_found_out_and_translated(components):
    sample = next(sample for sample in list_samples() if sample.language == "es")
    utterance = replace(load_sample(sample.id), language=None)
    events = run(components, "ctc", Request(utterance, Task.TRANSLATE, "en"))
    assert [event.language for event in events if isinstance(event, LanguageFound)] == ["es"]
    assert events[-1].result.transcript is None
    assert events[-1].result.translation
    assert {event.kind for event in events if isinstance(event, TextDelta)} == {"translation"}


def test_english_needs_no_translation_and_says_so(components):
    told = run(components, "ctc", Request(load_sample("en-caller"), Task.TRANSLATE, "en"))[-1].result
    assert told.translation
    assert "already" in told.notes[0]


def test_what_was_written_is_spoken(components):
    utterance = load_sample(list_samples()[0].id)
    events = run(components, "pooling", Request(utterance, Task.SPEAK, options={"pieces_per_second": 1.0}))
    assert any(isinstance(event, AudioChunk) for event in events)
    assert "voice" in events[-1].result.components


def sounds():
    random = np.random.default_rng(1)
    rate = 16_000
    time = np.arange(30 * rate) / rate
    chords = sum(np.sin(2 * np.pi * f * time) for f in (220, 277, 330)) * 0.2 * (1 + np.sin(2 * np.pi * 2 * time))
    spoken = load_sample("en-demonstration").samples
    return {
        "silence": np.zeros(2 * rate),
        "nearly nothing": np.zeros(1),
        "a tenth of a second": random.normal(0, 0.2, rate // 10),
        "noise": random.normal(0, 0.3, 5 * rate),
        "music": chords,
        "thirty seconds": spoken[: 30 * rate],
        "a syllable": spoken[rate : rate + rate // 10],
    }


@pytest.mark.parametrize("name", sounds())
def test_odd_sounds_end_within_bounds(components, name):
    utterance = replace(from_samples(sounds()[name].astype(np.float32), 16_000, name), language="en")
    events = run(components, "convolution", Request(utterance))
    result = events[-1].result
    pieces = sum(len(scores.tokens) for scores in found(events, TokenScores))
    assert pieces <= bound(utterance.seconds) + MORE_PIECES * len(found(events, TokenScores))
    if not found(events, Segments)[0].spans:
        assert result.transcript == ""
        assert result.notes == ("No speech was found.",)
    if name == "silence":
        assert result.transcript == ""


def test_a_text_in_circles_is_ended_with_a_note(components):
    events = run(components, "convolution", Request(load_sample("en-caller")))
    ended = len(found(events, TokenScores)[0].tokens) < bound(found(events, SpeechTokens)[0].seconds)
    assert ended or any("cut off" in note for note in events[-1].result.notes)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"task": Task.RESPOND}, TaskUnsupported, "does not answer"),
        ({"task": Task.TRANSLATE, "target": "fr"}, UnknownLanguage, "English only"),
    ],
)
def test_impossible_requests_are_refused_with_a_sentence(components, changes, error, says):
    with pytest.raises(error, match=says) as caught:
        run(components, "ctc", Request(load_sample(list_samples()[0].id), **changes))
    assert caught.value.hint


def test_a_doubtful_language_gives_way_to_one_it_was_trained_on(components, monkeypatch):
    likely = {"cy": 0.4, "es": 0.35, "en": 0.25}
    monkeypatch.setattr(type(components.recogniser()), "detect_language", lambda *_: likely)
    utterance = replace(from_samples(load_sample("en-callers").samples[8000:], 16_000, "doubtful"), language=None)
    events = run(components, "ctc", Request(utterance))
    assert [event.language for event in events if isinstance(event, LanguageFound)] == ["cy", "es"]
    assert events[-1].result.language == "es"
    assert "Welsh" in events[-1].result.notes[0]
    likely["cy"] = 0.9
    with pytest.raises(UnknownLanguage, match="Welsh"):
        run(components, "ctc", Request(replace(utterance, digest="another")))


@pytest.mark.parametrize("task", [Task.TRANSCRIBE, Task.TRANSLATE])
def test_a_language_it_was_not_trained_on_is_refused(components, task):
    utterance = replace(load_sample(list_samples()[0].id), language="fr")
    with pytest.raises(UnknownLanguage, match="French") as caught:
        run(components, "ctc", Request(utterance, task))
    assert "Spanish" in caught.value.message


def test_an_adapter_for_another_vocabulary_is_refused(adapters, components):
    folder = adapters / "latent-pooling"
    before = (folder / "card.toml").read_text(encoding="utf-8")
    trunk = cards.file_digest(adapters / "trunk" / "trunk.onnx")
    adapter_card("pooling", trunk, encoder_graph=cards.encoder_graph(), vocabulary=262_144).write(folder)
    try:
        with pytest.raises(AdapterMismatch, match="262144"):
            run(Components(), "pooling", Request(load_sample(list_samples()[0].id)))
    finally:
        (folder / "card.toml").write_text(before, encoding="utf-8")


def test_a_run_stops_when_it_is_cancelled(components):
    token = CancelToken()
    events = Latent(components, "latent-ctc").run(Request(load_sample("en-caller")))

    def until_writing():
        for event in events:
            if isinstance(event, TextDelta):
                token.cancel()
            yield event

    with cancellable(token), pytest.raises(Cancelled):
        list(until_writing())


def test_the_same_seed_writes_the_same(components):
    utterance = load_sample(list_samples()[0].id)
    texts = [
        run(components, "ctc", Request(utterance, options={"temperature": 1.5, "seed": seed}))[-1].result.transcript
        for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_evidence_that_costs_work_is_left_out_where_none_is_wanted(components):
    utterance = load_sample(list_samples()[0].id)
    events = run(components, KINDS[0], Request(utterance, evidence=False))
    assert not found(events, Neighbours)
    assert not found(events, TokenScores)
    assert isinstance(events[-1], Finished)
    with_it = run(components, KINDS[0], Request(utterance))
    assert events[-1].result.transcript == with_it[-1].result.transcript
