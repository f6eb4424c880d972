"""What was recorded is kept: processes that are killed, disks that fill, devices and clocks that change meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from filelock import FileLock
from numpy.typing import NDArray

import app.recorded
import app.recorder as module
from app.recorded import folder, recover
from app.recorder import Recorder
from app.sources import Ended, FileSource, Sink, Source
from engines.audio.cues import read_cues
from engines.audio.load import load
from engines.audio.samples import list_samples
from engines.errors import DiskFull, MicrophoneUnavailable, TriptychError
from tests.app.test_recorder import SAMPLE, ScriptedSource, wait_for

GONE = MicrophoneUnavailable("The microphone Headset went away while recording.", "Plug it in again.")


# --- killed processes -------------------------------------------------------------------------------------------------

_KILLED = """
import sys, time
import numpy as np
from app.recorder import Recorder
from app.sources import FileSource

count = np.memmap(sys.argv[2], np.int64, "w+", shape=(1,))

class Counted(FileSource):
    def start(self, sink, ended):
        def counting(block, lost):
            sink(block, lost)
            count[0] += block.shape[0]
        return super().start(counting, ended)

Recorder(Counted(sys.argv[1])).start()
print("recording", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("seconds", [0.53, 1.1, 1.77])
def test_kill_loses_less_than_a_second(home: Path, tmp_path: Path, seconds: float) -> None:
    counted = tmp_path / "counted"
    command = [sys.executable, "-c", _KILLED, str(SAMPLE), str(counted)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"recording\n"
        said = np.memmap(counted, np.int64, "r", shape=(1,))
        wait_for(lambda: said[0] >= seconds * 16_000)
        assert recover() == (), "what is being recorded is not taken over"
        child.send_signal(signal.SIGKILL)
        child.wait()
    (path,) = (home / "data" / "recordings").glob("*.wav")
    assert soundfile.info(path).duration > seconds - 1, "playable before anything mends it"
    (recording,) = recover()
    lost = int(said[0]) / 16_000 - recording.seconds
    assert -0.05 <= lost < 0.3, f"{lost:.3f} s were lost; one second is the most"
    assert recording.cut_off
    heard = recording.utterance()
    expected = load(SAMPLE).samples[: heard.samples.shape[0]]
    np.testing.assert_allclose(heard.samples, expected, atol=2 / 32_768)
    assert [path.name for path in folder().iterdir()] == [recording.path.name], "no lock is left behind"
    assert recover() == ()


# --- full disks -------------------------------------------------------------------------------------------------------

_FULL = """
import json, resource, signal, sys, threading
from app.recorder import Recorder
from app.sources import FileSource

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
over = threading.Event()
recorder = Recorder(FileSource(sys.argv[1], speed=4), on_problem=lambda problem: over.set())
recorder.start()
resource.setrlimit(resource.RLIMIT_FSIZE, (44 + 2 * 16_000 + 333,) * 2)
assert over.wait(30)
recording = recorder.stop()
print(json.dumps([str(recording.path), recording.seconds, type(recording.problem).__name__, str(recording.problem)]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
def test_a_file_that_cannot_grow_keeps_every_sample_that_fits() -> None:
    done = subprocess.run([sys.executable, "-c", _FULL, str(SAMPLE)], capture_output=True, check=True, text=True)
    path, seconds, kind, sentence = json.loads(done.stdout)
    assert seconds == (16_000 + 166) / 16_000
    assert soundfile.info(path).frames == 16_166
    assert kind == "DiskFull"
    assert "cannot go on: File too large" in sentence
    sound, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(sound, load(SAMPLE).samples[:16_166], atol=2 / 32_768)


def test_disk_that_is_full_already_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    with pytest.raises(DiskFull, match="No space left"):
        Recorder(FileSource(SAMPLE)).start()


def test_disk_that_fills_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SYNC_SECONDS", 0.0)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=3_200_000))
    said: list[str] = []
    recorder = Recorder(FileSource(SAMPLE, speed=4), on_note=said.append)
    recorder.start()
    wait_for(lambda: bool(said))
    recorder.stop()
    assert said == ["The disk has room for 100 more seconds of this recording."]


# --- devices that change ----------------------------------------------------------------------------------------------


def feed(blocks: list[NDArray[np.int16]], problem: MicrophoneUnavailable | None) -> Callable[[Sink, Ended], None]:
    def script(sink: Sink, ended: Ended) -> None:
        for block in blocks:
            sink(block, False)
        if problem is not None:
            ended(problem)

    return script


def tone(rate: int, seconds: float, hertz: float = 440.0) -> NDArray[np.int16]:
    wave: NDArray[np.int16] = (np.sin(np.arange(round(rate * seconds)) * 2 * np.pi * hertz / rate) * 9_000).astype(
        np.int16
    )
    return wave


def test_recording_goes_on_with_the_new_default_at_another_rate() -> None:
    first = ScriptedSource(feed([tone(48_000, 1.0)], GONE), 48_000)
    second = ScriptedSource(feed([tone(44_100, 1.0)], None), 44_100)
    second.device = "Built-in"
    notes: list[str] = []
    recorder = Recorder(first, successor=lambda: second, on_note=notes.append)
    recorder.start()
    wait_for(lambda: recorder.seconds > 1.8)
    assert recorder.recording
    recording = recorder.stop()
    assert recording.problem is None
    assert recording.seconds == pytest.approx(2.0, abs=0.001)
    assert recording.gaps == (1.0,)
    assert read_cues(recording.path) == (1.0,)
    (note,) = notes
    assert note.startswith(
        "The microphone Headset went away while recording. The recording went on at 0:01 with Built-in"
    )
    utterance = recording.utterance()
    assert note in utterance.notes
    assert utterance.gaps == (1.0,)
    sound, rate = soundfile.read(recording.path)
    assert rate == 48_000
    spectrum = np.abs(np.fft.rfft(sound[50_000:90_000]))
    assert np.argmax(spectrum) * 48_000 / 40_000 == pytest.approx(440, abs=2), "the tone is still 440 Hz"


def test_microphone_that_comes_back_late_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", (0.0, 0.0, 0.0))
    attempts: list[int] = []

    def successor() -> Source:
        attempts.append(1)
        if len(attempts) < 3:
            raise MicrophoneUnavailable("No microphone was found.", "Plug one in.")
        return ScriptedSource(feed([tone(48_000, 0.5)], None))

    recorder = Recorder(ScriptedSource(feed([tone(48_000, 0.5)], GONE)), successor=successor)
    recorder.start()
    wait_for(lambda: recorder.seconds == 1.0)
    assert recorder.stop().gaps == (0.5,)


def test_recording_ends_and_is_kept_where_nothing_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", (0.0, 0.0))
    problems: list[TriptychError] = []

    def successor() -> Source:
        raise MicrophoneUnavailable("No microphone was found.", "Plug one in.")

    recorder = Recorder(
        ScriptedSource(feed([tone(48_000, 0.5)], GONE)), successor=successor, on_problem=problems.append
    )
    recorder.start()
    wait_for(lambda: bool(problems))
    recording = recorder.stop()
    assert problems == [GONE]
    assert (recording.seconds, recording.problem, recording.gaps) == (0.5, GONE, ())


def test_stopping_while_another_microphone_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", (3_600.0,))
    recorder = Recorder(ScriptedSource(feed([tone(48_000, 0.5)], GONE)), successor=lambda: FileSource(SAMPLE))
    recorder.start()
    wait_for(lambda: recorder.seconds == 0.5 and not recorder.recording)
    assert recorder.stop().seconds == 0.5


def test_a_file_at_its_end_has_no_successor() -> None:
    ended = threading.Event()
    recorder = Recorder(FileSource(SAMPLE, speed=40), successor=lambda: FileSource(SAMPLE), on_end=ended.set)
    recorder.start()
    assert ended.wait(20)
    assert recorder.stop().seconds == pytest.approx(load(SAMPLE).seconds, abs=0.001)


# --- lost sound and where it is --------------------------------------------------------------------------------------


def test_lost_sound_is_marked_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(sink: Sink, _: Ended) -> None:
        for at in range(10):
            sink(tone(48_000, 0.5), at in {0, 3, 7})

    levels = []
    recorder = Recorder(ScriptedSource(script), on_level=levels.append)
    recorder.start()
    wait_for(lambda: recorder.seconds == 5.0)
    recording = recorder.stop()
    assert recording.gaps == (1.5, 3.5), "before the first block nothing can be missing"
    assert recording.overflows == 2
    assert levels[-1].gaps == 2
    assert load(recording.path).gaps == (1.5, 3.5)
    assert "lost 2 times" in recording.utterance().notes[0]


# --- clocks ----------------------------------------------------------------------------------------------------------


class Jumping:
    """The wall clock as it looks when it is put back again and again: always the same second."""

    @staticmethod
    def now() -> Jumping:
        return Jumping()

    def astimezone(self) -> Jumping:
        return self

    def strftime(self, form: str) -> str:
        return time.strftime(form, time.gmtime(0))


def test_a_clock_that_is_put_back_costs_no_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.recorded, "datetime", Jumping)
    kept = []
    for number in range(3):
        recorder = Recorder(ScriptedSource(feed([tone(48_000, 0.1 * (number + 1))], None)))
        recorder.start()
        wait_for(lambda: recorder.seconds > 0)  # noqa: B023 -- it is called at once
        kept.append(recorder.stop())
    assert [path.name for path in sorted(folder().iterdir())] == [
        "recording-1970-01-01-000000-2.wav",
        "recording-1970-01-01-000000-3.wav",
        "recording-1970-01-01-000000.wav",
    ]
    assert [recording.utterance().seconds for recording in kept] == pytest.approx([0.1, 0.2, 0.3], abs=0.001)


def test_a_machine_that_slept_has_a_microphone_still(monkeypatch: pytest.MonkeyPatch) -> None:
    slept, looked = [0.0], threading.Event()

    def monotonic() -> float:
        looked.set()
        return time.monotonic() + slept[0]

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=monotonic))
    resume = threading.Event()

    def script(sink: Sink, _: Ended) -> None:
        sink(tone(48_000, 0.2), False)
        resume.wait(10)
        sink(tone(48_000, 0.2), False)

    recorder = Recorder(ScriptedSource(script))
    recorder.start()
    wait_for(lambda: recorder.seconds == 0.2)
    slept[0] = 1_000.0
    looked.clear()
    assert looked.wait(10)
    looked.clear()
    assert looked.wait(10)
    resume.set()
    wait_for(lambda: recorder.seconds == 0.4)
    assert recorder.recording
    assert recorder.stop().problem is None


def test_a_recording_of_a_living_process_is_left_alone_whatever_its_number_and_time() -> None:
    path = folder() / "a.unfinished-999999999.wav"
    path.write_bytes(list_samples()[0].path.read_bytes()[:100])
    with FileLock(path.with_suffix(".lock")):
        assert recover() == ()
        assert path.exists()


def test_sound_that_never_came_is_noticed_without_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    source = ScriptedSource(lambda _sink, _ended: None)
    notes: list[str] = []
    recorder = Recorder(source, on_note=notes.append)
    recorder.start()

    def pass_by(seconds: float, *, heard: bool) -> None:
        for _ in range(round(seconds * 10)):
            before = recorder.seconds
            if heard:
                recorder._take(tone(48_000, 0.1), False)
            clock[0] += 0.1
            looked = clock[0]
            if heard:
                wait_for(lambda: recorder.seconds > before)  # noqa: B023 -- it is called at once
            wait_for(lambda: recorder._pace._looked >= looked or not before)  # noqa: B023

    pass_by(3.0, heard=True)
    pass_by(0.8, heard=False)
    pass_by(4.0, heard=True)
    recording = recorder.stop()
    (at,) = recording.gaps
    assert at == pytest.approx(3.0, abs=0.2)
    assert notes == ["About 0.8 s of sound never arrived, at 0:03."]
    assert recording.overflows == 0
    assert recording.seconds == pytest.approx(7.0)
