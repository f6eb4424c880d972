"""Recording as the window sees it: the button, its level, the live waveform, and the file that is kept."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.background import Job
from app.devices import devices
from app.levels import Level
from app.recorded import Recording, recover
from app.recorder import Recorder
from app.settings import Settings
from app.sources import Microphone, Source
from app.widgets.toolbar import ToolBar
from app.widgets.waveform import WaveformView
from engines.errors import MicrophoneUnavailable, TriptychError

STEP_SECONDS = 0.05
"""How often a level comes."""


def microphone(name: str | None) -> Source:
    """A microphone by name, or the system's choice.

    Raises:
        MicrophoneUnavailable: there is none of that name.
    """
    if name is None:
        return Microphone()
    for device in devices("input"):
        if device.name == name:
            return Microphone(device.index)
    raise MicrophoneUnavailable(f"The microphone {name} is not there.", "Plug it in, or choose another one.")


class RecordingControl(QObject):
    """Runs the recorder beside the window: opening a microphone can take long.

    Args:
        toolbar: has the button and the menu of microphones.
        waveform: shows the recording as it comes.
        settings: remember the microphone.
        source: makes a source from a microphone's name; tests give a file.
    """

    begun = Signal()
    ended = Signal(object)
    """A :class:`app.recorder.Recording`; its file is kept."""
    failed = Signal(object)
    recovered = Signal(object)
    """Recordings of a process that was killed, as a tuple."""
    _level = Signal(object)
    _stop_wanted = Signal()

    def __init__(
        self,
        toolbar: ToolBar,
        waveform: WaveformView,
        settings: Settings,
        source: Callable[[str | None], Source] = microphone,
    ) -> None:
        super().__init__(toolbar)
        self._toolbar = toolbar
        self._waveform = waveform
        self._settings = settings
        self._source = source
        self._recorder: Recorder | None = None
        self._names: tuple[str, ...] = ()
        toolbar.record.toggled.connect(self._toggled)
        toolbar.microphones_wanted.connect(self.list_microphones)
        toolbar.microphone_chosen.connect(self._choose)
        self._level.connect(self._show_level)
        self._stop_wanted.connect(self.stop)

    @property
    def active(self) -> bool:
        """Whether something is being recorded."""
        return self._recorder is not None

    def list_microphones(self) -> None:
        """Fills the menu with what is known and looks again beside the window."""
        self._offer()
        job = Job(lambda: tuple(device.name for device in devices("input")), "microphones")
        job.finished.connect(self._listed)
        job.failed.connect(self._none_listed)
        job.start()

    def recover(self) -> None:
        """Takes over recordings of processes that were killed."""
        job = Job(recover, "recover")
        job.finished.connect(self._recovered)
        job.start()

    def stop(self) -> None:
        """Ends the recording, if there is one; :attr:`ended` follows."""
        recorder, self._recorder = self._recorder, None
        self._show_button(False)
        if recorder is not None and recorder.seconds >= 0:
            job = Job(recorder.stop, "stop-recording")
            job.finished.connect(self._stopped)
            job.failed.connect(self.failed)
            job.start()

    def finish(self) -> Recording | None:
        """Ends the recording now and waits for its file, at the end of the program."""
        recorder, self._recorder = self._recorder, None
        return recorder.stop() if recorder is not None and recorder.recording else None

    def _listed(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._offer()

    def _none_listed(self) -> None:
        self._listed(())

    def _recovered(self, found: tuple[Recording, ...]) -> None:
        if found:
            self.recovered.emit(found)

    def _offer(self) -> None:
        self._toolbar.offer_microphones(self._names, self._settings.choices.microphone)

    def _choose(self, name: str | None) -> None:
        self._settings.choices.microphone = name
        self._offer()

    def _toggled(self, on: bool) -> None:
        if not on:
            self.stop()
            return
        name, make = self._settings.choices.microphone, self._source

        def open_source() -> Recorder:
            recorder = Recorder(
                make(name),
                on_level=self._level.emit,
                on_problem=lambda _: self._stop_wanted.emit(),
                on_end=self._stop_wanted.emit,
            )
            recorder.start()
            return recorder

        job = Job(open_source, "record")
        job.finished.connect(self._started)
        job.failed.connect(self._not_started)
        job.start()
        self.begun.emit()

    def _started(self, recorder: Recorder) -> None:
        self._recorder = recorder
        if self._toolbar.record.isChecked():
            self._waveform.start_live(STEP_SECONDS)
        else:
            self.stop()

    def _not_started(self, error: TriptychError) -> None:
        self._show_button(False)
        self.failed.emit(error)

    def _stopped(self, recording: Recording) -> None:
        if recording.seconds > 0:
            self.ended.emit(recording)
        else:
            hint = "Choose another microphone, or allow this program to use it."
            self.failed.emit(recording.problem or MicrophoneUnavailable("Nothing was recorded.", hint))

    def _show_level(self, level: Level) -> None:
        if self._recorder is not None:
            self._toolbar.record.show_level(level.peak, self._recorder.seconds)
            self._waveform.add_live(-level.peak, level.peak)

    def _show_button(self, recording: bool) -> None:
        button = self._toolbar.record
        if button.isChecked() != recording:
            button.blockSignals(True)
            button.setChecked(recording)
            button.blockSignals(False)
        button.refresh()
