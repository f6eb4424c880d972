from __future__ import annotations

from pathlib import Path

import numpy as np

from engines.contract import SAMPLE_RATE, Samples
from engines.evaluation import paralinguistic
from engines.evaluation.corpora import Clip
from engines.evaluation.kept import Kept
from engines.evaluation.paralinguistic import Input, real_pairs, signal, words


def say(text: str, voice: str) -> Samples:
    """A tone: women higher, questions rising; as long as the text."""
    pitch = (200.0 if voice in paralinguistic.WOMEN else 100.0) * (1.05 if voice.startswith("b") else 1.0)
    time = np.arange(800 * len(text)) / SAMPLE_RATE
    rise = np.linspace(0, 1, time.size) ** 3 * (0.6 if text.endswith("?") else 0.0)
    phase = 2 * np.pi * np.cumsum(pitch * (1 + rise)) / SAMPLE_RATE
    return (0.3 * np.sin(phase) + 0.1 * np.sin(2 * phase)).astype(np.float32)


def deaf(samples: Samples) -> np.ndarray:
    del samples
    return words("always the same")


def inputs() -> list[Input]:
    return [Input("signal", None, "1", signal), Input("whisper", "text", "1", deaf)]


def test_the_signal_tells_what_words_do_not(tmp_path: Path) -> None:
    found = Kept(tmp_path / "kept.jsonl")
    paralinguistic.measure(inputs(), say, [], found)
    told = {(one.input, one.property): one.told for one in paralinguistic.outcomes(inputs(), found)}
    assert all(told["signal", of].heard for of in paralinguistic.TITLES)
    assert all(told["whisper", of].share == 0.5 for of in paralinguistic.TITLES)


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    paralinguistic.measure(inputs()[1:], say, [], Kept(file))
    size = file.stat().st_size

    def mute(text: str, voice: str) -> Samples:
        raise AssertionError(text, voice)

    paralinguistic.measure(inputs()[1:], mute, [], Kept(file))
    assert file.stat().st_size == size


def clip(number: int, text: str, seconds: float) -> Clip:
    return Clip(f"c{number}", "prompts", "me", "en", text, None, seconds, lambda: say(text, "af_heart"))


def test_people_are_paired_by_length_each_once(tmp_path: Path) -> None:
    clips = [clip(0, "Is it you?", 2), clip(1, "It is.", 5), clip(2, "It was you.", 2.1), clip(3, "Who?", 1)]
    assert [(a.id, b.id) for a, b in real_pairs("question", clips)] == [("c2", "c0"), ("c1", "c3")]
    assert real_pairs("sex", clips) == []
    found = Kept(tmp_path / "kept.jsonl")
    paralinguistic.measure(inputs()[:1], say, clips, found)
    of_people = {one.property: one.real for one in paralinguistic.outcomes(inputs(), found)}
    assert of_people["question"] is not None
    assert of_people["question"].pairs == 2
    assert of_people["sex"] is None


def test_pitch_is_found() -> None:
    rows = signal(say("twenty letters here", "am_michael"))
    assert np.median(50 * 2 ** rows[:, 0]) == np.clip(np.median(50 * 2 ** rows[:, 0]), 97, 103)


def test_marks_are_words_of_their_own() -> None:
    assert (words("You came?").sum(0) - words("You came.").sum(0) != 0).sum() == 2
