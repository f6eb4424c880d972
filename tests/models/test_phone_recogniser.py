"""The phone recogniser reads a recording, and its files are checked."""

from __future__ import annotations

import numpy as np
import pytest

from engines import paths
from engines.audio.load import load
from engines.errors import GraphInvalid
from engines.models.phone_recogniser import MODEL, SILENCE, PhoneRecogniser, Phones


@pytest.fixture(scope="module")
def recogniser(model_home):
    return PhoneRecogniser.open(model_home / MODEL)


def test_a_recording_is_heard(recogniser):
    samples = load(paths.resources() / "evaluation" / "two-cities.flac").samples[: 4 * 16000]
    heard = recogniser.hear(samples)
    assert heard.log_probs.shape == (201, 191)
    np.testing.assert_allclose(np.exp(heard.log_probs).sum(1), 1, atol=1e-3)
    assert "bɛst ɔf taɪmz" in recogniser.text(heard)
    frames = recogniser.per_frame(heard)
    assert len(frames) == 201
    assert {"t", "aɪ", "m", "z"} <= set(frames)
    assert frames.count(None) < 80


def test_silence_is_silence(recogniser):
    assert set(recogniser.per_frame(recogniser.hear(np.zeros(16000, np.float32)))) <= {SILENCE, None}


def test_a_phone_reaches_to_the_middle_between_peaks():
    labels = ("a", "b", "<wb>", "<blank>")
    recogniser = PhoneRecogniser.__new__(PhoneRecogniser)
    recogniser.labels = labels
    best = [3, 0, 3, 3, 3, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]
    loudness = np.zeros(16, np.float32)
    loudness[14:] = -9
    found = recogniser.per_frame(Phones(np.log(np.eye(4, dtype=np.float32)[best] + 1e-3), loudness))
    assert found == ["a", "a", "a", "a", "b", "b", "b", "b", "b", "b", "b", "b", None, None, SILENCE, SILENCE]


@pytest.mark.parametrize("content", [None, b"", b"HAMAPK\x01\x02\xff\x00\x00\x00", b"\x00" * 4000])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "g2p_vocab.json").write_text('{"decoder": ["a"]}', encoding="utf-8")
    if content is not None:
        (tmp_path / "asr_waveform.hama").write_bytes(content)
    with pytest.raises(GraphInvalid) as caught:
        PhoneRecogniser.open(tmp_path)
    assert caught.value.hint
