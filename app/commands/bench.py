"""``triptych bench``: engines × corpora × conditions, as a file says, into one table with intervals and tests."""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from app.commands import measuring
from engines import catalog, paths
from engines.errors import BadInput
from engines.evaluation import bench_corpora, bench_results, bench_spec, pools, protocol, sharding
from engines.evaluation.bench_results import METRICS, Compared, Score
from engines.evaluation.bench_spec import Spec
from engines.evaluation.peers import listing
from engines.evaluation.protocol import Case
from engines.evaluation.records import Records
from engines.host import Host


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds ``bench`` to the program's subcommands; :func:`run` carries it out."""
    parser = subparsers.add_parser(
        "bench",
        help="measure engines on corpora of your own, as a file says",
        description="Runs engines over corpora and conditions that a TOML file names (resources/bench has one, "
        f"and a list of the kinds of corpora: {', '.join(bench_corpora.KINDS)}), and "
        "writes bench.md, .csv and .json with intervals and tested differences. A run that was interrupted goes on "
        "where it was.",
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
    spec = bench_spec.read(args.spec, offered)
    wanted, problems = bench_spec.cases(spec, args.spec.parent)
    for problem in problems:
        print(problem, file=sys.stderr)
    digest, wanted, unreadable = _heard(spec, wanted)
    for problem in unreadable:
        print(problem, file=sys.stderr)
    problems += unreadable
    if not wanted:
        raise BadInput(f"{args.spec} names no recording that can be used.", "See the problems above.")
    folder = args.store or paths.data() / "measurements"
    store = folder / f"bench-{digest}.jsonl"
    engines = spec.engines
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{store}.lock", timeout=0):
            records = Records(store)
            if not args.report_only:
                engines = _measure(spec, wanted, records, offered, _Where(threads, args.ray, workers))
            found = protocol.of_protocol(records, engines, wanted, catalogue=offered)
    except Timeout:
        raise BadInput(f"Another run is writing to {store}.", "Wait until it has ended.") from None
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror}.", "Name another with --store.") from error
    if not found:
        raise BadInput("Nothing was measured, so there is no table to write.", "Run it without --report-only.")
    scores, compared = bench_results.scores(found), bench_results.comparisons(found)
    measuring.write(args.out, files(scores, compared, problems))
    return int(any(record.failure for record in found))


def _heard(spec: Spec, wanted: Sequence[Case]) -> tuple[str, list[Case], list[str]]:
    """Listens to everything once.

    Returns:
        A digest of all that changes what a recording sounds like (the seed, and the clips' sound and references), the
        cases whose sound could be read, and one sentence for each clip whose could not.
    """
    digest, problems = hashlib.sha256(str(spec.seed).encode()), list[str]()
    clips = {case.clip.corpus + "/" + case.clip.id: case.clip for case in wanted}
    for name, clip in sorted(clips.items()):
        try:
            sound = clip.read().tobytes()
        except BadInput as error:
            problems.append(f"{clip.corpus}: {clip.id} is left out: {error.message}")
            del clips[name]
            continue
        texts = [name, clip.language, clip.text, clip.english, *([clip.answer] if clip.answer else [])]
        digest.update(json.dumps(texts).encode())
        digest.update(sound)
    return digest.hexdigest()[:16], [c for c in wanted if c.clip.corpus + "/" + c.clip.id in clips], problems


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


def _measure(
    spec: Spec, wanted: Sequence[Case], records: Records, offered: catalog.Catalogue, where: _Where
) -> tuple[str, ...]:
    engines, left_out = measuring.prepared(spec.engines, offered, measuring.hearing(wanted))
    for engine, reason in left_out.items():
        print(f"{engine} is left out: {reason}", file=sys.stderr)
    with measuring.shown() as report, contextlib.ExitStack() as stack:
        if where.ray is None and not where.workers:
            host = stack.enter_context(Host(threads=where.threads, catalogue=offered))
            protocol.measure(
                host, engines, wanted, records, catalogue=offered, seed=spec.seed,
                machine=measuring.machine(where.threads), report=report,
            )  # fmt: skip
            return engines

        def opened(versions: Mapping[str, str]) -> pools.Processes | pools.RayActors:
            return stack.enter_context(contextlib.closing(where.pool(offered, versions)))

        sharding.measure(opened, engines, wanted, records, catalogue=offered, seed=spec.seed, report=report)
    return engines


def files(scores: Sequence[Score], compared: Sequence[Compared], problems: Sequence[str]) -> dict[str, str]:
    """What is written: name → text, the table for people first."""
    document = {
        "schema": 1,
        "scores": [dataclasses.asdict(one) for one in scores],
        "comparisons": [{**dataclasses.asdict(one), "differs": one.differs} for one in compared],
        "problems": list(problems),
    }
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([field.name for field in dataclasses.fields(Score)])
    table.writerows(dataclasses.astuple(one) for one in scores)
    return {
        "bench.md": _markdown(scores, compared, problems),
        "bench.csv": text.getvalue(),
        "bench.json": json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }


def _markdown(scores: Sequence[Score], compared: Sequence[Compared], problems: Sequence[str]) -> str:
    lines = ["# Bench", "", "| corpus | condition | engine | metric | score | 95 % | recordings | failed |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for one in scores:
        scale = 1 if METRICS[one.metric].task == "translate" else 100
        bounds = "" if one.low is None or one.high is None else f"{scale * one.low:.1f} to {scale * one.high:.1f}"
        lines.append(
            f"| {one.corpus} | {one.condition} | {one.engine} | {one.metric} | {scale * one.value:.1f} | {bounds} | "
            f"{one.clips} | {one.failures} |"
        )
    lines += ["", "Error rates are percent of the references; what an engine failed on counts as missing.", ""]
    for pair in compared:
        said = "differ" if pair.differs else "are not told apart"
        lines.append(
            f"- {pair.corpus}, {pair.condition}, {pair.metric}: {pair.first} and {pair.second} {said} "
            f"(p = {max(pair.p, pair.mapsswe or 0.0):.3g} after Holm)."
        )
    lines += ["", *(f"- {problem}" for problem in problems)] if problems else []
    return "\n".join(lines) + "\n"
