"""The right synthesiser is chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.errors import BadOption, VoiceUnavailable, WeightsCorrupt, WeightsMissing
from engines.models import synthesis
from engines.models.voices import Voice, default_voice, load_style, voices


def nothing_installed(model: str) -> Path:
    raise WeightsMissing(f"The weights of {model} are not installed.", "Fetch them.")


@pytest.mark.parametrize("language", ["de", "xx", ""])
def test_language_without_a_voice(language):
    with pytest.raises(VoiceUnavailable) as caught:
        synthesis.synthesiser_for(language, nothing_installed)
    assert "en, es, fr, it, pt, zh" in caught.value.hint


def test_piper_speaks_no_spanish():
    with pytest.raises(VoiceUnavailable, match="Piper has no voice for the language 'es'"):
        synthesis.synthesiser_for("es", nothing_installed, "piper")


def test_unknown_synthesiser():
    with pytest.raises(BadOption, match="no synthesiser 'espeak'"):
        synthesis.synthesiser_for("en", nothing_installed, "espeak")


@pytest.mark.parametrize(("language", "model"), [("en", synthesis.ENGINES["en"][0]), ("fr", "kokoro")])
def test_missing_weights_name_the_default(language, model):
    with pytest.raises(WeightsMissing, match=synthesis.WEIGHTS[model]):
        synthesis.synthesiser_for(language, nothing_installed)


@pytest.mark.parametrize("prefer", ["piper", "kokoro"])
def test_empty_folder_is_missing_weights(prefer, tmp_path):
    with pytest.raises(WeightsMissing, match="is missing"):
        synthesis.synthesiser_for("en", lambda _: tmp_path, prefer)


def test_every_listed_language_has_a_voice():
    for language, names in synthesis.ENGINES.items():
        if "kokoro" in names:
            assert default_voice(language).language == language


def test_voices_are_whole_and_credited():
    for voice in voices():
        style = load_style(voice)
        assert style.shape == (510, 256)
        assert style.dtype == np.float32
        assert np.isfinite(style).all()
        assert voice.licence
        assert voice.credit


def test_broken_voice(tmp_path, monkeypatch):
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "x.npy").write_bytes(b"not numpy")
    monkeypatch.setattr("engines.paths.resources", lambda: tmp_path)
    broken = Voice("x", "en", "en-us", "X", "female", "x.npy", "", "", "")
    with pytest.raises(WeightsCorrupt):
        load_style(broken)


def test_voice_tells_its_engine():
    assert synthesis.engine_of("joe") == "piper"
    assert synthesis.engine_of("af_heart") == "kokoro"
    assert synthesis.engine_of(None) is None
    with pytest.raises(VoiceUnavailable, match="no voice 'nobody'"):
        synthesis.engine_of("nobody")
