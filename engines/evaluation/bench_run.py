"""A bench from its file to its tables: what is heard, where measurements are kept, and what is written of them.

The command line and the window carry out the same bench by these: :func:`planned`, :func:`opened`,
:func:`measured_here` (or :mod:`.sharding`), :func:`found` and :func:`files`.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from engines import paths
from engines.catalog import Catalogue
from engines.errors import BadInput
from engines.evaluation import bench_report, bench_results, bench_spec, bench_voices, machine, page, protocol, sheet
from engines.evaluation.bench_metrics import METRICS
from engines.evaluation.bench_results import Compared, Score
from engines.evaluation.bench_spec import Spec, Wanted
from engines.evaluation.corpora import Clip
from engines.evaluation.protocol import Report
from engines.evaluation.readback import READER
from engines.evaluation.records import Record, Records
from engines.evaluation.runs import Case
from engines.evaluation.sheet import Figure, Heading
from engines.host import Host
from engines.runtime.cancellation import check
from engines.runtime.sessions import configure, settings


@dataclass(frozen=True)
class Plan:
    """What a bench hears.

    Attributes:
        spec: what was asked.
        cases: recordings under conditions whose sound can be read; empty where nothing can.
        texts: that voices say.
        problems: one sentence for everything that is left out.
        digest: of all that changes what is heard; measurements are kept under it.
    """

    spec: Spec
    cases: tuple[Case, ...]
    texts: tuple[Clip, ...]
    problems: tuple[str, ...]
    digest: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing to measure."""
        return not self.cases and not self.texts


@dataclass(frozen=True)
class Results:
    """What came of a bench, complete or not.

    Attributes:
        records: single measurements, in the order of the cases.
        scores: every metric of every engine on every corpus under every condition.
        compared: pairs of engines.
        problems: as the plan has them.
    """

    records: tuple[Record, ...]
    scores: tuple[Score, ...]
    compared: tuple[Compared, ...]
    problems: tuple[str, ...]


def planned(spec: Spec, folder: Path) -> Plan:
    """Reads the corpora and listens to everything once.

    Args:
        spec: what is measured.
        folder: that paths in it are relative to.

    Raises:
        BadInput: a corpus cannot be read at all.
        Cancelled: the work was cancelled.
    """
    wanted = bench_spec.wanted(spec, folder)
    digest, cases, unreadable = _heard(spec, wanted)
    return Plan(spec, tuple(cases), wanted.texts, (*wanted.problems, *unreadable), digest)


def _heard(spec: Spec, wanted: Wanted) -> tuple[str, list[Case], list[str]]:
    """Listens to everything once.

    Returns:
        A digest of all that changes what a recording sounds like (the seed, and the clips' sound and references), the
        cases whose sound could be read, and one sentence for each clip whose could not.
    """
    digest, problems = hashlib.sha256(f"{spec.seed} {READER}".encode()), list[str]()
    clips = {case.clip.corpus + "/" + case.clip.id: case.clip for case in wanted.cases}
    for clip in wanted.texts:
        digest.update(json.dumps([clip.corpus, clip.id, clip.text]).encode())
    for name, clip in sorted(clips.items()):
        check()
        try:
            sound = clip.read().tobytes()
        except BadInput as error:
            problems.append(f"{clip.corpus}: {clip.id} is left out: {error.message}")
            del clips[name]
            continue
        texts = [name, clip.language, clip.text, clip.english, *([clip.answer] if clip.answer else [])]
        digest.update(json.dumps(texts).encode())
        digest.update(sound)
    return digest.hexdigest()[:16], [c for c in wanted.cases if c.clip.corpus + "/" + c.clip.id in clips], problems


def store(plan: Plan, folder: Path) -> Path:
    """The file of a bench's measurements."""
    return folder / f"bench-{plan.digest}.jsonl"


@contextlib.contextmanager
def opened(plan: Plan, folder: Path | None = None) -> Iterator[Records]:
    """The measurements of a bench, those of earlier runs with them; nobody else writes to them meanwhile.

    Args:
        plan: the bench.
        folder: where they are kept; None for the program's own.

    Raises:
        BadInput: another run uses them, or the folder cannot be written.
    """
    folder = folder or paths.data() / "measurements"
    file = store(plan, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock", timeout=0):
            yield Records(file)
    except Timeout:
        raise BadInput(f"Another run is writing to {file}.", "Wait until it has ended.") from None
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror}.", "Name another with --store.") from error


