"""Live from the command line, and sound on its way to a live run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app import cli
from app.commands import live as command
from app.live import Feed, Listening, able
from app.sources import FileSource
from engines import catalog
from engines.audio.wav import to_pcm16
from engines.contract import SAMPLE_RATE, Task
from engines.errors import MicrophoneUnavailable
from engines.live.asking import Asked
from tests.live.fakes import Stage, spoken


@pytest.fixture
def file(tmp_path: Path) -> Path:
    import soundfile

    path = tmp_path / "speech.wav"
    soundfile.write(path, spoken(3, 1, 2, 1), SAMPLE_RATE, subtype="PCM_16")
    return path


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fast"], "cannot be hurried"),
        (["--file", "nowhere.wav"], "nowhere.wav"),
        (["--task", "respond"], "cannot be done live"),
        (["--task", "sing"], "no task"),
        (["--engines", "nobody"], "no engine"),
        (["--seconds", "0"], "--seconds cannot be '0'"),
        (["--threads", "many"], "--threads cannot be 'many'"),
        (["--language", "xx"], "xx"),
        (["--engines", "whisper", "--option", "cascade.beam=1"], "does not run"),
        (["--engines", "whisper", "--task", "translate", "--target", "fr"], "No engine"),
    ],
)
def test_bad_input_is_a_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["live", *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_a_file_is_heard_as_json(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    stage = Stage("whisper")
    monkeypatch.setattr(command, "opened", lambda *_, **__: stage.setting)
    assert cli.main(["live", "--file", str(file), "--fast", "--json", "--engines", "whisper"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["text"] for event in events if event["event"] == "written"] == ["w0 w1 w2 w3 w4 w5", "w0 w1 w2 w3"]
    assert events[-1]["event"] == "ended"
    assert events[-1]["heard"] == pytest.approx(7.0, abs=0.01)
    assert events[-1]["delays"]["whisper"]["phrases"] == 2


def test_a_file_in_place_of_a_microphone_brings_the_same_words(file: Path, capsys: pytest.CaptureFixture) -> None:
    stage = Stage("whisper")
    tell = command._Console(stage.setting.engines).tell
    assert command.listen(stage.setting, FileSource(file, speed=20), tell) == 0
    out = capsys.readouterr().out
    assert "w0 w1 w2 w3 w4 w5\n" in out
    assert "2 phrases" in out
    assert stage.host.closed


def test_it_stops_when_enough_was_heard(file: Path) -> None:
    stage = Stage("whisper")
    command.listen(stage.setting, FileSource(file, speed=20), stage.tell, seconds=4)
    assert len(stage.written("whisper")) == 1


def test_a_microphone_that_is_not_there_is_said_and_the_engines_are_closed() -> None:
    class Absent:
        name = "microphone"

        def start(self, sink, ended):
            raise MicrophoneUnavailable("No microphone was found.", "Plug one in.")

        def stop(self):
            pass

    stage = Stage("whisper")
    with pytest.raises(MicrophoneUnavailable):
        command.listen(stage.setting, Absent(), stage.tell)
    assert stage.host.closed


def test_a_microphone_that_goes_away_ends_the_run_and_what_was_said_is_written() -> None:
    class Short:
        name = "microphone"

        def start(self, sink, ended):
            sink(to_pcm16(spoken(3)), False)
            ended(MicrophoneUnavailable("The microphone went away.", "Plug it in again."))
            return SAMPLE_RATE

        def stop(self):
            pass

    stage = Stage("whisper")
    listening = Listening(Short(), lambda *_, **__: None)
    listening.start()
    assert listening.over.is_set()
    with pytest.raises(MicrophoneUnavailable, match="went away"):
        command.listen(stage.setting, Short(), stage.tell)
    assert [event.text for event in stage.written("whisper")] == ["w0 w1 w2 w3 w4 w5"]


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 8_000])
def test_any_rate_becomes_sixteen_kilohertz(rate: int) -> None:
    heard: list[np.ndarray] = []
    feed = Feed(lambda samples, lost: heard.append(samples), rate)
    wave = to_pcm16(0.5 * np.sin(np.arange(2 * rate) * 2 * np.pi * 440 / rate).astype(np.float32))
    for at in range(0, wave.shape[0], rate // 20):
        feed.take(wave[at : at + rate // 20])
    joined = np.concatenate(heard)
    assert joined.dtype == np.float32
    assert joined.shape[0] == pytest.approx(2 * SAMPLE_RATE, rel=0.03)
    spectrum = np.abs(np.fft.rfft(joined[:SAMPLE_RATE]))
    assert int(spectrum.argmax()) == 440


def test_who_is_able() -> None:
    engines = catalog.default().engines
    assert {engine.id for engine in able(engines, Asked(Task.TRANSLATE, "fr"))} < {engine.id for engine in engines}
