"""How speech comes into the window: from a file, a sample, the clipboard or the microphone; and how it is played."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.controller import Controller
from app.dropping import ask_for_file, dropped_file
from app.language import tr
from app.loading import Loader
from app.playback import Playback
from app.recorded import Recording
from app.recording import RecordingControl
from app.widgets.references import References
from app.widgets.speech import SpeechStrip
from app.widgets.toolbar import ToolBar
from engines.contract import Utterance
from engines.errors import AudioUnreadable, TriptychError
from engines.history.session import is_session


class Intake(QObject):
    """Loads, records and plays; what is loaded goes to the controller.

    Args:
        controller: takes the speech.
        toolbar: where it is asked for.
        speech: shows it.
        references: shows what is known to be said in it.
        playback: plays it.
        parent: the window.
    """

    begun = Signal()
    """Something is being opened or recorded: older messages are void."""
    run_wanted = Signal()
    """A recording is there that is to be run at once."""
    session_wanted = Signal(object)
    """The path of a session that is to be opened."""
    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        controller: Controller,
        toolbar: ToolBar,
        speech: SpeechStrip,
        references: References,
        playback: Playback,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._window = parent
        self.waveform = speech.waveform
        self._controller = controller
        self._choices = controller.settings.choices
        self._toolbar = toolbar
        self._speech = speech
        self._references = references
        self._playback = playback
        self._run_next = False
        self.loader = Loader(self)
        self.recording = RecordingControl(toolbar, speech.waveform, controller.settings)
        toolbar.open_requested.connect(self.choose_file)
        toolbar.sample_chosen.connect(self.open_sample)
        speech.play_toggled.connect(self.toggle_playback)
        speech.waveform.seek_requested.connect(playback.seek)
        playback.moved.connect(speech.show_position)
        playback.changed.connect(speech.show_playing)
        playback.failed.connect(self.failed)
        controller.utterance_loaded.connect(self._show)
        self.loader.loaded.connect(controller.show)
        self.loader.changed.connect(speech.show_loading)
        self.loader.failed.connect(self._not_loaded)
        self.recording.begun.connect(self.begun)
        self.recording.begun.connect(playback.stop)
        self.recording.ended.connect(self._recorded)
        self.recording.noted.connect(self.said)
        self.recording.failed.connect(self._not_recorded)
        self.recording.recovered.connect(speech.rescue.offer)
        speech.rescue.wanted.connect(self._open_rescued)

    def choose_file(self) -> None:
        """Asks for a file."""
        path = ask_for_file(self._window, self._choices.folder)
        if path is not None:
            self._choices.folder = str(path.parent)
            self.open_file(path)

    def open_file(self, path: Path) -> None:
        """Opens a file, with the language that the user chose last; a session is handed over."""
        if is_session(path):
            self.session_wanted.emit(path)
            return
        self.begun.emit()
        self._choose_own_language()
        self.loader.open_file(path)

    def open_sample(self, sample_id: str) -> None:
        """Opens a bundled sample, whose language is known."""
        self.begun.emit()
        self.loader.open_sample(sample_id)

    def paste(self) -> None:
        """Opens a file from the clipboard."""
        path = dropped_file(QGuiApplication.clipboard().mimeData())
        if path is not None:
            self.open_file(path)
        else:
            hint = tr("Copy a file, then paste it here.")
            self.failed.emit(AudioUnreadable(tr("There is no sound file in the clipboard."), hint))

    def toggle_playback(self) -> None:
        """Plays from the cursor, or stops there."""
        self._playback.toggle(self._speech.waveform.position)

    def play_stretch(self, start: float, end: float, gently: bool) -> None:
        """Plays a stretch of the speech, from and to in seconds; not while something is recorded.

        Args:
            start: in seconds.
            end: in seconds.
            gently: only if nothing else plays.
        """
        if self._speech.waveform.utterance is not None:
            self._playback.play_stretch(start, end, gently=gently)

    def close(self) -> None:
        """Keeps a running recording and lets go of microphone and loudspeaker."""
        self.recording.finish()
        self._playback.close()

    def _choose_own_language(self) -> None:
        task, _, target = self._toolbar.chosen()
        self._toolbar.choose(task, self._choices.spoken, target)

    def _show(self, utterance: Utterance) -> None:
        self._playback.load(utterance.samples)
        self._speech.show_utterance(utterance)
        self._references.show(utterance.reference, utterance.reference_translation)
        if utterance.language is not None:
            task, _, target = self._toolbar.chosen()
            self._toolbar.choose(task, utterance.language, target)
        self._window.setWindowTitle(tr("{source} – Triptych").format(source=utterance.source))
        if utterance.notes:
            self.said.emit(" ".join(utterance.notes))
        run, self._run_next = self._run_next, False
        if run:
            self.run_wanted.emit()

    def _not_loaded(self, error: TriptychError) -> None:
        self._run_next = False
        self._speech.show_utterance(self._controller.utterance)
        self.failed.emit(error)

    def silence(self) -> None:
        """Stops playing."""
        self._playback.stop()

    def take(self, recording: Recording) -> None:
        """Opens a recording of what was already written while it was spoken."""
        self._run_next = False
        self.loader.open_recording(recording)

    def _recorded(self, recording: Recording) -> None:
        self._choose_own_language()
        self._run_next = self._choices.run_after_recording
        self.loader.open_recording(recording)

    def _not_recorded(self, error: TriptychError) -> None:
        self._speech.show_utterance(self._controller.utterance)
        self.failed.emit(error)

    def _open_rescued(self, recording: Recording) -> None:
        self.begun.emit()
        self._choose_own_language()
        self.take(recording)
