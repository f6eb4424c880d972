"""Recording as the window sees it: the button, its level, the live waveform, and the file that is kept."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.background import Job
from app.devices import look_again
from app.inputchoice import InputChoice
from app.inputs import open_input
from app.inputwatch import InputWatch
from app.language import tr
from app.levels import Level
from app.recorded import Recording, recover
from app.recorder import Recorder
from app.settings import Settings
from app.sources import Source
from app.widgets.toolbar import ToolBar
from app.widgets.waveform import WaveformView
from engines.errors import MicrophoneUnavailable, TriptychError


def begin(make: Callable[[], Recorder]) -> Recorder:
    """Starts a recorder; what was unplugged or changed since devices were listed is looked for once more.

    Raises:
        MicrophoneUnavailable: there is no microphone, or it is busy.
        DiskFull: the file cannot be begun.
    """
    try:
        recorder = make()
        recorder.start()
    except MicrophoneUnavailable:
        look_again()
        recorder = make()
        recorder.start()
    return recorder


def again(make: Callable[[str | None], Source], name: str | None) -> Source:
    """What a recording goes on with when its microphone went away: the same one if it is back, or the new default.

    Somebody who chose a microphone by name is not recorded by another one.
    """
    look_again()
    return make(name)


class RecordingControl(QObject):
    """Runs the recorder beside the window: opening a microphone can take long.

    Args:
        toolbar: has the button and the picker's.
        waveform: shows the recording as it comes.
        settings: remember what is recorded.
    """

    begun = Signal()
    ended = Signal(object)
    """A :class:`app.recorded.Recording`; its file is kept."""
    noted = Signal(str)
    """A sentence on what happened while the recording goes on."""
    failed = Signal(object)
    recovered = Signal(object)
    """Recordings of a process that was killed, as a tuple."""
    _level = Signal(object)
    _stop_wanted = Signal()

    def __init__(self, toolbar: ToolBar, waveform: WaveformView, settings: Settings) -> None:
        super().__init__(toolbar)
        self._toolbar = toolbar
        self._waveform = waveform
        self._settings = settings
        self.inputs = InputChoice(toolbar, settings, open_input)
        self._source: Callable[[str | None], Source] = self.inputs.open_source
        self._watch = InputWatch(self)
        self._recorder: Recorder | None = None
        toolbar.record.toggled.connect(self._toggled)
        self._level.connect(self._show_level)
        self._stop_wanted.connect(self.stop)

    @property
    def active(self) -> bool:
        """Whether something is being recorded."""
        return self._recorder is not None

    def recover(self) -> None:
        """Takes over recordings of processes that were killed."""
        job = Job(recover, "recover")
        job.finished.connect(self._recovered)
        job.start()

    def stop(self) -> None:
        """Ends the recording, if there is one; :attr:`ended` follows."""
        recorder, self._recorder = self._recorder, None
        self._watch.stop()
        self._show_button(False)
        if recorder is not None and recorder.seconds >= 0:
            job = Job(recorder.stop, "stop-recording")
            job.finished.connect(self._stopped)
            job.failed.connect(self.failed)
            job.start()

    def finish(self) -> Recording | None:
        """Ends the recording now and waits for its file, at the end of the program."""
        self._watch.stop()
        self.inputs.shut_down()
        recorder, self._recorder = self._recorder, None
        return recorder.stop() if recorder is not None and recorder.recording else None

    def _recovered(self, found: tuple[Recording, ...]) -> None:
        if found:
            self.recovered.emit(found)

    def _toggled(self, on: bool) -> None:
        if not on:
            self.stop()
            return
        name, make = self._settings.choices.microphone, self._source

        def recorder() -> Recorder:
            return Recorder(
                make(name),
                successor=lambda: again(make, name),
                on_level=self._level.emit,
                on_note=self.noted.emit,
                on_problem=lambda _: self._stop_wanted.emit(),
                on_end=self._stop_wanted.emit,
            )

        self._toolbar.microphone.setEnabled(False)
        job = Job(lambda: begin(recorder), "record")
        job.finished.connect(self._started)
        job.failed.connect(self._not_started)
        job.start()
        self.begun.emit()

    def _started(self, recorder: Recorder) -> None:
        self._recorder = recorder
        if self._toolbar.record.isChecked():
            self._waveform.start_live()
            self._watch.start(recorder)
        else:
            self.stop()

    def _not_started(self, error: TriptychError) -> None:
        self._show_button(False)
        self.failed.emit(error)

    def _stopped(self, recording: Recording) -> None:
        if recording.seconds > 0:
            self.ended.emit(recording)
        else:
            hint = tr("Choose another microphone, or allow this program to use it.")
            self.failed.emit(recording.problem or MicrophoneUnavailable(tr("Nothing was recorded."), hint))

    def _show_level(self, level: Level) -> None:
        if self._recorder is not None:
            self._toolbar.record.show_level(level.peak, self._recorder.seconds)
            self._waveform.live.add(level)

    def _show_button(self, recording: bool) -> None:
        button = self._toolbar.record
        if button.isChecked() != recording:
            button.blockSignals(True)
            button.setChecked(recording)
            button.blockSignals(False)
        button.refresh()
        self._toolbar.microphone.setEnabled(True)
