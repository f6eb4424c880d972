"""``triptych cost``: what engines cost, each alone, and how that grows with the length of speech."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.commands import document, measuring
from app.commands.compare import asked_engines, asked_folder, asked_options, asked_task, whole
from app.commands.running import prepare
from app.comparison import Comparison
from engines.audio.load import load
from engines.catalog import EngineDescription
from engines.contract import OptionValue
from engines.errors import BadOption
from engines.evaluation import cost_report, costing
from engines.evaluation.cost import Cost, Setting
from engines.languages import name_of

_LONGEST: Final = 600.0
_EPILOG: Final = """\
examples:
  triptych cost speech.wav
  triptych cost speech.wav --engines whisper,latent-ctc --repeats 10 --threads 2 --csv
  triptych cost speech.wav --lengths 1,3,10,30,60 --repeats 3 --out cost

Every engine runs in a fresh process of its own, with as many threads as --threads says; times are medians over the runs
after those that warm it up. Close other programs: they make times longer."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``cost`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "cost",
        help="time, operations, memory and energy of engines",
        description="Measures what engines cost: time to first text and sound, real-time factor, floating-point "
        "operations counted from the graphs that ran, places of the language model, parameters, disk, memory, energy.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("audio", metavar="AUDIO", help="a sound file, or a video with sound")
    parser.add_argument("--engines", metavar="A,B", help="ids as `triptych engines` lists them (default: all)")
    parser.add_argument("--task", default="transcribe", metavar="TASK", help="transcribe, translate, respond or speak")
    parser.add_argument("--target", metavar="LANG", help="language to translate to or to speak")
    parser.add_argument("--language", default="auto", metavar="LANG", help="spoken language (default: auto)")
    parser.add_argument("--repeats", default="5", metavar="N", help="runs that count, 1 to 1000 (default: 5)")
    parser.add_argument("--warm-ups", default="1", metavar="N", help="runs before them that do not (default: 1)")
    parser.add_argument("--threads", default="1", metavar="N", help="threads of every session (default: 1)")
    parser.add_argument("--provider", default="CPU", metavar="NAME", help="execution provider (default: CPU)")
    parser.add_argument(
        "--lengths", metavar="A,B,…", help="also measure the speech cut or repeated to so many seconds, up to 600"
    )
    parser.add_argument("--out", metavar="DIR", help="write cost.md, cost.json, cost.csv and drawings here")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    parser.add_argument("--csv", action="store_true", help="print CSV instead of Markdown")
    parser.add_argument(
        "--option", action="append", default=[], metavar="ENGINE.NAME=VALUE", help="a setting; may be given again"
    )
    return parser


@dataclass(frozen=True)
class Plan:
    """What was asked for, checked.

    Attributes:
        engines: in the order in which they run.
        options: engine id → settings.
        setting: how it is measured.
        lengths: in seconds, or none.
        out: folder for what is written, or None.
    """

    engines: tuple[EngineDescription, ...]
    options: dict[str, dict[str, OptionValue]]
    setting: Setting
    lengths: tuple[float, ...]
    out: Path | None


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: something impossible was asked for, or the file cannot be used.
    """
    task, target = asked_task(args.task, args.target)
    engines = asked_engines(args.engines, task, target)
    plan = _plan(args, engines)
    utterance = load(args.audio, language=None if args.language == "auto" else args.language)
    comparison = Comparison(utterance, task, target, engines, plan.options)
    ready = prepare(comparison)
    costs: list[Cost] = []
    grown: dict[str, list[Cost]] = {}
    for number, engine in enumerate(engines, 1):
        if engine.id not in ready:
            error = comparison.runs[engine.id].error
            told = f"{error.message} {error.hint}" if error is not None else "It is not ready."
            costs.append(Cost(engine.id, engine.name, engine.paradigm, utterance.seconds, plan.setting, failed=told))
            continue
        request = comparison.request(engine.id)
        print(f"{number} of {len(engines)}: {engine.name}", file=sys.stderr)
        costs.append(costing.measure(engine.id, request, plan.setting))
        if plan.lengths and not costs[-1].failed:
            for cost in costing.grow(engine.id, request, plan.lengths, plan.setting):
                print(f"  {cost.speech_seconds:g} s of speech", file=sys.stderr)
                grown.setdefault(engine.id, []).append(cost)
    _deliver(args, plan, costs, grown)
    return 1 if any(cost.failed for cost in costs) else 0


def _deliver(args: argparse.Namespace, plan: Plan, costs: list[Cost], grown: dict[str, list[Cost]]) -> None:
    text = cost_report.as_markdown(costs, measuring.machine(plan.setting.threads))
    if grown:
        text += "\n" + cost_report.growth_markdown(grown)
    found = {
        "schema": 1,
        "machine": document.machine(plan.setting.threads),
        "costs": [cost_report.as_json(cost) for cost in costs],
        "growth": {engine: [cost_report.as_json(cost) for cost in several] for engine, several in grown.items()},
    }
    as_json = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    as_csv = cost_report.as_csv([*costs, *(cost for several in grown.values() for cost in several)])
    print((as_json if args.json else as_csv if args.csv else text).rstrip())
    if plan.out is not None:
        drawings = cost_report.growth_drawings(grown) if grown else {}
        measuring.write(plan.out, {"cost.md": text, "cost.json": as_json, "cost.csv": as_csv} | drawings)


def _plan(args: argparse.Namespace, engines: tuple[EngineDescription, ...]) -> Plan:
    if args.language != "auto":
        name_of(args.language)
    if args.json and args.csv:
        raise BadOption("--json and --csv exclude each other.", "Give one of them; --out writes both.")
    from engines.runtime import providers

    if args.provider.lower() != "auto":
        providers.find(args.provider)
    return Plan(
        engines,
        asked_options(args.option, engines),
        Setting(
            threads=whole("--threads", args.threads, 1, 1024),
            repeats=whole("--repeats", args.repeats, 1, 1000),
            warm_ups=whole("--warm-ups", args.warm_ups, 0, 100),
            provider=args.provider,
        ),
        () if args.lengths is None else _lengths(args.lengths),
        None if args.out is None else asked_folder(args.out),
    )


def _lengths(text: str) -> tuple[float, ...]:
    """The option ``--lengths``."""
    try:
        found = tuple(dict.fromkeys(float(part) for part in text.split(",") if part.strip()))
    except ValueError:
        found = ()
    if not found or not all(0.1 <= length <= _LONGEST for length in found):
        raise BadOption(f"--lengths cannot be {text!r}.", "Give seconds from 0.1 to 600, for example 1,3,10,30.")
    return found
