"""``triptych report``: the fair comparison as one page, of all that was measured, with the survey's six challenges."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.commands import measuring, tokens
from engines import catalog, paths
from engines.catalog import Catalogue
from engines.contract import Request, Utterance
from engines.errors import BadInput, TriptychError
from engines.evaluation import (
    bench_run,
    bench_spec,
    by_language,
    corpora,
    fair_report,
    kept_costs,
    paralinguistic,
    probe_inputs,
    protocol,
    published,
    speech_text,
)
from engines.evaluation.corpora import Clip
from engines.evaluation.fair import Fair
from engines.evaluation.kept import Kept
from engines.evaluation.paralinguistic import Input
from engines.evaluation.protocol import EVERYTHING, STANDARD
from engines.evaluation.records import Key, Record, Records
from engines.evaluation.token_bench import STANDARD as TOKENS
from engines.evaluation.token_bench import Bench
from engines.host import Host
from engines.models import kokoro
from engines.models.components import Components
from engines.runtime.sessions import RuntimeSettings, configure

_MODELS: Final = ("whisper-base", kokoro.WEIGHTS)
_ALIGNED: Final = 12
"""Held-out prompts and recordings of unseen speakers each, of which words are read off."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``report`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "report",
        help="write the fair comparison of all paradigms as one page",
        description="Gathers what `triptych adapters` and `triptych tokens` measured, measures what reaches each "
        "language model besides words and how near to text it is, and writes fair-comparison.html with .md, .tex, "
        ".csv, .json and pictures. What was not measured says so. A run that was interrupted goes on where it was.",
    )
    parser.add_argument(
        "--prompts", type=Path, metavar="DIR", help="folder of telephone prompts (default: TRIPTYCH_PROMPTS)"
    )
    parser.add_argument("--all", action="store_true", help="of every recording that was measured, not the usual subset")
    parser.add_argument("--store", type=Path, metavar="DIR", help="where single measurements are kept")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/results"), metavar="DIR", help="where the report is written"
    )
    parser.add_argument("--report-only", action="store_true", help="run nothing, write what was measured before")
    parser.add_argument("--threads", default="0", metavar="N", help="threads per model (default: as ONNX Runtime does)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: nothing was measured, or a folder is not what it should be.
    """
    threads, prompts = measuring.threads(args.threads), measuring.prompts(args.prompts)
    folder, offered = args.store or paths.data() / "measurements", catalog.default()
    kept, lacking = Kept(folder / "challenges.jsonl"), dict[str, str]()
    english = corpora.prompts(prompts, "en") if prompts is not None else []
    clips = [*corpora.evenly(english, _ALIGNED), *corpora.evenly(corpora.unseen(), _ALIGNED)]
    records = _records(folder, offered, prompts, everything=args.all)
    engines = tuple(dict.fromkeys(record.engine for record in records))
    if not engines:
        hint = "Run `triptych adapters` or `triptych tokens` first."
        raise BadInput(f"Nothing was measured under {folder}, so there is nothing to report.", hint)
    if not args.report_only:
        configure(RuntimeSettings(threads=threads))
        _measure(engines, offered, clips, english, kept, lacking, threads)
    inputs = _inputs(lacking)
    bench = Bench(prompts, TOKENS, Records(folder / "tokens.jsonl"), Kept(folder / "tokens-kept.jsonl"))
    found = Fair(
        summary=measuring.summarised(engines, offered, records, prompts),
        paradigms={engine: offered.describe(engine).paradigm for engine in engines},
        literature=published.read(),
        lateness=by_language.lateness(records),
        languages=by_language.by_language(records),
        probes=paralinguistic.outcomes(inputs, kept),
        aligned=speech_text.outcomes(engines, clips, kept, catalogue=offered),
        tokens=tokens.gathered(bench, offered),
        costs=kept_costs.outcomes(engines, _asked(), kept, catalogue=offered, machine=measuring.machine(1)),
        lacking=lacking,
    )
    for part, sentence in lacking.items():
        print(f"{part}: {sentence}", file=sys.stderr)
    measuring.write(args.out, fair_report.files(found))
    return int(any(record.failure for record in records))


def _asked() -> Request:
    """What engines are asked when their costs are measured: the longest recording of a person nobody trained on."""
    clip = max(corpora.unseen(), key=lambda one: one.seconds)
    samples = clip.read()
    digest = hashlib.sha256(samples.tobytes()).hexdigest()
    return Request(Utterance(samples, digest, clip.id, language=clip.language))


def _records(folder: Path, offered: Catalogue, prompts: Path | None, *, everything: bool) -> list[Record]:
    """What all engines as they are now wrote, of one and the same protocol: that of the bundled bench if it was run."""
    engines = [engine.id for engine in offered.engines]
    if not everything and (benched := _benched(folder, offered, prompts)):
        return benched
    wanted = protocol.cases(prompts, EVERYTHING if everything else STANDARD)
    found: dict[Key, Record] = {}
    for name in ("adapters.jsonl", "tokens.jsonl"):
        for record in protocol.of_protocol(Records(folder / name), engines, wanted, catalogue=offered):
            found.setdefault(record.key, record)
    return list(found.values())


def _benched(folder: Path, offered: Catalogue, prompts: Path | None) -> list[Record]:
    """What the bundled bench measured; conditions that have no column here are left to the table of the bench."""
    file = paths.resources() / "bench" / "fair-comparison.toml"
    spec = bench_spec.read(file, offered)
    if prompts is not None:
        placed = [one.model_copy(update={"path": prompts}) if one.kind == "prompts" else one for one in spec.corpora]
        spec = spec.model_copy(update={"corpora": tuple(placed)})
    plan = bench_run.planned(spec, file.parent)
    store = bench_run.store(plan, folder)
    if not store.exists():
        return []
    found = protocol.of_protocol(Records(store), spec.engines, plan.cases, catalogue=offered)
    return [
        record
        for record in found
        if record.task in {"transcribe", "translate"}
        and record.reference
        and record.condition.partition("-")[0] in {"clean", "babble"}
    ]


def _inputs(lacking: dict[str, str]) -> list[Input]:
    try:
        return probe_inputs.inputs(Components(), lacking)
    except TriptychError as error:
        lacking["probes"] = f"{error.message} {error.hint}"
        return []


def _measure(
    engines: Sequence[str], offered: Catalogue, clips: Sequence[Clip], english: Sequence[Clip], kept: Kept,
    lacking: dict[str, str], threads: int,
) -> None:  # fmt: skip
    lacking |= measuring.fetched(_MODELS)
    with measuring.shown() as report:
        try:
            components = Components()
            inputs = probe_inputs.inputs(components, lacking)
            paralinguistic.measure(inputs, probe_inputs.kokoro(components), english, kept, report)
        except BadInput:
            raise
        except TriptychError as error:
            lacking["probes"] = f"{error.message} {error.hint}"
        for engine in engines:
            try:
                with Host(threads=threads) as host:
                    speech_text.measure(host, [engine], clips, kept, catalogue=offered, report=report)
            except BadInput:
                raise
            except TriptychError as error:
                lacking[f"aligned, {engine}"] = f"{error.message} {error.hint}"
        machine = measuring.machine(1)
        kept_costs.measure(engines, _asked(), kept, catalogue=offered, machine=machine, report=report)
