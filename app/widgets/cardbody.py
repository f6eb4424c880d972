"""The middle of a card: the engine's texts, or one sentence in their place, always in the same room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QStackedLayout, QVBoxLayout, QWidget

from app.comparison import EngineRun, Status
from app.language import tr
from app.theme import palette, theme
from app.widgets.scrolled import scrolled
from app.widgets.transcript import TranscriptLabel, line_height
from engines.catalog import EngineDescription
from engines.contract import Task, TextKind, TokenScores

KINDS: tuple[TextKind, ...] = ("transcript", "translation", "answer")
_NAMES: dict[TextKind, str] = {
    "transcript": tr("Transcript of {engine}"),
    "translation": tr("Translation of {engine}"),
    "answer": tr("Answer of {engine}"),
}
_LABELS: dict[TextKind, str] = {"transcript": tr("Heard"), "translation": tr("Means"), "answer": tr("Answer")}
_ROWS = 2
_EXPANDED = 9


class CardBody(QWidget):
    """Texts, one above the other, or a message.

    Args:
        description: the engine; its stages tell which texts a task will bring.
    """

    def __init__(self, description: EngineDescription, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._description = description
        self._expected: tuple[TextKind, ...] = ("transcript",)
        self._came: frozenset[TextKind] = frozenset()
        self._expanded = False
        self._rows = _ROWS
        self.texts: dict[TextKind, TranscriptLabel] = {}
        self.labels: dict[TextKind, QLabel] = {}
        pages = QWidget()
        grid = QGridLayout(pages)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for row, kind in enumerate(KINDS):
            self.texts[kind] = TranscriptLabel(_ROWS, _NAMES[kind].format(engine=description.name))
            self.labels[kind] = QLabel(_LABELS[kind])
            self.labels[kind].setProperty("tone", "small")
            grid.addWidget(self.labels[kind], row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self.texts[kind], row, 1)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(pages)
        self._pages.addWidget(self._message_page())
        theme().changed.connect(self._arrange)
        self._arrange()

    def _message_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.message)
        column.addWidget(self.progress)
        column.addStretch()
        return scrolled(page)

    def set_task(self, task: Task, target: str | None = None) -> None:
        """Reserves room for the texts that a task will bring."""
        stages = self._description.stages
        expected: list[TextKind] = []
        if task is Task.TRANSLATE or (task is Task.SPEAK and target is not None and "translate" in stages):
            expected = ["transcript", "translation"] if "translate" in stages else ["translation"]
        elif task is Task.RESPOND:
            expected = ["transcript", "answer"]
        self._expected = tuple(expected) or ("transcript",)
        self.texts["translation"].set_language(target)
        self._came = frozenset()
        self._arrange()

    @property
    def overflows(self) -> bool:
        """Whether a text is longer than its room."""
        return any(self.texts[kind].verticalScrollBar().maximum() > 0 for kind in self._visible())

    def set_expanded(self, expanded: bool) -> None:
        """Gives the texts more room, or the usual again."""
        self._expanded = expanded
        self._arrange()

    def set_rows(self, rows: int) -> None:
        """How many lines a text shows before it is expanded."""
        if rows != self._rows:
            self._rows = rows
            self._arrange()

    def set_reference(
        self, transcript: str | None, translation: str | None, name: str, baseline: EngineRun | None
    ) -> None:
        """Sets what transcript and translation are compared with."""
        over = baseline is not None and baseline.status is Status.OK  # until then its words are only not there yet
        heard = baseline.transcript if baseline and over else None
        means = baseline.translation if baseline and over else None
        self.texts["transcript"].set_reference(transcript, name, heard)
        self.texts["translation"].set_reference(translation, name, means)

    def set_scores(self, scores: Sequence[TokenScores]) -> None:
        """Takes the scores of the tokens of the text that was heard, or translated from speech directly."""
        kind: TextKind = "transcript" if "transcript" in self._visible() else "translation"
        self.texts[kind].set_scores(scores)

    def show_doubts(self, shown: bool) -> None:
        """Underlines doubtful words, or not."""
        for text in self.texts.values():
            text.show_doubts(shown)

    def set_run(self, run: EngineRun) -> None:
        """Shows a run's texts or its message."""
        came = frozenset(kind for kind in KINDS if run.text(kind).whole.strip())
        if came != self._came:
            self._came = came
            self._arrange()
        writing = run.status is Status.RUNNING
        last = next((kind for kind in reversed(KINDS) if kind in came), None)
        self.texts["transcript"].set_language(run.language)
        for kind in KINDS:
            text = run.text(kind)
            self.texts[kind].set_text(
                text.final, text.provisional, complete=run.status is Status.OK, caret=writing and kind == last
            )
        self._say(run, silent=not came)

    def _say(self, run: EngineRun, *, silent: bool) -> None:
        message, colour = "", palette().muted
        doing = run.preparing
        match run.status:
            case Status.WAITING:
                message = self._description.description
            case Status.PREPARING if doing:
                message = f"{tr(doing.what)}…"
                self.progress.setRange(0, 1000 if doing.total else 0)
                self.progress.setValue(round(1000 * doing.done / doing.total) if doing.total else 0)
            case Status.RUNNING if silent:
                message = tr("listening…")
            case Status.CANCELLED if silent:
                message = tr("Stopped before it wrote anything.")
            case Status.FAILED | Status.UNAVAILABLE if run.error:
                message = f"{run.error.message} {run.error.hint}".strip()
                colour = palette().error if run.status is Status.FAILED else palette().warning
            case Status.OK if silent:
                message = " ".join(run.result.notes) if run.result and run.result.notes else tr("It wrote nothing.")
            case _:
                pass
        self.progress.setVisible(run.status is Status.PREPARING)
        if message != self.message.text():
            self.message.setText(message)
        if self.message.property("colour") != colour:  # a style sheet costs more than all the rest
            self.message.setProperty("colour", colour)
            self.message.setStyleSheet(f"color: {colour};")
        self._pages.setCurrentIndex(1 if message else 0)

    def _visible(self) -> tuple[TextKind, ...]:
        return tuple(kind for kind in KINDS if kind in self._expected or kind in self._came)

    def _arrange(self) -> None:
        shown = self._visible()
        rows = _EXPANDED // len(shown) if self._expanded else self._rows
        for kind in KINDS:
            self.texts[kind].setVisible(kind in shown)
            self.labels[kind].setVisible(kind in shown and len(shown) > 1)
            self.texts[kind].set_rows(rows)
        texts = (line_height() * rows + 4) * len(shown) + 3 * (len(shown) - 1)
        sentence = (rows + 1) * self.message.fontMetrics().lineSpacing()  # what a narrow card says of itself
        self.setFixedHeight(max(texts, sentence))
