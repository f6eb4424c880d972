"""``triptych adapters``: measures the ways of joining an encoder to the language model against each other."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO

from app.commands import document
from app.commands.consent import ask_for_licence
from app.commands.progress import ProgressLine
from app.needs import models_needed
from app.preparation import Progress, Unprepared, preparing
from engines import catalog, paths
from engines.contract import Request, Task, Utterance
from engines.errors import BadInput, BadOption, TriptychError
from engines.evaluation import corpora, curves, protocol, report, summary, tabular
from engines.evaluation.protocol import EVERYTHING, STANDARD, Case
from engines.evaluation.records import Record, Records
from engines.host import Host
from engines.weights import cards

_BESIDES: Final = ("whisper", "correction", "experts")
"""What stands in the table beside the latent engines."""
_REDRAW_SECONDS: Final = 0.2


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
    if not args.threads.isdigit() or int(args.threads) > 1024:
        raise BadOption(f"--threads cannot be {args.threads!r}.", "Give a whole number from 0 to 1024.")
    prompts = args.prompts or (Path(os.environ["TRIPTYCH_PROMPTS"]) if os.environ.get("TRIPTYCH_PROMPTS") else None)
    if prompts is None:
        print("No folder of prompts was given (--prompts): only unseen speakers are measured on.", file=sys.stderr)
    wanted = protocol.cases(prompts, EVERYTHING if args.all else STANDARD)
    records = Records(args.store or paths.data() / "measurements" / "adapters.jsonl")
    if not args.report_only:
        engines = _prepared(engines, offered, wanted)
        _measure(engines, offered, wanted, records, int(args.threads))
    found = protocol.of_protocol(records, engines, wanted, catalogue=offered)
    if not found:
        raise BadInput("Nothing was measured, so there is no table to write.", "Run it without --report-only.")
    _write(args.out, _summary(engines, offered, found, prompts), _curves(args.curves))
    return int(any(record.failure for record in found))


def _engines(names: str | None, offered: catalog.Catalogue) -> tuple[str, ...]:
    if names is not None:
        ids = [name.strip() for name in names.split(",") if name.strip()]
        if not ids:
            raise BadOption("--engines names no engine.", "Give ids as `triptych engines` lists them.")
        return tuple(offered.describe(name).id for name in dict.fromkeys(ids))
    return tuple(engine.id for engine in offered.engines if engine.paradigm == "latent" or engine.id in _BESIDES)


def _prepared(engines: Sequence[str], offered: catalog.Catalogue, wanted: Sequence[Case]) -> tuple[str, ...]:
    """Makes models ready; engines that cannot run are named and left out."""
    clip = wanted[0].clip
    request = Request(Utterance(clip.read(), "", clip.id, language=clip.language), Task.TRANSCRIBE)
    left, needed = list(engines), []
    for engine in engines:
        try:
            for model in models_needed(offered.describe(engine), request, lambda _: True):
                ask_for_licence(model)
            needed.append((offered.describe(engine), request))
        except TriptychError as error:
            print(f"{engine} is left out: {error.message} {error.hint}", file=sys.stderr)
            left.remove(engine)
    with ProgressLine(sys.stderr) as line:
        for step in preparing(needed):
            if isinstance(step, Progress):
                line.show(step.event)
            elif isinstance(step, Unprepared):
                print(f"{step.engine} is left out: {step.error.message} {step.error.hint}", file=sys.stderr)
                left.remove(step.engine)
    return tuple(left)


def _measure(
    engines: Sequence[str], offered: catalog.Catalogue, wanted: Sequence[Case], records: Records, threads: int
) -> None:
    machine = f"{document.processor()}, {os.cpu_count()} cores, {threads or 'default'} threads"
    try:
        with Host(threads=threads) as host:
            protocol.measure(
                host, engines, wanted, records, catalogue=offered, machine=machine, report=_reporter(sys.stderr)
            )
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        raise
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


def _reporter(stream: TextIO) -> Callable[[int, int, str], None]:
    """Shows runs done on one line at a terminal; elsewhere a line every hundred runs."""
    began, drawn = time.monotonic(), 0.0

    def show(done: int, total: int, what: str) -> None:
        nonlocal drawn
        now = time.monotonic()
        left = f", {(now - began) / done * (total - done) / 60:.0f} min left" if done > 20 else ""
        text = f"{done} of {total} runs{left}: {what}"
        if stream.isatty() and now - drawn >= _REDRAW_SECONDS:
            drawn = now
            stream.write(f"\r\x1b[K{text}"[:160])
            stream.flush()
        elif not stream.isatty() and done % 100 == 0:
            print(text, file=stream, flush=True)

    return show


def _summary(
    engines: Sequence[str], offered: catalog.Catalogue, found: Sequence[Record], prompts: Path | None
) -> report.Summary:
    measured = [engine for engine in engines if any(record.engine == engine for record in found)]
    repeated = {}
    for language in ("en", "es", "fr") if prompts is not None else ():
        assert prompts is not None
        repeated[language] = corpora.repeated_texts(prompts, language), len(corpora.prompts(prompts, language))
    return report.Summary(
        engines=tuple(measured),
        names={engine: offered.describe(engine).name for engine in measured},
        figures={engine: summary.figures(found, engine) for engine in measured},
        compared=summary.comparisons(found, measured),
        trained={engine: trained for engine in measured if (trained := _trained(engine)) is not None},
        machines=tuple(dict.fromkeys(record.machine for record in found if record.machine)),
        measured=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        repeated=repeated,
    )


def _trained(engine: str) -> report.Trained | None:
    """What the card of an engine's weights tells; None where there is no card."""
    try:
        card = cards.read(engine)
    except TriptychError:
        return None
    parameters = {name: count for name, count in card.parameters.model_dump().items() if count}
    return report.Trained(parameters, card.data.hours, card.minutes, card.steps, card.metrics)


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
    for name, text in files.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            reason = f"{folder / name} cannot be written: {error.strerror}."
            raise BadInput(reason, "Name another folder with --out.") from error
    print(f"{folder / 'adapters.md'} was written.", file=sys.stderr)
