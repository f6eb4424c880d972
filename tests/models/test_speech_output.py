"""Pieces are short enough and audio is fit to be played."""

from __future__ import annotations

import numpy as np
import pytest

from engines.models.speech_output import finish, pieces


def test_short_sentence_stays_whole():
    assert [p.phonemes for p in pieces("həlˈO wˈɜɹld.", limit=100, early=True)] == ["həlˈO wˈɜɹld."]


def test_first_clause_comes_early():
    sentence = "a" * 30 + ", " + "b" * 60 + "."
    assert [len(p.phonemes) for p in pieces(sentence, limit=240, early=True)] == [31, 61]


@pytest.mark.parametrize("sentence", ["word " * 400, "x" * 2000, "clause here, " * 200])
def test_no_piece_is_longer_than_the_limit_and_nothing_is_lost(sentence):
    cut = list(pieces(sentence, limit=240, early=False))
    assert all(0 < len(p.phonemes) <= 240 for p in cut)
    assert "".join(p.phonemes for p in cut).replace(" ", "") == sentence.replace(" ", "")


def test_loud_audio_is_turned_down_not_clipped():
    wave = 3.0 * np.sin(np.linspace(0, 100, 24_000)).astype(np.float32)
    out = finish(wave, 24_000, symbols=100, pause=0.0)
    assert np.abs(out).max() == pytest.approx(0.98)
    np.testing.assert_allclose(out, wave[: out.size] * 0.98 / 3.0, atol=1e-3)


def test_broken_values_become_silence():
    out = finish(np.array([np.nan, np.inf, -np.inf, 0.5], np.float32), 24_000, symbols=1, pause=0.0)
    assert np.isfinite(out).all()
    assert np.abs(out).max() == 0.5


def test_length_is_bounded_by_the_phonemes():
    out = finish(np.full(24_000 * 600, 0.1, np.float32), 24_000, symbols=10, pause=0.0)
    assert out.size <= 24_000 * 6


def test_silence_at_the_ends_is_cut_and_a_pause_added():
    wave = np.concatenate([np.zeros(24_000), np.full(2_400, 0.5), np.zeros(24_000)]).astype(np.float32)
    out = finish(wave, 24_000, symbols=5, pause=0.3)
    assert out.size == pytest.approx(2_400 + 2 * 1_440 + 7_200, abs=2)


def test_silent_output_stays_empty_but_for_the_pause():
    assert finish(np.zeros(5_000, np.float32), 24_000, symbols=5, pause=0.0).size == 0
