"""Runs a bench beside the window, between two runs of which it can be stopped; what was measured is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.background import Job
from app.benchdraft import Draft, spec_of
from app.language import tr
from app.needs import fitting, models_needed
from app.preparation import Progress, Unprepared, preparing
from engines.catalog import Catalogue
from engines.errors import BadInput, Cancelled, TriptychError
from engines.evaluation import bench_run, bench_spec
from engines.evaluation.bench_run import Results
from engines.evaluation.peers import listing
from engines.evaluation.runs import asked
from engines.runtime.cancellation import CancelToken, cancellable, check


@dataclass(frozen=True)
class Checked:
    """What is known of a bench before it runs.

    Attributes:
        recordings: that it hears.
        problems: one sentence for each recording and each engine that is left out.
    """

    recordings: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """How a bench ended.

    Attributes:
        results: of what was measured; None where it was stopped before anything could be.
        left_out: engine → why.
        complete: whether it was not stopped.
    """

    results: Results | None
    left_out: Mapping[str, str]
    complete: bool


class BenchRunner(QObject):
    """One bench at a time.

    Args:
        folder: where measurements are kept; None for the program's own.
    """

    checked = Signal(object)
    """A :class:`Checked`."""
    told = Signal(str)
    """What is made ready."""
    advanced = Signal(int, int, str)
    """Runs done, runs in all, what runs now."""
    ended = Signal(object)
    """An :class:`Ended`."""
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None, *, folder: Path | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._checking: Job | None = None
        self._job: Job | None = None
        self._token = CancelToken()

    @property
    def running(self) -> bool:
        """Whether a bench is under way, or ends just now."""
        return self._job is not None

    def check(self, draft: Draft, catalogue: Catalogue) -> None:
        """Looks what is wrong with a bench; :attr:`checked` or :attr:`failed` follows, of the last that was asked."""
        if self._checking is not None:
            self._checking.cancel()
        job = self._checking = Job(lambda: _checked(draft, catalogue), "check-bench")
        job.finished.connect(self.checked)
        job.failed.connect(self.failed)
        job.start()

    def start(self, draft: Draft, catalogue: Catalogue, before: Callable[[], None]) -> None:
        """Begins, or goes on with what was measured before.

        Args:
            draft: the bench.
            catalogue: the engines there are.
            before: called beside the window before anything else.
        """
        token = self._token = CancelToken()

        def work() -> Ended:
            before()
            with cancellable(token):
                return self._run(draft, catalogue)

        job = self._job = Job(work, "bench")
        job.finished.connect(self._end)
        job.failed.connect(self._fail)
        job.start()

    def stop(self) -> None:
        """Asks it to end after the run in hand; :attr:`ended` follows."""
        self._token.cancel()

    def close(self) -> None:
        """Ends it at the end of the program."""
        self._token.cancel()
        for job in (self._checking, self._job):
            if job is not None:
                job.cancel()

    def _end(self, ended: Ended) -> None:
        self._job = None
        self.ended.emit(ended)

    def _fail(self, error: TriptychError) -> None:
        self._job = None
        self.failed.emit(error)

    def _run(self, draft: Draft, catalogue: Catalogue) -> Ended:
        """In the thread."""
        left_out: dict[str, str] = {}
        results: Results | None = None
        try:
            self.told.emit(tr("Reading the recordings …"))
            plan = bench_run.planned(spec_of(draft, catalogue), Path())
            if plan.empty:
                raise BadInput(tr("No recording can be used."), tr("See what is left out."))
            engines = self._prepared(plan, catalogue, left_out)
            with bench_run.opened(plan, self._folder) as records:
                try:
                    left_out |= bench_run.measured_here(plan, engines, records, catalogue, report=self._report)
                finally:
                    results = bench_run.found(plan, engines, records, catalogue)
        except Cancelled:
            return Ended(results, left_out, complete=False)
        return Ended(results, left_out, complete=True)

    def _report(self, done: int, total: int, what: str) -> None:
        check()
        self.advanced.emit(done, total, what)

    def _prepared(self, plan: bench_run.Plan, catalogue: Catalogue, left_out: dict[str, str]) -> tuple[str, ...]:
        requests, needed = asked(plan.cases), []
        for engine in plan.spec.engines:
            try:
                listing.require(engine)
                described = catalogue.describe(engine)
                needed += [(described, request) for request in fitting(described, requests)]
            except TriptychError as error:
                left_out[engine] = f"{error.message} {error.hint}"
        for step in preparing(needed):
            if isinstance(step, Progress):
                self.told.emit(step.event.what)
            elif isinstance(step, Unprepared):
                left_out[step.engine] = f"{step.error.message} {step.error.hint}"
        return tuple(engine for engine in plan.spec.engines if engine not in left_out)


def _checked(draft: Draft, catalogue: Catalogue) -> Checked:
    wanted = bench_spec.wanted(spec := spec_of(draft, catalogue), Path())
    problems, requests = list(wanted.problems), asked(wanted.cases)
    for engine in spec.engines if wanted.cases else ():
        try:
            listing.require(engine)
            for request in fitting(catalogue.describe(engine), requests):
                models_needed(catalogue.describe(engine), request)
        except TriptychError as error:
            name = catalogue.describe(engine).name
            problems.append(tr("{name} is left out: {why}").format(name=name, why=f"{error.message} {error.hint}"))
    heard = [*(case.clip for case in wanted.cases), *wanted.texts]
    return Checked(len({(clip.corpus, clip.id) for clip in heard}), tuple(problems))
