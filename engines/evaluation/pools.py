"""Where workers are: processes of this machine, or actors of a Ray cluster (https://docs.ray.io)."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final

from engines.catalog import Catalogue
from engines.errors import ServerUnreachable, TriptychError, Unavailable
from engines.evaluation.sharding import Answer, Done, Job, Lost, Worker

_RESTARTS: Final = 2
_worker: Worker | None = None


def _begin(catalogue: Catalogue, versions: Mapping[str, str], threads: int) -> None:
    global _worker  # noqa: PLW0603  # one process, one worker, made when the process begins
    _worker = Worker(catalogue, versions, threads)


def _run(job: Job) -> Done | TriptychError:
    assert _worker is not None
    return _worker.run(job)


class Processes:
    """Workers on this machine; each is a process of its own, so that the end of one costs one job.

    Args:
        count: of workers.
        catalogue: the engines there are.
        versions: engine → the version that is measured.
        threads: per engine.
    """

    def __init__(self, count: int, catalogue: Catalogue, versions: Mapping[str, str], threads: int) -> None:
        self._arguments = (catalogue, dict(versions), threads)
        self._seats = [self._seat() for _ in range(count)]
        self._running: dict[Future[Done | TriptychError], int] = {}

    @property
    def seats(self) -> int:
        """How many workers there are."""
        return len(self._seats)

    def submit(self, seat: int, job: Job) -> None:
        """Gives a job to a worker that has none."""
        try:
            future = self._seats[seat].submit(_run, job)
        except BrokenProcessPool:  # it ended while it had nothing to do
            self._seats[seat] = self._seat()
            future = self._seats[seat].submit(_run, job)
        self._running[future] = seat

    def next(self) -> tuple[int, Answer]:
        """Waits for a worker that is done, and replaces one that ended."""
        future = next(iter(wait(self._running, return_when=FIRST_COMPLETED).done))
        seat = self._running.pop(future)
        try:
            return seat, future.result()
        except BrokenProcessPool:
            self._seats[seat].shutdown()
            self._seats[seat] = self._seat()
            return seat, Lost(replaced=True)

    def close(self) -> None:
        """Ends all workers."""
        for seat in self._seats:
            seat.shutdown(cancel_futures=True)

    def _seat(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, context, initializer=_begin, initargs=self._arguments)


class RayActors:
    """Workers of a Ray cluster, one per ``threads`` processors; Triptych has to be installed on its machines.

    A worker that died is begun anew by Ray, twice; after that its seat stays empty.

    Args:
        address: of the cluster, as ``ray.init`` takes it, for example ``ray://head:10001`` or ``auto``.
        catalogue: the engines there are.
        versions: engine → the version that is measured.
        threads: per engine.

    Raises:
        Unavailable: Ray is not installed.
        ServerUnreachable: no cluster answers, or it has too few processors.
    """

    def __init__(self, address: str, catalogue: Catalogue, versions: Mapping[str, str], threads: int) -> None:
        try:
            import ray
        except ImportError as error:
            raise Unavailable("Ray is not installed.", "Install it with `pip install 'triptych[ray]'`.") from error
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            hint = "Begin one with `ray start --head`, and give its address."
            raise ServerUnreachable(f"No Ray cluster answers at {address}: {reason}.", hint) from error
        self._ray: Any = ray
        count = int(ray.cluster_resources().get("CPU", 0)) // threads
        if count < 1:
            self.close()
            reason = f"The Ray cluster at {address} has fewer than {threads} processors."
            raise ServerUnreachable(reason, "Give fewer --threads.")
        # Ray would give each worker's linear algebra as many threads as it has processors; sums in another order round
        # otherwise, and quantised models then write other words than they do in one process.
        alike = {"env_vars": {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count() or 1)}}
        actor = ray.remote(num_cpus=threads, max_restarts=_RESTARTS, runtime_env=alike)(Worker)
        self._actors = [actor.remote(catalogue, dict(versions), threads) for _ in range(count)]
        self._running: dict[Any, int] = {}

    @property
    def seats(self) -> int:
        """How many workers there are."""
        return len(self._actors)

    def submit(self, seat: int, job: Job) -> None:
        """Gives a job to a worker that has none."""
        self._running[self._actors[seat].run.remote(job)] = seat

    def next(self) -> tuple[int, Answer]:
        """Waits for a worker that is done."""
        (done, *_), _ = self._ray.wait(list(self._running), num_returns=1)
        seat = self._running.pop(done)
        try:
            answer: Done | TriptychError = self._ray.get(done)
        except self._ray.exceptions.ActorDiedError:
            return seat, Lost(replaced=False)
        except self._ray.exceptions.RayActorError:
            return seat, Lost(replaced=True)
        return seat, answer

    def close(self) -> None:
        """Leaves the cluster; its workers end."""
        self._ray.shutdown()
