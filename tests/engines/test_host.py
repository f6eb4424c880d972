"""The host: runs in order, in another process, with time counted honestly."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from engines.contract import (
    EvidenceFound,
    Failed,
    Finished,
    Request,
    StageFinished,
    Stamped,
    Task,
    TextDelta,
    Utterance,
    Work,
)
from engines.errors import BadOption, EngineCrashed, TaskUnsupported, UnknownEngine, UnknownLanguage
from engines.host import Host
from tests.engines.fakes import catalogue


def utterance(n: int = 1600, path: str | None = None) -> Utterance:
    samples = np.linspace(-0.5, 0.5, n, dtype=np.float32)
    return Utterance(samples, hashlib.sha256(samples.tobytes()).hexdigest(), "test", path=path)


def ask(task: Task = Task.TRANSCRIBE, **options: str | float) -> Request:
    return Request(utterance(), task, options=options)


def collect(host: Host, *run_ids: int, timeout: float = 30) -> dict[int, list[Stamped]]:
    """All events of some runs, until each is over."""
    found: dict[int, list[Stamped]] = {run_id: [] for run_id in run_ids}
    left = set(run_ids)
    for run_id, stamped in host.events(timeout):
        found[run_id].append(stamped)
        if isinstance(stamped.event, Finished | Failed):
            left.discard(run_id)
        if not left:
            return found
    raise AssertionError(f"runs {left} did not end")


def last(events: list[Stamped]) -> Finished | Failed:
    event = events[-1].event
    assert isinstance(event, Finished | Failed)
    return event


def failure(events: list[Stamped]) -> Failed:
    event = last(events)
    assert isinstance(event, Failed)
    return event


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIPTYCH_HOME", str(tmp_path_factory.mktemp("host")))
        yield


@pytest.fixture(scope="module")
def host(shared_home: None) -> Iterator[Host]:
    with Host(catalogue=catalogue()) as host:
        yield host


def test_runs_in_another_process_and_in_order(host: Host) -> None:
    first, second = host.submit("fake", ask()), host.submit("other", ask(beam=7))
    events = collect(host, first, second)
    one, two = last(events[first]), last(events[second])
    assert isinstance(one, Finished)
    assert isinstance(two, Finished)
    assert one.result.transcript == "hello 1600"
    assert one.result.notes[0] != f"pid {os.getpid()}"
    assert two.result.notes == (one.result.notes[0], "beam 7")
    assert one.peak_memory_bytes is not None
    assert 10e6 < one.peak_memory_bytes < 4e9
    assert {stamped.engine for stamped in events[second]} == {"other"}


def test_no_evidence_comes_where_none_is_wanted(host: Host) -> None:
    runs = [host.submit("fake", replace(ask(), evidence=wanted)) for wanted in (True, False)]
    events = collect(host, *runs)
    count = [sum(isinstance(stamped.event, EvidenceFound) for stamped in events[run]) for run in runs]
    assert count == [1, 0]


def test_work_is_counted_where_it_was_asked_for(host: Host, shared_home: None) -> None:
    with Host(catalogue=catalogue(), counting=True) as counting:
        runs = [counting.submit("fake", replace(ask(), evidence=wanted)) for wanted in (True, False)]
        events = collect(counting, *runs)
    assert [getattr(last(events[run]), "work", None) for run in runs] == [Work(), None]
    run = host.submit("fake", ask())
    assert getattr(last(collect(host, run)[run]), "work", None) is None


def test_clock_counts_shared_work_in_full(host: Host) -> None:
    request = Request(utterance(4321), options={"work": 0.3})
    first, second = host.submit("fake", request), host.submit("other", request)
    began = time.monotonic()
    events = collect(host, first, second)
    assert time.monotonic() - began < 0.3 + 0.3 + 20
    for run, shared in ((first, False), (second, True)):
        stage = next(stamped for stamped in events[run] if isinstance(stamped.event, StageFinished))
        assert isinstance(stage.event, StageFinished)
        assert stage.event.shared is shared
        assert stage.event.seconds == pytest.approx(0.3, abs=0.25)
        assert stage.at >= 0.3
        times = [stamped.at for stamped in events[run]]
        assert times == sorted(times)
        assert times[-1] < 1.0


def test_utterance_in_a_file_is_mapped(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "speech.f32"
    speech = utterance(5000, path=str(file))
    speech.samples.astype("<f4").tofile(file)
    run = host.submit("fake", Request(speech))
    event = last(collect(host, run)[run])
    assert isinstance(event, Finished)
    assert event.result.transcript == "hello 5000"
    file.unlink()
    run = host.submit("fake", Request(speech))
    assert failure(collect(host, run)[run]).kind == "AudioUnreadable"


@pytest.mark.parametrize(
    ("deed", "kind"),
    [("fault", "InternalError"), ("missing", "WeightsMissing"), ("server", "ServerUnreachable")],
)
def test_error_becomes_a_sentence(host: Host, deed: str, kind: str) -> None:
    run = host.submit("fake", ask(deed=deed))
    event = failure(collect(host, run)[run])
    assert event.kind == kind
    assert event.message.endswith(".")
    assert event.hint
    assert "Traceback" not in event.message
    assert "\n" not in event.message


def test_memory_error_is_a_crash_in_words(host: Host) -> None:
    run = host.submit("fake", ask(deed="memory"))
    assert failure(collect(host, run)[run]).kind == "EngineCrashed"


def test_traceback_and_prints_go_to_the_log(host: Host, capfd: pytest.CaptureFixture[str], shared_home: None) -> None:
    for deed in ("fault", "print"):
        run = host.submit("fake", ask(deed=deed))
        collect(host, run)
    text = Path(host.log).read_text(encoding="utf-8")
    assert "ZeroDivisionError: by zero" in text
    assert "printed by an engine" in text
    assert capfd.readouterr() == ("", "")


def test_cancel_ends_a_run_soon(host: Host) -> None:
    run, waiting, after = (host.submit("fake", ask(deed=deed)) for deed in ("slow", "slow", ""))
    next(stamped for run_id, stamped in host.events(30) if isinstance(stamped.event, TextDelta))
    pid = host.child_pid
    host.cancel(waiting)
    host.cancel(run)
    began = time.monotonic()
    events = collect(host, run, waiting, after)
    assert failure(events[run]).kind == "Cancelled"
    assert failure(events[waiting]).kind == "Cancelled"
    assert isinstance(last(events[after]), Finished)
    assert time.monotonic() - began < 2
    assert host.child_pid == pid


def test_bad_requests_are_refused_at_once(host: Host) -> None:
    with pytest.raises(UnknownEngine, match="nonesuch"):
        host.submit("nonesuch", ask())
    with pytest.raises(TaskUnsupported):
        host.submit("fake", ask(Task.RESPOND))
    with pytest.raises(UnknownLanguage):
        host.submit("fake", Request(utterance(), Task.SPEAK, "fr"))
    with pytest.raises(BadOption):
        host.submit("fake", ask(nonesuch=1))
    with pytest.raises(BadOption):
        host.submit("fake", ask(beam=21))


def test_isolated_runs_share_nothing(shared_home: None) -> None:
    with Host(catalogue=catalogue(), isolated=True) as host:
        runs = [host.submit("fake", ask(work=0.05)) for _ in range(2)]
        events = collect(host, *runs)
        finished = [last(events[run]) for run in runs]
        assert all(isinstance(event, Finished) for event in finished)
        pids = {event.result.notes[0] for event in finished if isinstance(event, Finished)}
        assert len(pids) == 2
        stages = [s.event for run in runs for s in events[run] if isinstance(s.event, StageFinished)]
        assert not any(stage.shared for stage in stages)


def test_close_ends_child_and_runs(shared_home: None) -> None:
    host = Host(catalogue=catalogue())
    run, waiting = host.submit("fake", ask(deed="deaf")), host.submit("fake", ask())
    next(stamped for _, stamped in host.events(30) if isinstance(stamped.event, TextDelta))
    pid = host.child_pid
    assert pid is not None
    began = time.monotonic()
    host.close()
    assert time.monotonic() - began < 2
    assert not psutil.pid_exists(pid)
    events = collect(host, run, waiting, timeout=1)
    assert failure(events[run]).kind == failure(events[waiting]).kind == "Cancelled"
    with pytest.raises(EngineCrashed):
        host.submit("fake", ask())
    host.close()
