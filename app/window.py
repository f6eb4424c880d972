"""The main window: speech on top, a baseline strip, three panels, the evidence below; and how the parts talk."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QApplication, QMainWindow, QSplitter, QVBoxLayout, QWidget

from app import geometry
from app.benchpart import BenchPart
from app.blind import Blind
from app.codebooklistening import CodebookListening
from app.controller import Controller
from app.dialogs.opener import Dialogs
from app.dropping import dropped_file, offers_file
from app.historypart import HistoryPart
from app.intake import Intake
from app.language import tr
from app.livepart import LivePart
from app.loading import described
from app.offers import Offers
from app.playback import Playback
from app.results import Results
from app.settings import Settings
from app.shortcuts import bind
from app.stress import StressControl
from app.theme import theme
from app.views.pair import EvidencePair
from app.widgets.banner import MessageBar, OfferBanner
from app.widgets.card import EngineCard
from app.widgets.livebar import LiveBar
from app.widgets.panels import PANELS, CardsArea
from app.widgets.references import References
from app.widgets.speech import SpeechStrip
from app.widgets.stresspanel import StressPanel
from app.widgets.toolbar import ToolBar
from engines.audio.samples import list_samples
from engines.catalog import Catalogue
from engines.errors import TriptychError

log = logging.getLogger(__name__)

LOW = 800
"""Height in pixels under which a window is low."""

WARM_MS = 1000
"""When what the first result needs is loaded, after the window is there."""


class MainWindow(QMainWindow):
    """Assembles the widgets and connects them to the controller.

    Args:
        catalogue: the engines there are.
        settings: what the user chose last; changed by the window.
        remembers: whether the settings are saved when the window is closed (measurements and pictures do not want it).
    """

    def __init__(self, catalogue: Catalogue, settings: Settings, *, remembers: bool = True) -> None:
        super().__init__()
        self.setWindowTitle("Triptych")
        self.setAcceptDrops(True)
        self.settings = settings
        self._remembers = remembers
        self.controller = Controller(catalogue, settings, self)
        self.playback = Playback(parent=self)
        self.listening = CodebookListening(self.playback, parent=self)
        self._build(catalogue)
        self.intake = Intake(self.controller, self.toolbar, self.speech, self.references, self.playback, self)
        self.offers = Offers(self.offer, settings)
        self.dialogs = Dialogs(self.controller, self.offers, self)
        waveform, chosen = self.speech.waveform, self.toolbar.chosen
        self.results = Results(
            self.controller, self.cards, self.evidence, self.references, waveform, chosen, self.playback, self
        )
        beside = (self.live_bar, self.references, self.evidence)
        self.live = LivePart(self.controller, self.toolbar, beside, self.cards, self.intake)
        self.stressing = StressControl(self.controller, self.toolbar, self.references, self.stress, self.playback, self)
        self.blind = Blind(self.controller, self.playback, self.toolbar, self.split, self)
        self.history = HistoryPart(self.controller, self.toolbar, self.results, self.live, self.intake, keeps=remembers)
        self.bench = BenchPart(self.controller, self.toolbar, self.live)
        self._connect()
        self._add_menu()
        self._add_shortcuts()
        self._restore()

    # --- assembling -------------------------------------------------------------------------------------------------

    def _build(self, catalogue: Catalogue) -> None:
        self.toolbar = ToolBar()
        self.speech = SpeechStrip()
        self.references = References()
        self.live_bar = LiveBar()
        self.stress = StressPanel()
        self.offer = OfferBanner()
        self.offer.hide()
        self.cards = {engine.id: EngineCard(engine) for engine in catalogue.engines}
        of = {
            paradigm: [self.cards[engine.id] for engine in catalogue.engines if engine.paradigm == paradigm]
            for paradigm in ("baseline", *PANELS)
        }
        self.area = CardsArea(of.pop("baseline"), of)
        self.evidence = EvidencePair(self.speech.waveform.time)
        self.dock = self.evidence.first
        self._hold_dock()
        theme().changed.connect(self._hold_dock)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.addWidget(self.area)
        self.split.addWidget(self.evidence)
        self.split.setStretchFactor(0, 1)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(8)
        content = QWidget()
        content.setProperty("look", "plain")
        column = QVBoxLayout(content)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        for widget in (self.toolbar, self.speech, self.references, self.stress, self.live_bar, self.offer):
            column.addWidget(widget)
        column.addWidget(self.split, 1)
        self.setCentralWidget(content)
        self.messages = MessageBar(content)

    def _hold_dock(self) -> None:
        """Gives the evidence a least height that does not depend on what it says, so that nothing moves."""
        low = self.height() < LOW
        line = self.fontMetrics().height()
        self.evidence.least(lambda lines: lines * line, 14 if low else 15)
        for card in self.cards.values():
            if card.description.paradigm == "baseline":  # it is as wide as the window: one line holds a sentence
                card.body.set_rows(1 if low else 2)

    def _connect(self) -> None:
        bar, controller = self.toolbar, self.controller
        bar.request_changed.connect(self._request_changed)
        bar.run_requested.connect(self.run)
        bar.cancel_requested.connect(controller.cancel)
        controller.running_changed.connect(bar.show_running)
        self.intake.begun.connect(self.messages.hide)
        self.live.begun.connect(self.messages.hide)
        self.offers.fetched.connect(
            lambda name: self.messages.say(tr("{name} is ready.").format(name=name), error=False)
        )
        for dock in (self.evidence.first, self.evidence.second):
            dock.lambda_changed.connect(self.dialogs.choose_lambda)
            dock.tokens.codebooks.listened.connect(self.listening.listen)
            dock.tokens.duplex.listened.connect(self.listening.listen)
        self.speech.waveform.time.play_requested.connect(self.intake.play_stretch)
        for asking in (self.intake, self.stressing, self.blind):
            asking.run_wanted.connect(self.run, Qt.ConnectionType.QueuedConnection)
        self.live.changed.connect(self.stressing.show_live)
        speakers = (self.intake, self.results, self.dock.save, self.evidence.second.save, self.history)
        for part in speakers:
            part.said.connect(lambda sentence: self.messages.say(sentence, error=False))
        workers = (controller, self.live, self.offers, self.listening, self.stressing, self.blind)
        for worker in (*speakers, *workers):
            worker.failed.connect(self.show_error)
        for card in self.cards.values():
            card.settings_requested.connect(self.dialogs.show_engine)

    def _add_menu(self) -> None:
        menu = self.toolbar.menu.menu()
        self.doubts = QAction(tr("Underline unsure words"), menu, checkable=True)
        self.doubts.setShortcut(QKeySequence("Ctrl+U"))
        self.doubts.setToolTip(tr("Dots, dashes or waves under words that the model gave little probability"))
        self.doubts.toggled.connect(self._show_doubts)
        self.dialogs.doubts_chosen.connect(self.doubts.setChecked)
        menu.addAction(self.doubts)
        menu.addSeparator()
        menu.addAction(tr("Preferences…"), QKeySequence("Ctrl+,"), self.dialogs.show_preferences)
        menu.addAction(tr("Models…"), self.dialogs.show_models)
        menu.addAction(tr("What works here…"), self.dialogs.show_doctor)
        menu.addAction(tr("Keys"), QKeySequence("F1"), self.dialogs.show_shortcuts)
        menu.addAction(tr("About Triptych"), self.dialogs.show_about)
        menu.addSeparator()
        menu.addAction(tr("Quit"), QKeySequence("Ctrl+Q"), self.close)

    def _add_shortcuts(self) -> None:
        for keys, does, act in (
            ("Ctrl+O", tr("Open a sound or video file"), self.intake.choose_file),
            ("Ctrl+R", tr("Record, or stop recording"), self.toolbar.record.click),
            ("Ctrl+L", tr("Write live while you speak, or stop"), self.toolbar.live.click),
            ("Ctrl+Return", tr("Run all engines"), self.run),
            ("Escape", tr("Close the message, or stop what runs"), self._escape_pressed),
            ("Ctrl+V", tr("Open a file that was copied"), self.intake.paste),
        ):
            bind(self, keys, does, act)

    def _restore(self) -> None:
        choices = self.settings.choices
        geometry.restore(self, self.split, self.settings.appearance)
        self.toolbar.choose(choices.task, choices.spoken, choices.target)
        self.toolbar.offer_samples(list_samples())
        self.doubts.setChecked(self.settings.appearance.underline_doubts)
        self._show_doubts(self.settings.appearance.underline_doubts)
        self.results.show_task()

    def _show_doubts(self, shown: bool) -> None:
        self.settings.appearance.underline_doubts = shown
        for card in self.cards.values():
            card.show_doubts(shown)

    # --- speech -----------------------------------------------------------------------------------------------------

    def start(self, file: Path | None) -> None:
        """Shows the file of the command line, or the first bundled sample."""
        self.offers.show_next()
        self.intake.recording.recover()
        self.intake.recording.inputs.look()
        QTimer.singleShot(WARM_MS, self.results.warm_up)
        if file is not None:
            self.intake.open_file(file)
        elif samples := list_samples():
            self.intake.open_sample(samples[0].id)

    # --- running ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Runs every engine on the speech in the window; does nothing while something runs or loads."""
        utterance = self.controller.utterance
        if utterance is None or self.controller.running or self.live.active:
            return
        task, spoken, target = self.toolbar.chosen()
        self.messages.hide()
        self.controller.run(described(utterance, spoken, *self.references.texts()), task, target)

    def _request_changed(self) -> None:
        task, spoken, target = self.toolbar.chosen()
        choices = self.settings.choices
        choices.task, choices.spoken = task, spoken
        choices.target = target or choices.target
        self.results.show_task()

    def show_error(self, error: TriptychError) -> None:
        """Says in one sentence what went wrong."""
        self.messages.say(error.message, error.hint)

    # --- keys, drops and the end ------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Gives the waveform less room in a low window."""
        super().resizeEvent(event)
        self.speech.waveform.set_compact(event.size().height() < LOW)
        self._hold_dock()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no widget wanted: Return runs, or presses the button it is on; space plays."""
        focused = QApplication.focusWidget()
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            if isinstance(focused, QAbstractButton):
                focused.click()
            else:
                self.run()
        elif event.key() == Qt.Key.Key_Space:
            self.intake.toggle_playback()
        else:
            super().keyPressEvent(event)

    def _escape_pressed(self) -> None:
        if self.messages.isVisible():
            self.messages.hide()
        elif self.controller.running:
            self.controller.cancel()
        elif self.live.active:
            self.live.stop()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes files."""
        if offers_file(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens the first file that was dropped."""
        if (path := dropped_file(event.mimeData())) is not None:
            event.acceptProposedAction()
            self.intake.open_file(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keeps a running recording, remembers the window, ends the engines."""
        self.live.close()
        self.intake.close()
        self.listening.close()
        self.stressing.close()
        geometry.remember(self, self.split, self.settings.appearance)
        if self._remembers:
            try:
                self.settings.save()
            except OSError as error:
                log.warning("the settings could not be saved: %s", error)
        self.results.close()
        self.controller.close()
        self.history.close()
        self.bench.close()
        super().closeEvent(event)
