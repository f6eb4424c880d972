"""What is recorded, as the window sees it: the picker, and the level of what is chosen while the picker is open."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication

from app.background import Job
from app.inputs import Inputs, find_inputs
from app.levels import Level
from app.monitoring import Monitoring
from app.settings import Settings
from app.sources import Source
from app.widgets.inputpanel import InputPanel
from app.widgets.toolbar import ToolBar
from engines.errors import TriptychError


class InputChoice(QObject):
    """Opening and closing a microphone can take long: it is done in one thread of its own, in order.

    Args:
        toolbar: has the button.
        settings: remember the choice.
        source: makes a source from a name; tests give a file.
    """

    _found = Signal(object)
    _level = Signal(int, object)
    _problem = Signal(int, object)

    def __init__(self, toolbar: ToolBar, settings: Settings, source: Callable[[str | None], Source]) -> None:
        super().__init__(toolbar)
        self._toolbar, self._settings, self.source = toolbar, settings, source
        self._inputs = Inputs(())
        self._thread = ThreadPoolExecutor(1, "input-choice")
        self._monitoring: Monitoring | None = None  # of the thread alone
        self._request = 0
        self._over = False
        self.panel = InputPanel(toolbar)
        self.panel.chosen.connect(self._choose)
        self.panel.closed.connect(self._close)
        toolbar.inputs_wanted.connect(self.open)
        self._found.connect(self._show)
        self._level.connect(self._show_level)
        self._problem.connect(self._show_problem)
        self._tell()
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._look_again)

    def look(self) -> None:
        """Looks beside the window for what can be recorded; what was plugged in meanwhile is found."""
        job = Job(partial(find_inputs, refresh=True), "inputs")
        job.finished.connect(self._show)
        job.start()

    def open(self) -> None:
        """Opens the picker and listens to what is chosen."""
        self.panel.offer(self._inputs, self._settings.choices.microphone)
        self.panel.open_under(self._toolbar.microphone)
        self._thread.submit(self._find)
        self._listen()

    def open_source(self, name: str | None) -> Source:
        """What is to be recorded, when nothing is listened to any more. Not to be called by the window's thread.

        Raises:
            MicrophoneUnavailable: there is none of that name.
        """
        self._thread.submit(self._stop).result()
        return self.source(name)

    def shut_down(self) -> None:
        """Lets go of everything, at the end of the program; a second time does nothing."""
        if self._over:
            return
        self._over = True
        self._request += 1
        self._thread.submit(self._stop)
        self._thread.shutdown(wait=True)

    def _look_again(self, state: Qt.ApplicationState) -> None:
        if state == Qt.ApplicationState.ApplicationActive and not self._over:
            self.look()

    def _choose(self, name: str | None) -> None:
        self._settings.choices.microphone = name
        self._tell()
        self._listen()

    def _close(self) -> None:
        self._request += 1
        if not self._over:
            self._thread.submit(self._stop)

    def _listen(self) -> None:
        self._request += 1
        self._thread.submit(self._start, self._request, self._settings.choices.microphone)

    def _show(self, inputs: Inputs) -> None:
        self._inputs = inputs
        if self.panel.isVisible():
            self.panel.offer(inputs, self._settings.choices.microphone)

    def _show_level(self, request: int, level: Level) -> None:
        if request == self._request:
            self.panel.show_level(level)

    def _show_problem(self, request: int, error: TriptychError) -> None:
        if request == self._request:
            self.panel.show_problem(error)

    def _tell(self) -> None:
        self._toolbar.show_input(self._settings.choices.microphone)

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _find(self) -> None:
        self._found.emit(find_inputs(refresh=True))

    def _start(self, request: int, name: str | None) -> None:
        self._stop()
        if request != self._request:
            return
        try:
            monitoring = Monitoring(
                self.source(name), partial(self._level.emit, request), partial(self._problem.emit, request)
            )
            monitoring.start()
        except TriptychError as error:
            self._problem.emit(request, error)
        else:
            self._monitoring = monitoring

    def _stop(self) -> None:
        monitoring, self._monitoring = self._monitoring, None
        if monitoring is not None:
            monitoring.stop()
