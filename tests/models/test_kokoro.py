"""Kokoro speaks six languages with its real weights."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import Cancelled, GraphInvalid, TextUnspeakable, VoiceUnavailable, WeightsMissing
from engines.models.kokoro import WEIGHTS, Kokoro
from engines.models.phonemes import LANGUAGES, phonemize
from engines.models.phonemes.alphabets import encode
from engines.runtime.cancellation import CancelToken, cancellable

GREETINGS = {
    "en": "Good morning, everyone.",
    "es": "Buenos días a todos.",
    "fr": "Bonjour à tout le monde.",
    "it": "Buongiorno a tutti.",
    "pt": "Bom dia a todos.",
    "zh": "大家早上好。",
}


@pytest.fixture(scope="module")
def kokoro(model_home):
    return Kokoro.open(model_home / WEIGHTS)


def test_missing_files(tmp_path):
    with pytest.raises(WeightsMissing, match="is missing"):
        Kokoro.open(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"vocab": 3}'])
def test_broken_vocabulary(tmp_path, content):
    (tmp_path / "kokoro-v1.0.int8.onnx").write_bytes(b"")
    (tmp_path / "vocab.json").write_text(content)
    with pytest.raises(GraphInvalid, match="not understood"):
        Kokoro.open(tmp_path)


def test_broken_graph(tmp_path):
    (tmp_path / "kokoro-v1.0.int8.onnx").write_bytes(b"no graph")
    (tmp_path / "vocab.json").write_text('{"vocab": {"a": 1}}')
    with pytest.raises(GraphInvalid):
        Kokoro.open(tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_speaks(kokoro, language):
    (chunk,) = kokoro.speak(GREETINGS[language], language)
    assert chunk.rate == 24_000
    assert chunk.samples.dtype == np.float32
    assert 0.05 < np.abs(chunk.samples).max() <= 1.0
    assert 0.7 < chunk.samples.size / chunk.rate < 4.0
    assert np.abs(chunk.samples[-2_400:]).max() < 0.01  # ends in silence: nothing is cut off


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phoneme_is_in_the_vocabulary(kokoro, language):
    for sentence in phonemize(GREETINGS[language], language, "kokoro"):
        assert encode(sentence.phonemes, kokoro._vocabulary).dropped == 0


def test_voices_differ(kokoro):
    first, second = (
        np.concatenate([c.samples for c in kokoro.speak("Hello.", "en", voice)]) for voice in ("af_heart", "bm_george")
    )
    assert first.size != second.size or not np.allclose(first, second)


def test_refusals(kokoro):
    with pytest.raises(VoiceUnavailable, match="'de'"):
        next(kokoro.speak("Guten Tag", "de"))
    with pytest.raises(VoiceUnavailable, match="does not speak 'es'"):
        next(kokoro.speak("Hola", "es", "af_heart"))
    with pytest.raises(VoiceUnavailable, match="no voice 'nobody'"):
        next(kokoro.speak("Hello", "en", "nobody"))
    with pytest.raises(TextUnspeakable):
        next(kokoro.speak("...", "en"))


def test_cancel_between_parts(kokoro):
    token = CancelToken()
    with cancellable(token):
        speech = kokoro.speak("One. Two.", "en")
        next(speech)
        token.cancel()
        with pytest.raises(Cancelled):
            next(speech)
