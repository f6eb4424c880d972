"""The controller, through the real host and its child process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.comparison import EngineRun, Status
from app.controller import Controller
from app.loading import Loader
from app.settings import Settings
from engines.audio.samples import list_samples
from engines.catalog import Catalogue
from engines.contract import Task, Utterance
from engines.host import Host

MakeCatalogue = Callable[..., Catalogue]
MakeController = Callable[..., Controller]


@pytest.fixture
def make(fakes: MakeCatalogue, settings: Settings) -> Iterator[MakeController]:
    made: list[Controller] = []

    def build(*engines: Any, **options: dict[str, Any]) -> Controller:
        settings.running.options = options
        made.append(Controller(fakes(*engines), settings))
        return made[-1]

    yield build
    for controller in made:
        controller.close()


def _finish(qtbot: QtBot, controller: Controller, seconds: float = 30) -> dict[str, EngineRun]:
    qtbot.waitUntil(lambda: not controller.running, timeout=int(seconds * 1000))
    assert controller.comparison is not None
    return controller.comparison.runs


def test_all_engines_run_and_tell(qtbot: QtBot, make: MakeController, utterance: Utterance) -> None:
    controller = make("one", "two")
    told: list[EngineRun] = []
    controller.run_changed.connect(told.append)
    controller.show(utterance)
    controller.run(utterance, Task.TRANSCRIBE, None)
    assert controller.running
    runs = _finish(qtbot, controller)
    assert [run.status for run in runs.values()] == [Status.OK, Status.OK]
    assert runs["one"].transcript == "hello 32000"
    assert told[-1].status is Status.OK
    qtbot.waitUntil(lambda: not controller._timer.isActive())


def test_cancel_ends_what_runs_and_what_waits(qtbot: QtBot, make: MakeController, utterance: Utterance) -> None:
    controller = make("one", "two", one={"deed": "slow"})
    controller.run(utterance, Task.TRANSCRIBE, None)
    qtbot.waitUntil(lambda: controller.comparison.runs["one"].main_text == "hel", timeout=20_000)
    controller.cancel()
    runs = _finish(qtbot, controller)
    assert [run.status for run in runs.values()] == [Status.CANCELLED, Status.CANCELLED]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
def test_killed_child_costs_one_card(qtbot: QtBot, make: MakeController, utterance: Utterance) -> None:
    controller = make("one", "two", one={"deed": "slow"})
    controller.run(utterance, Task.TRANSCRIBE, None)
    qtbot.waitUntil(lambda: controller.comparison.runs["one"].main_text == "hel", timeout=20_000)
    assert isinstance(controller._host, Host)
    assert controller._host.child_pid is not None
    os.kill(controller._host.child_pid, signal.SIGKILL)
    runs = _finish(qtbot, controller)
    assert runs["one"].status is Status.FAILED
    assert runs["one"].error.kind == "EngineCrashed"
    assert runs["two"].status is Status.OK


def test_one_engine_again_with_other_settings(qtbot: QtBot, make: MakeController, utterance: Utterance) -> None:
    controller = make("one", "two")
    controller.run(utterance, Task.TRANSCRIBE, None)
    before = dict(_finish(qtbot, controller))
    controller.settings.running.options = {"one": {"beam": 9}}
    controller.rerun("one")
    assert controller.running
    runs = _finish(qtbot, controller)
    assert "beam 9" in runs["one"].result.notes
    assert runs["two"] is before["two"]


def test_task_that_an_engine_does_not_do_is_said_in_its_card(
    qtbot: QtBot, make: MakeController, utterance: Utterance
) -> None:
    controller = make("one")
    controller.run(utterance, Task.RESPOND, None)
    run = _finish(qtbot, controller)["one"]
    assert run.status is Status.UNAVAILABLE
    assert "does not do" in run.error.message


def test_impossible_setting_is_said_in_its_card(qtbot: QtBot, make: MakeController, utterance: Utterance) -> None:
    controller = make("one", "two", one={"beam": 900}, two={"forgotten": 1})
    controller.run(utterance, Task.TRANSCRIBE, None)
    runs = _finish(qtbot, controller)
    assert runs["one"].error.kind == "BadOption"
    assert runs["two"].status is Status.OK  # settings of older versions are passed over


@pytest.mark.parametrize("name", ["missing.wav", "text.wav", "empty.wav", "."])
def test_bad_file_is_one_sentence(qtbot: QtBot, tmp_path: Path, name: str) -> None:
    (tmp_path / "text.wav").write_text("not a sound")
    (tmp_path / "empty.wav").touch()
    loader = Loader()
    with qtbot.waitSignal(loader.failed, timeout=10_000) as told:
        loader.open_file(tmp_path / name)
    assert told.args[0].message


def test_the_latest_file_wins(qtbot: QtBot) -> None:
    first, second = (sample.id for sample in list_samples()[:2])
    loader = Loader()
    came: list[Utterance] = []
    loader.loaded.connect(came.append)
    loader.open_sample(first)
    loader.open_sample(second)
    qtbot.waitUntil(lambda: bool(came), timeout=10_000)
    qtbot.wait(200)
    assert [utterance.source for utterance in came] == [list_samples()[1].title]


def test_other_speech_cancels_and_forgets(qtbot: QtBot, make: MakeController, utterance: Utterance) -> None:
    controller = make("one", one={"deed": "slow"})
    controller.show(utterance)
    controller.run(utterance, Task.TRANSCRIBE, None)
    qtbot.waitUntil(lambda: controller.comparison.runs["one"].main_text == "hel", timeout=20_000)
    controller.show(utterance)
    assert controller.comparison is None
    assert not controller.running
    qtbot.wait(300)
    assert controller.comparison is None


def test_no_block_of_the_window_while_events_pour_in(qtbot: QtBot, make: MakeController, utterance: Utterance) -> None:
    controller = make("one", "two", "three")
    controller.run(utterance, Task.TRANSCRIBE, None)
    worst = 0.0
    last = time.perf_counter()
    while controller.running:
        qtbot.wait(1)
        now = time.perf_counter()
        worst, last = max(worst, now - last), now
    assert worst < 0.5  # generous: other tests share the machine; benchmarks/window.py measures
