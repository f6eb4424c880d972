"""The child process is killed, crashes, hangs, or loses its parent: one run is lost, nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engines.contract import Finished, TextDelta
from engines.host import Host
from tests.engines.fakes import catalogue
from tests.engines.test_host import ask, collect, failure, last


@pytest.fixture
def host() -> Iterator[Host]:
    with Host(catalogue=catalogue()) as host:
        yield host


@pytest.mark.parametrize(("deed", "how"), [("kill", "SIGKILL"), ("exit", "status 3")])
def test_crash_costs_one_run(host: Host, deed: str, how: str) -> None:
    before, crash, after = host.submit("fake", ask()), host.submit("fake", ask(deed=deed)), host.submit("other", ask())
    events = collect(host, before, crash, after)
    assert isinstance(last(events[before]), Finished)
    assert failure(events[crash]).kind == "EngineCrashed"
    assert how in failure(events[crash]).message
    assert isinstance(last(events[after]), Finished)


def test_killed_in_mid_run_again_and_again(host: Host) -> None:
    for _ in range(4):
        run, after = host.submit("fake", ask(deed="slow")), host.submit("other", ask())
        next(stamped for run_id, stamped in host.events(30) if isinstance(stamped.event, TextDelta))
        assert host.child_pid is not None
        os.kill(host.child_pid, signal.SIGKILL)
        events = collect(host, run, after)
        assert failure(events[run]).kind == "EngineCrashed"
        assert isinstance(last(events[after]), Finished)


def test_killed_while_idle_goes_unnoticed(host: Host) -> None:
    run = host.submit("fake", ask())
    collect(host, run)
    assert host.child_pid is not None
    os.kill(host.child_pid, signal.SIGKILL)
    run = host.submit("fake", ask())
    assert isinstance(last(collect(host, run)[run]), Finished)


def test_engine_that_does_not_heed_cancel_is_ended(host: Host) -> None:
    run, after = host.submit("fake", ask(deed="deaf")), host.submit("fake", ask())
    next(stamped for run_id, stamped in host.events(30) if isinstance(stamped.event, TextDelta))
    began = time.monotonic()
    host.cancel(run)
    events = collect(host, run, after)
    assert failure(events[run]).kind == "Cancelled"
    assert isinstance(last(events[after]), Finished)
    assert time.monotonic() - began < 15


_PARENT = """
import sys, time
from tests.engines.fakes import catalogue
from tests.engines.test_host import ask
from engines.host import Host

if __name__ == "__main__":
    host = Host(catalogue=catalogue())
    host.submit("fake", ask(deed="deaf"))
    next(host.events(30))
    print(host.child_pid, flush=True)
    time.sleep(60)
"""


def test_no_orphan_when_the_parent_is_killed(tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path_factory.mktemp("parent") / "parent.py"
    script.write_text(_PARENT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        child.wait(timeout=10)


def test_traffic_does_not_hold_up_the_submitting_thread(host: Host) -> None:
    longest = 0.0
    runs = []
    for number in range(50):
        began = time.perf_counter()
        runs.append(host.submit("fake", ask(beam=1 + number % 20)))
        longest = max(longest, time.perf_counter() - began)
    assert longest < 0.5
    collect(host, *runs)
