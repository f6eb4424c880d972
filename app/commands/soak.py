"""``triptych soak``: live work for hours on a looped file, and what that does to memory, sound and window."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from app.commands.compare import asked_engines
from engines import catalog
from engines.audio.load import load
from engines.contract import Task
from engines.errors import BadOption

if TYPE_CHECKING:
    from app.soaking import Report


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``soak`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "soak",
        help="run live for long and measure memory, drift, lost sound and stalls",
        description="Opens the window, presses Live with a file that is heard again and again in place of the "
        "microphone, and prints a table in the end. The recording is thrown away.",
    )
    parser.add_argument("--file", required=True, metavar="AUDIO", help="a sound file that is heard again and again")
    parser.add_argument("--minutes", default="30", metavar="N", help="how long to listen (default: 30)")
    parser.add_argument("--engines", metavar="A,B", help="ids (default: the first of each paradigm)")
    parser.add_argument("--threads", default=None, metavar="N", help="threads of the engines (default: all cores)")
    parser.add_argument("--show", action="store_true", help="show the window; without it none appears")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: something impossible was asked for.
        TriptychError: live work could not begin.
    """
    seconds = 60 * _minutes(args.minutes)
    load(args.file)
    chosen = () if args.engines is None else tuple(one.id for one in asked_engines(args.engines, Task.TRANSCRIBE, None))
    if not args.show:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    report = _soak(args.file, seconds, chosen, threads=args.threads)
    print(json.dumps(as_json(report), indent=2) if args.json else table(report))
    return 1 if report.out and not report.delays else 0


def _soak(file: str, seconds: float, chosen: tuple[str, ...], *, threads: str | None) -> Report:
    from PySide6.QtWidgets import QApplication

    from app.background import wait_for_all
    from app.commands.compare import whole
    from app.looped import LoopedSource
    from app.settings import Settings
    from app.soaking import Soak
    from app.theme import theme
    from app.window import MainWindow

    settings = Settings()
    settings.choices.live_engines = chosen
    if threads is not None:
        settings.running.threads = whole("--threads", threads, 0, 256)
    app = QApplication.instance() or QApplication(["triptych"])
    theme().apply("dark")
    window = MainWindow(catalog.default(), settings, remembers=False)
    window.live.source = lambda _name: LoopedSource(file)
    window.resize(1440, 970)
    window.show()
    try:
        return Soak(window, seconds, _progress).run()
    finally:
        window.close()
        wait_for_all(5)
        app.processEvents()


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not 0 < minutes <= 10_000:
        raise BadOption(f"--minutes cannot be {text!r}.", "Give a number above 0, up to 10000.")
    return minutes


def _progress(report: Report) -> None:
    memory = (report.window_memory[-1][1] + report.engine_memory[-1][1]) / 1e6
    stall = report.longest_stall * 1e3
    print(f"{report.seconds:7.0f} s  {memory:6.0f} MB  longest stall {stall:4.0f} ms", file=sys.stderr, flush=True)


def as_json(report: Report) -> dict[str, Any]:
    """The report as a JSON object, with the growth of memory and the machine."""
    from app.soaking import growth

    return {
        "schema": 1,
        "machine": machine(),
        **asdict(report),
        "window_growth_bytes_per_hour": growth(report.window_memory),
        "engine_growth_bytes_per_hour": growth(report.engine_memory),
    }


def machine() -> dict[str, Any]:
    """What it was measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": platform.platform(), "processor": platform.machine(), "cores": cores}


def table(report: Report) -> str:
    """The report as a table in Markdown."""
    from app.soaking import growth

    rows = [
        ("listened", f"{report.seconds / 60:.1f} min, {report.phrases} phrases"),
        ("memory of the window", _memory(report.window_memory, growth(report.window_memory))),
        ("memory of the engines", _memory(report.engine_memory, growth(report.engine_memory))),
        ("drift of the sound against the clock", f"{report.drift * 1e3:+.0f} ms"),
        ("overflows", str(report.overflows)),
        ("longest stall of the window", f"{report.longest_stall * 1e3:.0f} ms"),
        ("stalls, 99 of 100 at most", f"{report.stall_p99 * 1e3:.0f} ms ({report.stalls} over 50 ms)"),
        ("changes of load", str(len(report.loads))),
        ("phrases left out by an engine", str(report.skipped)),
    ]
    for engine, found in report.delays.items():
        if found.median is None or found.worst is None:
            rows.append((f"{engine}: end of speech to final text", report.out.get(engine, "wrote nothing")))
            continue
        lag = "" if found.laal is None else f", LAAL {found.laal:.2f} s"
        rows.append(
            (f"{engine}: end of speech to final text", f"median {found.median:.2f} s, worst {found.worst:.2f} s{lag}")
        )
    width = max(len(name) for name, _ in rows)
    of = machine()
    head = f"Measured on {of['system']}, {of['cores']} cores."
    lines = [f"| {name:<{width}} | {value} |" for name, value in rows]
    return "\n".join([head, "", f"| {'':<{width}} | |", f"|{'-' * (width + 2)}|---|", *lines])


def _memory(points: list[tuple[float, int]], per_hour: float | None) -> str:
    if not points:
        return "not measured"
    told = f"{points[0][1] / 1e6:.0f} → {points[-1][1] / 1e6:.0f} MB"
    return told if per_hour is None else f"{told}, {per_hour / 1e6:+.1f} MB per hour"
