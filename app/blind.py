"""Blind judging in the window: hides what tells engines' names, keeps votes, computes strengths."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QWidget

from app.background import Job
from app.controller import Controller
from app.dialogs.blind import BlindDialog
from app.judging import Better, Pair, Round, kinds
from app.language import tr
from app.playback import Playback
from app.widgets.toolbar import ToolBar
from engines.contract import Paradigm
from engines.errors import BadInput
from engines.evaluation.preference import Strength
from engines.evaluation.votes import Judged, Votes

SIDES = {"left": "work 1", "right": "work 2"}
"""What :attr:`Playback.other_changed` says while a voice is heard; no engine is called so."""


class Blind(QObject):
    """Opens the dialog of blind judging and answers it.

    Args:
        controller: has the comparison.
        playback: plays speech and voices.
        toolbar: offers it in its menu.
        telling: what tells engines' names: hidden while it is judged.
        parent: the window.
    """

    run_wanted = Signal()
    """All engines are to be run on the speech in the window."""
    failed = Signal(object)

    def __init__(
        self, controller: Controller, playback: Playback, toolbar: ToolBar, telling: QWidget, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._window = parent
        self._controller = controller
        self._playback = playback
        self._telling = telling
        self._votes: Votes | None = None
        self._round: Round | None = None
        self._chosen: Judged | None = None
        self._job: Job | None = None
        self.dialog: BlindDialog | None = None
        action = toolbar.menu.menu().addAction(tr("Judge blind…"), QKeySequence("Ctrl+J"), self.show)
        action.setToolTip(tr("Pick the better of two without knowing whose it is"))
        controller.comparison_reset.connect(self._begin)
        controller.running_changed.connect(lambda _: self._begin())

    def show(self) -> None:
        """Opens the dialog; the window hides what engines wrote as long as it is open."""
        try:
            self._votes = self._votes or Votes()
        except BadInput as error:
            self.failed.emit(error)
            return
        if self.dialog is None:
            self.dialog = BlindDialog(self._window)
            self.dialog.voted.connect(self._vote)
            self.dialog.undo_requested.connect(self._undo)
            self.dialog.kind_chosen.connect(self._choose)
            self.dialog.play_requested.connect(self._play)
            self.dialog.run_requested.connect(self.run_wanted)
            self.dialog.scores_requested.connect(self._score)
            self.dialog.closed.connect(self._end)
        self._telling.hide()
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        self._begin()

    # --- rounds -----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Takes up what the window has now."""
        dialog, comparison = self.dialog, self._controller.comparison
        if dialog is None or not dialog.isVisible() or self._votes is None:
            return
        self._round = None
        found = kinds(comparison) if comparison is not None and not self._controller.running else []
        if self._chosen not in found:
            self._chosen = found[0] if found else None
        dialog.offer_kinds(found, self._chosen)
        if self._controller.running:
            dialog.show_message(tr("The engines are at work …"), offer_run=False)
        elif comparison is None:
            speech = self._controller.utterance is not None
            dialog.show_message(tr("Nothing has been run on this speech yet."), offer_run=speech)
        elif self._chosen is None:
            dialog.show_message(
                tr("No two engines differ on this speech: there is nothing to choose."), offer_run=False
            )
        else:
            self._round = Round(comparison, self._chosen, self._votes)
            dialog.show_round(self._round)
        self._score()

    def _choose(self, judged: Judged) -> None:
        self._chosen = judged
        self._begin()

    def _vote(self, better: Better) -> None:
        if self._round is None or self.dialog is None:
            return
        self._playback.stop()
        try:
            self._round.vote(better)
        except BadInput as error:
            self.failed.emit(error)
        self.dialog.show_round(self._round)

    def _undo(self) -> None:
        if self._round is None or self.dialog is None:
            return
        try:
            self._round.undo()
        except BadInput as error:
            self.failed.emit(error)
        self.dialog.show_round(self._round)

    def _play(self, what: str) -> None:
        utterance = self._controller.utterance
        pair: Pair | None = self._round.current if self._round is not None else None
        if what == "speech":
            if utterance is not None:
                self._playback.play_stretch(0.0, utterance.seconds)
        elif pair is not None:
            voice = (pair.left if what == "left" else pair.right).voice
            if voice is not None:
                self._playback.toggle_other(SIDES[what], *voice)

    def _end(self) -> None:
        self._playback.stop()
        self._round = None
        self._telling.show()

    # --- strengths --------------------------------------------------------------------------------------------------

    def _score(self) -> None:
        """Computes strengths beside the window, if they are on screen."""
        if self.dialog is None or self._votes is None or not self.dialog.scores.isChecked():
            return
        chosen = self._chosen or "transcript"
        choices = [vote.choice for vote in self._votes.of(chosen)]

        def compute() -> object:
            from engines.evaluation.preference import strengths

            return strengths(choices)

        if self._job is not None:
            self._job.cancel()
        self._job = Job(compute, "strengths")
        self._job.finished.connect(self._show_strengths)
        self._job.failed.connect(self.failed)
        self._job.start()

    def _show_strengths(self, found: list[Strength]) -> None:
        if self.dialog is not None:
            self.dialog.show_strengths(found, self._names())

    def _names(self) -> dict[str, tuple[str, Paradigm]]:
        return {engine.id: (engine.name, engine.paradigm) for engine in self._controller.catalogue.engines}
