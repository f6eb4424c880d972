"""``triptych bench``: engines × corpora × conditions, as a file says, into one table with intervals and tests."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

from app.commands import measuring
from engines import catalog
from engines.errors import BadInput
from engines.evaluation import bench_corpora, bench_run, bench_spec, bench_voices, pools, sharding
from engines.evaluation.bench_run import Plan
from engines.evaluation.peers import listing
from engines.evaluation.records import Records
from engines.evaluation.runs import asked


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``bench`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "bench",
        help="measure engines on corpora of your own, as a file says",
        description="Runs engines over corpora and conditions that a TOML file names (resources/bench has one, "
        f"and a list of the kinds of corpora: {', '.join(bench_corpora.KINDS)}), and "
        "writes bench.md, .html, .tex, .csv and .json with intervals and tested differences. A run that was "
        "interrupted goes on where it was.",
    )
    parser.add_argument("spec", type=Path, metavar="SPEC.toml", help="what is measured")
    parser.add_argument("--store", type=Path, metavar="DIR", help="where single measurements are kept")
    parser.add_argument("--out", type=Path, default=Path("bench"), metavar="DIR", help="where the table is written")
    parser.add_argument("--report-only", action="store_true", help="run nothing, write what was measured before")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--ray", metavar="ADDRESS", help="share the recordings out on a Ray cluster, as ray.init names it"
    )
    where.add_argument("--workers", default="0", metavar="N", help="or to N processes of this machine")
    parser.add_argument("--threads", default="0", metavar="N", help="threads per engine (default: as ONNX Runtime)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Carries the subcommand out.

    Raises:
        BadInput: the file or a corpus is not what it should be, or another run uses the same store.
    """
    offered, threads = listing.with_peers(catalog.default()), measuring.threads(args.threads)
    workers = measuring.threads(args.workers, "--workers")
    plan = bench_run.planned(bench_spec.read(args.spec, offered), args.spec.parent)
    for problem in plan.problems:
        print(problem, file=sys.stderr)
    if plan.empty:
        raise BadInput(f"{args.spec} names no recording that can be used.", "See the problems above.")
    engines = plan.spec.engines
    with bench_run.opened(plan, args.store) as records:
        if not args.report_only:
            engines = _measure(plan, records, offered, _Where(threads, args.ray, workers))
        found = bench_run.found(plan, engines, records, offered)
    if not found.records:
        raise BadInput("Nothing was measured, so there is no table to write.", "Run it without --report-only.")
    measuring.write(args.out, bench_run.files(found, offered))
    return int(any(record.failure for record in found.records))


@dataclasses.dataclass(frozen=True)
class _Where:
    """Where engines run: here, in several processes here, or on a cluster."""

    threads: int
    ray: str | None
    workers: int

    def pool(self, offered: catalog.Catalogue, versions: Mapping[str, str]) -> pools.Processes | pools.RayActors:
        """Workers, one thread each where nothing else was said."""
        threads = self.threads or 1
        if self.ray is not None:
            return pools.RayActors(self.ray, offered, versions, threads)
        return pools.Processes(self.workers, offered, versions, threads)


def _measure(plan: Plan, records: Records, offered: catalog.Catalogue, where: _Where) -> tuple[str, ...]:
    engines, left_out = measuring.prepared(plan.spec.engines, offered, asked(plan.cases))
    left_out |= measuring.fetched(bench_voices.models(plan.spec.voices, plan.cases))
    _tell(left_out)
    with measuring.shown() as report, contextlib.ExitStack() as stack:
        if where.ray is None and not where.workers:
            _tell(bench_run.measured_here(plan, engines, records, offered, threads=where.threads, report=report))
            return engines

        def opened(versions: Mapping[str, str]) -> pools.Processes | pools.RayActors:
            return stack.enter_context(contextlib.closing(where.pool(offered, versions)))

        sharding.measure(opened, engines, plan.cases, records, catalogue=offered, seed=plan.spec.seed, report=report)
        _tell(bench_run.said_here(plan, records, threads=where.threads, report=report))
    return engines


def _tell(left_out: Mapping[str, str]) -> None:
    for name, reason in left_out.items():
        print(f"{name} is left out: {reason}", file=sys.stderr)
