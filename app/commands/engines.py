"""``triptych engines``: which engines there are and what they can do."""

from __future__ import annotations

import argparse
import json

from engines import catalog
from engines.catalog import EngineDescription, Option


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``engines`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser("engines", help="which engines there are, what they do, and their options")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def run(args: argparse.Namespace) -> int:
    """Prints the catalogue."""
    engines = catalog.default().engines
    if args.json:
        document = {"schema": 1, "engines": [engine.model_dump(mode="json") for engine in engines]}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return 0
    for engine in engines:
        print("\n".join(_lines(engine)), end="\n\n")
    return 0


def _lines(engine: EngineDescription) -> list[str]:
    lines = [f"{engine.id:<12} {engine.name} ({engine.paradigm}): {engine.summary}", f"  {engine.description}"]
    tasks = ", ".join(engine.tasks)
    targets = "any language" if engine.targets is None else ", ".join(engine.targets)
    lines.append(f"  tasks: {tasks}; into: {targets}")
    lines += [
        f"  --option {engine.id}.{name}={_values(option)}  {option.help}" for name, option in engine.options.items()
    ]
    return lines


def _values(option: Option) -> str:
    if option.choices:
        return "|".join(option.choices)
    if option.minimum is not None and option.maximum is not None:
        return f"{option.minimum}…{option.maximum}"
    return "true|false" if option.type == "bool" else "TEXT"
