"""The engine that listens and speaks at once, with random weights: its events, what it tells, and what it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from engines import catalog
from engines.contract import (
    SAMPLE_RATE,
    AudioChunk,
    EvidenceFound,
    Finished,
    FrameClock,
    Request,
    StageFinished,
    Task,
    TextDelta,
    TokenStream,
    Utterance,
)
from engines.errors import AdapterMismatch, AdapterMissing, AudioUnusable, Cancelled, TaskUnsupported, UnknownLanguage
from engines.models.components import Components
from engines.runtime import cancellation
from engines.tokens.backlog import Backlog, Pace
from engines.tokens.duplex_engine import DuplexEngine
from engines.tokens.duplex_telling import told
from engines.weights import cards
from tests.models import tiny_codec, tiny_duplex
from tests.models.tiny_duplex import BOOKS, STACK

pytest.importorskip("torch")

AFTER = 5 + 3
"""Frames behind the speech: the tiny model's delay, and three more."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    found = tmp_path_factory.mktemp("adapters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIPTYCH_ADAPTERS", str(found))
        tiny_codec.write(found)
        tiny_duplex.write(found, cards.codec_digest("codec"))
    return found


@pytest.fixture
def engine(root, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(root))
    return DuplexEngine(Components())


def request(seconds=1.0, language="en", task=Task.SPEAK, samples=None, target=None, **options):
    if samples is None:
        samples = (0.1 * np.random.default_rng(0).normal(size=round(seconds * SAMPLE_RATE))).astype(np.float32)
    return Request(Utterance(samples, "d" * 64, "test", language=language), task, target, options)


def parts(events):
    chunks = [event for event in events if isinstance(event, AudioChunk)]
    evidence = [event.evidence for event in events if isinstance(event, EvidenceFound)]
    return chunks, evidence, events[-1].result


def test_it_speaks_a_chunk_per_frame_and_tells_what_each_took(engine):
    asked = request()
    catalog.default().describe("token-duplex").require(asked)
    events = list(engine.run(asked))
    chunks, evidence, result = parts(events)
    count = 13 + AFTER
    assert [chunk.samples.shape for chunk in chunks] == [(STACK * 320,)] * count
    assert {chunk.rate for chunk in chunks} == {16_000}
    heard, spoken, clock = evidence
    assert isinstance(heard, TokenStream)
    assert isinstance(clock, FrameClock)
    assert (heard.direction, spoken.direction) == ("in", "out")
    assert heard.ids.shape == spoken.ids.shape == (BOOKS, count * STACK)
    assert clock.seconds.shape == (count,)
    assert len(clock.texts) == count
    assert (clock.seconds > 0).all()
    deltas = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert result.transcript == deltas.strip()
    assert deltas == "".join(clock.texts).lstrip()
    stages = [event.stage for event in events if isinstance(event, StageFinished)]
    assert tuple(stages) == catalog.default().describe("token-duplex").stages
    spent = sum(event.seconds for event in events if isinstance(event, StageFinished))
    assert spent == pytest.approx(float(clock.seconds.sum()), rel=1e-3)
    assert result.components == {"codec": "Tiny codec", "duplex": "Tiny duplex"}
    assert "80 ms took" in result.notes[0]


@pytest.mark.parametrize("seconds", [1 / SAMPLE_RATE, 0.1])
def test_very_short_speech(engine, seconds):
    chunks, evidence, _ = parts(list(engine.run(request(seconds))))
    assert len(chunks) == (2 if seconds == 0.1 else 1) + AFTER
    assert len(evidence) == 3


def test_silence_and_noise_without_end_are_heard_to_their_end(engine):
    samples = np.zeros(SAMPLE_RATE, np.float32)
    chunks, _, _ = parts(list(engine.run(request(samples=samples))))
    assert len(chunks) == 13 + AFTER
    loud = np.full(SAMPLE_RATE, 5.0, np.float32)
    chunks, _, _ = parts(list(engine.run(request(samples=loud))))
    assert max(np.abs(chunk.samples).max() for chunk in chunks) <= 1


def test_a_seed_gives_the_same_speech(engine):
    def spoken(seed):
        chunks, _, _ = parts(list(engine.run(request(seed=seed, voice_temperature=1.5, temperature=1.5))))
        return np.concatenate([chunk.samples for chunk in chunks])

    assert (spoken(1) == spoken(1)).all()
    assert (spoken(1) != spoken(2)).any()


def test_lost_frames_are_told(engine):
    _, evidence, result = parts(list(engine.run(request(seconds=3.0, lost=0.5))))
    lost = int((evidence[0].ids[0] == -1).sum()) // STACK
    assert lost > 5
    assert any(note.startswith(f"{lost} frames") and "lost on the way" in note for note in result.notes)


def test_falling_behind_is_told(engine):
    (frame, *_) = _frames(engine)
    backlog, pace = Backlog(1), Pace(0.08)
    for _ in range(3):
        backlog.put(np.zeros(1, np.float32))
    pace.done(0, 0.5)
    notes = told([frame], backlog, pace)
    assert "It fell behind: 1 of 1 frames were done too late, at worst by 0.42 s." in notes
    assert "2 frames (0.2 s) were dropped since too many waited, and concealed." in notes
    assert told([], backlog, pace) == []


def _frames(engine):
    from engines.tokens import duplex_engine

    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplex_engine, "spent", lambda frames: (kept.extend(frames), (0.0, 0.0, 0.0))[1])
        list(engine.run(request(0.1)))
    return kept


def test_it_can_be_cancelled_between_two_frames(engine):
    token = cancellation.CancelToken()
    with cancellation.cancellable(token):
        running = engine.run(request())
        assert isinstance(next(running), AudioChunk | TextDelta)
        token.cancel()
        with pytest.raises(Cancelled):
            list(running)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"task": Task.TRANSCRIBE}, TaskUnsupported, "says again"),
        ({"task": Task.RESPOND}, TaskUnsupported, "says again"),
        ({"target": "fr"}, UnknownLanguage, "does not say it in French"),
        ({"language": "de"}, UnknownLanguage, "this is German"),
        ({"samples": np.full(2000, np.nan, np.float32)}, AudioUnusable, "no numbers"),
    ],
)
def test_what_it_cannot_is_said_in_a_sentence(engine, changes, error, sentence):
    with pytest.raises(error, match=sentence):
        list(engine.run(request(**changes)))


def test_nothing_heard_is_nothing_but_the_delay(engine):
    chunks, _, _ = parts(list(engine.run(request(samples=np.zeros(0, np.float32)))))
    assert len(chunks) == AFTER


def test_without_weights_or_with_those_of_another_codec_it_is_unavailable(tmp_path, root, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    with pytest.raises(AdapterMissing, match="codec"):
        list(DuplexEngine(Components()).run(request()))
    tiny_codec.write(tmp_path)
    with pytest.raises(AdapterMissing, match="token-duplex"):
        list(DuplexEngine(Components()).run(request()))
    tiny_duplex.write(tmp_path, "e" * 64)
    with pytest.raises(AdapterMismatch, match="another codec"):
        list(DuplexEngine(Components()).run(request()))


def test_the_last_event_is_finished(engine):
    assert isinstance(list(engine.run(request(0.1)))[-1], Finished)
