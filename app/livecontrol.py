"""Live as the window sees it: the button, the row that says how it stands, the cards, and the recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal

from app.background import Job
from app.captions import Captions
from app.controller import Controller
from app.inputchoice import InputChoice
from app.inputwatch import InputWatch
from app.language import tr
from app.levels import Level
from app.live import a_little_speech, setting
from app.livechoice import LiveChoice
from app.preparation import Prepared, Progress, Unprepared, preparing
from app.recorded import Recording
from app.recorder import Recorder
from app.recording import again, begin
from app.sources import Source
from app.tapped import Tapped
from app.widgets.card import EngineCard
from app.widgets.livebar import LiveBar
from app.widgets.toolbar import ToolBar
from app.widgets.waveform import WaveformView
from engines.catalog import EngineDescription
from engines.contract import Request
from engines.errors import BadInput, TriptychError, Unavailable
from engines.live.asking import Asked
from engines.live.driving import LiveThread, Setting
from engines.live.events import Ended, LiveEvent, Load, Out, Paused, Ready, SoundLost, Speaking, Warming
from export.prepare import prepare

END_SECONDS = 3.0
"""How long the end of the program waits for a live run."""

_Step: TypeAlias = Progress | Prepared | Unprepared | Setting


class LiveControl(QObject):
    """Runs live work beside the window; the sound is recorded before anything listens to it.

    Args:
        controller: has catalogue and settings, and lets its own engines rest meanwhile.
        toolbar: has the button.
        bar: says how it stands.
        cards: show what engines write.
        waveform: shows the sound.
        inputs: choose what is recorded.
    """

    begun = Signal()
    changed = Signal(bool)
    """Whether it runs."""
    ended = Signal(object)
    """A :class:`app.recorded.Recording`; its file is kept."""
    noted = Signal(str)
    """A sentence on what happened while it goes on."""
    failed = Signal(object)
    told = Signal(object)
    """A :data:`engines.live.events.LiveEvent`, as it comes."""
    _level = Signal(object)
    _source_ended = Signal()

    def __init__(
        self,
        controller: Controller,
        toolbar: ToolBar,
        bar: LiveBar,
        cards: Mapping[str, EngineCard],
        waveform: WaveformView,
        inputs: InputChoice,
    ) -> None:
        super().__init__(toolbar)
        self._controller, self._toolbar, self._bar = controller, toolbar, bar
        self._cards, self._waveform = cards, waveform
        self.source: Callable[[str | None], Source] = inputs.open_source
        self._watch = InputWatch(self)
        self.choice = LiveChoice(controller, toolbar.chosen)
        self._captions: Captions | None = None
        self._kept = False
        self._live: LiveThread | None = None
        self._recorder: Recorder | None = None
        self._job: Job | None = None
        self._names: dict[str, str] = {}
        toolbar.live.toggled.connect(self._toggled)
        self.told.connect(self._take)
        self._level.connect(self._show_level)
        self._source_ended.connect(self.stop)

    @property
    def active(self) -> bool:
        """Whether it runs, or is being made ready."""
        return self._job is not None or self._live is not None

    def stop(self) -> None:
        """No more is listened to; what was said is still written, and :attr:`ended` follows."""
        self._show_button(False)
        job, self._job = self._job, None
        if job is not None:
            job.cancel()
            self._rest()
        recorder, self._recorder = self._recorder, None
        self._watch.stop()
        if recorder is not None:
            self._bar.say(tr("Writing the rest …"))
            job = Job(recorder.stop, "stop-live")
            job.finished.connect(self._recorded)
            job.failed.connect(self.failed)
            job.start()
        elif self._live is not None:
            self._live.abandon()

    def close(self) -> None:
        """Ends it now and keeps the recording, at the end of the program."""
        if self._job is not None:
            self._job.cancel()
        if self._recorder is not None:
            self._recorder.stop()
        if self._live is not None:
            self._live.abandon()
            self._live.wait(END_SECONDS)
        self._job = self._recorder = self._live = None

    # --- inside -----------------------------------------------------------------------------------------------------

    def _toggled(self, on: bool) -> None:
        if not on:
            self.stop()
            return
        try:
            wanted, engines = self.choice.required()
        except BadInput as error:
            self._show_button(False)
            self.failed.emit(error)
            return
        self.begun.emit()
        self._names = {engine.id: engine.name for engine in engines}
        self._captions = Captions(engines)
        self._bar.clear()
        self._bar.say(tr("Getting ready …"))
        for engine in engines:
            self._cards[engine.id].set_task(wanted.task, wanted.target)
            self._cards[engine.id].set_reference(None)
        self._show_cards(tuple(self._captions.runs))
        host = self._controller.let_rest()
        self._job = Job(lambda: self._prepare(engines, wanted, host), "prepare-live")
        self._job.progressed.connect(self._prepared)
        self._job.failed.connect(self._not_begun)
        self.changed.emit(True)
        self._job.start()

    def _prepare(
        self, engines: tuple[EngineDescription, ...], wanted: Asked, close_host: Callable[[], None]
    ) -> Iterator[_Step]:
        close_host()
        speech = a_little_speech()
        ready = []
        asked = [(one, Request(speech, wanted.task, wanted.target, wanted.options[one.id])) for one in engines]
        for step in preparing(asked):
            if isinstance(step, Prepared):
                ready.append(step.engine)
            yield step
        if not ready:
            raise Unavailable(tr("None of the engines that are chosen for live can run."), tr("Their cards tell why."))
        for event in prepare(("silero-vad",)):
            yield Progress(tuple(ready), event)
        running = self._controller.settings.running
        chosen = tuple(engine for engine in engines if engine.id in ready)
        yield setting(
            chosen,
            wanted,
            catalogue=self._controller.catalogue,
            provider=running.provider,
            threads=running.threads,
        )

    def _prepared(self, step: _Step) -> None:
        if self.sender() is not self._job or self._captions is None:
            return
        if isinstance(step, Setting):
            self._job = None
            self._live = LiveThread(step, self.told.emit)
            self._live.start()
        elif isinstance(step, Progress):
            self._bar.say(f"{tr(step.event.what)} …")
        elif isinstance(step, Unprepared):
            error = step.error
            self._take(Out(0.0, step.engine, error.kind, error.message, error.hint))

    def _not_begun(self, error: TriptychError) -> None:
        self._job = None
        self._show_button(False)
        self._rest()
        self.failed.emit(error)

    def _take(self, event: LiveEvent) -> None:
        if self._captions is None:
            return
        self._show_cards(self._captions.take(event))
        match event:
            case Warming(engine=engine, left=left):
                self._bar.say(tr("Opening {names}, {left} left …").format(names=self._names[engine], left=left))
            case Ready() if self._toolbar.live.isChecked():
                self._open_source()
            case Speaking():
                self._bar.say(tr("Listening"), speaking=True)
            case Paused() if self._recorder is not None:
                self._bar.say(tr("Listening"))
            case Load(sentence=sentence):
                self._bar.say_load(sentence)
            case SoundLost(gaps=gaps):
                self._bar.say_lost(gaps)
            case Ended():
                self._live = None
                self.stop()
                self._rest()
            case _:
                pass

    def _open_source(self) -> None:
        live, make, name = self._live, self.source, self._controller.settings.choices.microphone
        assert live is not None

        def recorder() -> Recorder:
            return Recorder(
                Tapped(make(name), live.hear),
                successor=lambda: Tapped(again(make, name), live.hear),
                on_level=self._level.emit,
                on_note=self.noted.emit,
                on_problem=lambda _: self._source_ended.emit(),
                on_end=self._source_ended.emit,
            )

        self._bar.say(tr("Opening the microphone …"))
        job = Job(lambda: begin(recorder), "live-source")
        job.finished.connect(self._listening)
        job.failed.connect(self._no_source)
        job.start()

    def _listening(self, recorder: Recorder) -> None:
        self._recorder = recorder
        if self._toolbar.live.isChecked():
            self._bar.say(tr("Listening"))
            self._waveform.start_live()
            self._watch.start(recorder)
        else:
            self.stop()

    def _no_source(self, error: TriptychError) -> None:
        self.stop()
        self.failed.emit(error)

    def _recorded(self, recording: Recording) -> None:
        if self._live is not None:
            self._live.stop()
        if recording.seconds > 0:
            self._kept = True
            self.ended.emit(recording)
        elif recording.problem is not None:
            self.failed.emit(recording.problem)

    def _rest(self) -> None:
        """Live work is over; the cards keep what was written."""
        if self._captions is not None:
            self._captions.end()
            self._show_cards(tuple(self._captions.runs))
        self._show_button(False)
        self.changed.emit(False)

    def show_again(self) -> None:
        """Puts what was written back on the cards, once, when the recording of it was taken into the window."""
        kept, self._kept = self._kept, False
        if kept and self._captions is not None:
            self._show_cards(tuple(self._captions.runs))

    def forget(self) -> None:
        """Other speech is on its way into the window; what runs is stopped."""
        self._kept = False
        if self.active:
            self.stop()

    def _show_cards(self, engines: tuple[str, ...]) -> None:
        if self._captions is not None:
            for engine in engines:
                self._cards[engine].set_run(self._captions.runs[engine])

    def _show_level(self, level: Level) -> None:
        if self._recorder is not None:
            self._toolbar.live.show_level(level.peak, self._recorder.seconds)
            self._waveform.live.add(level)

    def _show_button(self, on: bool) -> None:
        button = self._toolbar.live
        if button.isChecked() != on:
            button.blockSignals(True)
            button.setChecked(on)
            button.blockSignals(False)
        button.refresh()
