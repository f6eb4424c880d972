"""What can be recorded: lists, names, rates, and what the machine itself plays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from app import devices, inputs, pulseaudio
from app.inputs import Input, find_inputs, open_input
from app.recorder import Recorder
from app.sources import Microphone
from app.systemsound import SystemSound
from engines.audio.wav import save_wav
from engines.errors import MicrophoneUnavailable
from tests.app.test_recorder import HEADSET, PortAudioError, fake_portaudio, wait_for

BUILT_IN = {"name": "Built-in", "default_samplerate": 44_100.0, "max_input_channels": 2, "max_output_channels": 0}
LOOPBACK = {
    "name": "Speakers [Loopback]",
    "default_samplerate": 48_000.0,
    "max_input_channels": 2,
    "max_output_channels": 0,
}
SOURCES = """Source #0
\tState: IDLE
\tName: alsa_output.hall.monitor
\tDescription: Monitor of Hall
\tMonitor of Sink: alsa_output.hall
\tProperties:
\t\tdevice.description = "Monitor of Hall"
Source #1
\tState: IDLE
\tName: alsa_input.desk
\tDescription: Desk: left
\tMonitor of Sink: n/a
"""


class Stream:
    """A stream of PortAudio that takes some formats and refuses others."""

    made: list[Stream]
    rates: set[int]
    channels: set[int]

    def __init__(self, **settings: object) -> None:
        self.settings, self.callback, self.open = settings, settings["callback"], True
        if settings["channels"] not in self.channels:
            raise PortAudioError("Invalid number of channels", -9998)
        if settings["samplerate"] not in self.rates:
            raise PortAudioError("Invalid sample rate", -9997)
        self.made.append(self)

    def start(self) -> None: ...

    def close(self, **_: object) -> None:
        self.open = False


@pytest.fixture
def stream() -> type[Stream]:
    return type("OneStream", (Stream,), {"made": [], "rates": {48_000}, "channels": {1}})


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulseaudio.shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for the tools of a sound server; what ``parec`` delivers is in the file ``sound``."""
    (tmp_path / "list").write_text(SOURCES)
    (tmp_path / "info").write_text("Server Name: stand-in\nDefault Source: alsa_input.desk\n")
    _script(tmp_path / "pactl", f'if [ "$1" = list ]; then cat {tmp_path}/list; else cat {tmp_path}/info; fi')
    _script(
        tmp_path / "parec", f'echo "$@" > {tmp_path}/asked; cat {tmp_path}/sound; [ -e {tmp_path}/stay ] && sleep 60'
    )
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


# --- microphones ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_tools")
def test_microphones_are_listed_with_a_reason_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_portaudio(monkeypatch, [HEADSET, BUILT_IN], None)
    found = find_inputs()
    assert found.found == (Input("Headset", default=True), Input("Built-in"))
    assert found.no_microphone == ""
    assert "pactl, a tool of PulseAudio and PipeWire, is not installed" in found.no_system
    assert "apt-get install pulseaudio-utils" in found.no_system
    fake_portaudio(monkeypatch, [], None)
    assert find_inputs().no_microphone == "No microphone was found. Plug one in."


@pytest.mark.parametrize(("platform", "words"), [("darwin", "macOS gives no system sound"), ("win32", "no recording")])
def test_systems_without_a_sound_server_say_so(monkeypatch: pytest.MonkeyPatch, platform: str, words: str) -> None:
    fake_portaudio(monkeypatch, [HEADSET], None)
    monkeypatch.setattr(inputs.sys, "platform", platform)
    assert words in find_inputs().no_system


@pytest.mark.usefixtures("no_tools")
def test_loopback_is_named_as_system_sound_and_mixed(monkeypatch: pytest.MonkeyPatch, stream: type[Stream]) -> None:
    fake_portaudio(monkeypatch, [HEADSET, LOOPBACK], stream)
    stream.channels = {2}
    assert find_inputs().found[1] == Input("System sound: Speakers", system=True)
    source = open_input("System sound: Speakers")
    heard: list[np.ndarray] = []
    assert source.start(lambda block, _: heard.append(block.copy()), lambda _: None) == 48_000
    frames = np.array([[30_000, 32_000], [100, -100], [-32_768, -32_768]], np.int16)
    stream.made[0].callback(frames, 3, None, SimpleNamespace(input_overflow=False))
    source.stop()
    np.testing.assert_array_equal(heard[0], [31_000, 0, -32_768])
    assert source.name == "system sound"


def test_rate_that_was_changed_is_found_out(monkeypatch: pytest.MonkeyPatch, stream: type[Stream]) -> None:
    fake_portaudio(monkeypatch, [BUILT_IN], stream)  # listed with 44.1 kHz, and set to 48 kHz since
    source = Microphone()
    assert source.start(lambda _block, _lost: None, lambda _: None) == 48_000
    assert source.device == "Built-in"
    source.stop()
    stream.rates = set()
    with pytest.raises(MicrophoneUnavailable, match="Built-in offers no rate that can be recorded"):
        Microphone().start(lambda _block, _lost: None, lambda _: None)


