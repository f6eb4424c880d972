"""Records what the machine itself plays, where the system gives it: a monitor source of PulseAudio or PipeWire."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading

import numpy as np

from app import pulseaudio
from app.language import tr
from app.sources import Ended, Sink
from engines.errors import MicrophoneUnavailable

_RATE = 48_000
_BLOCK_BYTES = 2 * _RATE // 50
_END_SECONDS = 2.0


class SystemSound:
    """What one loudspeaker plays; see :class:`app.sources.Source`.

    Args:
        source: the sound server's monitor.
    """

    def __init__(self, source: pulseaudio.PulseSource) -> None:
        self.name = tr("system sound")
        self.device = source.name
        self._id = source.id
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self, sink: Sink, ended: Ended) -> int:
        """Begins to listen; see :meth:`app.sources.Source.start`."""
        command = pulseaudio.recorder(self._id, _RATE)
        self._stopping.clear()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # ends with all that it started; Ctrl-C is for this program to heed
            )
        except OSError as error:
            message = tr("The system sound cannot be recorded: {strerror}.").format(strerror=error.strerror or error)
            raise MicrophoneUnavailable(message, tr("Choose a microphone.")) from error
        self._process = process
        self._thread = threading.Thread(
            target=self._read, args=(process, sink, ended), name="system-sound", daemon=True
        )
        self._thread.start()
        return _RATE

    def stop(self) -> None:
        """Stops listening."""
        self._stopping.set()
        process, self._process = self._process, None
        thread, self._thread = self._thread, None
        if process is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_END_SECONDS)
        if thread is not None:
            thread.join()
        if process is not None and process.stdout is not None:
            process.stdout.close()

    def _read(self, process: subprocess.Popen[bytes], sink: Sink, ended: Ended) -> None:
        assert process.stdout is not None
        buffer = bytearray(_BLOCK_BYTES + 1)
        view, samples = memoryview(buffer), np.frombuffer(buffer, "<i2", _BLOCK_BYTES // 2)
        odd = 0
        while not self._stopping.is_set():
            count = process.stdout.readinto(view[odd:_BLOCK_BYTES])  # type: ignore[attr-defined]  # it is a raw file
            if not count:
                break
            whole, odd = divmod(odd + count, 2)
            sink(samples[:whole], False)
            buffer[0] = buffer[2 * whole]
        if not self._stopping.is_set():
            hint = tr("Choose another source.")
            ended(
                MicrophoneUnavailable(
                    tr("The system sound of {device} came to an end while recording.").format(device=self.device), hint
                )
            )
