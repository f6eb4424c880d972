"""How codecs are measured: known distances, known use of codebooks, other codecs, the table."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from engines.audio.samples import list_samples, load_sample
from engines.contract import Hypothesis, Recognised, SpeechStates, TokenScores
from engines.errors import BadInput, WeightsMissing
from engines.evaluation import codec_table, codecs, other_codecs
from engines.evaluation.codebooks import use
from engines.evaluation.codecs import measure
from engines.evaluation.corpora import Clip
from engines.evaluation.dnsmos import WEIGHTS, Dnsmos, Opinion
from engines.evaluation.spectra import log_spectral_distance


@pytest.fixture(scope="module")
def speech():
    return np.array(load_sample(list_samples()[0].id).samples[: 16_000 * 3])


class Reader:
    """Hears words only where it is loud."""

    def encode(self, samples):
        return SpeechStates(samples[:, None], samples.shape[0] / 16_000)

    def nbest(self, states, *, language):
        text = "a pair of words" if np.abs(states.frames).max() > 0.01 else ""
        yield "a pair"
        yield Recognised((Hypothesis(text, -1.0, 4),), TokenScores(0, (), ()))


class Rater:
    def rate(self, samples):
        return Opinion(3.0, 2.0, 4.0 if np.abs(samples).max() > 0.01 else 1.0)


class Halves:
    """A codec of two codebooks that keeps the sound for both and loses it for one."""

    name, rate, books, codes, hop = "Halves", 16_000, 2, 4, 320

    def bits_per_second(self, books=None):
        return 100.0 * (books or 2)

    def encode(self, samples):
        self.kept = samples
        return np.tile(np.array([[0, 1], [2, 2]], np.int32), -(-samples.shape[0] // 640))

    def decode(self, codes, books=None):
        return self.kept * (books == 2)


def test_the_distance_of_spectra_is_that_of_decibels(speech):
    assert log_spectral_distance(speech, speech) == 0
    assert log_spectral_distance(speech, -speech) == 0
    noise = np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    assert log_spectral_distance(noise, noise / 10) == pytest.approx(20, abs=0.3)
    assert 0 < log_spectral_distance(speech, speech + 0.001 * noise[0]) < 30
    assert np.isfinite(log_spectral_distance(speech[:10], np.zeros(10, np.float32)))


def test_the_use_of_codebooks():
    codes = np.array([[0, 1, 2, 3, -1], [5, 5, 5, 5, -1]], np.int32)
    even, dull = use(codes, 8)
    assert (even.entropy, even.used, even.dead, even.frames) == (2.0, 4, 4, 4)
    assert (dull.entropy, dull.used, dull.dead) == (0.0, 1, 7)
    assert use(np.zeros((1, 0), np.int32), 8)[0].entropy == 0


def test_opus_comes_back_in_time_at_the_rate_of_its_packets(speech):
    heard, bits = other_codecs.opus(speech, 16_000)
    assert heard.shape == speech.shape
    assert 8_000 < bits < 24_000
    likeness = np.corrcoef(heard, speech)[0, 1]
    assert likeness > 0.6
    fewer, less = other_codecs.opus(speech, 6_000)
    assert less < bits
    assert log_spectral_distance(speech, fewer) > 0


def test_what_comes_late_is_moved_back(speech):
    for shift in (-700, 0, 333):
        moved = np.roll(speech, shift)
        assert np.corrcoef(other_codecs.aligned(moved, speech)[2000:-2000], speech[2000:-2000])[0, 1] > 0.999


def test_codec2_is_absent_or_works(speech, monkeypatch):
    if other_codecs.has_codec2():
        heard, bits = other_codecs.codec2(speech, 3200)
        assert heard.shape == speech.shape
        assert bits == pytest.approx(3200, rel=0.05)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("PATH", "")
    assert not other_codecs.has_codec2()
    with pytest.raises(BadInput, match="c2enc and c2dec do not work"):
        other_codecs.codec2(speech, 3200)


def test_systems_are_measured_and_told(speech, monkeypatch):
    monkeypatch.setattr(other_codecs, "has_codec2", lambda: False)
    clips = [Clip(str(n), "unseen", "somebody", "en", "a pair of words", None, 3.0, lambda: speech) for n in range(2)]
    coder = Halves()
    wanted = codecs.systems(coder, [2, 1, 2, 5], others=False)
    assert [(system.name, system.books) for system in wanted] == [("original", 0), ("Halves", 1), ("Halves", 2)]
    lines = [measure(system, clips, Reader(), Rater()) for system in wanted]
    assert [line.errors.rate for line in lines] == [0, 1, 0]
    assert [line.bits_per_second for line in lines] == pytest.approx([0, 100, 200])
    assert lines[1].opinion.overall == 1.0
    assert lines[1].distance > lines[2].distance == 0
    used = codecs.codebook_use(coder, clips)
    told = codec_table.notes(lines, used, clips)
    text = codec_table.markdown(lines, used, told)
    assert "| Halves | 2 | 200 | 0.0 [0.0–0.0] | 4.00 | 3.00 | 2.00 | 0.0 |" in text
    assert "| 1 | 1.00 | 2 | 2 | 2 |" in text
    assert "Codec 2 is not installed here" in text
    assert len(codecs.systems(coder, [1])) == 2 + len(codecs.OPUS_RATES)


def test_without_the_codec_the_command_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    assert codecs.main(["--out", str(tmp_path / "out")]) == 1
    assert "codec" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_dnsmos_prefers_speech_to_noise_on_top_of_it(model_home, speech):
    dnsmos = Dnsmos.open(model_home / WEIGHTS)
    clean = dnsmos.rate(speech)
    noise = np.random.default_rng(0).standard_normal(speech.shape[0]).astype(np.float32)
    noisy = dnsmos.rate(np.clip(speech + 0.1 * noise, -1, 1))
    assert 1 <= noisy.overall < clean.overall - 0.5 <= 4.5
    assert clean.background > noisy.background + 1


def test_dnsmos_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsMissing, match="DNSMOS"):
        Dnsmos.open(tmp_path)