def test_microphone_that_has_two_channels_only(monkeypatch: pytest.MonkeyPatch, stream: type[Stream]) -> None:
    fake_portaudio(monkeypatch, [BUILT_IN], stream)
    stream.channels = {2}
    source = Microphone()
    heard: list[np.ndarray] = []
    source.start(lambda block, _: heard.append(block.copy()), lambda _: None)
    stream.made[0].callback(np.array([[1, 9], [2, 9]], np.int16), 2, None, SimpleNamespace(input_overflow=False))
    source.stop()
    np.testing.assert_array_equal(heard[0], [1, 2])


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (-9985, "Headset is busy: another program holds it"),
        (-9996, "Headset is no longer there"),
        (-9999, "Headset cannot be opened; it is busy or forbidden"),
    ],
)
def test_every_refusal_is_one_sentence(monkeypatch: pytest.MonkeyPatch, code: int, sentence: str) -> None:
    def refuse(**_: object) -> None:
        raise PortAudioError("words of PortAudio", code)

    fake_portaudio(monkeypatch, [HEADSET], refuse)
    with pytest.raises(MicrophoneUnavailable, match=sentence) as caught:
        Microphone().start(lambda _block, _lost: None, lambda _: None)
    assert caught.value.message.count(".") == 1
    assert caught.value.hint


def test_microphone_of_a_name_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_portaudio(monkeypatch, [HEADSET], None)
    with pytest.raises(MicrophoneUnavailable, match="The microphone Studio is not there"):
        open_input("Studio")


def test_devices_are_looked_for_again_only_while_nothing_is_open(
    monkeypatch: pytest.MonkeyPatch, stream: type[Stream]
) -> None:
    found = [HEADSET]
    fake_portaudio(monkeypatch, found, stream)
    began: list[str] = []
    fake = sys.modules["sounddevice"]
    monkeypatch.setattr(fake, "_terminate", lambda: began.append("end"), raising=False)
    monkeypatch.setattr(fake, "_initialize", lambda: began.append("begin"), raising=False)
    devices.devices("input", refresh=True)
    assert began == ["end", "begin"]
    source = Microphone()
    source.start(lambda _block, _lost: None, lambda _: None)
    devices.devices("input", refresh=True)
    assert began == ["end", "begin"]
    source.stop()
    assert not stream.made[0].open
    devices.devices("input", refresh=True)
    assert len(began) == 4


# --- what the machine itself plays ------------------------------------------------------------------------------------


def test_monitors_of_the_sound_server_are_named_as_system_sound(monkeypatch: pytest.MonkeyPatch, server: Path) -> None:
    fake_portaudio(monkeypatch, [HEADSET], None)
    assert find_inputs().found == (Input("Headset", default=True), Input("System sound: Hall", system=True))
    assert find_inputs().no_system == ""
    assert pulseaudio.default_source() == "Desk: left"
    (server / "list").write_text("")
    assert find_inputs().no_system == "No loudspeaker was found whose sound could be recorded."
    with pytest.raises(MicrophoneUnavailable, match="The system sound of Hall is not there"):
        open_input("System sound: Hall")


def test_sound_server_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch, server: Path) -> None:
    fake_portaudio(monkeypatch, [HEADSET], None)
    _script(server / "pactl", "exit 1")
    assert "PulseAudio or PipeWire does not answer" in find_inputs().no_system
    assert pulseaudio.default_source() is None


def test_system_sound_is_recorded_without_portaudio(monkeypatch: pytest.MonkeyPatch, server: Path) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    wave = (np.arange(48_000) % 251).astype("<i2")
    (server / "sound").write_bytes(wave.tobytes() + b"\1")
    (server / "stay").touch()
    recorder = Recorder(open_input("System sound: Hall"))
    recorder.start()
    wait_for(lambda: recorder.seconds == 1.0)
    recording = recorder.stop()
    np.testing.assert_array_equal(soundfile.read(recording.path, dtype="int16")[0], wave)
    assert (recording.source, recording.problem) == ("system sound", None)
    asked = (server / "asked").read_text()
    assert "--device=alsa_output.hall.monitor" in asked
    assert "--rate=48000 --channels=1 --format=s16le" in asked


def test_system_sound_that_ends_keeps_what_came(server: Path) -> None:
    (server / "sound").write_bytes(bytes(9_600))
    recorder = Recorder(SystemSound(pulseaudio.sources()[0]))
    recorder.start()
    wait_for(lambda: not recorder.recording)
    recording = recorder.stop()
    assert recording.seconds == pytest.approx(0.1)
    assert "system sound of Hall came to an end" in str(recording.problem)


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PulseAudio server of the test's own with one null sink."""
    if any(shutil.which(tool) is None for tool in ("pulseaudio", "pactl", "parec", "pacat")):
        pytest.skip("PulseAudio is not installed: the stand-ins above are all that is tested")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PULSE_RUNTIME_PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PULSE_SERVER", "PULSE_SOURCE", "PULSE_SINK"):
        monkeypatch.delenv(name, raising=False)
    sink = "module-null-sink sink_name=hall sink_properties=device.description=Hall"
    command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
    command += ["-L", "module-native-protocol-unix", "-L", sink]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: pulseaudio.default_source() == "Hall")
            yield
        finally:
            process.terminate()


@pytest.mark.usefixtures("pulse")
def test_what_a_null_sink_of_pulseaudio_plays_is_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_portaudio(monkeypatch, [HEADSET], None)
    save_wav(tmp_path / "tone.wav", (np.sin(np.arange(96_000) * 2 * np.pi * 440 / 48_000) * 0.5).astype("f4"), 48_000)
    assert find_inputs().found[1] == Input("System sound: Hall", system=True)
    recorder = Recorder(open_input("System sound: Hall"))
    recorder.start()
    subprocess.run(["pacat", "--device=hall", "--file-format=wav", str(tmp_path / "tone.wav")], check=True)
    wait_for(lambda: recorder.seconds > 1.5)
    recording = recorder.stop()
    sound, rate = soundfile.read(recording.path)
    assert np.argmax(np.abs(np.fft.rfft(sound))) * rate / len(sound) == pytest.approx(440, abs=3)
    assert np.abs(sound).max() == pytest.approx(0.5, abs=0.02)
    assert (recording.source, recording.problem, recording.gaps) == ("system sound", None, ())
