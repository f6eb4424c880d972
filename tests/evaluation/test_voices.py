"""What says a text, and what is read back of it: synthesisers, units, failures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engines.contract import AudioChunk, Hypothesis, Recognised, SpeechStates, TokenScores
from engines.errors import TextUnspeakable, TokensInvalid
from engines.evaluation.corpora import Clip
from engines.evaluation.readback import reader
from engines.evaluation.records import Records
from engines.evaluation.spoken import by_recogniser, found_in, measure_speech, measure_voices, said
from engines.evaluation.voices import UnitVoice, by_stage_two, by_vocoder
from engines.runtime.mixed import WrittenItem

LOUD, QUIET = np.full(8000, 0.1, np.float32), np.zeros(8000, np.float32)


class Ear:
    """Hears words where it is loud; translates into others."""

    name = "Ear"

    def encode(self, samples: Any) -> SpeechStates:
        return SpeechStates(samples[:, None], samples.shape[0] / 16_000)

    def nbest(self, states: SpeechStates, *, language: str, task: str = "transcribe") -> Iterator[Any]:
        text = "hello you" if task == "translate" else "hello there" if np.abs(states.frames).max() > 0.01 else ""
        yield "hel"
        yield Recognised((Hypothesis(text, -1.0, 2),), TokenScores(0, (), ()))


class Voice:
    """Says loudly what it can say."""

    id, version = "voice", "1"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def say(self, text: str) -> list[AudioChunk]:
        self.texts.append(text)
        if text == "???":
            raise TextUnspeakable("'???' cannot be spoken.", "Use letters.")
        return [AudioChunk(LOUD, 8000), AudioChunk(QUIET, 8000)]


def clip(number: int, text: str, english: str | None = None, language: str = "en") -> Clip:
    return Clip(f"c{number}", "prompts", "me", language, text, english, 0.5, lambda: LOUD)


def test_what_is_said_is_read_back_once(tmp_path: Path) -> None:
    clips, voice = [clip(0, "Hello there."), clip(1, "???"), clip(2, "hello you")], Voice()
    read = reader(Ear())  # type: ignore[arg-type]
    for _ in range(2):
        records = Records(tmp_path / "records.jsonl")
        measure_voices([voice], clips, records, read, machine="m")
    first, failed, second = found_in(records, {"voice": "1"}, clips, "say")
    assert (first.errors.rate, second.errors.rate, first.spoken_seconds) == (0.0, 0.5, 2.0)
    assert failed.failure == "TextUnspeakable: '???' cannot be spoken."
    assert failed.errors.rate == 1 or not failed.errors.length
    assert voice.texts == ["Hello there.", "???", "hello you", "???"]  # what failed is tried again
    assert read(np.zeros(0, np.float32)) == ""


def test_the_recognisers_translation_is_said(tmp_path: Path) -> None:
    clips, voice = [clip(0, "hola", "hello there", "es")], Voice()
    records = Records(tmp_path / "records.jsonl")
    ways = {"both": by_recogniser(Ear(), voice)}  # type: ignore[arg-type]
    read = reader(Ear())  # type: ignore[arg-type]
    measure_speech(ways, clips, records, read, versions={"both": "1"})
    measure_speech(ways, clips, records, read, versions={"both": "1"})
    (found,) = found_in(records, {"both": "1"}, clips, "speak")
    assert voice.texts == ["hello you"]
    assert (found.reference, found.hypothesis, found.task) == ("hello there", "hello there", "speak")
    assert found_in(records, {"both": "2"}, clips, "speak") == []


class Tokens:
    """A token language model that writes a unit per piece."""

    def __init__(self) -> None:
        ids = np.arange(10, 20)
        self.inventory = SimpleNamespace(cut=lambda text: [0, 1] if text.isascii() else None, ids=ids)
        self.model = SimpleNamespace(token_id=lambda _: 1, encode=lambda text: [len(text)])
        self.given: list[Any] = []
        self.bounds: Any = None

    def sequence(self) -> Any:
        def write(what: str, bounds: Any) -> list[WrittenItem]:
            assert what == "units"
            self.bounds = bounds
            return [SimpleNamespace(id=3, frames=2), SimpleNamespace(id=4, frames=3)]  # type: ignore[list-item]

        return SimpleNamespace(read=lambda *parts: self.given.extend(parts), write=write)


def test_units_are_written_behind_the_text_and_spoken() -> None:
    tokens, asked = Tokens(), []

    def speak(units: Any, longest: float) -> Iterator[AudioChunk]:
        asked.append((list(units), longest))
        yield AudioChunk(LOUD, 16_000)

    voice = UnitVoice("token-semantic", "1", tokens, by_vocoder(SimpleNamespace(speak=speak)))  # type: ignore[arg-type]
    made = said(voice, "hi")
    assert (made.failure, made.seconds) == ("", 0.5)
    assert asked == [([3, 4], pytest.approx(6.4))]  # twice 2 s and .6 s a piece
    assert tokens.given[1] == [10, 11, 1]
    assert tokens.bounds.items == 80
    assert "cannot be spelled" in said(voice, "你好").failure
    assert "cannot be spelled" in said(voice, " ").failure


def test_stage_two_speaks_units_with_their_durations() -> None:
    class Making:
        def __init__(self) -> None:
            self.frames = 0

        def push(self, units: Any) -> Iterator[Any]:
            self.frames += len(units)
            yield np.zeros((2, 2 * len(units)), np.int32)

        def finish(self) -> Iterator[Any]:
            yield np.zeros((2, 2), np.int32)

    making = Making()
    stage_two = SimpleNamespace(speaking=lambda *, longest: making if longest > 4 else None)
    codec = SimpleNamespace(
        rate=16_000, stream=lambda: SimpleNamespace(push=lambda codes: np.zeros(320 * codes.shape[1], np.float32))
    )
    voice = UnitVoice("token-hybrid", "1", Tokens(), by_stage_two(stage_two, codec))  # type: ignore[arg-type]
    made = said(voice, "hi")
    assert making.frames == 5
    assert made.seconds == pytest.approx(0.24)
    assert made.at_16khz().shape == (3840,)


def test_speech_that_is_too_long_is_a_failure_of_the_voice() -> None:
    def endless(units: Any, longest: float) -> Iterator[AudioChunk]:
        raise TokensInvalid("The units last longer than they may.", "Give fewer.")

    voice = UnitVoice("token-semantic", "1", Tokens(), by_vocoder(SimpleNamespace(speak=endless)))  # type: ignore[arg-type]
    assert said(voice, "hi").failure.startswith("TokensInvalid: The units last longer")
