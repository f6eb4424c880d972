"""Where a recording comes from: a microphone, or a file that plays the part of one.

A source hands 16-bit mono blocks to a sink from a thread of its own. The sink must not block.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.devices import Device, close_stream, open_stream, portaudio, require_device, steady
from app.language import tr
from engines.audio.load import load
from engines.audio.wav import to_pcm16
from engines.contract import SAMPLE_RATE
from engines.errors import MicrophoneUnavailable

Sink: TypeAlias = Callable[[NDArray[np.int16], bool], None]
"""Called with a block ``(n,)`` that is valid only during the call, and whether samples were lost before it."""

Ended: TypeAlias = Callable[[MicrophoneUnavailable | None], None]
"""Called once when the source ends by itself; with an error if it should not have."""


class Source(Protocol):
    """Something to record from.

    Attributes:
        name: what a recording of it is called.
    """

    name: str

    @property
    def device(self) -> str:
        """What the system calls it; of a microphone, once it was started."""
        ...

    def start(self, sink: Sink, ended: Ended) -> int:
        """Begins to deliver; returns the samples per second.

        Raises:
            MicrophoneUnavailable: it is absent or busy.
        """
        ...

    def stop(self) -> None:
        """Ends delivery; when it returns, the sink is not called any more. May be called again."""
        ...


class Microphone:
    """A microphone, or what else PortAudio can record from.

    Args:
        device: PortAudio's name or number of it; None takes the system's default.
        plays: whether it is what a loudspeaker plays; its channels are mixed then, of a microphone the first is taken.
    """

    def __init__(self, device: int | str | None = None, *, plays: bool = False) -> None:
        self.name = self.device = tr("system sound") if plays else "microphone"
        self._wanted = device
        self._plays = plays
        self._stream: Any = None
        self._stopping = False

    def start(self, sink: Sink, ended: Ended) -> int:
        """Opens the microphone at the rate it prefers, or at one that it takes; see :meth:`Source.start`."""
        with steady():
            return self._open(require_device("input", self._wanted), sink, ended)

    def _open(self, device: Device, sink: Sink, ended: Ended) -> int:
        sounddevice = portaudio("input")
        self.device = device.name

        half, mono = np.empty((_MOST_FRAMES, 2), np.int16), np.empty(_MOST_FRAMES, np.int16)

        def callback(frames: NDArray[np.int16], count: int, _time: Any, status: Any) -> None:
            if self._plays and frames.shape[1] == 2 and count <= _MOST_FRAMES:
                np.right_shift(frames, 1, out=half[:count])
                sink(np.add(half[:count, 0], half[:count, 1], out=mono[:count]), bool(status.input_overflow))
            else:
                sink(frames[:, 0], bool(status.input_overflow))

        def finished() -> None:
            if not self._stopping:
                hint = tr("Plug it in again, or choose another microphone.")
                ended(
                    MicrophoneUnavailable(
                        tr("The microphone {name} went away while recording.").format(name=device.name), hint
                    )
                )

        self._stopping = False
        refused: Exception | None = None
        for rate, channels in _formats(device, mixed=self._plays):
            try:
                self._stream = open_stream(
                    sounddevice.InputStream,
                    device=device.index,
                    channels=channels,
                    samplerate=rate,
                    dtype="int16",
                    blocksize=rate // 50,
                    latency=_LATENCY,
                    callback=callback,
                    finished_callback=finished,
                )
            except (sounddevice.PortAudioError, ValueError) as error:
                refused = refused or error
                if _code(error) not in {_BAD_RATE, _BAD_CHANNELS}:
                    break
            else:
                return rate
        raise _refusal(device, refused) from refused

    def stop(self) -> None:
        """Closes the microphone."""
        self._stopping = True
        stream, self._stream = self._stream, None
        if stream is not None:
            close_stream(stream)


_LATENCY = 0.3
"""Seconds that the system keeps when Python does not come in time. With PortAudio's own choice of it and of blocks,
PulseAudio delivers nothing for the first second and a half."""
_MOST_FRAMES = 1 << 16
"""Frames of a block that are mixed; larger ones do not come."""
_BAD_CHANNELS, _BAD_RATE, _BUSY, _GONE = -9998, -9997, -9985, -9996
"""PortAudio's numbers of errors."""


def _formats(device: Device, *, mixed: bool) -> Iterator[tuple[int, int]]:
    """Rates and channels to try, the best first: a rate may have been changed since the device was listed."""
    for channels in sorted({1, max(1, min(2, device.channels))}, reverse=mixed):
        for rate in dict.fromkeys((device.rate, 48_000, 44_100, 16_000)):
            yield rate, channels


def _code(error: Exception) -> int:
    return error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else 0


def _refusal(device: Device, error: Exception | None) -> MicrophoneUnavailable:
    """Says in one sentence why a microphone cannot be opened."""
    match _code(error) if error is not None else 0:
        case code if code == _BUSY:
            hint = tr("Close the other program, or choose another microphone.")
            return MicrophoneUnavailable(
                tr("The microphone {name} is busy: another program holds it.").format(name=device.name), hint
            )
        case code if code == _GONE:
            hint = tr("Plug it in again, or choose another microphone.")
            return MicrophoneUnavailable(tr("The microphone {name} is no longer there.").format(name=device.name), hint)
        case code if code in {_BAD_RATE, _BAD_CHANNELS}:
            hint = tr("Set it to 48 kHz in the system's sound settings, or choose another microphone.")
            return MicrophoneUnavailable(
                tr("The microphone {name} offers no rate that can be recorded.").format(name=device.name), hint
            )
        case _:
            hint = tr("Close other programs that use it, allow this program to use it, or choose another microphone.")
            message = tr("The microphone {name} cannot be opened; it is busy or forbidden.").format(name=device.name)
            return MicrophoneUnavailable(message, hint)


class FileSource:
    """A sound file that is heard as if somebody spoke, for machines without a microphone and for tests.

    Args:
        path: any sound file.
        speed: how many times faster than real time.
    """

    def __init__(self, path: str | Path, speed: float = 1.0) -> None:
        self.name = self.device = Path(path).name
        self._path = path
        self._speed = speed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, sink: Sink, ended: Ended) -> int:
        """Begins to play the file; see :meth:`Source.start`.

        Raises:
            BadInput: the file cannot be read.
        """
        samples = load(self._path).samples
        self._stop.clear()
        block = SAMPLE_RATE // 50

        def play() -> None:
            began = time.monotonic()
            for at in range(0, samples.shape[0], block):
                due = began + at / SAMPLE_RATE / self._speed
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return
                sink(to_pcm16(samples[at : at + block]), False)
            ended(None)

        self._thread = threading.Thread(target=play, name="file-source", daemon=True)
        self._thread.start()
        return SAMPLE_RATE

    def stop(self) -> None:
        """Stops playing."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
