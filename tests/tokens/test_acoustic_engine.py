"""The engine of acoustic tokens with random weights: codes in, text out, lost frames, and what it cannot."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engines.contract import (
    EvidenceFound,
    Neighbours,
    Request,
    SpeechStates,
    SpeechTokens,
    StageStarted,
    Task,
    TokenScores,
    TokenStream,
    Utterance,
)
from engines.errors import AdapterMismatch, AdapterMissing, TaskUnsupported, TokensInvalid, UnknownLanguage
from engines.models.causal_lm import CausalLM
from engines.models.code_reader import FILE, CodeReader
from engines.models.components import Components
from engines.models.pieces import Inventory, Piece
from engines.models.token_lm import TABLE, TokenLM, read_table
from engines.runtime.mixed_vocabulary import Vectors
from engines.stages.listening import Window
from engines.stages.stretches import Stretch
from engines.tokens import engine
from engines.tokens.acoustic import AcousticTokeniser
from engines.tokens.parts import Parts
from engines.tokens.reading import CodesReader, losing
from engines.weights.cards import AdapterCard, CodesRead
from export.causal_lm import build_gemma
from tests.export.tiny_gguf import PIECES, write_gemma
from tests.models import tiny_codec
from tests.models.tiny_codec import SETTINGS

torch = pytest.importorskip("torch")

from engines.training.networks.acoustic_llm import CodesToVectors, ReaderSize  # noqa: E402
from export.acoustic import write_graph, write_marks  # noqa: E402

SECONDS, BOOKS, WIDTH = 3.0, 3, 64


def card(**changes):
    return AdapterCard(
        **{
            "id": "token-acoustic", "kind": "acoustic", "name": "Codes", "languages": ("en",), "translates": ("es",),
            "tokeniser": "c" * 64, "width": WIDTH,
            "codes": CodesRead(books=BOOKS, codes=SETTINGS.codes, stack=2, frame_seconds=0.02), **changes,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Adapters with a codec and what reads its codes, both of random weights; the codec, the network, and a model."""
    root = tmp_path_factory.mktemp("adapters")
    codec, _ = tiny_codec.write(root)
    folder = root / "token-acoustic"
    folder.mkdir()
    torch.manual_seed(0)
    network = CodesToVectors(ReaderSize(BOOKS, SETTINGS.codes, 2, 8, 12, WIDTH))
    for value in network.parameters():
        value.data = value.data.half().float()
    write_graph(network, folder / FILE)
    write_marks(np.full((2, WIDTH), 0.1, np.float32), folder / TABLE)
    for name in ("pieces.json", "lora.onnx_adapter"):
        (folder / name).touch()
    card().write(folder)
    build_gemma(write_gemma(root / "tiny.gguf"), root, precision="fp32", trimmed=False)
    return SimpleNamespace(root=root, codec=codec, network=network, model=CausalLM.open(root))


@pytest.fixture
def adapters(home, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(home.root))
    return home


def test_the_graph_is_the_network(adapters):
    reader = CodeReader(card())
    codes = np.random.default_rng(0).integers(0, SETTINGS.codes, (BOOKS, 7)).astype(np.int32)
    found = reader.vectors(codes)
    whole = np.concatenate([codes, codes[:, -1:]], axis=1).T.reshape(-1, 2, BOOKS)
    with torch.no_grad():
        wanted = adapters.network(torch.from_numpy(whole).long()).numpy()
    assert found.shape == (4, WIDTH)
    assert np.abs(found - wanted).max() < 1e-4
    assert reader.vectors(codes[:, :0]).shape == (0, WIDTH)


def test_other_codes_are_refused(adapters):
    reader = CodeReader(card())
    with pytest.raises(TokensInvalid, match="2 codebooks"):
        reader.vectors(np.zeros((2, 4), np.int32))
    with pytest.raises(TokensInvalid, match="does not exist"):
        reader.vectors(np.full((BOOKS, 4), SETTINGS.codes, np.int32))
    with pytest.raises(TokensInvalid, match="lost"):
        reader.vectors(np.full((BOOKS, 4), -1, np.int32))
    reader.check(adapters.codec)
    for changed in ({"codes": 32}, {"frame_seconds": 0.04}, {"books": 2}):
        told = {"codes": SETTINGS.codes, "frame_seconds": 0.02, "books": 4, **changed}
        with pytest.raises(AdapterMismatch, match="reads 3 codebooks of 16 at 50 frames"):
            reader.check(SimpleNamespace(**told))
    with pytest.raises(AdapterMismatch, match="gives"):
        CodeReader(card(width=32))


