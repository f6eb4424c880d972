"""The evidence dock: why an engine's text came out as it did, in a sentence first and then in numbers."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from app.comparison import EngineRun, Status
from app.theme import palette, theme
from app.views import oracles, sentences
from app.views.correction import CorrectionView
from app.views.nbest import NBestView
from app.views.scores import ScoresView
from app.views.timing import TimingView
from app.widgets.numbers import clock
from engines.contract import Correction, NBest, TokenScores

WHY, SCORES, TIME = range(3)
_E = TypeVar("_E", NBest, Correction, TokenScores)
_EMPTY = "Run the engines, then choose a card: here stands why its text came out as it did."


class EvidenceDock(QFrame):
    """Tabs *Why*, *Scores* and *Time* on one engine's run."""

    lambda_changed = Signal(str, float)
    """Engine id and λ, as the slider moves."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setAccessibleName("Evidence")
        self._run: EngineRun | None = None
        self._reference: tuple[str | None, str | None] = (None, None)
        self._weights: dict[tuple[str, str, int], float] = {}
        self._shown: object = None
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Kind of evidence")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for name, tip in (
            ("Why", "How this text was chosen or made"),
            ("Scores", "How sure the recogniser was of every token"),
            ("Time", "What each stage took"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(name), tip)
        self.name = QLabel()
        self.segment = QComboBox()
        self.segment.setAccessibleName("Stretch of speech")
        self.segment.setToolTip("Which stretch of speech")
        self.sentence = QLabel(_EMPTY)
        self.sentence.setWordWrap(True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.nbest = NBestView()
        self.correction = CorrectionView()
        self.scores = ScoresView()
        self.timing = TimingView()
        self._why = QSplitter(Qt.Orientation.Horizontal)
        self._why.setChildrenCollapsible(False)
        self._why.addWidget(self.correction)
        self._why.addWidget(self.nbest)
        self._why.setHandleWidth(14)
        self._why.setSizes([500, 600])
        self._pages = QStackedWidget()
        self._nothing = QWidget()
        for page in (self._why, self.scores, self.timing, self._nothing):
            self._pages.addWidget(page)
        self._lay_out()
        self.segment.hide()
        self.tabs.currentChanged.connect(self._refresh)
        self.segment.currentIndexChanged.connect(self._refresh)
        self.nbest.weight_changed.connect(self._weighed)
        theme().changed.connect(self._dress)
        self._dress()
        self._refresh()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.tabs)
        head.addWidget(self.name)
        head.addStretch()
        head.addWidget(self.segment)
        self.segment.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.sentence)
        column.addWidget(self._pages, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow dock correction and list stand one above the other."""
        wide = self.width() >= theme().points * 95
        direction = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if self._why.orientation() != direction:
            self._why.setOrientation(direction)
            self._why.setSizes([500, 600])
        super().resizeEvent(event)

    # --- what is shown ----------------------------------------------------------------------------------------------

    def show_run(self, run: EngineRun | None, reference: str | None, translation: str | None = None) -> None:
        """Shows the evidence of a run, as far as it has come; cheap when nothing is new.

        Args:
            run: the engine's run; None for the empty dock.
            reference: what was really said, if it is known.
            translation: the reference translation, if there is one.
        """
        another = run is None or self._run is None or run.engine.id != self._run.engine.id
        if not another and self._run is not None and run is not None and not _continues(self._run, run):
            self._weights = {key: value for key, value in self._weights.items() if key[0] != run.engine.id}
            self._shown = None
        self._run, self._reference = run, (reference or None, translation or None)
        self._offer_segments(keep=not another)
        if another:
            self._dress()
        self._refresh()

    @property
    def run(self) -> EngineRun | None:
        """What is shown."""
        return self._run

    def _of(self, kind: type[_E]) -> list[_E]:
        return [found for found in self._run.evidence if isinstance(found, kind)] if self._run else []

    def _offer_segments(self, *, keep: bool) -> None:
        lists = self._of(NBest)
        entries = [(f"{n.segment + 1}: {clock(n.start)}–{clock(n.end)}", n.segment) for n in lists]
        with QSignalBlocker(self.segment):
            chosen = self.segment.currentIndex() if keep else 0
            if not keep or [self.segment.itemData(i) for i in range(self.segment.count())] != [e[1] for e in entries]:
                self.segment.clear()
                for text, number in entries:
                    self.segment.addItem(text, number)
            self.segment.setCurrentIndex(max(0, min(chosen, self.segment.count() - 1)))
        self.segment.setVisible(len(entries) > 1)

    def _segment(self) -> int:
        return int(self.segment.currentData() or 0)

    def _current(self) -> tuple[NBest | None, Correction | None]:
        number = self._segment()
        nbest = next((e for e in self._of(NBest) if e.segment == number), None)
        fixed = next((e for e in self._of(Correction) if e.segment == number), None)
        return nbest, fixed

    def _refresh(self) -> None:
        tab, run = self.tabs.currentIndex(), self._run
        nbest, fixed = self._current()
        # While an engine runs this is called twenty times a second; the views are filled when something is new.
        counts = len(self._of(NBest)), len(self._of(TokenScores))
        new = run and (
            tab,
            run.engine.id,
            id(nbest),
            id(fixed),
            counts,
            self._reference,
            run.status,
            *run.scores.values(),
        )
        if new is not None and tab != TIME and new == self._shown:
            return
        self._shown = new
        if run is None:
            self._say_nothing(_EMPTY)
        elif tab == TIME:
            self._show_time(run)
        elif tab == SCORES:
            self._show_scores(run)
        else:
            self._show_why(run, nbest, fixed)

    def _show_why(self, run: EngineRun, nbest: NBest | None, fixed: Correction | None) -> None:
        if nbest is None and fixed is None:
            self._say_nothing(_no_evidence(run))
            return
        self.correction.setVisible(fixed is not None)
        self.nbest.setVisible(nbest is not None)
        if fixed is not None:
            self.correction.show_correction(fixed, nbest.hypotheses[0].text if nbest else "")
        if nbest is not None:
            lists = self._of(NBest)
            reference = self._reference[1 if nbest.content == "translation" else 0]
            language = "en" if nbest.content == "translation" else run.language
            self.nbest.show_list(
                nbest,
                self._weight(nbest),
                errors=oracles.errors(lists, nbest, reference, language),
                oracle=self._oracle(nbest),
                language=language,
            )
        self._pages.setCurrentIndex(WHY)
        self._say_why()

    def _say_why(self) -> None:
        nbest, fixed = self._current()
        if fixed is not None:
            self.sentence.setText(sentences.on_correction(fixed))
        elif nbest is not None:
            weight = self._weight(nbest)
            self.sentence.setText(sentences.on_ranking(nbest, (nbest.weight or 0.0) if weight is None else weight))

    def _show_scores(self, run: EngineRun) -> None:
        scores = self._of(TokenScores)
        if not scores:
            self._say_nothing(_no_evidence(run, "no token scores"))
            return
        self.sentence.setText(sentences.on_scores(scores))
        self.scores.show_scores(scores)
        self._pages.setCurrentIndex(SCORES)

    def _show_time(self, run: EngineRun) -> None:
        if not run.stages:
            self._say_nothing(_no_evidence(run, "no stages yet"))
            return
        self.sentence.setText(sentences.on_time(run))
        self.timing.show_run(run)
        self._pages.setCurrentIndex(TIME)

    def _say_nothing(self, sentence: str) -> None:
        self.sentence.setText(sentence)
        self._pages.setCurrentWidget(self._nothing)

    def _oracle(self, nbest: NBest) -> str:
        return oracles.line(self._run.scores) if self._run and nbest.content == "transcript" else ""

    # --- λ ----------------------------------------------------------------------------------------------------------

    def _weight(self, nbest: NBest) -> float | None:
        """λ as the user left it for this engine and list; None if it was not moved."""
        assert self._run is not None
        return self._weights.get((self._run.engine.id, nbest.content, nbest.segment))

    def _weighed(self, weight: float) -> None:
        nbest, _ = self._current()
        if self._run is None or nbest is None:
            return
        self._weights[self._run.engine.id, nbest.content, nbest.segment] = weight
        self._say_why()
        self.lambda_changed.emit(self._run.engine.id, weight)

    def _dress(self) -> None:
        run = self._run
        self.name.setText(run.engine.name if run else "")
        colour = palette().paradigms[run.engine.paradigm] if run else palette().muted
        self.name.setStyleSheet(f"color: {colour}; font-weight: 600;")
        self.sentence.setMinimumHeight(round(QFontMetricsF(theme().font()).lineSpacing()))


def _continues(old: EngineRun, new: EngineRun) -> bool:
    """Whether a run is the same one come further, and not another."""
    same = (one is two for one, two in zip(old.evidence, new.evidence, strict=False))
    return len(new.evidence) >= len(old.evidence) and all(same)


def _no_evidence(run: EngineRun, what: str = "no list of hypotheses") -> str:
    match run.status:
        case Status.WAITING | Status.PREPARING:
            return f"{run.engine.name} has not run yet. Press Run all; its evidence comes as it works."
        case Status.RUNNING:
            return f"{run.engine.name} is at work: there is {what} yet." if "yet" not in what else f"There are {what}."
        case Status.OK:
            return f"{run.engine.name} gave {what}: it found no speech, or does not work with one."
        case _:
            error = f" {run.error.message} {run.error.hint}".rstrip() if run.error else ""
            return f"{run.engine.name} gave {what}.{error}"
