"""What can be recorded, under the names that people choose from: microphones, and what the machine itself plays."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from app import pulseaudio
from app.devices import Device, devices
from app.language import tr
from app.sources import Microphone, Source
from app.systemsound import SystemSound
from engines.errors import MicrophoneUnavailable

SYSTEM = "System sound: "
"""How names begin of what the machine itself plays."""
_LOOPBACK = " [Loopback]"


@dataclass(frozen=True)
class Input:
    """Something to record from.

    Attributes:
        name: for people, and by which it is chosen.
        system: whether it is what the machine itself plays.
        default: whether the system would take it.
    """

    name: str
    system: bool = False
    default: bool = False


@dataclass(frozen=True)
class Inputs:
    """What can be recorded.

    Attributes:
        found: microphones, the default first, then system sound.
        no_microphone: why there is no microphone, or empty.
        no_system: why there is no system sound, or empty.
    """

    found: tuple[Input, ...]
    no_microphone: str = ""
    no_system: str = ""


def find_inputs(*, refresh: bool = False) -> Inputs:
    """Looks for everything that can be recorded; ``refresh`` as for :func:`app.devices.devices`."""
    found: list[Input] = []
    no_microphone = ""
    try:
        found += [Input(_name(device), _plays(device), device.default) for device in devices("input", refresh=refresh)]
    except MicrophoneUnavailable as error:
        no_microphone = f"{error.message} {error.hint}"
    if not no_microphone and all(one.system for one in found):
        no_microphone = tr("No microphone was found. Plug one in.")
    no_system = "" if any(one.system for one in found) else _add_monitors(found)
    named: dict[str, Input] = {}
    for one in found:  # some systems list a device once for every driver
        named.setdefault(one.name, one)
    return Inputs(tuple(sorted(named.values(), key=lambda one: one.system)), no_microphone, no_system)


def open_input(name: str | None) -> Source:
    """A source by its name, or the system's default microphone.

    Raises:
        MicrophoneUnavailable: there is none of that name, or PortAudio is missing.
    """
    try:
        found = devices("input")
    except MicrophoneUnavailable:
        if name is None or not name.startswith(SYSTEM):
            raise
        found = ()
    if name is None:
        return Microphone()
    for device in found:
        if _name(device) == name:
            return Microphone(device.name, plays=_plays(device))
    if name.startswith(SYSTEM):
        for source in pulseaudio.sources():
            if source.monitor and SYSTEM + source.name == name:
                return SystemSound(source)
        what = tr("The system sound of {removeprefix} is not there.").format(removeprefix=name.removeprefix(SYSTEM))
        raise MicrophoneUnavailable(what, tr("Choose another source."))
    raise MicrophoneUnavailable(
        tr("The microphone {name} is not there.").format(name=name), tr("Plug it in, or choose another one.")
    )


def _add_monitors(found: list[Input]) -> str:
    """Adds what the sound server can record of its loudspeakers; returns why there is nothing."""
    if sys.platform == "darwin":
        return tr("macOS gives no system sound to programs; a loopback driver would stand among the microphones.")
    if sys.platform == "win32":
        return tr("This system offers no recording of its own sound.")
    try:
        monitors = [source for source in pulseaudio.sources() if source.monitor]
    except MicrophoneUnavailable as error:
        return tr("System sound cannot be recorded. {message} {hint}").format(message=error.message, hint=error.hint)
    found += [Input(SYSTEM + source.name, system=True) for source in monitors]
    return "" if monitors else tr("No loudspeaker was found whose sound could be recorded.")


def _plays(device: Device) -> bool:
    """Whether PortAudio lists what a loudspeaker plays as an input: WASAPI's loopback, PulseAudio's monitors."""
    return device.name.endswith(_LOOPBACK) or device.name.startswith("Monitor of ")


def _name(device: Device) -> str:
    if not _plays(device):
        return device.name
    return SYSTEM + device.name.removesuffix(_LOOPBACK).removeprefix("Monitor of ")
