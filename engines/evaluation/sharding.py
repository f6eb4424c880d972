"""The protocol on many workers: recordings are shared out, and one process alone writes what was measured.

A worker is given the sound as it is heard, so it needs no corpus. A recording that was with a worker that was lost goes
to another. What is written is what one process writes; times are those of the worker, whose machine each record names.
"""

from __future__ import annotations

import itertools
import platform
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from engines.catalog import Catalogue
from engines.contract import Task, Utterance
from engines.errors import AdapterMismatch, EngineCrashed, TriptychError
from engines.evaluation import machine, protocol
from engines.evaluation.peers import listing
from engines.evaluation.protocol import Report
from engines.evaluation.readback import Listener
from engines.evaluation.records import Records
from engines.evaluation.runs import Case, Outcome, hear_out, heard, recorded
from engines.host import Host

TRIES: Final = 3
"""A recording that so many workers were lost with counts as one that the engines failed on."""
LOST: Final = f"EngineCrashed: {TRIES} workers were lost with this recording."


@dataclass(frozen=True)
class Job:
    """One recording under one condition, and the engines that hear it.

    Attributes:
        place: which of the cases it is.
        utterance: as it is heard.
        task: what is asked.
        engines: ids.
        fresh: whether work that was done before is done again.
    """

    place: int
    utterance: Utterance
    task: Task
    engines: tuple[str, ...]
    fresh: bool = False


@dataclass(frozen=True)
class Done:
    """What came of a job.

    Attributes:
        outcomes: one per engine, in order.
        machine: where.
    """

    outcomes: tuple[Outcome, ...]
    machine: str


@dataclass(frozen=True)
class Lost:
    """A worker went away with its job.

    Attributes:
        replaced: whether another has taken its seat.
    """

    replaced: bool


Answer: TypeAlias = Done | TriptychError | Lost


class Pool(Protocol):
    """Workers, each with a seat that takes one job at a time."""

    @property
    def seats(self) -> int:
        """How many workers there are at the beginning."""
        ...

    def submit(self, seat: int, job: Job) -> None:
        """Gives a job to a worker that has none."""
        ...

    def next(self) -> tuple[int, Answer]:
        """Waits for a worker that is done; what its work raised is given back."""
        ...


class Worker:
    """Runs jobs where it is.

    Args:
        catalogue: the engines there are.
        versions: engine → the version that is measured.
        threads: per engine.
    """

    def __init__(self, catalogue: Catalogue, versions: Mapping[str, str], threads: int) -> None:
        self._catalogue = catalogue
        self._versions = dict(versions)
        self._threads = threads
        self._host: Host | None = None
        self._warm: set[tuple[str, Task]] = set()
        self._listen = Listener()

    def run(self, job: Job) -> Done | TriptychError:
        """Runs a job; an engine that lacks something here gives the sentence that says so."""
        try:
            return Done(tuple(self._outcome(engine, job) for engine in job.engines), machine.described(self._threads))
        except TriptychError as error:
            return type(error)(f"A worker on {platform.node()} says: {error.message}", error.hint)

    def _outcome(self, engine: str, job: Job) -> Outcome:
        if self._host is None:
            self._host = Host(threads=self._threads, catalogue=self._catalogue)
        if (engine, job.task) not in self._warm:
            self._require_same(engine)
            hear_out(self._host, engine, job.task, job.utterance, self._listen)
            self._warm.add((engine, job.task))
        return hear_out(self._host, engine, job.task, job.utterance, self._listen, fresh=job.fresh)

    def _require_same(self, engine: str) -> None:
        """Scores of other weights would stand under the name of these.

        Raises:
            AdapterMismatch: the worker has others, or another version of a peer.
        """
        peer = listing.PEERS.get(engine)
        described = self._catalogue.describe(engine) if peer is None else peer.describe()
        if protocol.version(described) != self._versions[engine]:
            raise AdapterMismatch(
                f"The weights or the version of {engine} are others than where the bench was begun.",
                "Install the same on all machines.",
            )


def measure(
    open_pool: Callable[[Mapping[str, str]], Pool],
    engines: Sequence[str],
    wanted: Sequence[Case],
    records: Records,
    *,
    catalogue: Catalogue,
    seed: int = 0,
    report: Report | None = None,
) -> None:
    """As :func:`engines.evaluation.protocol.measure`, on workers.

    Args:
        open_pool: gives the workers for engines (id → version); not asked where nothing is left to run.
        engines: ids.
        wanted: the cases.
        records: where measurements are kept; only this process writes there.
        catalogue: the engines there are.
        seed: of the noise.
        report: told before every job of the runs done.

    Raises:
        EngineCrashed: every worker was lost.
        TriptychError: as there, and what a worker lacks.
    """
    versions = {engine: protocol.version(catalogue.describe(engine)) for engine in engines}
    todo = protocol.unmeasured(versions, wanted, records, catalogue)
    if not todo:
        return
    shares = _Shares(open_pool(versions), todo, seed)
    done = 0
    while shares.left:
        if report is not None:
            report(done, len(todo), shares.submit())
        else:
            shares.submit()
        for case, engine, outcome, where in shares.next():
            records.add(recorded(case, engine, versions[engine], outcome, where, seed))
            done += 1


class _Shares:
    """Who has which recording."""

    def __init__(self, pool: Pool, todo: Sequence[tuple[Case, str]], seed: int) -> None:
        self._pool = pool
        self._seed = seed
        # Runs of one case stand together already.
        groups = [list(runs) for _, runs in itertools.groupby(todo, key=lambda run: id(run[0]))]
        self._shares = [(runs[0][0], tuple(engine for _, engine in runs)) for runs in groups]
        self._waiting = deque(range(len(self._shares)))
        self._free = deque(range(pool.seats))
        self._running: dict[int, int] = {}
        self._lost = Counter[int]()

    @property
    def left(self) -> bool:
        """Whether something is to be run or runs."""
        return bool(self._waiting or self._running)

    def submit(self) -> str:
        """Gives every free worker a job; returns what runs.

        Raises:
            EngineCrashed: there is no worker.
        """
        while self._waiting and self._free:
            place, seat = self._waiting.popleft(), self._free.popleft()
            case, engines = self._shares[place]
            self._running[seat] = place
            self._pool.submit(seat, Job(place, heard(case, self._seed), case.task, engines, case.repetition > 0))
        if not self._running:
            raise EngineCrashed("Every worker was lost.", "The same command goes on from here once there are others.")
        names = ", ".join(self._shares[place][0].clip.id for place in self._running.values())
        return f"{len(self._running)} workers, {names}"

    def next(self) -> Iterator[tuple[Case, str, Outcome, str]]:
        """Waits for a job; gives case, engine, what came of it and where, nothing where it is tried again.

        Raises:
            TriptychError: what a worker lacks.
        """
        seat, answer = self._pool.next()
        place = self._running.pop(seat)
        case, engines = self._shares[place]
        if isinstance(answer, TriptychError):
            raise answer
        if not isinstance(answer, Lost) or answer.replaced:
            self._free.append(seat)
        if isinstance(answer, Lost):
            self._lost[place] += 1
            if self._lost[place] < TRIES:
                self._waiting.appendleft(place)
                return
            answer = Done(tuple(Outcome(failure=LOST) for _ in engines), "")
        for engine, outcome in zip(engines, answer.outcomes, strict=True):
            yield case, engine, outcome, answer.machine
