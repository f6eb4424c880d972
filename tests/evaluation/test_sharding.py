"""The protocol on many workers: the numbers of one process, through the loss of a worker; Ray by a fake of it."""

from __future__ import annotations

import contextlib
import importlib.machinery
import os
import platform
import signal
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.audio.conditions import Condition
from engines.catalog import Catalogue
from engines.contract import Utterance
from engines.errors import AdapterMismatch, EngineCrashed, ServerUnreachable, TriptychError, Unavailable, WeightsMissing
from engines.evaluation import sharding
from engines.evaluation.pools import Processes, RayActors
from engines.evaluation.protocol import Task, measure, version
from engines.evaluation.records import Record, Records
from engines.evaluation.runs import Case, Outcome
from engines.evaluation.sharding import Answer, Done, Job, Lost, Worker
from engines.host import Host
from tests.engines import fakes
from tests.evaluation.test_protocol import clip, failing


def slowly(seconds: float) -> Catalogue:
    described = fakes.describe("fake")
    option = described.options["work"].model_copy(update={"default": seconds})
    slow = described.model_copy(update={"options": {**described.options, "work": option}})
    return Catalogue(
        factories=dict.fromkeys(("fake", "other"), "tests.engines.fakes:build"), extra=(slow, fakes.describe("other"))
    )


OFFERED = slowly(0.1)
WANTED = [
    Case(clip(f"c{number}", 1600 * (1 + number % 2)), condition)
    for number in range(4)
    for condition in (Condition(), Condition("white", 10.0))
]


_TIMED = {"work", "stages", "first_text", "first_audio", "measured"}


def told(records: Records) -> set[tuple[Any, ...]]:
    """All that does not depend on where and how fast it ran."""
    return {
        tuple(sorted((name, str(value)) for name, value in record.model_dump().items() if name not in _TIMED))
        for record in (found.model_copy(update={"machine": ""}) for found in records)
    }


class Murderous(Processes):
    """Kills a worker in the middle of its second job."""

    killed = 0

    def submit(self, seat: int, job: Job) -> None:
        had_one = job.place > 1 and self._seats[seat]._processes
        super().submit(seat, job)
        if had_one and not self.killed:
            (pid,) = self._seats[seat]._processes
            os.kill(pid, signal.SIGKILL)
            self.killed += 1


def test_workers_write_what_one_process_writes_though_one_is_killed(tmp_path: Path) -> None:
    alone, shared = Records(tmp_path / "alone.jsonl"), Records(tmp_path / "shared.jsonl")
    with Host(catalogue=OFFERED, provider="CPU") as host:
        measure(host, ["fake", "other"], WANTED, alone, catalogue=OFFERED)
    with contextlib.ExitStack() as stack:
        pools = []

        def opened(versions: Mapping[str, str]) -> Murderous:
            pools.append(stack.enter_context(contextlib.closing(Murderous(2, OFFERED, versions, 1))))
            return pools[0]

        sharding.measure(opened, ["fake", "other"], WANTED, shared, catalogue=OFFERED)
    assert pools[0].killed == 1
    assert len(shared) == 2 * len(WANTED)
    assert told(shared) == told(alone)
    assert all(record.failure == "" and record.machine for record in shared)
    assert (tmp_path / "shared.jsonl").read_text(encoding="utf-8").count("\n") == 2 * len(WANTED)
    sharding.measure(lambda _: pytest.fail("asked"), ["fake", "other"], WANTED, shared, catalogue=OFFERED)


def job(place: int = 0) -> Job:
    return Job(place, Utterance(np.zeros(1600, np.float32), "d", "s", language="en"), Task.TRANSCRIBE, ("fake",))


def test_a_worker_with_other_weights_is_refused() -> None:
    answer = Worker(OFFERED, {"fake": "another"}, 1).run(job())
    assert isinstance(answer, AdapterMismatch)
    assert "version of fake are others" in answer.message


def test_a_worker_says_what_it_lacks() -> None:
    lacking = failing("missing")
    answer = Worker(lacking, {"fake": version(lacking.describe("fake"))}, 1).run(job())
    assert isinstance(answer, WeightsMissing)
    assert platform.node() in answer.message


class Losing:
    """A pool whose workers are lost as told: the seat's answers in order."""

    def __init__(self, answers: list[Answer], seats: int = 1) -> None:
        self.answers, self.seats, self.jobs = answers, seats, list[tuple[int, Job]]()

    def submit(self, seat: int, job: Job) -> None:
        self.jobs.append((seat, job))

    def next(self) -> tuple[int, Answer]:
        return self.jobs[-1][0], self.answers.pop(0)