def measured_here(
    plan: Plan,
    engines: Sequence[str],
    records: Records,
    catalogue: Catalogue,
    *,
    threads: int = 0,
    report: Report | None = None,
) -> dict[str, str]:
    """Runs what was not measured before, in one process of this machine.

    Args:
        plan: the bench.
        engines: ids; each must be ready.
        records: from :func:`opened`.
        catalogue: the engines there are.
        threads: per engine; 0 as ONNX Runtime chooses.
        report: told before every run. What it raises ends the bench between two runs; what was measured is kept.

    Returns:
        engines and voices that lack something → a sentence.

    Raises:
        TriptychError: what :func:`engines.evaluation.protocol.measure` raises.
    """
    configure(replace(settings(), threads=threads))  # of what listens to engines that speak
    with Host(threads=threads, catalogue=catalogue) as host:
        lacking = protocol.measure(
            host, engines, plan.cases, records, catalogue=catalogue, seed=plan.spec.seed,
            machine=machine.described(threads), report=report,
        )  # fmt: skip
    return lacking | said_here(plan, records, threads=threads, report=report)


def said_here(plan: Plan, records: Records, *, threads: int = 0, report: Report | None = None) -> dict[str, str]:
    """Lets voices say what they have not said before, in this process, whose sessions have so many threads then.

    Returns:
        voices that lack something → a sentence.

    Raises:
        BadInput: a record cannot be written.
    """
    configure(replace(settings(), threads=threads))
    where = machine.described(threads)
    return bench_voices.measure(plan.spec.voices, plan.texts, records, where=where, report=report)


def found(plan: Plan, engines: Sequence[str], records: Records, catalogue: Catalogue) -> Results:
    """Scores and comparisons of what was measured of these engines; all empty where nothing was."""
    kept = protocol.of_protocol(records, engines, plan.cases, catalogue=catalogue)
    kept += bench_voices.found(plan.spec.voices, plan.texts, records)
    scores, compared = bench_results.scores(kept, plan.spec.metrics), bench_results.comparisons(kept)
    return Results(tuple(kept), tuple(scores), tuple(compared), plan.problems)


def files(found: Results, catalogue: Catalogue) -> dict[str, str]:
    """What is written: name → text, the table for people first."""
    known = {engine.id for engine in catalogue.engines}
    names = dict.fromkeys(one.engine for one in found.scores if one.task != "say")
    paradigms = {name: catalogue.describe(name).paradigm for name in names if name in known}
    blocks = bench_report.told(found.scores, found.compared, found.problems, paradigms, found.records)
    document = {
        "schema": 2,
        "scores": [dataclasses.asdict(one) for one in found.scores],
        "comparisons": [{**dataclasses.asdict(one), "differs": one.differs} for one in found.compared],
        "problems": list(found.problems),
    }
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([field.name for field in dataclasses.fields(Score)])
    table.writerows(dataclasses.astuple(one) for one in found.scores)
    return {
        "bench.md": sheet.markdown([Heading(bench_report.TITLE, 1), *blocks], "bench-"),
        "bench.html": page.render(bench_report.TITLE, blocks),
        "bench.tex": sheet.latex(blocks),
        "bench.csv": text.getvalue(),
        "bench.json": json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        **{f"bench-{block.name}.svg": block.svg for block in blocks if isinstance(block, Figure)},
    }


def scaled(one: Score) -> tuple[float, str]:
    """A score as tables have it, error rates in percent; and its interval, empty where there is none."""
    metric = METRICS[one.metric]
    digits = 2 if metric.unit in {"s", "s/s", "1–5"} else 1
    bounds = ""
    if one.low is not None and one.high is not None:
        bounds = f"{metric.shown(one.low):.{digits}f} to {metric.shown(one.high):.{digits}f}"
    return round(metric.shown(one.value), digits), bounds
