"""Piper speaks English with its real weights."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from engines.errors import Cancelled, GraphInvalid, TextUnspeakable, VoiceUnavailable, WeightsMissing
from engines.models.piper import WEIGHTS, Piper
from engines.runtime.cancellation import CancelToken, cancellable


@pytest.fixture(scope="module")
def piper(model_home):
    return Piper.open(model_home / WEIGHTS)


def test_missing_files(tmp_path):
    with pytest.raises(WeightsMissing, match="is missing"):
        Piper.open(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", "[1]", "not json", json.dumps({"audio": {"sample_rate": "x"}})])
def test_broken_description(tmp_path, content):
    (tmp_path / "en_US-joe-medium.onnx.json").write_text(content)
    with pytest.raises(GraphInvalid, match="not understood"):
        Piper.open(tmp_path)


def test_speaks_sentence_by_sentence(piper):
    chunks = list(piper.speak("Hello there. How are you today?", "en"))
    assert len(chunks) == 2
    for chunk in chunks:
        assert chunk.rate == 22_050
        assert chunk.samples.dtype == np.float32
        assert 0.05 < np.abs(chunk.samples).max() <= 1.0
        assert 0.4 < chunk.samples.size / chunk.rate < 4.0


def test_long_sentence_is_spoken_in_parts(piper):
    text = "This goes on " + "and on, and on " * 40 + "until it ends."
    chunks = list(piper.speak(text, "en"))
    assert len(chunks) > 2
    assert chunks[0].samples.size < 8 * chunks[0].rate


def test_refusals(piper):
    with pytest.raises(VoiceUnavailable, match="'es'"):
        next(piper.speak("Hola", "es"))
    with pytest.raises(VoiceUnavailable, match="no voice 'af_heart'"):
        next(piper.speak("Hello", "en", "af_heart"))
    with pytest.raises(TextUnspeakable):
        next(piper.speak("😀", "en"))


def test_cancel_between_parts(piper):
    token = CancelToken()
    with cancellable(token):
        speech = piper.speak("First. Second. Third.", "en")
        next(speech)
        token.cancel()
        with pytest.raises(Cancelled):
            next(speech)


def test_says_what_it_is(piper):
    assert re.search("Piper", piper.name)
    assert piper.provider == "CPU"
    assert piper.precision == "fp32"