def test_a_recording_that_workers_are_lost_with_counts_as_failed(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.jsonl")
    pool = Losing([Lost(replaced=True)] * sharding.TRIES)
    sharding.measure(lambda _: pool, ["fake"], WANTED[:1], records, catalogue=OFFERED)
    (record,) = records
    assert record.failure == sharding.LOST
    assert (record.hypothesis, record.deletions) == ("", 2)


def test_what_a_worker_lacks_ends_the_work(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.jsonl")
    with pytest.raises(WeightsMissing, match="model x"):
        sharding.measure(
            lambda _: Losing([WeightsMissing("The model x is not there.")]),
            ["fake"],
            WANTED,
            records,
            catalogue=OFFERED,
        )
    assert len(records) == 0


def test_the_loss_of_every_worker_is_told(tmp_path: Path) -> None:
    records = Records(tmp_path / "records.jsonl")
    pool = Losing([Done((Outcome("hello"),), "there"), Lost(replaced=False)])
    with pytest.raises(EngineCrashed, match="Every worker was lost"):
        sharding.measure(lambda _: pool, ["fake"], WANTED, records, catalogue=OFFERED)
    assert [record.hypothesis for record in records] == ["hello"]


class ActorDiedError(Exception):
    pass


class Actor:
    """Runs at once; dies as its cluster says."""

    def __init__(self, dying: set[int]) -> None:
        def remote(asked: Job) -> Any:
            return lambda: self._answer(asked, dying)

        self.run = types.SimpleNamespace(remote=remote)

    def _answer(self, asked: Job, dying: set[int]) -> Done:
        if asked.place in dying:
            dying.remove(asked.place)
            raise ActorDiedError
        return Done((Outcome(f"heard {asked.utterance.source}"),), "a node")


def ray(monkeypatch: pytest.MonkeyPatch, *, dying: set[int], cores: int = 4, up: bool = True) -> dict[str, Any]:
    """Puts a fake in Ray's place; tells how it was asked."""
    asked: dict[str, Any] = {}

    def init(address: str, **_: Any) -> None:
        asked["address"] = address
        if not up:
            raise ConnectionError("Could not find any running Ray instance.")

    def remote(**settings: Any) -> Any:
        asked.update(settings)
        return lambda cls: types.SimpleNamespace(remote=lambda *_: Actor(dying))

    made = types.ModuleType("ray")
    made.__spec__ = importlib.machinery.ModuleSpec("ray", None)
    members = {
        "init": init,
        "remote": remote,
        "cluster_resources": lambda: {"CPU": float(cores)},
        "wait": lambda running, num_returns: (running[:1], running[1:]),
        "get": lambda answer: answer(),
        "shutdown": lambda: asked.update(shut=True),
        "exceptions": types.SimpleNamespace(ActorDiedError=ActorDiedError, RayActorError=ActorDiedError),
    }
    for name, member in members.items():
        setattr(made, name, member)
    monkeypatch.setitem(sys.modules, "ray", made)
    return asked


def shared_by_ray(file: Path, threads: int = 1) -> list[Record]:
    records = Records(file)
    with contextlib.ExitStack() as stack:
        sharding.measure(
            lambda versions: stack.enter_context(contextlib.closing(RayActors("head:1", OFFERED, versions, threads))),
            ["fake"], WANTED, records, catalogue=OFFERED,
        )  # fmt: skip
    return list(records)


def test_ray_is_asked_as_it_wants_it_and_may_lose_an_actor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = ray(monkeypatch, dying={2})
    found = shared_by_ray(tmp_path / "records.jsonl", threads=2)
    assert {record.hypothesis for record in found} == {f"heard c{number}" for number in range(4)}
    assert len(found) == len(WANTED)
    assert {record.machine for record in found} == {"a node"}
    assert (asked["address"], asked["num_cpus"], asked["shut"]) == ("head:1", 2, True)
    assert asked["runtime_env"]["env_vars"]["OMP_NUM_THREADS"], "Ray's own would make other numbers than one process"


def test_what_is_wrong_with_ray_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], type[TriptychError], str]] = [
        ({"up": False}, ServerUnreachable, "No Ray cluster answers at head:1"),
        ({"cores": 0}, ServerUnreachable, "fewer than 1 processors"),
    ]
    for settings, error, sentence in cases:
        ray(monkeypatch, dying=set(), **settings)
        with pytest.raises(error, match=sentence):
            shared_by_ray(tmp_path / "records.jsonl")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Unavailable, match="Ray is not installed") as caught:
        shared_by_ray(tmp_path / "records.jsonl")
    assert "triptych[ray]" in caught.value.hint
