"""What is spoken can be understood: Whisper reads it back."""

from __future__ import annotations

import jiwer
import numpy as np
import pytest
import soxr
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from engines.contract import SAMPLE_RATE, Recognised
from engines.models import synthesis
from engines.models.whisper import WhisperRecogniser
from engines.weights import graphs

ENGLISH = (
    "Please leave your name and number after the tone.",
    "She sells fresh vegetables at the market every Saturday morning.",
    "Tickets cost $25 for 3 people, Dr. Smith said.",
)
OTHERS = {
    "es": "Por favor, deje su nombre y su número después de la señal.",
    "fr": "Veuillez laisser votre nom et votre numéro après le signal sonore.",
    "it": "Lei vende verdure fresche al mercato ogni sabato mattina.",
    "pt": "Muito obrigado pela sua paciência e pela sua gentileza.",
}


@pytest.fixture(scope="module")
def recogniser(model_home):
    return WhisperRecogniser.open(graphs.locate("whisper-base"))


def read_back(recogniser, chunks, language):
    samples = np.concatenate([chunk.samples for chunk in chunks])
    audio = soxr.resample(samples, chunks[0].rate, SAMPLE_RATE).astype(np.float32)
    *_, last = recogniser.nbest(recogniser.encode(audio), language=language)
    assert isinstance(last, Recognised)
    return last.hypotheses[0].text


@pytest.mark.parametrize("engine", ["piper", "kokoro"])
def test_english_is_understood(recogniser, model_home, engine):
    speaker = synthesis.synthesiser_for("en", model_home.joinpath, engine)
    heard = [read_back(recogniser, list(speaker.speak(text, "en")), "en") for text in ENGLISH]
    normal = EnglishTextNormalizer()
    assert jiwer.wer([normal(t) for t in ENGLISH], [normal(t) for t in heard]) <= 0.08


@pytest.mark.parametrize("language", list(OTHERS))
def test_other_languages_are_understood(recogniser, model_home, language):
    speaker = synthesis.synthesiser_for(language, model_home.joinpath)
    heard = read_back(recogniser, list(speaker.speak(OTHERS[language], language)), language)
    normal = BasicTextNormalizer()
    assert jiwer.wer(normal(OTHERS[language]), normal(heard)) <= 0.2


def test_chinese_is_understood(recogniser, model_home):
    text = "今天天气很好，我们去公园散步。"
    speaker = synthesis.synthesiser_for("zh", model_home.joinpath)
    heard = read_back(recogniser, list(speaker.speak(text, "zh")), "zh")
    plain = BasicTextNormalizer()
    assert jiwer.cer(plain(text).replace(" ", ""), plain(heard).replace(" ", "")) <= 0.35
