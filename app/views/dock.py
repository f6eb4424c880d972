"""The evidence dock: why an engine's text came out as it did, in a sentence first and then in numbers."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from app.comparison import EngineRun
from app.language import tr
from app.theme import palette, theme
from app.timeline import TimeLine
from app.views import readings, sentences
from app.views.alltimes import AllTimesView
from app.views.attention import AttentionView
from app.views.kinds import (
    ATTENTION,
    FRAMES,
    NEIGHBOURS,
    ON_TIME,
    QUERIES,
    SCORES,
    TABS,
    TIME,
    TIMES,
    TOKENS,
    WHY,
)  # fmt: skip
from app.views.neighbours import NeighboursView
from app.views.posteriors import PosteriorsView
from app.views.savebutton import SaveButton
from app.views.scores import ScoresView
from app.views.tokentabs import TokenTabs
from app.views.waterfall import WaterfallView
from app.views.why import WhyView
from app.widgets.numbers import clock
from app.widgets.scrolled import scrolled
from engines.contract import Attention, Correction, NBest, Neighbours, Posteriors, TokenScores

_EMPTY = tr("Run the engines, then choose a card: here stands why its text came out as it did.")


class EvidenceDock(QFrame):
    """Tabs on one engine's run; those that it sent nothing for are not there.

    Args:
        time: the axis of the waveform, which evidence on time shares; by default one of its own.
    """

    lambda_changed = Signal(str, float)
    """Engine id and λ, as the slider moves."""

    def __init__(self, time: TimeLine | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setAccessibleName(tr("Evidence"))
        self.time = time or TimeLine(self)
        self._run: EngineRun | None = None
        self._reference: tuple[str | None, str | None] = (None, None)
        self._wanted = WHY
        self._shown: object = None
        self.tabs = QTabBar()
        self.tabs.setAccessibleName(tr("Kind of evidence"))
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for name, tip in TABS:
            self.tabs.setTabToolTip(self.tabs.addTab(name), tip)
        self.name = QLabel()
        self.segment = QComboBox()
        self.segment.setAccessibleName(tr("Stretch of speech"))
        self.segment.setToolTip(tr("Which stretch of speech"))
        self.save = SaveButton(self._seen, self._stem)
        self.sentence = QLabel(_EMPTY)
        self.sentence.setWordWrap(True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.why = WhyView()
        self.nbest, self.correction = self.why.nbest, self.why.correction
        self.frames = PosteriorsView(self.time)
        self.queries = AttentionView(self.time, "queries")
        self.attention = AttentionView(self.time, "tokens")
        self.neighbours = NeighboursView(self.time)
        self.tokens = TokenTabs(self.time, self)
        self.scores = ScoresView()
        self.timing = WaterfallView()
        self.all_times = AllTimesView()
        self._pages = QStackedWidget()
        self._nothing = QWidget()
        own = {
            WHY: self.why, FRAMES: self.frames, QUERIES: self.queries, ATTENTION: self.attention,
            NEIGHBOURS: self.neighbours, SCORES: self.scores, TIME: self.timing,
            TIMES: scrolled(self.all_times),
        }  # fmt: skip
        pages: dict[int, QWidget] = own | {tab: self.tokens.pages[name] for tab, name in TOKENS.items()}
        for tab in range(len(TABS)):
            self._pages.addWidget(pages[tab])
        self._pages.addWidget(self._nothing)
        self._lay_out()
        self._offer_tabs()
        self.segment.hide()
        self.tabs.tabBarClicked.connect(self._want)
        self.tabs.currentChanged.connect(self._turned)
        self.segment.currentIndexChanged.connect(self._refresh)
        self.segment.activated.connect(self._look_at_stretch)
        self.why.weighed.connect(self._weighed)
        theme().changed.connect(self._dress)
        self._dress()
        self._refresh()

    def _lay_out(self) -> None:
        head = self.head = QHBoxLayout()
        head.setSpacing(10)
        head.setContentsMargins(0, 0, 6, 0)
        head.addWidget(self.tabs)
        head.addWidget(self.name)
        head.addStretch()
        head.addWidget(self.segment)
        head.addWidget(self.save)
        self.segment.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 6, 8)  # to the right no wider than the waveform's, whose axis goes on below
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.sentence)
        column.addWidget(self._pages, 1)

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
            self.why.forget(run.engine.id)
            self._shown = None
        self._run, self._reference = run, (reference or None, translation or None)
        self._offer_segments(keep=not another)
        self._offer_tabs()
        if another:
            self._dress()
        self._refresh()

    def show_all(self, runs: Sequence[EngineRun]) -> None:
        """Takes in how far all engines have come; cheap."""
        before = len(self.all_times.runs) > 1
        self.all_times.show_runs(runs)
        if before != (len(self.all_times.runs) > 1):
            self._offer_tabs()
        if self.tabs.currentIndex() == TIMES:
            self._refresh()

    def want(self, tab: int) -> None:
        """Turns to a kind of evidence, now or as soon as there is some of it."""
        self._want(tab)
        self._offer_tabs()
        self._refresh()

    @property
    def run(self) -> EngineRun | None:
        """What is shown."""
        return self._run

    def _attention(self, rows: str) -> tuple[Attention, ...]:
        return tuple(one for one in self._run.found(Attention) if one.rows == rows) if self._run else ()

    def _offer_segments(self, *, keep: bool) -> None:
        places = self._run.stretches if self._run else {}
        entries = [(f"{number + 1}: {clock(start)}–{clock(end)}", number) for number, (start, end) in places.items()]
        with QSignalBlocker(self.segment):
            chosen = self.segment.currentIndex() if keep else 0
            if not keep or [self.segment.itemData(i) for i in range(self.segment.count())] != [e[1] for e in entries]:
                self.segment.clear()
                for text, number in entries:
                    self.segment.addItem(text, number)
            self.segment.setCurrentIndex(max(0, min(chosen, self.segment.count() - 1)))
        self.segment.setVisible(len(entries) > 1)

    def _offer_tabs(self) -> None:
        """Shows the tabs that there is something for; what the user wanted last comes back where it can."""
        run = self._run
        timed = {
            FRAMES: bool(run and run.found(Posteriors)),
            QUERIES: bool(self._attention("queries")),
            ATTENTION: bool(self._attention("tokens")),
            NEIGHBOURS: bool(run and run.found(Neighbours)),
        }
        tokens = self.tokens.there(run)
        timed |= {tab: tokens[name] for tab, name in TOKENS.items()}
        listed = bool(run and (run.found(NBest) or run.found(Correction)))
        there = {
            WHY: listed or not any(timed.values()),
            SCORES: True,
            TIME: True,
            TIMES: len(self.all_times.runs) > 1,
        } | timed
        wanted = self._wanted if there[self._wanted] else next(tab for tab in range(len(TABS)) if there[tab])
        with QSignalBlocker(self.tabs):
            for tab, visible in there.items():
                if self.tabs.isTabVisible(tab) != visible:
                    self.tabs.setTabVisible(tab, visible)
            self.tabs.setCurrentIndex(wanted)
        self.tabs.updateGeometry()

    def _want(self, tab: int) -> None:
        if tab >= 0:
            self._wanted = tab

    def _turned(self, tab: int) -> None:
        self._wanted = tab
        self._refresh()

    def _segment(self) -> int:
        return int(self.segment.currentData() or 0)

    def _look_at_stretch(self) -> None:
        """Where one chose a stretch to see on the time axis, it is brought into sight."""
        span = self._run.stretches.get(self._segment()) if self._run else None
        if span is not None and self.tabs.currentIndex() in ON_TIME:
            spare = 0.03 * (span[1] - span[0])
            self.time.look_at(span[0] - spare, span[1] - span[0] + 2 * spare)

    def _refresh(self) -> None:
        tab, run = self.tabs.currentIndex(), self._run
        # While an engine runs this is called twenty times a second; the views are filled when something is new.
        new = run and (
            tab,
            run.engine.id,
            self._segment(),
            len(run.evidence),
            self._reference,
            run.status,
            *run.scores.values(),
        )
        if new is not None and tab not in {TIME, TIMES} and new == self._shown:
            return
        self._shown = new
        self.time.reach(self.tokens.end(TOKENS.get(tab, ""), run))
        sentence = self._fill(tab, run) if run is not None else None
        missing = {SCORES: tr("no token scores"), TIME: sentences.NO_STAGES, TIMES: sentences.NO_STAGES}.get(
            tab, tr("no list of hypotheses")
        )
        if sentence is None:
            sentence = sentences.on_nothing(run, missing) if run is not None else _EMPTY
            self._pages.setCurrentWidget(self._nothing)
        else:
            self._pages.setCurrentIndex(tab)
        self.save.setEnabled(self._seen() is not None)
        if sentence != self.sentence.text():
            self.sentence.setText(sentence)

    def _fill(self, tab: int, run: EngineRun) -> str | None:  # noqa: PLR0911 -- one arm per tab
        """Fills the view of a tab; returns the sentence on it, or None if there is nothing to show."""
        paradigm = run.engine.paradigm
        match tab:
            case _ if tab == WHY:
                return self.why.show_run(run, self._segment(), self._reference)
            case _ if tab == FRAMES:
                frames = run.found(Posteriors)
                self.frames.show_parts(frames, paradigm)
                return readings.on_frames(frames) if frames else None
            case _ if tab == NEIGHBOURS:
                near = run.found(Neighbours)
                self.neighbours.show_parts(near, paradigm)
                return readings.on_neighbours(near) if near else None
            case _ if tab in {QUERIES, ATTENTION}:
                looked = self._attention("queries" if tab == QUERIES else "tokens")
                (self.queries if tab == QUERIES else self.attention).show_parts(looked, paradigm)
                return (readings.on_queries if tab == QUERIES else readings.on_attention)(looked) if looked else None
            case _ if tab in TOKENS:
                return self.tokens.fill(TOKENS[tab], run)
            case _ if tab == SCORES:
                scores = run.found(TokenScores)
                self.scores.show_scores(scores)
                who = tr("The recogniser") if paradigm in {"baseline", "text"} else tr("The language model")
                return sentences.on_scores(scores, who) if scores else None
        if tab == TIMES:
            return sentences.on_all_times(self.all_times.runs)
        if run.stages:
            self.timing.show_run(run)
            return sentences.on_time(run)
        return None

    def _seen(self) -> QWidget | None:
        page = self._pages.currentWidget()
        if isinstance(page, QScrollArea):
            return page.widget()
        return None if page is self._nothing else page

    def _stem(self) -> str:
        return f"{self._run.engine.id if self._run else 'evidence'}-{TABS[self.tabs.currentIndex()][0].lower()}"

    def _weighed(self, engine_id: str, weight: float) -> None:
        self.sentence.setText(self.why.sentence or "")
        self.lambda_changed.emit(engine_id, weight)

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
