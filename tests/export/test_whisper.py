from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.audio.features import log_mel
from engines.audio.samples import list_samples, load_sample
from engines.contract import Recognised
from engines.errors import GraphInvalid
from engines.models.whisper import WhisperRecogniser
from engines.runtime.sessions import open_session
from engines.weights import ctranslate2
from export import whisper

PROMPT = [50258, 50259, 50359, 50363]
"""Start, English, transcribe, no timestamps."""


@pytest.fixture(scope="module")
def graphs(model_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper-fp32")
    whisper.build(model_home / "whisper-base", folder, precision="fp32")
    return folder


@pytest.mark.parity
def test_logits_are_those_of_transformers_within_a_thousandth(model_home, graphs):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from engines.evaluation.peers import checkpoint

    reference = checkpoint.load(model_home / "whisper-base")
    mel = log_mel(load_sample(list_samples()[0].id).samples, 30.0)
    tokens = [*PROMPT, 440, 366, 264]
    with torch.no_grad():
        states = reference.model.encoder(torch.from_numpy(mel)).last_hidden_state
        expected = reference(encoder_outputs=(states,), decoder_input_ids=torch.tensor([tokens])).logits[0].numpy()
    frames = open_session(graphs / "encoder.onnx").run(["frames"], {"mel": mel})[0]
    np.testing.assert_allclose(frames, states.numpy(), atol=2e-3)
    decoder = WhisperRecogniser.open(graphs)._decoder
    cross = decoder.cross(frames[0])
    one_by_one = [decoder.begin(cross, tokens[:1])]
    one_by_one += [decoder.step(np.array([token]), np.zeros(1, np.int64))[0] for token in tokens[1:]]
    np.testing.assert_allclose(np.array(one_by_one), expected, atol=1e-3 * np.abs(expected).max())
    at_once = decoder.begin(cross, tokens)
    np.testing.assert_allclose(at_once, expected[-1], atol=1e-3 * np.abs(expected).max())


@pytest.mark.parity
def test_greedy_transcripts_are_those_of_transformers(model_home, graphs):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from engines.evaluation.peers import checkpoint

    reference = checkpoint.load(model_home / "whisper-base")
    recogniser = WhisperRecogniser.open(graphs)
    mask = torch.from_numpy(recogniser._mask)
    first_mask = torch.from_numpy(recogniser._first_mask)
    for sample in [sample for sample in list_samples() if sample.language == "en"][:2]:
        samples = load_sample(sample.id).samples[: 20 * 16_000]
        tokens = list(PROMPT)
        with torch.no_grad():
            states = reference.model.encoder(torch.from_numpy(log_mel(samples, 30.0)))
            past, new = None, tokens
            while tokens[-1] != 50257 and len(tokens) < 100:
                step = reference(
                    encoder_outputs=states, decoder_input_ids=torch.tensor([new]), past_key_values=past, use_cache=True
                )
                past = step.past_key_values
                new = [int((step.logits[0, -1] + (first_mask if len(tokens) == 4 else mask)).argmax())]
                tokens = [*tokens, *new]
        expected = recogniser._text(tuple(tokens[4:]))
        (*_, found) = recogniser.nbest(recogniser.encode(samples), language="en", beam=1)
        assert isinstance(found, Recognised)
        assert found.hypotheses[0].text == expected


@pytest.mark.parity
def test_features_are_those_of_transformers():
    pytest.importorskip("transformers")
    from transformers import WhisperFeatureExtractor

    samples = load_sample(list_samples()[0].id).samples[: 12 * 16_000]
    expected = WhisperFeatureExtractor()(samples, sampling_rate=16_000, return_tensors="np").input_features
    np.testing.assert_allclose(log_mel(samples, 30.0), expected, atol=1e-4)


def test_features_of_short_and_long_speech_have_the_asked_length():
    rng = np.random.default_rng(0)
    for seconds in (0.0, 0.004, 0.1, 29.99, 30.0, 31.0):
        samples = rng.uniform(-0.1, 0.1, round(seconds * 16_000)).astype(np.float32)
        mel = log_mel(samples, 30.0)
        assert mel.shape == (1, 80, 3000)
        assert np.isfinite(mel).all()


@pytest.mark.parametrize("content", [b"", b"\x06\x00\x00\x00", b"GGUF" * 100])
def test_a_file_in_another_format_is_refused(tmp_path, content):
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(GraphInvalid, match=r"model\.bin"):
        ctranslate2.read(path)


def test_missing_weights_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(GraphInvalid, match="not usable"):
        whisper.build(tmp_path, tmp_path)
