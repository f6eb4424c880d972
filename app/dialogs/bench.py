"""The bench: engines measured on corpora, with intervals and tested differences."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.benching import Checked, Ended
from app.dialogs.benchchoice import BenchChoice
from app.language import tr
from engines.audio import conditions
from engines.catalog import EngineDescription
from engines.evaluation.bench_results import Compared, Score
from engines.evaluation.bench_run import Results, scaled

COLUMNS = (
    tr("Corpus"), tr("Condition"), tr("Engine"), tr("Metric"), tr("Score"), tr("95 %"), tr("Recordings"),
    tr("Failed"),
)  # fmt: skip
METRICS = {
    "wer": tr("word errors, %"),
    "cer": tr("character errors, %"),
    "substitutions": tr("other words, %"),
    "deletions": tr("missing words, %"),
    "insertions": tr("added words, %"),
    "bleu": "BLEU",
    "chrf": "chrF",
    "hallucination": tr("invented words a minute"),
    "ece": tr("calibration error, %"),
    "asr-bleu": "ASR-BLEU",
    "asr-chrf": "ASR-chrF",
    "asr-wer": tr("word errors, read back, %"),
    "dnsmos": "DNSMOS",
    "answer-chrf": tr("chrF of answers"),
    "answered": tr("answered, %"),
    "rtf": tr("work per second of speech, median"),
    "rtf-p95": tr("work per second of speech, 95 of 100"),
    "ttft": tr("time to the first text, s"),
    "ttfa": tr("time to the first sound, s"),
}
_NUMBERS = frozenset({4, 6, 7})


class BenchDialog(QDialog):
    """Asks what to measure and shows what comes of it; does not block the window.

    Args:
        engines: that can be chosen.
    """

    run_requested = Signal()
    cancel_requested = Signal()
    spec_chosen = Signal(object)
    report_wanted = Signal(object)
    toml_wanted = Signal(object)

    def __init__(self, engines: Sequence[EngineDescription], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Measure on a corpus"))
        self.setSizeGripEnabled(True)
        self._names = {engine.id: engine.name for engine in engines}
        self._running = self._stopping = False
        self._began: tuple[float, int] | None = None
        self.results: Results | None = None
        self.opener = QPushButton(tr("Open a bench…"))
        self.save = QPushButton(tr("Save this bench as TOML…"))
        self.choice = BenchChoice(engines)
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.run_ = QPushButton(tr("Run"))
        self.run_.setProperty("look", "primary")
        self.run_.setDefault(True)
        self.table = self._table()
        self.said = QPlainTextEdit()
        self.said.setReadOnly(True)
        self.said.setAccessibleName(tr("Differences, and what is left out"))
        self.said.setPlaceholderText(
            tr("What is left out is told here before the run; scores and differences come after it.")
        )
        self.report = QPushButton(tr("Save report…"))
        self._lay_out()
        self._connect()
        self.resize(1000, 660)
        self._dress()

    def _table(self) -> QTableWidget:
        table = QTableWidget(0, len(COLUMNS))
        table.setAccessibleName(tr("Scores"))
        table.setHorizontalHeaderLabels(list(COLUMNS))
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setProperty("look", "list")
        table.setFrameShape(QFrame.Shape.NoFrame)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        return table

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 14, 18, 14)
        row.setSpacing(16)
        left = QVBoxLayout()
        left.addWidget(self.opener)
        left.addWidget(self.choice, 1)
        left.addWidget(self.save)
        right = QVBoxLayout()
        right.setSpacing(8)
        top = QHBoxLayout()
        top.addWidget(self.state, 1)
        top.addWidget(self.run_, 0, Qt.AlignmentFlag.AlignTop)
        right.addLayout(top)
        right.addWidget(self.bar)
        right.addWidget(self.table, 3)
        right.addWidget(self.said, 2)
        right.addWidget(self.report, 0, Qt.AlignmentFlag.AlignRight)
        row.addLayout(left, 2)
        row.addLayout(right, 6)

    def _connect(self) -> None:
        self.run_.clicked.connect(self._run_or_cancel)
        self.choice.changed.connect(self._dress)
        self.opener.clicked.connect(self._ask_what)
        self.save.clicked.connect(self._ask_where)
        self.report.clicked.connect(self._ask_folder)

    def _run_or_cancel(self) -> None:
        if self._running:
            self._stopping = True
            self.state.setText(tr("Stopping after this run; what was measured is kept …"))
            self.cancel_requested.emit()
        else:
            self.run_requested.emit()
        self._dress()

    # --- what comes of it -------------------------------------------------------------------------------------------

    def show_checked(self, checked: Checked) -> None:
        """Says what is known before it runs."""
        if self._running:
            return
        if self.results is None:
            self.said.setPlainText("\n".join(checked.problems))
            self.state.setText(tr("Recordings to be heard: {count}.").format(count=checked.recordings))

    def forget(self) -> None:
        """Something else is chosen than what the results are of."""
        self.results = None
        self._dress()

    def show_started(self) -> None:
        """It runs."""
        self._running, self._stopping, self._began, self.results = True, False, None, None
        self.table.setRowCount(0)
        self.said.setPlainText("")
        self.bar.setRange(0, 0)
        self._dress()

    def show_text(self, text: str) -> None:
        """What is made ready, or what went wrong."""
        if not self._stopping:
            self.state.setText(text)

    def show_progress(self, done: int, total: int, what: str) -> None:
        """A run begins."""
        if self._stopping:
            return
        now = time.monotonic()
        if self._began is None:
            self._began = now, done
        began, before = self._began
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        text = tr("{number} of {total}: {what}").format(number=done + 1, total=total, what=what)
        if done - before >= 3:
            minutes = max(1, round((now - began) / (done - before) * (total - done) / 60))
            text = f"{text}. " + tr("About {minutes} min left.").format(minutes=minutes)
        self.state.setText(text)

    def show_failed(self, sentence: str) -> None:
        """It could not go on, or not even begin."""
        self._stop()
        self.state.setText(sentence)

    def show_ended(self, ended: Ended) -> None:
        """It is over, complete or not."""
        self._stop()
        self.results = ended.results if ended.results is not None and ended.results.records else None
        self.state.setText(
            tr("Done.") if ended.complete else tr("Stopped. Run goes on from here; what was measured is kept.")
        )
        lines = [
            tr("{name} is left out: {why}").format(name=self._names.get(engine, engine), why=why)
            for engine, why in ended.left_out.items()
        ]
        if self.results is not None:
            self._fill(self.results.scores)
            lines = [*map(self._difference, self.results.compared), *lines, *self.results.problems]
        self.said.setPlainText("\n".join(lines))
        self._dress()

    def _stop(self) -> None:
        self._running = self._stopping = False
        self.bar.setRange(0, 1)
        self.bar.setValue(0)
        self._dress()

    def _fill(self, scores: Sequence[Score]) -> None:
        self.table.setSortingEnabled(False)
        self.table.setRowCount(len(scores))
        for row, one in enumerate(scores):
            value, bounds = scaled(one)
            name, heard = self._names.get(one.engine, one.engine), conditions.parse(one.condition).title
            cells = (
                one.corpus,
                heard,
                name,
                METRICS.get(one.metric, one.metric),
                value,
                bounds,
                one.clips,
                one.failures,
            )
            for column, cell in enumerate(cells):
                item = QTableWidgetItem()
                item.setData(Qt.ItemDataRole.DisplayRole, cell)
                if column in _NUMBERS:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        self.table.setSortingEnabled(True)
        self.table.setColumnHidden(0, len({one.corpus for one in scores}) < 2)

    def _difference(self, pair: Compared) -> str:
        if pair.differs:
            sentence = tr("{corpus}, {condition}, {metric}: {first} and {second} differ (p = {p}).")
        else:
            sentence = tr("{corpus}, {condition}, {metric}: {first} and {second} are not told apart (p = {p}).")
        names = (self._names.get(engine, engine) for engine in (pair.first, pair.second))
        first, second = names
        heard = conditions.parse(pair.condition).title
        p = f"{max(pair.p, pair.mapsswe or 0.0):.3g}"
        return sentence.format(
            corpus=pair.corpus,
            condition=heard,
            metric=METRICS.get(pair.metric, pair.metric),
            first=first,
            second=second,
            p=p,
        )

    def _dress(self) -> None:
        self.run_.setText(tr("Cancel") if self._running else tr("Run"))
        self.run_.setEnabled(not self._stopping if self._running else self.choice.whole)
        self.choice.setEnabled(not self._running)
        self.opener.setEnabled(not self._running)
        self.save.setEnabled(self.choice.whole)
        self.bar.setVisible(self._running)
        self.table.setVisible(self.results is not None)
        self.report.setEnabled(self.results is not None and not self._running)

    # --- files ------------------------------------------------------------------------------------------------------

    def _ask_what(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, tr("Open a bench"), "", "*.toml")
        if name:
            self.spec_chosen.emit(Path(name))

    def _ask_where(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Save"), "bench.toml", "*.toml")
        if name:
            self.toml_wanted.emit(Path(name))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Folder for the report"))
        if name:
            self.report_wanted.emit(Path(name))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stops what runs; Run goes on when it is opened again."""
        if self._running:
            self.cancel_requested.emit()
        super().closeEvent(event)
