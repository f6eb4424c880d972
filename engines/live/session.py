"""One live run: hears sound, gives work to the engines, and tells what comes of it. No thread, no clock of its own.

Time is an argument of everything, in seconds on a clock that does not go back, so that the same code runs on a
microphone, on a file that is paced, and faster than real time in a simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from engines.catalog import EngineDescription
from engines.contract import (
    SAMPLE_RATE,
    Failed,
    Finished,
    Request,
    Result,
    Samples,
    StageFinished,
    Stamped,
    TextDelta,
    Utterance,
)
from engines.errors import BadInput, TriptychError
from engines.live import asking, governor
from engines.live.agenda import Agenda, Opened, Run, Snapshot, Work
from engines.live.asking import Asked
from engines.live.clock import StreamClock
from engines.live.events import Ended, LiveEvent, Out, Paused, Ready, Skipped, SoundLost, Speaking, Warming
from engines.live.load import LoadKeeper
from engines.live.phrases import Detect, PhraseBegan, PhraseEnded, PhraseFinder
from engines.live.writer import Phrase, Writer

_FAILURES = 3
_PAUSED = "The engine pauses, since this machine cannot keep up."
_LEFT_OUT = "This phrase was left out, since this machine was too far behind."


class Session:
    """A live run.

    Args:
        engines: those that take part.
        asked: of every engine.
        detect: probability of speech, for this stream alone.
        submit: gives a run to the host and returns its id; raises :class:`TriptychError` if it cannot be begun.
        cancel: ends a run.
        tell: takes every event.
        limits: of the governor.

    Raises:
        BadInput: there is no engine, or the task cannot be done live.
    """

    def __init__(
        self,
        engines: Sequence[EngineDescription],
        asked: Asked,
        *,
        detect: Detect,
        submit: Callable[[str, Request], int],
        cancel: Callable[[int], None],
        tell: Callable[[LiveEvent], None],
        limits: governor.Limits = governor.DEFAULT,
    ) -> None:
        kinds = asked.kinds
        if not engines:
            raise BadInput("No engine is chosen.", "Choose at least one.")
        self._asked = asked
        self._longest_run = limits.longest_run
        self._submit, self._cancel, self._tell = submit, cancel, tell
        self._writers = {engine.id: Writer(engine, kinds) for engine in engines}
        self._load = LoadKeeper({engine.id: engine.name for engine in engines}, limits)
        self._agenda = Agenda()
        self._warm_speech: Utterance | None = None
        self._finder = PhraseFinder(detect)
        self._clock = StreamClock()
        self._run: Run | None = None
        self._ready = False
        self._opened: Opened | None = None
        self._covered = 0.0
        self._gaps = 0

    # --- what comes in ----------------------------------------------------------------------------------------------

    def begin(self, now: float, warm: Utterance | None = None) -> None:
        """Begins; ``Ready`` is told when speech can come.

        Args:
            now: the time.
            warm: a little speech, with which every engine opens its models before; None does without.
        """
        if warm is not None:
            self._warm_speech = replace(warm, language=self._asked.language or warm.language)
            self._agenda.warm(self._writers)
        self._go_on(now)

    def hear(self, samples: Samples, now: float, *, lost: bool = False) -> None:
        """Takes the sound that follows.

        Args:
            samples: ``(n,)`` at 16 kHz; may be empty.
            now: when its last sample was heard.
            lost: whether sound was lost before it.
        """
        if lost:
            self._gaps += 1
            self._tell(SoundLost(now, self._gaps))
        self._clock.heard(samples.shape[0] / SAMPLE_RATE, now)
        for found in self._finder.hear(samples):
            self._found(found, now)
        self._go_on(now)

    def happened(self, run_id: int, stamped: Stamped, now: float) -> None:
        """Takes an event of the host."""
        run = self._run
        if run is None or run.run_id != run_id:
            return
        event = stamped.event
        if isinstance(event, StageFinished) and event.shared:
            run.shared += event.seconds
        elif isinstance(event, TextDelta):
            run.writing = not event.final
        elif isinstance(event, Finished):
            self._run = None
            self._finished(run.work, event.result, stamped.at - run.shared, now)
        elif isinstance(event, Failed):
            self._run = None
            if run.work.kind != "partial" or not run.cancelled:
                self._failed(run.work, event, now)
        self._go_on(now)

    def stop(self, now: float) -> None:
        """No more sound comes; what was said is still written."""
        for found in self._finder.close():
            self._found(found, now)
        self._go_on(now)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be done."""
        return self._run is None and not self._agenda.finals and not self._agenda.warming

    @property
    def alive(self) -> bool:
        """Whether any engine is left."""
        return bool(self._load.order)

    def end(self, now: float) -> None:
        """Tells the figures of the run; what is still open is left."""
        delays = {engine: writer.meter.figures() for engine, writer in self._writers.items()}
        clock, phrases = self._clock, self._finder.phrase + 1
        self._tell(Ended(now, clock.seconds, phrases, clock.drift, self._gaps, delays, self._load.highest))

    # --- inside -----------------------------------------------------------------------------------------------------

    def _found(self, found: PhraseBegan | PhraseEnded, now: float) -> None:
        if isinstance(found, PhraseBegan):
            self._opened = Opened(found.phrase, self._clock.when(found.at))
            self._covered = self._opened.began
            self._tell(Speaking(now, found.phrase, found.at))
            return
        opened, self._opened = self._opened, None
        self._hurry()
        self._tell(Paused(now, found.phrase, found.at, bool(found.samples.size)))
        if opened is not None and found.samples.size:
            ended = self._clock.when(found.at)
            phrase = Phrase(found.phrase, opened.began, ended, found.samples)
            self._agenda.ended(phrase, self._load.plan.finals)
        else:
            for writer in self._writers.values():
                self._tell_all(writer.give_up(found.phrase, now))

    def _hurry(self) -> None:
        """Ends a run whose words are about to be replaced; only while it writes, where it heeds that at once."""
        run = self._run
        if run is not None and run.work.kind == "partial" and run.writing and not run.cancelled:
            run.cancelled = True
            self._cancel(run.run_id)

    def _go_on(self, now: float) -> None:
        """Looks after the load and begins the next run, if none is on."""
        if self._ready:
            self._govern(now)
        run = self._run
        if run is not None:
            if now - run.began > self._longest_run and not run.cancelled and run.work.kind != "warm":
                run.cancelled = True
                self._cancel(run.run_id)
            return
        while self._run is None:
            work = self._next()
            if work is None:
                break
            self._begin(work, now)
        if not self._ready and self._run is None:
            self._ready = True
            self._tell(Ready(now))
            self._tell(self._load.told(now))

    def _next(self) -> Work | None:
        doing = self._load.plan
        opened = self._opened
        if opened is not None and self._ready and doing.partials:
            samples = self._finder.so_far()
            if self._agenda.wants_snapshot(opened.number, samples.shape[0]):
                until = self._clock.when(self._finder.seconds)
                self._agenda.begin_round(Snapshot(opened, samples, until), doing.partials)
        return self._agenda.next(self._load.order)

    def _begin(self, work: Work, now: float) -> None:
        if work.kind == "warm":
            self._tell(Warming(now, work.engine, self._agenda.warming + 1))
        try:
            run_id = self._submit(work.engine, self._request(work))
        except TriptychError as error:
            self._failed(work, Failed(error.kind, error.message, error.hint), now, fatal=True)
        else:
            self._run = Run(run_id, work, now)

    def _request(self, work: Work) -> Request:
        samples = work.samples
        speech = self._warm_speech if samples is None else asking.utterance(samples, self._asked.language)
        assert speech is not None
        narrow = work.kind != "final" or self._load.plan.narrow
        return self._asked.request(self._writers[work.engine].engine, speech, narrow=narrow)

    def _finished(self, work: Work, result: Result, seconds: float, now: float) -> None:
        writer = self._writers[work.engine]
        writer.failures = 0
        if work.kind != "warm":
            writer.took(seconds)
        if work.phrase is not None:
            self._tell_all(writer.finish(work.phrase, result, now))
        elif work.snapshot is not None:
            phrase = work.snapshot.phrase
            if self._expects(work.engine, phrase.number):
                self._tell_all(writer.partial(phrase.number, result, now, phrase.began))
            if not self._agenda.in_round:
                self._covered = work.snapshot.until

    def _expects(self, engine: str, number: int) -> bool:
        """Whether an engine is to write more of a phrase."""
        if self._opened is not None and self._opened.number == number:
            return engine in self._load.plan.finals
        return any(work.engine == engine and work.number == number for work in self._agenda.finals)

    def _failed(self, work: Work, failed: Failed, now: float, *, fatal: bool = False) -> None:
        writer = self._writers[work.engine]
        writer.failures += 1
        self._skip(work, failed.message, now, failed.hint)
        if not (fatal or work.kind == "warm" or writer.failures >= _FAILURES):
            return
        self._drop([work.engine], failed.message, now)
        self._tell(Out(now, work.engine, failed.kind, failed.message, failed.hint))
        self._load.without(work.engine)

    def _drop(self, engines: Sequence[str], why: str, now: float) -> None:
        """Engines stop writing what they have not finished."""
        for left in self._agenda.forget(engines):
            self._skip(left, why, now)
        if self._opened is not None:
            for engine in engines:
                self._tell_all(self._writers[engine].give_up(self._opened.number, now))

    def _skip(self, work: Work, why: str, now: float, hint: str = "") -> None:
        if work.phrase is not None:
            self._tell_all(self._writers[work.engine].give_up(work.phrase.number, now))
            self._tell(Skipped(now, work.engine, work.phrase.number, why, hint))

    # --- the load ---------------------------------------------------------------------------------------------------

    def behind(self, now: float) -> float:
        """How many seconds the work is behind the speech: the oldest words that somebody waits for."""
        waiting = [work.phrase.ended for work in self._agenda.finals if work.phrase is not None]
        run = self._run
        if run is not None and run.work.phrase is not None:
            waiting.append(run.work.phrase.ended)
        if self._opened is not None and self._load.plan.partials:
            waiting.append(self._covered)
        return max(0.0, now - min(waiting)) if waiting else 0.0

    def _govern(self, now: float) -> None:
        behind = self.behind(now)
        seconds = {engine: writer.seconds for engine, writer in self._writers.items() if writer.seconds is not None}
        step = self._load.look(now, behind, working=self._opened is not None or not self.idle, seconds=seconds)
        if step is not None:
            self._tell(step)
            self._drop(self._load.paused, _PAUSED, now)
        elif self._load.hopeless(behind) and self._agenda.finals:
            newest = max(work.number for work in self._agenda.finals)
            for left in self._agenda.forget_before(newest):
                self._skip(left, _LEFT_OUT, now)

    def _tell_all(self, events: Iterable[LiveEvent]) -> None:
        for event in events:
            self._tell(event)
