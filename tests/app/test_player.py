"""Playing: what is heard is what was given, the position follows, and no loudspeaker is a sentence."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from app.outputs import FileOutput, Loudspeaker
from app.player import Player
from engines.audio.samples import load_sample
from engines.audio.synthetic import Mark, read_mark
from engines.errors import SpeakerUnavailable


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def heard(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


def without_silence(samples: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(samples)
    return samples[loud[0] : loud[-1] + 1]


@pytest.fixture
def ramp() -> np.ndarray:
    """Two seconds without a zero, so that every sample can be told from silence."""
    return np.linspace(0.1, 0.9, 48_000, dtype=np.float32)


def test_a_stretch_of_an_utterance_is_heard_as_it_is(tmp_path: Path) -> None:
    utterance = load_sample("en-caller")
    ended = threading.Event()
    player = Player(FileOutput(tmp_path / "out.wav", speed=20))
    player.play(utterance.samples, 16_000, start=1.0, end=3.0, on_end=lambda _: ended.set())
    assert player.playing
    assert ended.wait(20)
    assert not player.playing
    assert player.position == pytest.approx(3.0)
    out, expected = heard(tmp_path / "out.wav"), utterance.samples[16_000:48_000]
    begins = int(np.argmax(np.correlate(out, expected[:8_000], "valid")))  # the first block may be silence
    assert begins < 2_000
    np.testing.assert_allclose(out[begins : begins + 30_000], expected[:30_000], atol=1e-3)


def test_position_moves_and_pause_holds_it(tmp_path: Path, ramp: np.ndarray) -> None:
    player = Player(FileOutput(tmp_path / "out.wav", speed=4))
    player.play(ramp, 24_000)
    wait_for(lambda: player.position > 0.2)
    player.pause()
    time.sleep(0.05)
    held = player.position
    time.sleep(0.1)
    assert player.paused
    assert player.position == held
    player.resume()
    wait_for(lambda: not player.playing)
    assert player.position == pytest.approx(2.0)
    out = heard(tmp_path / "out.wav")
    np.testing.assert_allclose(out[out != 0], ramp, atol=1e-3)


def test_stop_is_immediate_and_silent(tmp_path: Path, ramp: np.ndarray) -> None:
    calls: list[object] = []
    player = Player(FileOutput(tmp_path / "out.wav", speed=2))
    player.play(ramp, 24_000, on_end=calls.append)
    wait_for(lambda: player.position > 0.2)
    player.stop()
    assert not player.playing
    assert 0.2 < player.position < 2.0
    player.stop()
    assert calls == []
    assert not [thread for thread in threading.enumerate() if thread.name in {"player", "file-output"}]


def test_playing_again_stops_what_was_playing(tmp_path: Path, ramp: np.ndarray) -> None:
    player = Player(FileOutput(tmp_path / "out.wav", speed=10))
    player.play(ramp, 24_000)
    player.play(ramp[:4_800], 24_000)
    wait_for(lambda: not player.playing)
    assert player.position == pytest.approx(0.2)


def test_speech_is_played_while_it_is_made(tmp_path: Path, ramp: np.ndarray) -> None:
    player = Player(FileOutput(tmp_path / "out.wav", speed=10))
    player.play(ramp[:12_000], 24_000, growing=True)
    wait_for(lambda: player.position == pytest.approx(0.5))
    time.sleep(0.1)
    assert player.playing, "it waits for more"
    player.append(ramp[12_000:])
    player.complete()
    wait_for(lambda: not player.playing)
    out = heard(tmp_path / "out.wav")
    np.testing.assert_allclose(out[out != 0], ramp, atol=1e-3)


def test_nothing_to_play_ends_at_once(tmp_path: Path) -> None:
    ended = threading.Event()
    Player(FileOutput(tmp_path / "out.wav", speed=50)).play(
        np.zeros(0, np.float32), 16_000, on_end=lambda _: ended.set()
    )
    assert ended.wait(20)


def test_a_file_in_place_of_a_loudspeaker_is_marked_where_it_is_speech_of_an_engine(tmp_path: Path) -> None:
    player = Player(FileOutput(tmp_path / "out.wav", speed=50))
    sound = np.full(400, 0.5, np.float32)
    for mark in (Mark("cascade", "Piper joe"), None):
        player.play(sound, 16_000, mark=mark)
        wait_for(lambda: not player.playing)
        player.stop()
        assert read_mark(tmp_path / "out.wav") == mark
        assert np.count_nonzero(heard(tmp_path / "out.wav")) == 400


class PortAudioError(Exception):
    pass


class CallbackStop(Exception):  # sounddevice's name
    pass


def fake_portaudio(monkeypatch: pytest.MonkeyPatch, *, found: bool = True, **overrides: object) -> None:
    speaker = {"name": "Desk", "default_samplerate": 48_000.0, "max_input_channels": 0, "max_output_channels": 2}
    settings = {
        "PortAudioError": PortAudioError,
        "CallbackStop": CallbackStop,
        "default": SimpleNamespace(device=(-1, 0)),
        "query_devices": lambda: [speaker] if found else [],
        "check_output_settings": lambda **_: None,
        **overrides,
    }
    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(**settings))


def test_absent_loudspeaker(monkeypatch: pytest.MonkeyPatch, ramp: np.ndarray) -> None:
    fake_portaudio(monkeypatch, found=False)
    player = Player()
    with pytest.raises(SpeakerUnavailable, match="No loudspeaker was found"):
        player.play(ramp, 24_000)
    assert not player.playing


def test_missing_portaudio_library(monkeypatch: pytest.MonkeyPatch, ramp: np.ndarray) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SpeakerUnavailable, match="PortAudio is missing"):
        Player().play(ramp, 24_000)


def test_busy_loudspeaker(monkeypatch: pytest.MonkeyPatch, ramp: np.ndarray) -> None:
    def busy(**_: object) -> None:
        raise PortAudioError("Device unavailable")

    fake_portaudio(monkeypatch, OutputStream=busy)
    player = Player()
    with pytest.raises(SpeakerUnavailable, match="Desk cannot be opened"):
        player.play(ramp, 24_000)
    assert not player.playing


class FakeStream(SimpleNamespace):
    latency = 0.1

    def start(self) -> None: ...

    def close(self, **_: object) -> None: ...


def test_loudspeaker_that_cannot_do_the_rate_gets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PortAudioError("Invalid sample rate")

    streams: list[FakeStream] = []

    def stream(**settings: object) -> FakeStream:
        streams.append(FakeStream(**settings))
        return streams[-1]

    fake_portaudio(monkeypatch, check_output_settings=refuse, OutputStream=stream)
    times = np.arange(16_000, dtype=np.float32) / 16_000
    results: list[object] = []
    player = Player(Loudspeaker())
    player.play(np.sin(2 * np.pi * 440 * times).astype(np.float32), 16_000, on_end=results.append)
    assert streams[0].samplerate == 48_000
    blocks = []

    def pull() -> None:
        blocks.append(np.empty((480, 1), np.float32))
        streams[0].callback(blocks[-1], 480, None, None)
        time.sleep(0.001)

    with pytest.raises(CallbackStop):
        deque(iter(pull, object()), maxlen=0)
    streams[0].finished_callback()
    assert results == [None]
    sound = without_silence(np.concatenate(blocks)[:, 0])
    assert sound.size == pytest.approx(48_000, abs=2_000)
    assert np.abs(np.fft.rfft(sound)).argmax() * 48_000 / sound.size == pytest.approx(440, abs=2)
    player.stop()


def test_loudspeaker_that_goes_away(monkeypatch: pytest.MonkeyPatch, ramp: np.ndarray) -> None:
    streams: list[FakeStream] = []

    def stream(**settings: object) -> FakeStream:
        streams.append(FakeStream(**settings))
        return streams[-1]

    fake_portaudio(monkeypatch, OutputStream=stream)
    results: list[SpeakerUnavailable | None] = []
    player = Player()
    player.play(ramp, 24_000, on_end=results.append)
    streams[0].finished_callback()
    assert "Desk went away" in str(results[0])
    assert not player.playing
    player.stop()
