"""Recording: through the ring to the disk, whatever happens to the microphone, the disk or the process."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import soundfile

import app.recorder as module
from app import devices
from app.levels import Level
from app.recorded import Recording, folder, recover
from app.recorder import Recorder
from app.ring import Ring
from app.sources import Ended, FileSource, Microphone, Sink
from engines import paths
from engines.audio import wav
from engines.audio.load import load
from engines.audio.samples import list_samples
from engines.audio.wav import GrowingWav, save_wav
from engines.errors import AudioUnusable, DiskFull, MicrophoneUnavailable, TriptychError

SAMPLE = list_samples()[0].path


class ScriptedSource:
    """A source that does what the test says."""

    name = device = "microphone"

    def __init__(self, script: Callable[[Sink, Ended], None], rate: int = 48_000) -> None:
        self._script = script
        self._rate = rate
        self._thread: threading.Thread | None = None

    def start(self, sink: Sink, ended: Ended) -> int:
        self._thread = threading.Thread(target=self._script, args=(sink, ended))
        self._thread.start()
        return self._rate

    def stop(self) -> None:
        if self._thread is not None:
            self._thread.join()


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_ring_keeps_order_round_its_end() -> None:
    ring = Ring(7, np.int16)
    source, out = np.arange(1_000, dtype=np.int16), []
    at = 0
    for size in np.random.default_rng(1).integers(1, 9, 1_000):
        at += ring.write(source[at : at + size])
        block = np.empty(size, np.int16)
        out.append(block[: ring.read_into(block)].copy())
    np.testing.assert_array_equal(np.concatenate(out), source[: sum(map(len, out))])
    assert ring.write(np.ones(100, np.int16)) <= 7
    assert ring.free == 0


def test_recording_of_a_file_is_the_file() -> None:
    levels: list[Level] = []
    ended = threading.Event()
    recorder = Recorder(FileSource(SAMPLE, speed=40), on_level=levels.append, on_end=ended.set)
    recorder.start()
    assert ended.wait(20)
    assert not recorder.recording
    recording = recorder.stop()
    original = load(SAMPLE)
    assert recording.path.parent == paths.data() / "recordings"
    assert (recording.overflows, recording.dropped, recording.problem) == (0, 0, None)
    utterance = recording.utterance(language="en")
    assert utterance.language == "en"
    assert utterance.notes == ()
    assert utterance.source == SAMPLE.name
    assert utterance.samples.shape == original.samples.shape
    np.testing.assert_allclose(utterance.samples, original.samples, atol=2 / 32_768)
    assert 0.05 < max(level.peak for level in levels) <= 1
    assert all(level.rms <= level.peak for level in levels)


def test_stop_in_the_middle_keeps_what_was_said() -> None:
    recorder = Recorder(FileSource(SAMPLE, speed=5))
    recorder.start()
    wait_for(lambda: recorder.seconds > 1)
    recording = recorder.stop()
    assert 1 < recording.seconds < 13
    assert recording.utterance().seconds == pytest.approx(recording.seconds, abs=0.001)
    assert recover() == ()


def test_cancel_leaves_nothing() -> None:
    recorder = Recorder(FileSource(SAMPLE, speed=5))
    recorder.start()
    wait_for(lambda: recorder.seconds > 0.5)
    recorder.cancel()
    assert not any((paths.data() / "recordings").iterdir())


def test_file_is_playable_while_it_grows() -> None:
    recorder = Recorder(FileSource(SAMPLE, speed=2))
    recorder.start()
    wait_for(lambda: recorder.seconds > 0.5)
    (path,) = (paths.data() / "recordings").glob("*.wav")
    assert soundfile.info(path).duration > 0.4
    assert recover() == (), "a recording that is still made is not taken over"
    recorder.cancel()


def test_recording_survives_kill(home: Path) -> None:
    code = (
        "import sys, time; from app.recorder import Recorder; from app.sources import FileSource\n"
        "recorder = Recorder(FileSource(sys.argv[1], speed=2)); recorder.start()\n"
        "while recorder.seconds < 1.5: time.sleep(0.01)\n"
        "print('recording', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(SAMPLE)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"recording\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    (path,) = (home / "data" / "recordings").glob("*.wav")
    assert soundfile.info(path).duration >= 1.4, "playable before anything mends it"
    (recording,) = recover()
    assert recording.seconds >= 1.5
    heard = recording.utterance()
    expected = load(SAMPLE).samples[: heard.samples.shape[0]]
    np.testing.assert_allclose(heard.samples, expected, atol=2 / 32_768)
    assert recover() == ()


def test_recover_mends_a_header_that_lags_and_drops_empty_files() -> None:
    place = folder()
    dead = psutil.Process().pid
    with GrowingWav(place / f"a.unfinished-{dead}.wav", 8_000) as file:
        file.append(np.ones(8_000, np.int16))
    with (place / f"a.unfinished-{dead}.wav").open("ab") as raw:
        raw.write(b"\1\0" * 8_000 + b"\1")
    GrowingWav(place / f"b.unfinished-{dead}.wav", 8_000).close()
    (place / f"c.unfinished-{dead}.wav").write_bytes(b"RIFF")
    (place / "kept.wav").write_bytes(b"whatever")
    (recording,) = recover()
    assert recording.path == place / "a.wav"
    assert recording.utterance().seconds == pytest.approx(2.0)
    assert sorted(path.name for path in place.iterdir()) == ["a.wav", "kept.wav"]


def test_unplugged_microphone_keeps_what_was_recorded() -> None:
    problems: list[TriptychError] = []

    def script(sink: Sink, ended: Ended) -> None:
        sink(np.full(48_000, 1_000, np.int16), False)
        time.sleep(0.1)
        ended(MicrophoneUnavailable("The microphone Test went away while recording.", "Plug it in again."))

    recorder = Recorder(ScriptedSource(script), on_problem=problems.append)
    recorder.start()
    wait_for(lambda: bool(problems))
    recording = recorder.stop()
    assert problems == [recording.problem]
    assert recording.seconds == 1.0
    assert recording.utterance().notes == (
        "The microphone Test went away while recording. What was recorded until then is kept.",
    )


def test_microphone_that_falls_silent_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STALLED_SECONDS", 0.2)
    recorder = Recorder(ScriptedSource(lambda sink, _: sink(np.ones(4_800, np.int16), False)))
    recorder.start()
    wait_for(lambda: not recorder.recording)
    recording = recorder.stop()
    assert isinstance(recording.problem, MicrophoneUnavailable)
    assert recording.seconds == pytest.approx(0.1)


def test_lost_samples_are_counted_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CAPACITY", 1_000)

    def script(sink: Sink, _: Ended) -> None:
        sink(np.ones(900, np.int16), False)
        sink(np.ones(900, np.int16), True)

    recorder = Recorder(ScriptedSource(script))
    recorder.start()
    recording = recorder.stop()
    assert recording.overflows == 1
    assert recording.dropped + round(recording.seconds * 48_000) == 1_800
    assert "Sound was lost" in recording.utterance().notes[0]


def test_digital_silence_is_said() -> None:
    recorder = Recorder(ScriptedSource(lambda sink, _: sink(np.zeros(96_000, np.int16), False)))
    recorder.start()
    assert "Nothing but silence" in recorder.stop().utterance().notes[0]


def test_nothing_recorded_is_a_sentence() -> None:
    recorder = Recorder(ScriptedSource(lambda _sink, _ended: None))
    recorder.start()
    with pytest.raises(AudioUnusable, match="0 seconds"):
        recorder.stop().utterance()


def test_full_disk_keeps_what_was_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    append = GrowingWav.append

    def fail_after_a_second(self: GrowingWav, samples: np.ndarray) -> None:
        if self.seconds >= 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, samples)

    monkeypatch.setattr(GrowingWav, "append", fail_after_a_second)
    problems: list[TriptychError] = []
    recorder = Recorder(FileSource(SAMPLE, speed=10), on_problem=problems.append)
    recorder.start()
    wait_for(lambda: bool(problems))
    recording = recorder.stop()
    assert isinstance(recording.problem, DiskFull)
    assert recording.utterance().seconds >= 1


def test_folder_that_cannot_be_written_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(wav, "GrowingWav", refuse)
    with pytest.raises(DiskFull, match="Read-only file system"):
        Recorder(FileSource(SAMPLE)).start()


def test_listener_that_fails_does_not_end_the_recording(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Level) -> None:
        raise ValueError("a widget is gone")

    recorder = Recorder(ScriptedSource(lambda sink, _: sink(np.ones(48_000, np.int16), False)), on_level=fail)
    recorder.start()
    wait_for(lambda: recorder.seconds == 1.0)
    assert recorder.stop().seconds == 1.0
    assert "a widget is gone" in caplog.text


# --- microphones that are not there ----------------------------------------------------------------------------------


class PortAudioError(Exception):
    pass


def fake_portaudio(monkeypatch: pytest.MonkeyPatch, found: list[dict[str, object]], stream: object) -> None:
    fake = SimpleNamespace(
        PortAudioError=PortAudioError,
        default=SimpleNamespace(device=(0, 0)),
        query_devices=lambda: found,
        InputStream=stream,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)


HEADSET = {"name": "Headset", "default_samplerate": 48_000.0, "max_input_channels": 1, "max_output_channels": 2}


def test_absent_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_portaudio(monkeypatch, [], None)
    with pytest.raises(MicrophoneUnavailable, match="No microphone was found"):
        Recorder(Microphone()).start()
    with pytest.raises(MicrophoneUnavailable, match="no longer there"):
        Recorder(Microphone(3)).start()
    assert not (paths.data() / "recordings").exists() or not any(folder().iterdir())


def test_busy_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(**_: object) -> None:
        raise PortAudioError("Device unavailable [PaErrorCode -9985]")

    fake_portaudio(monkeypatch, [HEADSET], busy)
    with pytest.raises(MicrophoneUnavailable, match="Headset cannot be opened; it is busy"):
        Recorder(Microphone()).start()


def test_missing_portaudio_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MicrophoneUnavailable, match="PortAudio is missing"):
        devices.devices("input")


def test_microphone_delivers_its_first_channel_and_says_when_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    streams: list[SimpleNamespace] = []

    def stream(**settings: object) -> SimpleNamespace:
        streams.append(SimpleNamespace(**settings, start=lambda: None, close=lambda **_: None))
        return streams[-1]

    fake_portaudio(monkeypatch, [HEADSET], stream)
    problems: list[TriptychError] = []
    recorder = Recorder(Microphone(), on_problem=problems.append)
    recorder.start()
    frames = np.full((2_400, 1), 500, np.int16)
    for lost in (True, True):  # what was lost before the first block is no gap
        streams[0].callback(frames, 2_400, None, SimpleNamespace(input_overflow=lost))
    streams[0].finished_callback()
    wait_for(lambda: bool(problems))
    recording = recorder.stop()
    assert (recording.seconds, recording.overflows) == (pytest.approx(0.1), 1)
    assert "Headset went away" in str(recording.problem)
    assert devices.devices("input") == (devices.Device(0, "Headset", 48_000, default=True),)


# --- whole files -----------------------------------------------------------------------------------------------------


def test_save_wav_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = np.sin(np.arange(24_000) / 10).astype(np.float32) * 1.5
    save_wav(tmp_path / "a.wav", wave, 24_000)
    read, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == 24_000
    np.testing.assert_allclose(read, np.clip(wave, -1, 1), atol=1e-4)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(GrowingWav, "sync", full)
    with pytest.raises(OSError, match="No space"):
        save_wav(tmp_path / "a.wav", wave[:10], 24_000)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert soundfile.info(tmp_path / "a.wav").frames == 24_000


def test_recording_in_the_public_form_needs_only_a_path() -> None:
    assert Recording(Path("a.wav"), 1.0).source == "microphone"
