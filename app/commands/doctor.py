"""``triptych doctor``: what is installed, what works here, and what to mend."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any, Final

from app import cli
from app.commands import document
from engines import paths
from engines.host.probing import probe_providers
from engines.host.process import log_path
from engines.weights.files import megabytes
from engines.weights.licences import licence_state
from engines.weights.store import WeightStore
from export import prepare

_PACKAGES: Final = ("onnxruntime", "onnx", "numpy", "PySide6_Essentials", "sounddevice", "soundfile", "av", "soxr")
_EXTRAS: Final = ("torch", "transformers", "optimum-onnx")
_MODULES: Final = ("onnxruntime", "PySide6.QtWidgets", "soundfile", "av", "soxr")
_ROOM_BYTES: Final = 3 * 10**9
"""Fetching and building every embedded model takes about this much at its peak."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``doctor`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser("doctor", help="what is installed, what works here, and what to mend")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


@dataclass
class Report:
    """What was found.

    Attributes:
        facts: by topic.
        to_mend: one sentence for each thing that keeps something from working.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    to_mend: list[str] = field(default_factory=list)


def run(args: argparse.Namespace) -> int:
    """Examines this machine; 0 even where something is to be mended, because the examination succeeded."""
    report = examine()
    if args.json:
        print(json.dumps({"schema": 1, **report.facts, "to_mend": report.to_mend}, indent=2, ensure_ascii=False))
        return 0
    _print(report)
    return 0


def examine() -> Report:
    """Looks at everything in turn."""
    report = Report()
    report.facts["triptych"] = cli.version()
    report.facts["machine"] = document.machine(0)
    _packages(report)
    _providers(report)
    _sound(report)
    _disk(report)
    _weights(report)
    _display(report)
    report.facts["folders"] = {"data": str(paths.data()), "cache": str(paths.cache()), "log": str(log_path())}
    return report


def _packages(report: Report) -> None:
    found: dict[str, str | None] = {}
    for name in (*_PACKAGES, *_EXTRAS):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    report.facts["packages"] = found
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        report.to_mend.append(f"Python {platform.python_version()} is not supported: use 3.11, 3.12 or 3.13.")
    for module in _MODULES:
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:
            reason = " ".join(str(error).split())
            report.to_mend.append(
                f"{module} cannot be loaded ({reason}): run `make app`, which installs what it needs."
            )


def _providers(report: Report) -> None:
    states = list(probe_providers())
    report.facts["providers"] = [asdict(state) for state in states]
    report.to_mend += [
        f"The execution provider {state.name} is installed and does not work: {state.reason}"
        for state in states
        if state.installed and not state.works
    ]


def _sound(report: Report) -> None:
    report.facts["sound"] = {"inputs": [], "outputs": []}
    try:
        import sounddevice

        devices = sounddevice.query_devices()
    except OSError as error:
        hint = "install PortAudio (Debian, Ubuntu: apt-get install libportaudio2)"
        report.to_mend.append(f"Sound cannot be recorded or played ({error}): {hint}.")
        return
    except Exception as error:  # noqa: BLE001 - PortAudioError is known only once the library was loaded
        report.to_mend.append(f"The sound system does not answer ({error}): see that it runs.")
        return
    inputs = [device["name"] for device in devices if device["max_input_channels"] > 0]
    outputs = [device["name"] for device in devices if device["max_output_channels"] > 0]
    report.facts["sound"] = {"inputs": inputs, "outputs": outputs}
    if not inputs:
        report.to_mend.append("There is no microphone: connect one to record; files can be opened without.")
    if not outputs:
        report.to_mend.append("There is no sound output: connect one to listen; speech can be saved without.")


def _disk(report: Report) -> None:
    folders = {"data": paths.data(), "cache": paths.cache()}
    free = {name: shutil.disk_usage(folder).free for name, folder in folders.items()}
    report.facts["disk_free_bytes"] = free
    for name, folder in folders.items():
        if free[name] < _ROOM_BYTES:
            room = f"{megabytes(free[name])} are free for {folder}"
            report.to_mend.append(f"Only {room}: fetching every model takes up to {megabytes(_ROOM_BYTES)}.")


def _weights(report: Report) -> None:
    store = WeightStore()
    models = []
    for status in store.list():
        licence = licence_state(status.model.id)
        ready = prepare.is_ready(status.model.id, store)
        models.append(
            {
                "id": status.model.id,
                "name": status.model.name,
                "state": str(status.state),
                "ready": ready,
                "licence_accepted": licence.accepted,
            }
        )
        if not ready:
            accept = "" if licence.accepted else f" and accept the {licence.name}"
            report.to_mend.append(
                f"{status.model.name} is not ready: run `triptych models fetch {status.model.id}`{accept}."
            )
    report.facts["models"] = models


def _display(report: Report) -> None:
    missing = cli.display_missing()
    report.facts["display"] = not missing
    if missing:
        report.to_mend.append(f"{missing} The command line works without.")


def _print(report: Report) -> None:
    print(told(report))


def told(report: Report) -> str:
    """What was found, as lines for people."""
    lines: list[str] = []
    _write(report, lines.append)
    return "\n".join(lines)


def _write(report: Report, print: Callable[[str], object]) -> None:  # noqa: A002 -- it stands in for it
    facts = report.facts
    machine = facts["machine"]
    print(f"Triptych {facts['triptych']}, Python {machine['python']}, {machine['system']} {machine['release']}")
    memory = megabytes(machine["memory_bytes"])
    print(f"{machine['processor']}, {machine['cores']} cores, {memory} memory")
    print("\nPackages")
    for name, version in facts["packages"].items():
        print(f"  {name:<20} {version or ('not installed (an extra)' if name in _EXTRAS else 'missing')}")
    print("\nExecution providers")
    for state in facts["providers"]:
        print(f"  {state['name']:<20} {'works' if state['works'] else 'no: ' + state['reason']}")
    print("\nSound")
    for name in ("inputs", "outputs"):
        print(f"  {name:<20} {', '.join(facts['sound'][name]) or 'none'}")
    print("\nModels")
    for model in facts["models"]:
        licence = "" if model["licence_accepted"] else " (licence to be accepted)"
        print(f"  {model['id']:<24} {'ready' if model['ready'] else model['state']}{licence}")
    print("\nFolders")
    for name, folder in facts["folders"].items():
        free = facts["disk_free_bytes"].get(name)
        print(f"  {name:<8} {folder}{'' if free is None else f' ({megabytes(free)} free)'}")
    print("\nTo mend" if report.to_mend else "\nNothing to mend.")
    for line in report.to_mend:
        print(f"  - {line}")
