"""Blind judging: two works side by side without a name, and which is better; then how strong engines are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.icons import icon
from app.judging import KINDS, Better, Pair, Round
from app.language import tr
from app.widgets.strengths import StrengthsView
from app.widgets.transcript import TranscriptLabel
from engines.contract import Paradigm
from engines.evaluation.preference import Strength
from engines.evaluation.votes import Judged

_ROWS = 7
_NOTE = tr(
    "The chance to be preferred to an average engine, with its 95 % interval; "
    "votes won : tied : lost. Intervals that overlap say that nobody knows yet."
)


class BlindDialog(QDialog):
    """Shows one pair at a time; does not block the window.

    Keys: 1, 2 and 0 judge, Ctrl+Z takes back, S plays the speech, Q and W the voices.
    """

    voted = Signal(str)
    """``"left"``, ``"right"`` or ``"tie"``."""
    undo_requested = Signal()
    kind_chosen = Signal(str)
    play_requested = Signal(str)
    """``"speech"``, ``"left"`` or ``"right"``."""
    run_requested = Signal()
    scores_requested = Signal()
    """The strengths of the chosen kind are wanted: answer with :meth:`show_strengths`."""
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Which is better?"))
        self.setSizeGripEnabled(True)
        self.kind = QComboBox()
        self.kind.setAccessibleName(tr("What is judged"))
        self.far = QLabel()
        self.far.setProperty("tone", "muted")
        self.speech = QPushButton(tr("Hear the speech"))
        self.speech.setToolTip(tr("Play what was said (S)"))
        self.texts = {
            side: TranscriptLabel(_ROWS, tr("Work {number}").format(number=number))
            for side, number in (("left", 1), ("right", 2))
        }
        self.plays = {
            side: QPushButton(tr("Hear {number}").format(number=number)) for side, number in (("left", 1), ("right", 2))
        }
        self.better: dict[Better, QPushButton] = {
            "left": QPushButton(tr("1 is better")),
            "tie": QPushButton(tr("No difference")),
            "right": QPushButton(tr("2 is better")),
        }
        self.undo = QPushButton(tr("Undo"))
        for side, key in (("left", "Q"), ("right", "W")):
            self.plays[side].setToolTip(tr("Key {key}").format(key=key))
        self.undo.setToolTip(tr("Take the last judgement back (Ctrl+Z)"))
        self.scores = QPushButton(tr("Scores"))
        self.scores.setCheckable(True)
        self.scores.setToolTip(tr("How strong engines are by all votes; the pair in hand stays unnamed"))
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setProperty("tone", "reading")
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.run = QPushButton(tr("Run all engines, unseen"))
        self.strengths = StrengthsView()
        self._page = 1
        self._lay_out()
        self._connect()
        self.resize(860, 460)

    # --- assembling -------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(10)
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self.kind, self.speech, self.far):
            row.addWidget(widget)
        row.addStretch()
        row.addWidget(self.undo)
        row.addWidget(self.scores)
        column.addLayout(row)
        self._pages = QStackedWidget()
        for page in (self._pair_page(), self._message_page(), self._scores_page()):
            self._pages.addWidget(page)
        column.addWidget(self._pages, 1)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)

    def _pair_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        row = QHBoxLayout()
        row.setSpacing(12)
        for number, side in enumerate(("left", "right"), 1):
            card = QFrame()
            card.setProperty("look", "card")
            inside = QVBoxLayout(card)
            inside.setContentsMargins(14, 10, 14, 12)
            title = QLabel(str(number))
            title.setProperty("tone", "title")
            inside.addWidget(title)
            inside.addWidget(self.texts[side])
            inside.addWidget(self.plays[side], 0, Qt.AlignmentFlag.AlignLeft)
            inside.addStretch()
            row.addWidget(card, 1)
        column.addLayout(row, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        for better, key in (("left", "1"), ("tie", "0"), ("right", "2")):
            button = self.better[better]  # type: ignore[index]
            button.setToolTip(tr("Key {key}").format(key=key))
            row.addWidget(button, 1)
        column.addLayout(row)
        return page

    def _message_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch()
        column.addWidget(self.message)
        column.addSpacing(8)
        column.addWidget(self.run, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch()
        return page

    def _scores_page(self) -> QWidget:
        page = QWidget()
        page.setProperty("look", "plain")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        self._note = QLabel(_NOTE)
        self._note.setWordWrap(True)
        self._note.setProperty("tone", "small")
        column.addWidget(self._note)
        column.addWidget(self.strengths)
        column.addStretch()
        area = QScrollArea()
        area.setWidget(page)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        return area

    def _connect(self) -> None:
        for better, button in self.better.items():
            button.clicked.connect(lambda _=False, chosen=better: self._vote(chosen))
        for side, button in self.plays.items():
            button.clicked.connect(lambda _=False, which=side: self.play_requested.emit(which))
        self.speech.clicked.connect(lambda: self.play_requested.emit("speech"))
        self.undo.clicked.connect(self.undo_requested)
        self.run.clicked.connect(self.run_requested)
        self.kind.activated.connect(lambda _: self.kind_chosen.emit(self.kind.currentData()))
        self.scores.toggled.connect(self._toggle_scores)
        for keys, act in (
            ("1", lambda: self._vote("left")),
            ("2", lambda: self._vote("right")),
            ("0", lambda: self._vote("tie")),
            ("Ctrl+Z", self.undo.click),
            ("S", self.speech.click),
            ("Q", lambda: self._play("left")),
            ("W", lambda: self._play("right")),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    # --- what is shown ----------------------------------------------------------------------------------------------

    def offer_kinds(self, found: Sequence[Judged], chosen: Judged | None) -> None:
        """Offers what can be judged of the speech in the window."""
        self.kind.clear()
        for judged in found:
            self.kind.addItem(KINDS[judged], judged)
        self.kind.setCurrentIndex(max(0, self.kind.findData(chosen)))
        self.kind.setEnabled(bool(found))

    def show_round(self, round_: Round) -> None:
        """Shows the pair in hand, or that all are judged."""
        pair = round_.current
        self.undo.setEnabled(round_.done > 0)
        if pair is None:
            many = (
                tr("All {pairs} pairs are judged.").format(pairs=len(round_.pairs))
                if round_.pairs
                else tr("There is nothing left to judge.")
            )
            self.show_message(tr("{many} Run the engines on other speech for more.").format(many=many), offer_run=False)
            self.undo.setEnabled(round_.done > 0)
            return
        same = tr(" · {same} wrote the same as another").format(same=round_.same) if round_.same else ""
        self.far.setText(
            tr("pair {done} of {pairs}{same}").format(done=round_.done + 1, pairs=len(round_.pairs), same=same)
        )
        self._show_pair(pair)
        self._turn_to(0)

    def _show_pair(self, pair: Pair) -> None:
        voices = pair.left.voice is not None
        for side, mine, other in (("left", pair.left, pair.right), ("right", pair.right, pair.left)):
            text = self.texts[side]
            text.setVisible(not voices)
            text.set_reference(None)
            text.set_text(mine.text or "(nothing)")
            text.set_reference(other.text or None, tr("the other text"))
            self.plays[side].setVisible(voices)
            self.plays[side].setIcon(icon("play"))

    def show_message(self, text: str, *, offer_run: bool) -> None:
        """Says why there is no pair."""
        self.far.setText("")
        self.message.setText(text)
        self.run.setVisible(offer_run)
        self.undo.setEnabled(False)
        self._turn_to(1)

    def show_strengths(self, found: Sequence[Strength], names: Mapping[str, tuple[str, Paradigm]]) -> None:
        """Shows how strong engines are."""
        self.strengths.show_strengths(found, names)
        self._note.setText(_NOTE if found else tr("There are no votes yet."))

    @property
    def judging(self) -> bool:
        """Whether a pair is on screen."""
        return self._pages.currentIndex() == 0

    def _turn_to(self, page: int) -> None:
        self._page = page
        if not self.scores.isChecked():
            self._pages.setCurrentIndex(page)

    def _toggle_scores(self, shown: bool) -> None:
        self._pages.setCurrentIndex(2 if shown else self._page)
        if shown:
            self.scores_requested.emit()

    def _vote(self, better: Better) -> None:
        if self.judging:
            self.voted.emit(better)

    def _play(self, side: str) -> None:
        if self.judging and self.plays[side].isVisible():
            self.play_requested.emit(side)

    def hideEvent(self, event: QHideEvent) -> None:
        """Says that it was closed."""
        super().hideEvent(event)
        if not event.spontaneous():  # minimised is not closed
            self.closed.emit()
