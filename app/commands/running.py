"""Runs engines for the command line: prepares what they need, runs them in the host, shows progress on stderr."""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from app import repeats as repeating
from app.commands.consent import ask_for_licence
from app.commands.progress import ProgressLine
from app.comparison import Comparison, EngineRun, Status
from app.needs import models_needed
from app.preparation import Progress, Unprepared, preparing
from app.scoring import scored
from engines.catalog import EngineDescription
from engines.contract import Request, StageStarted, Stamped
from engines.errors import LicenceNotAccepted, TriptychError
from engines.host import Host
from engines.models.components import LANGUAGE_MODELS
from export.prepare import is_ready

_REDRAW_SECONDS = 0.1
_groups = itertools.count(1)


@dataclass(frozen=True)
class How:
    """How often and in which mode engines are run.

    Attributes:
        isolated: whether each engine has a process of its own, with nothing shared.
        repeats: measured runs per engine, after a warm-up; None for one run without a warm-up.
    """

    isolated: bool = False
    repeats: int | None = None


def run_comparison(host: Host, comparison: Comparison, how: How) -> None:
    """Prepares and runs every engine of a comparison; in the end every run in it is over and scored."""
    ready = prepare(comparison)
    done: dict[str, list[EngineRun]] = {engine_id: [] for engine_id in ready}
    line = _RunLine(sys.stderr)
    groups = {engine_id: next(_groups) for engine_id in ready}
    for engine_id, fresh, counts in _order(ready, how):
        if comparison.runs[engine_id].status.over and comparison.runs[engine_id].status is not Status.OK:
            continue  # it failed in an earlier repetition
        run = _run_once(host, comparison, engine_id, line, fresh=fresh, group=groups[engine_id])
        if counts or run.status is not Status.OK:
            done[engine_id].append(run)
    line.clear()
    for engine_id, runs in done.items():
        run = repeating.median(runs)
        comparison.runs[engine_id] = scored(run, comparison.utterance, comparison.target)


def _order(engines: Sequence[str], how: How) -> Iterator[tuple[str, bool, bool]]:
    """Yields engine, whether the memo is emptied before it, and whether the run counts (a warm-up does not)."""
    rounds = 1 if how.repeats is None else how.repeats + 1
    if how.isolated:
        for engine_id in engines:
            for number in range(rounds):
                yield engine_id, False, number > 0 or rounds == 1
    else:
        for number in range(rounds):
            for engine_id in engines:
                yield engine_id, number > 0 and engine_id == engines[0], number > 0 or rounds == 1


def _run_once(
    host: Host, comparison: Comparison, engine_id: str, line: _RunLine, *, fresh: bool, group: int
) -> EngineRun:
    run = comparison.restart(engine_id)
    try:
        run_id = host.submit(engine_id, comparison.request(engine_id), fresh=fresh, group=group)
    except TriptychError as error:
        return comparison.fail(engine_id, error)
    line.begin(run)
    while not run.status.over:
        for found, stamped in host.events(timeout=_REDRAW_SECONDS):
            if found == run_id:
                run = comparison.apply(stamped)
                line.show(run, stamped)
                if run.status.over:
                    break
        line.tick(run)
    line.end(run)
    return run


def prepare(comparison: Comparison) -> list[str]:
    """Makes models ready; engines that cannot run are marked. Returns the others."""
    wanted = []
    for engine_id, run in comparison.runs.items():
        request = comparison.request(engine_id)
        try:
            run.engine.require(request)
            run.engine.resolve(request.options)
            wanted.append((run.engine, request))
        except TriptychError as error:
            comparison.fail(engine_id, error)
    _ask_for_licences(wanted)
    with ProgressLine(sys.stderr) as line:
        for step in preparing(wanted):
            if isinstance(step, Progress):
                line.show(step.event)
            elif isinstance(step, Unprepared):
                comparison.fail(step.engine, step.error)
    return [engine.id for engine, _ in wanted if not comparison.runs[engine.id].status.over]


def _ask_for_licences(wanted: Sequence[tuple[EngineDescription, Request]]) -> None:
    """Asks at the terminal for what the engines would like best, unless all of them can do without it."""
    needs: dict[str, bool] = {}
    for engine, request in wanted:
        with contextlib.suppress(TriptychError):  # told when the engine is made ready
            for model_id in models_needed(engine, request, lambda _: True):
                needs[model_id] = needs.get(model_id, False) or model_id in engine.components.values()
    for model_id, bound in needs.items():
        instead = [other for other in LANGUAGE_MODELS if other != model_id] if model_id in LANGUAGE_MODELS else []
        if not bound and any(is_ready(other) for other in instead):
            continue
        with contextlib.suppress(LicenceNotAccepted):
            ask_for_licence(model_id)


class _RunLine:
    """One line on stderr: redrawn at a terminal, elsewhere printed once when an engine is done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._width = 0
        self._stage = ""
        self._began = 0.0
        self._drawn = 0.0

    def begin(self, run: EngineRun) -> None:
        """An engine begins."""
        self._stage, self._began, self._drawn = "", time.monotonic(), 0.0
        self.tick(run)

    def show(self, run: EngineRun, stamped: Stamped) -> None:
        """Something happened."""
        if isinstance(stamped.event, StageStarted):
            self._stage = stamped.event.stage
        self.tick(run)

    def tick(self, run: EngineRun) -> None:
        """Time has passed."""
        now = time.monotonic()
        if self._terminal and now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            self._draw(f"{run.engine.name}: {self._stage or 'starting'} … {now - self._began:.1f} s")

    def end(self, run: EngineRun) -> None:
        """An engine is done."""
        text = f"{run.engine.name}: {run.status}, {run.seconds:.2f} s"
        if self._terminal:
            self._draw(text)
        else:
            self._stream.write(text + "\n")
            self._stream.flush()

    def clear(self) -> None:
        """Leaves the terminal with a clean line."""
        if self._width:
            self._draw("")
            self._stream.write("\r")
            self._stream.flush()

    def _draw(self, text: str) -> None:
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)


def statuses(runs: Mapping[str, EngineRun], *, lenient: bool = False) -> int:
    """The exit code that a comparison means: 0 if every engine is ok, otherwise 1.

    Args:
        runs: all of them over.
        lenient: whether it is enough that one is ok and the others are unavailable: nobody asked for those.
    """
    found = {run.status for run in runs.values()}
    if lenient and Status.OK in found:
        found.discard(Status.UNAVAILABLE)
    return int(found != {Status.OK})
