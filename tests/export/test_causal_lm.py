"""Language-model graphs from GGUF files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize

from engines.errors import GraphInvalid
from engines.models.causal_lm import CausalLM
from engines.runtime.kv_cache import KeyValueCache
from export.causal_lm import build_gemma, build_smollm2
from export.gguf_reading import Checkpoint, quantise, sentencepiece_tokenizer
from export.vocabulary import kept_ids
from tests.export.tiny_gguf import gemma_vocabulary, write_gemma

SENTENCES = (
    "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.",
    "Please enter your telephone number, followed by the pound key; then hang up!",
    "¿Dónde está la estación de tren más cercana? Mañana lloverá, según el pronóstico.",
    "Je voudrais réserver une table pour deux personnes, s'il vous plaît. À bientôt !",
    "Könnten Sie mir bitte sagen, wie spät es ist? Der Zug fährt um 7:45 Uhr ab.",
    "Vorrei sapere se c'è ancora posto sul volo di domani. Perché non vieni con noi?",
    "Você poderia falar mais devagar, por favor? Não entendi o que disse ontem.",
    "今天天气很好，我们去公园散步吧。请问火车站在哪里？",
    "English: I am hungry.\nGerman: Ich habe Hunger.\n\nEnglish: Thank you.\nGerman:",
    "### Best-hypothesis: never tried, ever failed\n### Other-hypotheses: none\n### Response:",
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    build_gemma(write_gemma(folder / "tiny.gguf"), folder, precision="fp32", trimmed=False)
    return CausalLM.open(folder)


@pytest.fixture(scope="module")
def checkpoint(model_home):
    return Checkpoint(next((model_home / "gemma-3-270m").glob("*.gguf")))


def test_eight_bit_blocks_keep_q8_0_exactly():
    weights = np.random.default_rng(1).normal(size=(4, 64)).astype(np.float32)
    packed = quantize(weights, GGMLQuantizationType.Q8_0)
    exact = dequantize(packed, GGMLQuantizationType.Q8_0)
    scales = np.ascontiguousarray(packed.reshape(4, 2, 34)[:, :, :2]).view(np.float16)[:, :, 0].astype(np.float32)
    blocks = quantise(exact, scales)
    again = (blocks.values.reshape(4, 2, 32).astype(np.float32) - 128) * blocks.scales[:, :, None]
    assert np.array_equal(again.reshape(4, 64), exact)


def test_zero_blocks_stay_zero():
    blocks = quantise(np.zeros((2, 32), np.float32))
    assert (blocks.values == 128).all()
    assert (blocks.scales == 0).all()


def test_int8_graph_follows_the_fp32_one(tiny, tmp_path):
    build_gemma(write_gemma(tmp_path / "tiny.gguf"), tmp_path, trimmed=False)
    small = CausalLM.open(tmp_path)
    ids = np.array([tiny._tokens("the house in the house and the rest")], np.int64)
    a = tiny.decoder.advance(KeyValueCache(tiny._shape), ids, np.arange(ids.size)).copy()
    b = small.decoder.advance(KeyValueCache(small._shape), ids, np.arange(ids.size))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99


def test_step_by_step_equals_all_at_once_beyond_the_window(tiny):
    ids = np.array([tiny._tokens("the house in the house and the rest of it all, over there")], np.int64)
    assert ids.size > 16
    whole = tiny.decoder.advance(KeyValueCache(tiny._shape), ids, np.arange(ids.size)).copy()
    cache = KeyValueCache(tiny._shape, capacity=1)
    for place in range(ids.size):
        step = tiny.decoder.advance(cache, ids[:, place : place + 1])
        assert np.allclose(step[0], whole[place], atol=1e-4)


def test_batch_with_padding_equals_each_alone(tiny):
    texts = [" the house", " and the rest of it all", " in", ""]
    together = tiny.score("over there", texts)
    for text, scored in zip(texts, together, strict=True):
        ((alone, count),) = tiny.score("over there", [text])
        assert scored == (pytest.approx(alone, abs=1e-4), count)


def test_a_long_text_is_scored_in_pieces(tiny):
    text = "the house in there " * 60
    tokens, values = tiny.score_tokens(text)
    assert len(tokens) > 250
    ids = np.array([tiny._tokens(text)], np.int64)
    logits = tiny.decoder.advance(KeyValueCache(tiny._shape), ids, np.arange(ids.size - 1)).astype(np.float64)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = logits[np.arange(ids.size - 1), ids[0, 1:]]
    assert np.allclose(values, expected, atol=1e-3)


def test_vectors_stand_for_tokens(tiny):
    ids = np.array([tiny._tokens("the house in")], np.int64)
    plain = tiny.decoder.advance(KeyValueCache(tiny._shape), ids).copy()
    table = _embeddings(tiny)
    mixed = ids.copy()
    mixed[0, 1:3] = -1
    embeds = (table[ids] * np.float32(tiny.decoder.width**0.5)).astype(np.float32)
    assert np.allclose(tiny.decoder.advance(KeyValueCache(tiny._shape), mixed, embeds=embeds), plain, atol=1e-5)
    assert not np.allclose(tiny.decoder.advance(KeyValueCache(tiny._shape), mixed, embeds=embeds * 2), plain, atol=1e-2)


def _embeddings(model):
    """Rows of the embedding, read back through the head: logits of hidden states are their products with it."""
    ids = np.array([model._tokens("the house in there and so on, with some more of it and yet more of them all " * 3)])
    cache, other = KeyValueCache(model._shape), KeyValueCache(model._shape)
    hidden = model.decoder.hidden(cache, ids)[0]
    logits = model.decoder.advance(other, ids, np.arange(ids.size))
    return np.linalg.lstsq(hidden, logits, rcond=None)[0].T.astype(np.float32)


def test_beam_of_one_is_greedy(tiny):
    greedy = "".join(tiny.generate("the ", max_tokens=6))
    ((text, score, count),) = tiny.generate_nbest("the ", 1, 6)
    assert text == greedy
    assert score < 0
    assert count >= 6


def test_a_wide_beam_finds_no_worse(tiny):
    narrow = tiny.generate_nbest("the house ", 1, 5)[0]
    wide = tiny.generate_nbest("the house ", 12, 5)
    assert wide[0][1] / wide[0][2] >= narrow[1] / narrow[2] - 1e-4


def test_config_says_what_was_built(tmp_path):
    build_gemma(write_gemma(tmp_path / "tiny.gguf"), tmp_path, trimmed=False)
    config = json.loads((tmp_path / "config.json").read_text())
    tokens, _ = gemma_vocabulary()
    assert config["vocabulary"] == len(tokens)
    assert config["layers"] == 6
    assert config["precision"] == "int8"


def test_no_model_file(tmp_path):
    with pytest.raises(GraphInvalid, match="GGUF"):
        build_gemma(tmp_path, tmp_path)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model", b"GGUF\x03\x00\x00\x00" + b"\xff" * 64])
def test_a_broken_model_file(tmp_path, content):
    (tmp_path / "broken.gguf").write_bytes(content)
    with pytest.raises(GraphInvalid):
        build_smollm2(tmp_path, tmp_path)


def test_another_kind_of_model(tmp_path):
    write_gemma(tmp_path / "tiny.gguf")
    with pytest.raises(GraphInvalid, match="says nothing about"):
        build_smollm2(tmp_path, tmp_path)


def test_a_missing_tensor(tmp_path):
    checkpoint = Checkpoint(write_gemma(tmp_path / "tiny.gguf"))
    with pytest.raises(GraphInvalid, match="no tensor"):
        checkpoint.floats("blk.99.attn_q.weight")


def test_trimmed_tokenizer_cuts_as_the_full_one(checkpoint):
    tokens, types = checkpoint.setting("tokenizer.ggml.tokens"), checkpoint.setting("tokenizer.ggml.token_type")
    ids = kept_ids()
    full = sentencepiece_tokenizer(tokens, types)
    trimmed = sentencepiece_tokenizer([tokens[i] for i in ids], [types[i] for i in ids])
    kept = set(ids.tolist())
    alike = 0
    for sentence in SENTENCES:
        expected, found = full.encode(sentence), trimmed.encode(sentence)
        assert trimmed.decode(found.ids) == sentence
        if kept.issuperset(expected.ids):
            assert [int(ids[i]) for i in found.ids] == expected.ids, sentence
            alike += 1
    assert alike >= len(SENTENCES) - 1  # a rare word may be in more pieces


def test_text_outside_the_kept_pieces_survives(checkpoint):
    tokens, types = checkpoint.setting("tokenizer.ggml.tokens"), checkpoint.setting("tokenizer.ggml.token_type")
    ids = kept_ids()
    trimmed = sentencepiece_tokenizer([tokens[i] for i in ids], [types[i] for i in ids])
    for text in ("สวัสดีชาวโลก", "🤽‍♀️ ᚠ 𐰑", "Привет, мир!", "안녕하세요", "مرحبا", "a  b\t\tc\r\n\x00"):
        encoded = trimmed.encode(text)
        assert trimmed.token_to_id("<unk>") not in encoded.ids
        assert trimmed.decode(encoded.ids) == text
