"""``triptych tokens``: measures the token engines, what they are made of and what they say."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from app.commands import measuring
from engines import catalog, paths
from engines.errors import BadInput, BadOption, TriptychError
from engines.evaluation import (
    curves,
    pareto,
    prediction,
    protocol,
    token_bench,
    token_codec,
    token_report,
    token_speech,
    token_stories,
    token_summary,
    token_tabular,
    token_units,
)
from engines.evaluation.dnsmos import WEIGHTS as DNSMOS
from engines.evaluation.kept import Kept
from engines.evaluation.records import Records
from engines.evaluation.runs import asked
from engines.evaluation.token_bench import EVERYTHING, STANDARD, Bench
from engines.evaluation.token_summary import Tokens
from engines.host import Host
from engines.models import kokoro, piper
from engines.models.phone_recogniser import MODEL as PHONES
from engines.runtime.sessions import RuntimeSettings, configure

PARTS: Final = ("duplex", "hearing", "texts", "translations", "codec", "resynthesis", "units", "stories")
"""In the order in which they are measured: the loop first, before this program itself makes the machine busy."""
_ENGINES: Final = ("whisper", "token-semantic", "token-acoustic", "token-hybrid")
"""What hears, the baseline first."""
_TRAINED: Final = (
    "units", "vocoder", "codec", "token-semantic-first", "token-semantic", "token-acoustic", "token-hybrid",
    "token-duplex",
)  # fmt: skip
_MODELS: Final = ("whisper-base", "gemma-3-270m", piper.WEIGHTS, kokoro.WEIGHTS, DNSMOS, PHONES)
"""What is needed beyond what engines name."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``tokens`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "tokens",
        help="measure the token engines and write their report",
        description="Measures what the token engines hear and say, the codec, the units, the duplex loop and spoken "
        "language modelling, and writes tokens.md, .csv, .json and pictures. What is not trained yet is said, and "
        "filled in by a later run; what was measured is not measured again. About forty minutes on two quiet cores.",
    )
    parser.add_argument("--parts", metavar="A,B", help=f"measure only these: {', '.join(PARTS)}")
    parser.add_argument(
        "--prompts", type=Path, metavar="DIR", help="folder of telephone prompts (default: TRIPTYCH_PROMPTS)"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--all", action="store_true", help="every recording, not a subset; takes hours")
    size.add_argument("--clips", metavar="N", help="so many recordings of each kind, for a trial")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where single measurements and spoken stories are kept"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("docs/results"), metavar="DIR", help="where the report is written"
    )
    parser.add_argument("--report-only", action="store_true", help="run nothing, write what was measured before")
    parser.add_argument("--threads", default="0", metavar="N", help="threads per model (default: as ONNX Runtime does)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: something impossible was asked for, or a folder is not what it should be.
    """
    parts, sizes = _parts(args.parts), _sizes(args.all, args.clips)
    threads, prompts = measuring.threads(args.threads), measuring.prompts(args.prompts)
    folder, offered = args.store or paths.data() / "measurements", catalog.default()
    bench = Bench(
        prompts, sizes, Records(folder / "tokens.jsonl"), Kept(folder / "tokens-kept.jsonl"),
        machine=measuring.machine(threads),
    )  # fmt: skip
    if not args.report_only:
        configure(RuntimeSettings(threads=threads))
        _measure(bench, parts, offered, threads, folder)
    found = gathered(bench, offered)
    for part, sentence in found.lacking.items():
        print(f"{part}: {sentence}", file=sys.stderr)
    _write(args.out, found)
    return int(found.failures > 0)


def _parts(names: str | None) -> tuple[str, ...]:
    if names is None:
        return PARTS
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in PARTS:
            raise BadOption(f"There is no part {name!r}.", f"Choose from {', '.join(PARTS)}.")
    if not wanted:
        raise BadOption("--parts names no part.", f"Choose from {', '.join(PARTS)}.")
    return tuple(part for part in PARTS if part in wanted)


def _sizes(everything: bool, clips: str | None) -> token_bench.Sizes:
    if clips is None:
        return EVERYTHING if everything else STANDARD
    if not clips.isdigit() or not 1 <= int(clips) <= 1000:
        raise BadOption(f"--clips cannot be {clips!r}.", "Give a whole number from 1 to 1000.")
    return token_bench.few(int(clips))


def _measure(bench: Bench, parts: Sequence[str], offered: catalog.Catalogue, threads: int, folder: Path) -> None:
    missing = measuring.fetched(_MODELS)
    for model, sentence in missing.items():
        print(f"{model}: {sentence}", file=sys.stderr)

    def host() -> Host:
        return Host(threads=threads)

    ways: dict[str, Callable[[], None]] = {
        "hearing": lambda: _hear(bench, offered, host),
        "texts": lambda: token_speech.measure_texts(bench),
        "translations": lambda: token_speech.measure_translations(bench, host, offered),
        "codec": lambda: token_codec.measure_codecs(bench),
        "resynthesis": lambda: token_codec.measure_resynthesis(bench),
        "units": lambda: token_units.measure_units(bench),
        "duplex": lambda: token_units.measure_loop(bench),
        "stories": lambda: token_stories.measure_stories(bench, folder / "stories"),
    }
    with measuring.shown() as report:
        bench.report = report
        for part in parts:
            try:
                ways[part]()
            except BadInput:
                raise
            except TriptychError as error:
                bench.lacking[part] = f"{error.message} {error.hint}"


def _hear(bench: Bench, offered: catalog.Catalogue, host: Callable[[], Host]) -> None:
    wanted = protocol.cases(bench.prompts, bench.sizes.hearing)
    ready, left_out = measuring.prepared(_ENGINES, offered, asked(wanted))
    for engine, sentence in left_out.items():
        bench.lacking[f"hear {engine}"] = token_bench.untrained(offered.describe(engine).adapters) or sentence
    with host() as opened:
        lacking = protocol.measure(
            opened, ready, wanted, bench.records, catalogue=offered, machine=bench.machine, report=bench.report
        )
    bench.lacking |= {f"hear {engine}": sentence for engine, sentence in lacking.items()}


def gathered(bench: Bench, offered: catalog.Catalogue) -> Tokens:
    """Everything that was measured of token engines as they are now."""
    wanted = protocol.cases(bench.prompts, bench.sizes.hearing)
    heard = protocol.of_protocol(bench.records, _ENGINES, wanted, catalogue=offered)
    said, spoken = token_speech.texts(bench), token_speech.translations(bench, offered)
    speaking = {way: one for way in token_codec.THROUGH if (one := token_codec.resynthesised(bench, way)) is not None}
    summary = measuring.summarised(_ENGINES, offered, heard, bench.prompts)
    predicted = [
        one
        for adapter in _TRAINED
        if (file := paths.adapters() / adapter / "curve.csv").is_file()
        for one in prediction.of_curve(file, adapter)
    ]
    return Tokens(
        measured=dataclasses.replace(summary, machines=summary.machines or (bench.machine,)),
        lacking={**_untrained(offered), **bench.lacking},
        said=token_summary.said(said),
        said_compared=token_summary.said_compared(said),
        spoken=token_summary.spoken(spoken),
        spoken_compared=token_summary.spoken_compared(spoken),
        codec=token_codec.codec_lines(bench),
        resynthesised=speaking,
        units=token_units.units(bench),
        study=token_units.study(),
        loop=token_units.loop(bench),
        outcomes=token_stories.outcomes(bench),
        predictions=predicted,
        cards={name: card for name in _TRAINED if (card := measuring.trained(name)) is not None},
    )


def _untrained(offered: catalog.Catalogue) -> dict[str, str]:
    """Part → what it lacks, for a report of what was measured before."""
    wanted = {f"hear {engine}": offered.describe(engine).adapters for engine in _ENGINES}
    wanted |= {f"say {offer.id}": offer.adapters for offer in token_speech.OFFERS}
    wanted |= {f"speak {engine}": token_speech.needed(engine, offered) for engine in token_speech.TRANSLATORS}
    wanted |= {f"{token_codec.RESYNTHESIS} {way}": adapters for way, adapters in token_codec.THROUGH.items()}
    wanted |= {"codec": ("codec",), "units": ("units",), "duplex": token_units.LOOP}
    return {part: sentence for part, names in wanted.items() if (sentence := token_bench.untrained(names))}


def _write(folder: Path, found: Tokens) -> None:
    files = [(name, paths.adapters() / name / "curve.csv") for name in _TRAINED]
    drawn = [curves.read(file, name) for name, file in files if file.is_file()]
    written = {
        "tokens.md": token_report.markdown(found, curves=bool(drawn)),
        "tokens.csv": token_tabular.rows(found),
        "tokens.json": json.dumps(token_tabular.document(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }
    if drawn:
        written[token_report.CURVES] = curves.draw(drawn)
    if found.points():
        written[token_report.PARETO] = pareto.draw(found.points(), found.original)
    measuring.write(folder, written)
