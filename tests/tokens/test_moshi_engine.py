"""The published Moshi with small random weights: the very code that runs the large one, and what it refuses."""

from __future__ import annotations

import json
import shutil

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
    Task,
    TextDelta,
    Utterance,
)
from engines.errors import Cancelled, GraphInvalid, TokensInvalid, Unavailable, UnknownLanguage, WeightsMissing
from engines.models import moshi_memory
from engines.models.components import Components
from engines.models.duplex import Liveliness
from engines.models.moshi import Moshi, _require_codec
from engines.runtime import cancellation
from engines.tokens import moshi_engine
from engines.tokens.duplex_engine import DuplexEngine

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::FutureWarning:transformers")]
WORDS = 20
BOOKS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint as transformers writes it."""
    from tokenizers import Tokenizer, decoders, models

    found = tmp_path_factory.mktemp("moshi")
    codec = {
        "model_type": "mimi", "hidden_size": 32, "num_filters": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 2, "intermediate_size": 32, "codebook_size": 16, "codebook_dim": 8,
        "vector_quantization_hidden_dimension": 8, "num_quantizers": BOOKS, "head_dim": 16,
        "upsample_groups": 32, "sampling_rate": 24_000,
    }  # fmt: skip
    config = transformers.MoshiConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2, ffn_dim=48,
        vocab_size=WORDS, num_codebooks=BOOKS, audio_vocab_size=16, sliding_window=24, audio_encoder_config=codec,
        depth_decoder_config={
            "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 24, "num_codebooks": BOOKS,
        },
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.MoshiForConditionalGeneration(config).save_pretrained(found)
    pieces = {"<unk>": 0, "<s>": 1, "</s>": 2, "<pad>": 3} | {f"▁w{n}": n for n in range(4, WORDS)}
    tokeniser = Tokenizer(models.WordLevel(pieces))
    tokeniser.decoder = decoders.Metaspace()
    tokeniser.save(str(found / "tokenizer.json"))
    return found


@pytest.fixture(autouse=True)
def _briefly(monkeypatch):
    """One thread, and a short silence behind the speech."""
    monkeypatch.setattr(moshi_engine, "AFTER", 0.4)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def engine():
    return DuplexEngine(Components())


def request(folder, seconds=1.0, language="en", **options):
    samples = (0.1 * np.random.default_rng(0).normal(size=round(seconds * SAMPLE_RATE))).astype(np.float32)
    options = {"model": "moshi", "moshi_folder": str(folder), "moshi_precision": "float32"} | options
    return Request(Utterance(samples, "d" * 64, "test", language=language), Task.SPEAK, None, options)


def test_it_answers_with_sound_and_text_and_tells_what_every_frame_took(engine, folder):
    asked = request(folder, temperature=1.0, voice_temperature=1.0)
    catalog.default().describe("token-duplex").require(asked)
    events = list(engine.run(asked))
    count = 13 + 5
    sound = [event for event in events if isinstance(event, AudioChunk)]
    assert {chunk.rate for chunk in sound} == {24_000}
    assert sum(len(chunk.samples) for chunk in sound) == (count - 1) * 1920
    assert len(sound) > 2, "it is heard while it goes on"
    heard, spoken, clock = [event.evidence for event in events if isinstance(event, EvidenceFound)]
    assert heard.ids.shape == spoken.ids.shape == (BOOKS, count)
    assert (spoken.direction, heard.frame_seconds) == ("out", 0.08)
    assert (spoken.ids[:, :-1] >= 0).all()
    assert (spoken.ids[:, -1] == -1).all()
    assert isinstance(clock, FrameClock)
    assert (clock.seconds > 0).all()
    finished = events[-1]
    assert isinstance(finished, Finished)
    deltas = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert finished.result.answer == deltas.strip() != ""
    assert finished.result.components == {"duplex": "Moshi"}
    assert (finished.result.provider, finished.result.precision) == ("PyTorch (CPU)", "float32")
    again = [event for event in engine.run(asked) if isinstance(event, AudioChunk)]
    assert all(np.array_equal(one.samples, other.samples) for one, other in zip(sound, again, strict=True))


def test_steps_are_what_transformers_computes_at_once(folder):
    moshi = Moshi.open(folder, "float32")
    model, random = moshi._model, np.random.default_rng(1)
    codes = random.integers(0, 16, (BOOKS, 6)).astype(np.int32)
    talk, texts, inputs = moshi.begin(), [], []
    for number in range(6):
        inputs.append(np.concatenate([talk.own, talk.heard]))
        texts.append(talk.text)
        moshi.step(talk, random, Liveliness(1.0, 1.0))
        moshi.hear(talk, codes[:, number : number + 1])
    assert [row[BOOKS] for row in inputs[1:]] == codes[0, :5].tolist()
    assert [row[BOOKS + 1] for row in inputs[2:]] == codes[1, :4].tolist(), "later books come a step later"
    assert all(inputs[1][1:BOOKS] == 16), "there is no frame before the first"
    rows = torch.tensor(np.array(inputs))
    with torch.inference_mode():
        embedded = model.decoder.model.embed_tokens(torch.tensor([texts]))
        embedded = embedded + sum(table(rows[None, :, place]) for place, table in enumerate(model.embed_tokens))
        state = model.decoder(inputs_embeds=embedded).logits[0, -1]
        talk = moshi.begin()
        for number in range(6):
            talk.text, talk.own, talk.heard = texts[number], inputs[number][:BOOKS], inputs[number][BOOKS:]
            step = model.decoder(
                inputs_embeds=embedded[:, number : number + 1], past_key_values=talk.cache, use_cache=True
            ).logits[0, -1]
    assert torch.allclose(step, state, atol=1e-4)


def test_pieces_of_sound_join_to_the_whole(engine, folder):
    moshi = Moshi.open(folder, "float32")
    events = list(engine.run(request(folder, 0.5, voice_temperature=1.0)))
    joined = np.concatenate([event.samples for event in events if isinstance(event, AudioChunk)])
    spoken = next(e.evidence for e in events if isinstance(e, EvidenceFound) and e.evidence.direction == "out")
    assert np.abs(moshi.decode(spoken.ids[:, :-1]) - joined).max() < 1e-4
    assert moshi.encode(np.zeros(0, np.float32)).shape == (BOOKS, 0)
    with pytest.raises(TokensInvalid, match="one"):
        moshi.hear(moshi.begin(), np.zeros((BOOKS, 2), np.int32))
    with pytest.raises(TokensInvalid):
        moshi.decode(np.zeros((BOOKS - 1, 2), np.int32))


def test_a_conversation_ends_where_it_looks_back_no_further(engine, folder):
    last = list(engine.run(request(folder, 2.0)))[-1]
    assert isinstance(last, Finished)
    assert "the conversation ends there" in last.result.notes[-1]


def test_frames_that_were_lost_are_told(engine, folder):
    last = list(engine.run(request(folder, 0.5, lost=0.5)))[-1]
    assert any("lost on the way" in note for note in last.result.notes)


def test_a_checkpoint_in_the_cache_of_hugging_face_is_found(folder, tmp_path):
    model = tmp_path / "models--kmhf--hf-moshiko"
    shutil.copytree(folder, model / "snapshots" / "0a1b")
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("0a1b\n")
    for named in (tmp_path, model, model / "snapshots" / "0a1b"):
        assert Moshi.open(named, "float32").books == BOOKS


@pytest.mark.parametrize(
    ("codec", "changes", "sentence"),
    [
        ({"num_quantizers": 2}, {}, "reads 4 codebooks of 16 and writes 4; its codec makes 2 of 16"),
        ({"codebook_size": 32}, {}, "its codec makes 4 of 32"),
        ({}, {"num_codebooks": 3}, "writes 3"),
    ],
)
def test_a_codec_that_makes_other_codes_is_refused(folder, codec, changes, sentence):
    config = transformers.MoshiConfig.from_pretrained(folder)
    for name, value in codec.items():
        setattr(config.audio_encoder_config, name, value)
    for name, value in changes.items():
        setattr(config.depth_decoder_config, name, value)
    with pytest.raises(GraphInvalid, match=sentence):
        _require_codec(config)


def test_it_can_be_cancelled(engine, folder):
    token = cancellation.CancelToken()
    with cancellation.cancellable(token):
        running = engine.run(request(folder))
        next(running)
        token.cancel()
        with pytest.raises(Cancelled):
            list(running)


def test_what_it_cannot_do_is_said_in_a_sentence(engine, folder, tmp_path, monkeypatch):
    with pytest.raises(UnknownLanguage, match="not French"):
        list(engine.run(request(folder, language="fr")))
    with pytest.raises(WeightsMissing, match=r"No folder with Moshi is named; it takes 1\d\.\d GiB"):
        list(engine.run(request("", moshi_precision="bfloat16")))
    with pytest.raises(WeightsMissing, match="holds no checkpoint"):
        list(engine.run(request(tmp_path)))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "moshi"}))
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    monkeypatch.setattr(moshi_memory.psutil, "virtual_memory", lambda: type("Free", (), {"available": 2**30}))
    with pytest.raises(Unavailable, match=r"takes \d+\.\d GiB of memory in float32"):
        list(engine.run(request(tmp_path)))
    monkeypatch.undo()
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(GraphInvalid, match="damaged"):
        list(engine.run(request(tmp_path)))
