"""Makes the speech in the window worse, plays it, runs the engines on it, and puts the recording back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.background import Job
from app.controller import Controller
from app.dialogs.sweep import SweepDialog
from app.loading import described
from app.playback import STRESSED, Playback
from app.sweep import Sweep
from app.sweeping import SweepRunner
from app.widgets.references import References
from app.widgets.stresspanel import StressPanel
from app.widgets.toolbar import ToolBar
from engines.audio.conditions import Condition, Kind, title_of
from engines.audio.stressing import stressed
from engines.contract import SAMPLE_RATE, Task, Utterance


class StressControl(QObject):
    """Knows the recording behind what is in the window.

    Args:
        controller: shows and runs.
        toolbar: tells the spoken language.
        references: tells what is said, and shows or hides the panel.
        panel: where it is asked for.
        playback: plays what was made.
        parent: the window.
    """

    run_wanted = Signal()
    """The speech that is now in the window is to be run."""
    failed = Signal(object)

    def __init__(
        self,
        controller: Controller,
        toolbar: ToolBar,
        references: References,
        panel: StressPanel,
        playback: Playback,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._window = parent
        self._controller = controller
        self._panel = panel
        self._playback = playback
        self._toolbar = toolbar
        self._references = references
        self._made: dict[str, tuple[Utterance, tuple[Condition, ...]]] = {}
        self._job: Job | None = None
        self._dialog: SweepDialog | None = None
        self.recording: Utterance | None = None
        self.conditions: tuple[Condition, ...] = ()
        self.sweeper = SweepRunner(controller, self)
        self.sweeper.making.connect(self._remember)
        self.sweeper.failed.connect(self.failed)
        controller.utterance_loaded.connect(self._loaded)
        playback.other_changed.connect(lambda other: panel.show_playing(other == STRESSED))
        references.worse.toggled.connect(panel.setVisible)
        panel.listen_requested.connect(self.listen)
        panel.run_requested.connect(self.run)
        panel.clean_requested.connect(self.put_back)
        panel.sweep_requested.connect(self.show_sweep)

    def show_live(self, live: bool) -> None:
        """Ends a sweep and puts the panel away while engines listen live."""
        if live:
            self.sweeper.stop()
        self._panel.setVisible(not live and self._references.worse.isChecked())

    def _described(self, utterance: Utterance) -> Utterance:
        return described(utterance, self._toolbar.chosen()[1], *self._references.texts())

    # --- one condition ----------------------------------------------------------------------------------------------

    def listen(self, condition: Condition) -> None:
        """Plays the recording under a condition, or stops it."""
        if self._panel.playing:
            self._playback.stop()
            return
        self._make(condition, self._play)

    def run(self, condition: Condition) -> None:
        """Puts the recording under a condition into the window and asks for it to be run."""
        self._make(condition, self._show)

    def put_back(self) -> None:
        """Puts the recording into the window as it is."""
        if self.recording is not None and self.conditions:
            self.sweeper.stop()
            self._controller.show(self._described(self.recording))

    def _make(self, condition: Condition, then: Callable[[Utterance], None]) -> None:
        if self.recording is None:
            return
        if self._job is not None:
            self._job.cancel()
        clean = self._described(self.recording)
        self._job = Job(lambda: stressed(clean, (condition,)), "stress")
        self._job.finished.connect(lambda made: self._finish(clean, condition, made, then))
        self._job.failed.connect(self.failed)
        self._job.start()

    def _finish(
        self, clean: Utterance, condition: Condition, made: Utterance, then: Callable[[Utterance], None]
    ) -> None:
        if self.recording is None or clean.digest != self.recording.digest:
            return  # meanwhile there is other speech
        self._made[made.digest] = (self.recording, (condition,))
        then(made)

    def _play(self, made: Utterance) -> None:
        self._playback.stop()
        self._playback.toggle_other(STRESSED, made.samples, SAMPLE_RATE)

    def _show(self, made: Utterance) -> None:
        self.sweeper.stop()
        self._controller.show(made)
        self.run_wanted.emit()

    def _loaded(self, utterance: Utterance) -> None:
        found = self._made.get(utterance.digest)
        if found is None:
            self.recording, self.conditions = utterance, ()
            self._made.clear()
        else:
            self.recording, self.conditions = found
        self._panel.show_now(title_of(self.conditions) if self.conditions else "")
        if self.conditions:
            self._references.worse.setChecked(True)

    # --- many -------------------------------------------------------------------------------------------------------

    def show_sweep(self, kind: Kind) -> None:
        """Opens the dialog of sweeps, one at a time."""
        if self._dialog is None:
            engines = [
                engine for engine in self._controller.catalogue.engines if engine.supports(Task.TRANSCRIBE, None)
            ]
            self._dialog = SweepDialog(engines, self._window)
            self._dialog.run_requested.connect(self._sweep)
            self._dialog.cancel_requested.connect(self.sweeper.stop)
            self.sweeper.advanced.connect(self._dialog.show_sweep)
            self.sweeper.ended.connect(self._dialog.show_ended)
        self._dialog.choose(kind)
        self._dialog.show()
        self._dialog.raise_()

    def _sweep(self, kind: Kind, amounts: tuple[float, ...], engines: tuple[str, ...]) -> None:
        if self.recording is None or self._dialog is None or self._controller.refused():
            return
        sweep = Sweep(self._described(self.recording), kind, amounts)
        self._dialog.show_started(sweep)
        self.sweeper.start(sweep, engines)

    def _remember(self, made: Utterance, conditions: tuple[Condition, ...]) -> None:
        if self.recording is not None and conditions:
            self._made[made.digest] = (self.recording, conditions)

    def close(self) -> None:
        """Ends what runs."""
        self.sweeper.stop()
        if self._job is not None:
            self._job.cancel()
        if self._dialog is not None:
            self._dialog.close()
