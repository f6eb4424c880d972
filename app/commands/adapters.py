"""``triptych adapters``: measures the ways of joining an encoder to the language model against each other."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.commands import measuring
from engines import catalog, paths
from engines.errors import BadInput, BadOption
from engines.evaluation import curves, protocol, report, tabular
from engines.evaluation.protocol import EVERYTHING, STANDARD
from engines.evaluation.records import Records
from engines.evaluation.runs import Case, asked
from engines.host import Host

_BESIDES: Final = ("whisper", "correction", "experts")
"""What stands in the table beside the latent engines."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``adapters`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "adapters",
        help="measure the adapters against each other and write the table",
        description="Runs the latent engines and what they are compared with over held-out prompts, unseen speakers "
        "and noise, tests which differences are differences, and writes adapters.md, .csv and .json. A run that was "
        "interrupted goes on where it was. About fifteen minutes on two quiet cores.",
    )
    parser.add_argument("--engines", metavar="A,B", help="ids (default: the latent ones, whisper, correction, experts)")
    parser.add_argument(
        "--prompts", type=Path, metavar="DIR", help="folder of telephone prompts (default: TRIPTYCH_PROMPTS)"
    )
    parser.add_argument("--all", action="store_true", help="every recording, not a subset; takes much longer")
    parser.add_argument("--store", type=Path, metavar="FILE", help="where single measurements are kept, as JSON lines")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/results"), metavar="DIR", help="where the table is written"
    )
    parser.add_argument(
        "--curves", type=Path, metavar="DIR", help="learning curves (default: those beside the adapters)"
    )
    parser.add_argument("--report-only", action="store_true", help="run nothing, write what was measured before")
    parser.add_argument(
        "--threads", default="0", metavar="N", help="threads per engine (default: as ONNX Runtime does)"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: something impossible was asked for, or a folder is not what it should be.
        Unavailable: an engine lacks something.
    """
    offered = catalog.default()
    engines = _engines(args.engines, offered)
    threads, prompts = measuring.threads(args.threads), measuring.prompts(args.prompts)
    wanted = protocol.cases(prompts, EVERYTHING if args.all else STANDARD)
    records = Records(args.store or paths.data() / "measurements" / "adapters.jsonl")
    if not args.report_only:
        engines, left_out = measuring.prepared(engines, offered, asked(wanted))
        for engine, reason in left_out.items():
            print(f"{engine} is left out: {reason}", file=sys.stderr)
        _measure(engines, offered, wanted, records, threads)
    found = protocol.of_protocol(records, engines, wanted, catalogue=offered)
    if not found:
        raise BadInput("Nothing was measured, so there is no table to write.", "Run it without --report-only.")
    _write(args.out, measuring.summarised(engines, offered, found, prompts), _curves(args.curves))
    return int(any(record.failure for record in found))


def _engines(names: str | None, offered: catalog.Catalogue) -> tuple[str, ...]:
    if names is not None:
        ids = [name.strip() for name in names.split(",") if name.strip()]
        if not ids:
            raise BadOption("--engines names no engine.", "Give ids as `triptych engines` lists them.")
        return tuple(offered.describe(name).id for name in dict.fromkeys(ids))
    return tuple(engine.id for engine in offered.engines if engine.paradigm == "latent" or engine.id in _BESIDES)


def _measure(
    engines: Sequence[str], offered: catalog.Catalogue, wanted: Sequence[Case], records: Records, threads: int
) -> None:
    with measuring.shown() as report_run, Host(threads=threads) as host:
        machine = measuring.machine(threads)
        lacking = protocol.measure(
            host, engines, wanted, records, catalogue=offered, machine=machine, report=report_run
        )
    for engine, reason in lacking.items():
        print(f"{engine} is left out: {reason}", file=sys.stderr)


def _curves(folder: Path | None) -> list[curves.Curve]:
    if folder is not None:
        if not folder.is_dir():
            raise BadInput(f"{folder} is no folder.", "Name the folder with the learning curves.")
        return [curves.read(file) for file in sorted(folder.glob("*.csv"))]
    return [curves.read(file, file.parent.name) for file in sorted(paths.adapters().glob("*/curve.csv"))]


def _write(folder: Path, found: report.Summary, drawn: Sequence[curves.Curve]) -> None:
    files = {
        "adapters.md": report.markdown(found, curves=bool(drawn)),
        "adapters.csv": tabular.rows(found),
        "adapters.json": json.dumps(tabular.document(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }
    if drawn:
        files["adapters-curves.svg"] = curves.draw(drawn)
    measuring.write(folder, files)
