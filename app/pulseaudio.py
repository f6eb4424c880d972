"""What the sound server of Linux knows: sources, among them what loudspeakers play, and which one is the default.

PulseAudio and PipeWire both answer ``pactl``. PortAudio is not asked, since on most Linux systems it does not list
monitor sources, and it looks for devices anew only when nothing is open.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from engines.errors import MicrophoneUnavailable

_SECONDS = 3.0
_TOOLS = "Install its tools (Debian and Ubuntu: sudo apt-get install pulseaudio-utils)."


@dataclass(frozen=True)
class PulseSource:
    """Something that the sound server can record.

    Attributes:
        id: the server's own name of it.
        name: for people; of a monitor, that of what plays.
        monitor: whether it is what a loudspeaker plays.
    """

    id: str
    name: str
    monitor: bool


def sources() -> tuple[PulseSource, ...]:
    """The sources of the sound server.

    Raises:
        MicrophoneUnavailable: this is no Linux, or the server or its tools are not there.
    """
    return tuple(
        PulseSource(
            one["Name"],
            one.get("Description", one["Name"]).removeprefix("Monitor of "),
            one.get("Monitor of Sink", "n/a") != "n/a",
        )
        for one in _listed("sources")
        if "Name" in one
    )


def recorded_by(process: int) -> str | None:
    """What people call the source that a process records from; None where it records nothing, or nobody knows."""
    try:
        wanted = f'"{process}"'
        index = next((one["Source"] for one in _listed("source-outputs") if one.get(_PROCESS) == wanted), None)
        named = {one["#"]: one.get("Description", one["Name"]) for one in _listed("sources") if "Name" in one}
    except (MicrophoneUnavailable, KeyError):
        return None
    return named.get(index) if index is not None else None


def default_source() -> str | None:
    """What people call the source that the server takes by default; None where nobody knows."""
    try:
        found = {line.partition(": ")[0]: line.partition(": ")[2] for line in _ask("info").splitlines()}
        wanted = found.get("Default Source")
        return next((source.name for source in sources() if source.id == wanted), None)
    except MicrophoneUnavailable:
        return None


def recorder(source: str, rate: int) -> list[str]:
    """The command that writes what a source delivers, mono and 16-bit at ``rate``, to its standard output.

    Raises:
        MicrophoneUnavailable: the tools are not there.
    """
    return [_tool("parec"), f"--device={source}", f"--rate={rate}", "--channels=1", *_PAREC]


_PROCESS = "application.process.id"
_PAREC = ("--format=s16le", "--raw", "--latency-msec=50", "--client-name=Triptych", "--stream-name=Recording")


def _listed(what: str) -> list[dict[str, str]]:
    """Entries of one kind: their fields, their properties, and their number as ``#``."""
    found: list[dict[str, str]] = []
    for line in _ask("list", what).splitlines():
        head, numbered, number = line.partition(" #")
        if numbered and head[:1].isalpha():
            found.append({"#": number})
        elif found:
            key, _, value = line.strip().partition(" = " if line.startswith("\t\t") else ":")
            found[-1].setdefault(key, value.strip())
    return found


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        if not sys.platform.startswith("linux"):
            raise MicrophoneUnavailable("There is no PulseAudio or PipeWire on this system.", "Choose a microphone.")
        raise MicrophoneUnavailable(f"{name}, a tool of PulseAudio and PipeWire, is not installed.", _TOOLS)
    return path


def _ask(*words: str) -> str:
    """The answer of ``pactl``, in English."""
    command = [_tool("pactl"), *words]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MicrophoneUnavailable(
            "PulseAudio or PipeWire does not answer.", "Start it, or log in to a desktop that does."
        ) from error
    return done.stdout.decode("utf-8", "replace")
