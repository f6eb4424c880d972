"""Microphones and loudspeakers, as PortAudio sees them.

sounddevice loads the PortAudio library when it is imported, so it is imported when the first device is asked for; a
machine without the library gets a sentence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from app.language import tr
from engines.errors import MicrophoneUnavailable, SpeakerUnavailable

Direction = Literal["input", "output"]

_INSTALL = tr(
    "Install PortAudio (Debian and Ubuntu: sudo apt-get install libportaudio2; macOS: brew install portaudio)."
)

_lock = threading.RLock()
_streams: list[Any] = []
_stale = threading.Event()


@dataclass(frozen=True)
class Device:
    """A microphone or a loudspeaker.

    Attributes:
        index: PortAudio's number of it.
        name: for people.
        rate: samples per second that it prefers.
        default: whether the system would take it.
        channels: that it has.
    """

    index: int
    name: str
    rate: int
    default: bool
    channels: int = 1


def portaudio(direction: Direction) -> Any:
    """The sounddevice module.

    Raises:
        MicrophoneUnavailable: for ``"input"``: the PortAudio library is missing or does not start.
        SpeakerUnavailable: the same for ``"output"``.
    """
    try:
        import sounddevice
    except Exception as error:  # OSError without the library, PortAudioError where it does not start
        what = tr("The sound library PortAudio is missing or does not work on this machine.")
        raise failure(direction, what, _INSTALL) from error
    return sounddevice


def failure(direction: Direction, message: str, hint: str) -> MicrophoneUnavailable | SpeakerUnavailable:
    """The error class of a direction."""
    return (MicrophoneUnavailable if direction == "input" else SpeakerUnavailable)(message, hint)


def steady() -> AbstractContextManager[object]:
    """While it is held, devices keep their numbers."""
    return _lock


def look_again() -> None:
    """Lets the next :func:`devices` look for devices anew, as soon as nothing is open: one has gone, or was changed."""
    _stale.set()


def open_stream(make: Callable[..., Any], **settings: Any) -> Any:
    """Makes and starts a stream of sounddevice; while it is open, devices are not looked for again.

    Raises:
        PortAudioError: sounddevice's own; the device cannot be opened.
        ValueError: there is no such device.
    """
    with _lock:
        stream = make(**settings)
        try:
            stream.start()
        except BaseException:
            stream.close(ignore_errors=True)
            raise
        _streams.append(stream)
    return stream


def close_stream(stream: Any) -> None:
    """Closes what :func:`open_stream` opened; does not fail."""
    stream.close(ignore_errors=True)
    with _lock:
        _streams[:] = [other for other in _streams if other is not stream]


def devices(direction: Direction, *, refresh: bool = False) -> tuple[Device, ...]:
    """The devices of one direction, the system's default first.

    Args:
        direction: microphones or loudspeakers.
        refresh: look for devices that were plugged in or chosen since; left out while something records or plays.

    Raises:
        MicrophoneUnavailable: there is no PortAudio library (``"input"``).
        SpeakerUnavailable: the same for ``"output"``.
    """
    sounddevice = portaudio(direction)
    with _lock:
        if (refresh or _stale.is_set()) and not _streams:
            _stale.clear()
            sounddevice._terminate()  # noqa: SLF001  # PortAudio lists devices only when it starts
            try:
                sounddevice._initialize()  # noqa: SLF001
            except sounddevice.PortAudioError as error:
                raise failure(direction, tr("The system's sound does not work on this machine."), _INSTALL) from error
        default = sounddevice.default.device[0 if direction == "input" else 1]
        found = []
        for index, info in enumerate(sounddevice.query_devices()):
            channels = int(info[f"max_{direction}_channels"])
            if channels > 0:
                rate = int(info["default_samplerate"])
                found.append(Device(index, str(info["name"]), rate, index == default, channels))
    return tuple(sorted(found, key=lambda device: not device.default))


def require_device(direction: Direction, which: int | str | None) -> Device:
    """The device of that number or name, or the default one.

    Raises:
        MicrophoneUnavailable: there is none (``"input"``).
        SpeakerUnavailable: there is none (``"output"``).
    """
    found = devices(direction)
    if which is None and found:
        return found[0]
    for device in found:
        if which in {device.index, device.name}:
            return device
    what = tr("microphone") if direction == "input" else tr("loudspeaker")
    hint = (
        tr("Plug one in, or open a sound file instead.")
        if direction == "input"
        else tr("Plug one in, or save the sound.")
    )
    gone = (
        tr("No {what} was found.").format(what=what)
        if which is None
        else tr("The chosen {what} is no longer there.").format(what=what)
    )
    if isinstance(which, str):
        gone = tr("The {what} {which} is not there.").format(what=what, which=which)
    raise failure(direction, gone, hint)
