"""The engine of semantic tokens with a small language model of random weights: order, bounds and evidence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engines import catalog
from engines.contract import (
    Attention,
    AudioChunk,
    EvidenceFound,
    Finished,
    Neighbours,
    Request,
    SpeechStates,
    SpeechTokens,
    StageFinished,
    StageStarted,
    Task,
    TextDelta,
    TokenScores,
    TokenStream,
    Utterance,
)
from engines.errors import AdapterMissing, SpeechTooLong, TaskUnsupported, UnknownLanguage
from engines.models.causal_lm import CausalLM
from engines.models.components import Components
from engines.models.pieces import Inventory, Piece
from engines.models.token_lm import TokenLM
from engines.runtime.mixed_vocabulary import MARKS, UnitTable
from engines.stages.listening import Window
from engines.stages.stretches import Stretch
from engines.tokens import engine
from engines.tokens import parts as token_parts
from engines.tokens.parts import Parts, TokeniserComponent
from engines.tokens.reading import UnitReader
from engines.tokens.semantic import SemanticTokeniser
from engines.tokens.speaking import VocoderSpeaker
from engines.tokens.units import halve
from engines.weights.cards import AdapterCard, Units
from export.causal_lm import build_gemma
from tests.export.tiny_gguf import PIECES, write_gemma
from tests.tokens.random_units import SIZE, random_codebook

SECONDS = 3.0


class Vocoder:
    name, provider, precision = "Vocoder", "CPU", "fp16"
    card = SimpleNamespace(languages=("en",))

    def __init__(self) -> None:
        self.heard: list[tuple[list[int], object]] = []
        self.longest, self.breaks = 0.0, False

    def speak(self, units, durations=None, *, longest=60.0):
        units = list(units)
        self.heard.append((units, durations))
        self.longest = longest
        yield AudioChunk(np.zeros(160 * len(units), np.float32), 16_000)
        if self.breaks:
            raise SpeechTooLong("The units go on.", "")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    build_gemma(write_gemma(folder / "tiny.gguf"), folder, precision="fp32", trimmed=False)
    return CausalLM.open(folder)


@pytest.fixture
def run(model, monkeypatch):
    """Runs the engine on three seconds of random states in a given language."""
    random = np.random.default_rng(1)
    table = UnitTable(
        random.normal(0, 0.1, (SIZE + MARKS, 64)).astype(np.float32), np.zeros(SIZE + MARKS, np.float32),
        np.full(SIZE, 0.7, np.float32), np.zeros(64, np.float32),
    )  # fmt: skip
    pieces = Inventory(tuple(Piece(text, model.token_id(text), -1.0, True) for text in PIECES), ("a",))
    card = AdapterCard(
        id="token-semantic", kind="tokens", name="Random", languages=("en",), translates=("es",), tokeniser="c" * 64,
        units=Units(size=SIZE, frame_seconds=0.04),
    )  # fmt: skip
    recogniser = SimpleNamespace(name="Whisper", provider="CPU", precision="int8")
    tokeniser = SemanticTokeniser(random_codebook(width=512), halve)
    reader, vocoder = UnitReader(tokeniser, "c" * 64, table), Vocoder()
    used = {"encoder": recogniser, "tokeniser": TokeniserComponent("Units", "CPU"), "language model": model}

    def mouth(_, request):
        return VocoderSpeaker(vocoder, request.options.get("durations", "vocoder") == "vocoder")

    parts = Parts(card, recogniser, reader, TokenLM(model, pieces, table), model, used, mouth)
    states = np.repeat(random.normal(0, 1, (38, 512)), 4, axis=0)[:150].astype(np.float32)

    def stretches(*_):
        yield from ()
        return [Stretch(0, 0.5, 0.5 + SECONDS, states)]

    def go(language="en", task=Task.TRANSCRIBE, target=None, evidence=True, **options):
        window = Window(0, 0.0, 4.0, language, SpeechStates(states, 0.02, SECONDS), ("key",))
        monkeypatch.setattr(engine, "listen", lambda *_, encoder: iter([window]))
        monkeypatch.setattr(engine, "stretches", stretches)
        utterance = Utterance(np.zeros(64_000, np.float32), "d" * 64, "test", language=language)
        built = engine.TokenEngine(Components(), lambda *_: parts)
        return list(built.run(Request(utterance, task, target, options, evidence)))

    go.vocoder = vocoder
    return go


def found(events, kind):
    return [event.evidence for event in events if isinstance(event, EvidenceFound) and isinstance(event.evidence, kind)]


def test_a_transcript_with_its_evidence(run):
    events = run()
    assert [e.stage for e in events if isinstance(e, StageStarted)] == ["units", "write"]
    assert [e.stage for e in events if isinstance(e, StageFinished)] == ["units", "write"]
    assert isinstance(events[-1], Finished)
    final = "".join(e.text for e in events if isinstance(e, TextDelta) and e.final)
    assert final == events[-1].result.transcript
    assert list(events[-1].result.components) == ["encoder", "tokeniser", "language model"]
    (stream,), (counted,), (scores,), (near,) = (
        found(events, kind) for kind in (TokenStream, SpeechTokens, TokenScores, Neighbours)
    )
    assert stream.ids.shape == (1, 75)
    assert stream.direction == "in"
    assert stream.start == pytest.approx(0.5)
    assert counted.count == len(stream.durations) + 2
    assert len(scores.tokens) <= engine.MORE_PIECES + int(engine.PIECES_PER_SECOND * SECONDS)
    for looked in found(events, Attention):
        assert looked.weights.shape == (len(scores.tokens), 75)
        assert (looked.weights.sum(1) <= 1 + 1e-4).all()
    assert near.spans[0, 0] == pytest.approx(0.5)
    assert near.spans[-1, 1] == pytest.approx(0.5 + SECONDS, abs=0.05)
    assert near.similarities.shape == (len(stream.durations), 5)


def test_evidence_that_costs_work_is_left_out_where_none_is_wanted(run):
    events = run(evidence=False)
    assert not found(events, Neighbours)
    assert not found(events, TokenScores)
    assert events[-1].result.transcript == run()[-1].result.transcript


def test_translating_at_once_or_by_way_of_the_transcript(run):
    at_once = run("es", Task.TRANSLATE, "en")
    assert at_once[-1].result.transcript is None
    assert at_once[-1].result.translation is not None
    chained = run("es", Task.TRANSLATE, "en", chain=True)
    assert chained[-1].result.transcript is not None
    assert [e.stage for e in chained if isinstance(e, StageStarted)] == ["units", "write", "write"]
    assert {e.kind for e in chained if isinstance(e, TextDelta)} <= {"transcript", "translation"}


@pytest.mark.parametrize("durations", ["vocoder", "model"])
def test_speech_is_bounded_and_shown(run, durations):
    events = run("es", Task.SPEAK, "en", durations=durations)
    assert [e.stage for e in events if isinstance(e, StageStarted)] == ["units", "write", "write", "speak"]
    assert any(isinstance(e, AudioChunk) for e in events)
    ((units, given),) = run.vocoder.heard
    assert (given is None) == (durations == "vocoder")
    (out,) = [stream for stream in found(events, TokenStream) if stream.direction == "out"]
    pieces = len(found(events, TokenScores)[1].tokens)
    assert out.ids.shape[1] * 0.04 <= 2 + 0.6 * pieces
    assert len(units) == len(out.durations)
    assert list(events[-1].result.components)[-1] == "vocoder"


@pytest.mark.parametrize("durations", ["vocoder", "model"])
def test_speech_without_end_is_stopped_and_what_was_spoken_is_kept(run, durations):
    run.vocoder.breaks = True
    events = run("es", Task.SPEAK, "en", durations=durations)
    assert any(isinstance(e, AudioChunk) for e in events)
    assert isinstance(events[-1], Finished)
    assert engine.SPEECH_CUT_OFF in events[-1].result.notes
    assert events[-1].result.transcript


@pytest.mark.parametrize("early", [True, False])
def test_what_may_be_written_may_be_spoken(early):
    vocoder = Vocoder()
    items = (SimpleNamespace(id=number % SIZE, frames=25) for number in range(90))
    assert list(VocoderSpeaker(vocoder, early).speak(items, None, 90.0))
    assert vocoder.longest > 90


def test_own_speech_is_spoken_again_behind_its_transcript(run):
    events = run("en", Task.SPEAK)
    assert [e.stage for e in events if isinstance(e, StageStarted)] == ["units", "write", "speak"]
    assert events[-1].result.translation is None


def test_what_it_cannot_is_said(run):
    with pytest.raises(TaskUnsupported, match="does not answer"):
        run(task=Task.RESPOND)
    with pytest.raises(UnknownLanguage, match="English only"):
        run("es", Task.TRANSLATE, "fr")
    with pytest.raises(UnknownLanguage, match="trained on"):
        run("de")


def test_without_weights_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    request = Request(Utterance(np.zeros(16_000, np.float32), "d" * 64, "test", language="en"))
    with pytest.raises(AdapterMissing, match="token-semantic"):
        list(engine.build_semantic(Components()).run(request))


def test_the_tokeniser_is_a_component():
    assert TokeniserComponent("Semantic units", "CPU").precision == "fp16"


def test_the_budget_chooses_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read(adapter_id: str) -> None:
        asked.append(adapter_id)
        raise AdapterMissing("It is not there.")

    monkeypatch.setattr(token_parts.cards, "read", read)
    for options in ({}, {"budget": "equal"}):
        with pytest.raises(AdapterMissing):
            token_parts.open_semantic(Components(), options)
    with pytest.raises(AdapterMissing):
        token_parts.open_semantic(Components(), adapter_id="mine")
    assert asked == ["token-semantic", "token-semantic-first", "mine"]
    assert set(token_parts.BUDGETS) == set(catalog.default().describe("token-semantic").options["budget"].choices)
