"""What speaks for the hybrid engine, with random weights: the voice that was heard, chunks, limits, lost frames."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engines.contract import SAMPLE_RATE, Request, Utterance
from engines.errors import AdapterMissing, TokensInvalid, VoiceUnavailable
from engines.models.components import Components
from engines.runtime.mixed import WrittenItem
from engines.stages.stretches import Stretch
from engines.tokens import engine
from engines.tokens.acoustic import AcousticTokeniser
from engines.tokens.reading import Heard
from engines.tokens.speaking import StageTwoSpeaker, loudest, require_language
from tests.models import tiny_codec, tiny_stage_two

pytest.importorskip("torch")

UNITS = tiny_stage_two.UNITS


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIPTYCH_ADAPTERS", str(root))
        stage_two, _ = tiny_stage_two.write(root)
    codec, _ = tiny_codec.write(root, loudness=500.0)
    return stage_two, AcousticTokeniser(codec)


def heard(seconds=4.0, seed=0, loud=1.0):
    random = np.random.default_rng(seed)
    samples = (0.1 * loud * random.normal(size=round(seconds * SAMPLE_RATE))).astype(np.float32)
    ids = random.integers(0, UNITS, round(seconds * 25)).astype(np.int32)
    return Heard(Stretch(0, 0.0, seconds, np.zeros((1, 0))), samples, ids, [], ids, ids, ids)


def written(count=40, frames=2):
    return [WrittenItem("unit", number % UNITS, "", -1.0, frames) for number in range(count)]


def spoken(parts, items=None, longest=10.0, speech=None, **options):
    speaker = StageTwoSpeaker(*parts, options)
    return speaker, list(speaker.speak(iter(items or written()), speech or heard(), longest))


def test_speech_comes_in_chunks_as_long_as_the_units(parts):
    speaker, chunks = spoken(parts)
    whole = np.concatenate([chunk.samples for chunk in chunks])
    assert len(whole) == 80 * 640
    assert len(chunks) > 2
    assert chunks[0].samples.size == 16 * 320
    assert {chunk.rate for chunk in chunks} == {16_000}
    (stream,) = speaker.evidence(0)
    assert stream.ids.shape == (4, 160)
    assert stream.direction == "out"
    assert list(speaker.used) == ["stage two", "codec"]
    assert speaker.note == ""


def test_loud_speech_is_limited_and_never_wraps(parts):
    _, chunks = spoken(parts)
    whole = np.concatenate([chunk.samples for chunk in chunks])
    assert np.abs(whole).max() == 1.0
    assert np.isfinite(whole).all()


def test_the_voice_that_was_heard_counts(parts):
    same, again, other = (
        np.concatenate(spoken(parts, speech=speech)[0]._made, axis=1)
        for speech in (heard(seed=1), heard(seed=1), heard(seed=2))
    )
    assert (same == again).all()
    assert (same != other).any()
    nobody = [
        np.concatenate(spoken(parts, speech=heard(seed=seed), prompt_seconds=0.0)[0]._made, axis=1) for seed in (1, 2)
    ]
    assert (nobody[0] == nobody[1]).all()


def test_fewer_codebooks_and_later_stretches(parts):
    speaker, _ = spoken(parts, books=2)
    (stream,) = speaker.evidence(0)
    assert stream.ids.shape == (2, 160)
    assert stream.start == 0.0
    list(speaker.speak(iter(written(5)), heard(), 10.0))
    (stream,) = speaker.evidence(1)
    assert stream.start == pytest.approx(3.2)
    assert stream.ids.shape == (2, 20)


def test_lost_frames_are_concealed_and_told(parts):
    speaker, chunks = spoken(parts, lost=0.4)
    assert sum(chunk.samples.size for chunk in chunks) == 80 * 640
    (stream,) = speaker.evidence(0)
    gone = int((stream.ids[0] == -1).sum())
    assert gone
    assert f"{gone} codec frames" in speaker.note


def test_speech_without_end_is_stopped(parts):
    with pytest.raises(TokensInvalid, match="most that is spoken"):
        spoken(parts, written(400), longest=2.0)


def test_a_language_without_a_voice_is_named(parts):
    speaker = StageTwoSpeaker(*parts, {})
    require_language(speaker, "en")
    with pytest.raises(VoiceUnavailable, match=r"Spanish.*English"):
        require_language(speaker, "es")


def test_the_loudest_part_is_the_voice():
    samples = np.zeros(SAMPLE_RATE * 4, np.float32)
    samples[2 * SAMPLE_RATE : 3 * SAMPLE_RATE] = 0.5
    begin, count = loudest(samples, 100, 50)
    assert count == 50
    assert 25 <= begin <= 50
    assert loudest(samples[:10], 100, 50) == (0, 0)
    assert loudest(samples, 20, 50) == (0, 20)


def test_short_speech_gives_no_voice(parts):
    speaker = StageTwoSpeaker(*parts, {})
    assert speaker.prompt(heard(0.2)).keys.shape[1] == 1
    assert speaker.prompt(heard(2.0)).keys.shape[1] == 101


def test_without_weights_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    request = Request(Utterance(np.zeros(16_000, np.float32), "d" * 64, "test", language="en"))
    with pytest.raises(AdapterMissing, match="token-hybrid"):
        list(engine.build_hybrid(Components()).run(request))


def test_the_card_names_whose_language_model_it_uses(parts):
    stage_two, _ = parts
    assert stage_two.shape.tokens == "token-semantic"
    assert SimpleNamespace(**stage_two.shape.model_dump()).units == UNITS
