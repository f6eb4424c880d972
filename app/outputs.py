"""Where sound goes: a loudspeaker, or a file that plays the part of one.

An output pulls mono float32 blocks from a thread of its own, and ends when there is no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.devices import close_stream, open_stream, portaudio, require_device
from app.language import tr
from engines.audio.synthetic import Mark
from engines.audio.wav import GrowingWav, to_pcm16
from engines.contract import Samples
from engines.errors import SpeakerUnavailable

Pull: TypeAlias = Callable[[Samples], bool]
"""Fills a block ``(n,)`` completely; false when the sound is over. Must not block."""

Ended: TypeAlias = Callable[[SpeakerUnavailable | None], None]
"""Called once when the last block was heard, or with an error when the output went away."""


class Output(Protocol):
    """Something to play on."""

    def open(self, rate: int, mark: Mark | None = None) -> int:
        """Prepares for sound of a rate; returns the rate at which blocks will be pulled.

        Args:
            rate: samples per second.
            mark: of speech that is synthetic.

        Raises:
            SpeakerUnavailable: it is absent.
        """
        ...

    def start(self, pull: Pull, ended: Ended) -> float:
        """Begins to pull; returns the seconds until a block is heard.

        Raises:
            SpeakerUnavailable: it is busy.
        """
        ...

    def stop(self) -> None:
        """Ends at once; when it returns, ``pull`` is not called any more. May be called again."""
        ...


class Loudspeaker:
    """A loudspeaker.

    Args:
        device: PortAudio's number of it; None takes the system's default.
    """

    def __init__(self, device: int | None = None) -> None:
        self._device = device
        self._index: int | None = None
        self._name = ""
        self._rate = 0
        self._stream: Any = None
        self._stopping = False

    def open(self, rate: int, mark: Mark | None = None) -> int:  # noqa: ARG002 - a loudspeaker leaves no file
        """Takes the sound's own rate where the device can, otherwise the one that it prefers."""
        sounddevice = portaudio("output")
        device = require_device("output", self._device)
        self._index, self._name = device.index, device.name
        try:
            sounddevice.check_output_settings(device=device.index, channels=1, dtype="float32", samplerate=rate)
            self._rate = rate
        except (sounddevice.PortAudioError, ValueError):
            self._rate = device.rate
        return self._rate

    def start(self, pull: Pull, ended: Ended) -> float:
        """Opens the loudspeaker; see :meth:`Output.start`."""
        sounddevice = portaudio("output")
        over = threading.Event()

        def callback(out: NDArray[np.float32], _count: int, _time: Any, _status: Any) -> None:
            if not pull(out[:, 0]):
                over.set()
                raise sounddevice.CallbackStop

        def finished() -> None:
            if self._stopping:
                return
            hint = tr("Plug it in again, or choose another loudspeaker.")
            gone = SpeakerUnavailable(
                tr("The loudspeaker {name} went away while playing.").format(name=self._name), hint
            )
            ended(None if over.is_set() else gone)

        self._stopping = False
        try:
            self._stream = open_stream(
                sounddevice.OutputStream,
                device=self._index,
                channels=1,
                samplerate=self._rate,
                dtype="float32",
                callback=callback,
                finished_callback=finished,
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            self.stop()
            hint = tr("Close other programs that use it, or choose another loudspeaker.")
            raise SpeakerUnavailable(
                tr("The loudspeaker {name} cannot be opened; it is busy.").format(name=self._name), hint
            ) from error
        return float(self._stream.latency)

    def stop(self) -> None:
        """Closes the loudspeaker."""
        self._stopping = True
        stream, self._stream = self._stream, None
        if stream is not None:
            close_stream(stream)


class FileOutput:
    """A WAV file in the place of a loudspeaker, for machines without one and for tests.

    Args:
        path: where to.
        speed: how many times faster than real time.
    """

    def __init__(self, path: str | Path, speed: float = 1.0) -> None:
        self._path = Path(path)
        self._speed = speed
        self._rate = 0
        self._mark: Mark | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, rate: int, mark: Mark | None = None) -> int:
        """Takes any rate."""
        self._rate, self._mark = rate, mark
        return rate

    def start(self, pull: Pull, ended: Ended) -> float:
        """Begins to write."""
        self._stop.clear()
        file = GrowingWav(self._path, self._rate, self._mark.info() if self._mark is not None else b"")
        block = np.zeros(max(1, self._rate // 50), np.float32)

        def play() -> None:
            with file:
                while not self._stop.wait(0.02 / self._speed):
                    more = pull(block)
                    file.append(to_pcm16(block))
                    if not more:
                        break
            if not self._stop.is_set():
                ended(None)

        self._thread = threading.Thread(target=play, name="file-output", daemon=True)
        self._thread.start()
        return 0.0

    def stop(self) -> None:
        """Stops writing; what was played until then is in the file."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