@pytest.fixture
def run(adapters, monkeypatch):
    """Runs the engine on three seconds of noise in a given language."""
    model, random = adapters.model, np.random.default_rng(1)
    pieces = Inventory(tuple(Piece(text, model.token_id(text), -1.0, True) for text in PIECES), ("a",))
    table = read_table(adapters.root / "token-acoustic" / TABLE)
    recogniser = SimpleNamespace(name="Whisper", provider="CPU", precision="int8")
    reader = CodesReader(AcousticTokeniser(adapters.codec), CodeReader(card()), "c" * 64)
    used = {"tokeniser": adapters.codec, "language model": model}
    parts = Parts(card(), recogniser, reader, TokenLM(model, pieces, table), model, used)
    samples = random.normal(0, 0.1, 64_000).astype(np.float32)
    given = {}

    def stretches(*_):
        yield from ()
        return [Stretch(0, 0.5, 0.5 + SECONDS, np.zeros((150, 0), np.float32))]

    def listen(*_, encoder):
        given["encoder"] = encoder
        states = encoder.encode(samples)
        return iter([Window(0, 0.0, 4.0, given["language"], states, ("key",))])

    def go(language="en", task=Task.TRANSCRIBE, target=None, **options):
        given["language"] = language
        monkeypatch.setattr(engine, "listen", listen)
        monkeypatch.setattr(engine, "stretches", stretches)
        utterance = Utterance(samples, "d" * 64, "test", language=language)
        built = engine.TokenEngine(Components(), lambda *_: parts, speaks=False)
        return list(built.run(Request(utterance, task, target, options)))

    return go


def found(events, kind):
    return [event.evidence for event in events if isinstance(event, EvidenceFound) and isinstance(event.evidence, kind)]


def test_a_transcript_with_its_evidence(run):
    events = run()
    assert [e.stage for e in events if isinstance(e, StageStarted)] == ["codes", "write"]
    (stream,), (counted,), (near,) = (found(events, kind) for kind in (TokenStream, SpeechTokens, Neighbours))
    assert stream.ids.shape == (BOOKS, 150)
    assert stream.sizes == (SETTINGS.codes,) * BOOKS
    assert stream.durations is None
    assert counted.count == 75 + 2
    assert near.similarities.shape == (75, 5)
    assert near.spans[-1, 1] == pytest.approx(0.5 + SECONDS, abs=0.05)
    assert list(events[-1].result.components) == ["tokeniser", "language model"]
    assert events[-1].result.transcript is not None
    (scores,) = found(events, TokenScores)
    assert len(scores.tokens) <= engine.MORE_PIECES + int(engine.PIECES_PER_SECOND * SECONDS)


def test_lost_frames_are_concealed_and_told(run):
    events = run(lost=0.3)
    (stream,) = found(events, TokenStream)
    gone = int((stream.ids[0] == -1).sum())
    assert gone == 45
    assert f"Of 150 codec frames {gone} were lost on the way and concealed." in events[-1].result.notes
    assert events[-1].result.transcript is not None


def test_frames_are_lost_in_bursts_the_same_each_time():
    codes = np.arange(24, dtype=np.int32).reshape(2, 12)
    assert (losing(codes, 0.0, 1) == codes).all()
    assert (losing(codes, 1.0, 1) == -1).all()
    some = losing(codes, 0.34, 1)
    assert (some == losing(codes, 0.34, 1)).all()
    assert (some == -1).sum(1).tolist() in ([5, 5], [2, 2])


def test_translating(run):
    assert run("es", Task.TRANSLATE, "en")[-1].result.translation is not None


def test_what_it_cannot_is_said(run):
    with pytest.raises(TaskUnsupported, match="does not speak"):
        run(task=Task.SPEAK)
    with pytest.raises(TaskUnsupported, match="does not answer"):
        run(task=Task.RESPOND)
    with pytest.raises(UnknownLanguage, match="trained on"):
        run("de")


def test_without_weights_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    request = Request(Utterance(np.zeros(16_000, np.float32), "d" * 64, "test", language="en"))
    with pytest.raises(AdapterMissing, match="token-acoustic"):
        list(engine.build_acoustic(Components()).run(request))


def test_vectors_stand_between_the_marks(adapters):
    model = adapters.model
    pieces = Inventory(tuple(Piece(text, model.token_id(text), -1.0, True) for text in PIECES), ("a",))
    words = TokenLM(model, pieces, read_table(adapters.root / "token-acoustic" / TABLE)).vocabulary
    rows = np.random.default_rng(0).normal(size=(3, WIDTH)).astype(np.float32)
    ids, vectors, places = words.encode([[int(words.ids[0])], Vectors(rows)])
    assert ids.tolist() == [int(words.ids[0]), -1, -1, -1, -1, -1]
    assert places.tolist() == [0, words.begin, -1, -1, -1, words.end]
    assert np.allclose(vectors[2:5], rows * words.scale)
    assert not vectors[0].any()


def test_states_are_not_computed_where_they_are_not_read():
    from engines.tokens.reading import NoStates

    states = NoStates().encode(np.zeros(16_000, np.float32))
    assert isinstance(states, SpeechStates)
    assert states.frames.shape == (50, 0)
