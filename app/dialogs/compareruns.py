"""Two runs held against each other: which words differ, and what else was not the same."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QGridLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.background import Job
from app.dialogs.historytable import when
from app.language import tr
from app.widgets.differences import differences
from app.widgets.numbers import seconds
from app.widgets.transcript import TranscriptLabel
from engines.history.entries import Entry, Ran

_ROWS: Final = 8
"""Lines that a text may take before it scrolls."""
_LETTERS: Final = 44
"""That a line holds, about."""


@dataclass(frozen=True)
class Side:
    """A run that can be chosen.

    Attributes:
        entry: that it is in.
        ran: the run.
    """

    entry: Entry
    ran: Ran

    @property
    def text(self) -> str:
        """What it wrote, the most telling of it."""
        return self.ran.texts[0] if self.ran.texts else ""


class CompareDialog(QDialog):
    """Shows two of several runs; does not block the window.

    Args:
        entries: one or two, with two runs at least between them.
    """

    def __init__(self, entries: Sequence[Entry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Compare two runs"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setSizeGripEnabled(True)
        self._sides = [Side(entry, ran) for entry in entries for ran in entry.runs]
        self._several = len(entries) > 1
        self._job: Job | None = None
        self.choices = (self._choice(tr("One run")), self._choice(tr("The other run")))
        self.texts = (TranscriptLabel(_ROWS, tr("One text")), TranscriptLabel(_ROWS, tr("The other text")))
        self.verdict = QLabel()
        self.verdict.setProperty("tone", "reading")
        self.verdict.setWordWrap(True)
        self.facts = QLabel()
        self.facts.setTextFormat(Qt.TextFormat.RichText)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.facts.setWordWrap(True)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._lay_out()
        self._choose_first(entries)
        self._show()
        self.resize(900, 560)

    def _choice(self, name: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(24)
        for side in self._sides:
            which = f"{side.entry.source}, " if self._several else ""
            box.addItem(f"{side.ran.name} · {which}{when(side.ran.at)}")
        box.activated.connect(lambda _: self._show())
        return box

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(10)
        column.addWidget(self.verdict)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        for place in (0, 1):
            grid.setColumnStretch(place, 1)
            grid.addWidget(self.choices[place], 0, place)
            grid.addWidget(self.texts[place], 1, place)
        column.addLayout(grid)
        area = QScrollArea()
        area.setWidget(self.facts)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        column.addWidget(area, 1)
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)

    def _choose_first(self, entries: Sequence[Entry]) -> None:
        """Two entries: the same engine in both; one: its first and its last run."""
        other = len(self._sides) - 1
        if len(entries) > 1:
            first = self._sides[0].ran.engine
            begin = len(entries[0].runs)
            same = [at for at in range(begin, len(self._sides)) if self._sides[at].ran.engine == first]
            other = same[-1] if same else begin
        self.choices[1].setCurrentIndex(other)

    def _show(self) -> None:
        one, other = (self._sides[choice.currentIndex()] for choice in self.choices)
        for label, mine, against in ((self.texts[0], one, other), (self.texts[1], other, one)):
            label.set_reference(None)
            label.set_rows(min(_ROWS, 2 + max(len(one.text), len(other.text)) // _LETTERS))
            label.set_text(mine.text or "(nothing)")
            label.set_reference(against.text or None, tr("the other run"))
        self.facts.setText(_table(one, other))
        self.verdict.setText("…")
        self._job = Job(lambda: verdict(one.text, other.text), "compare")
        self._job.finished.connect(self._tell)
        self._job.start()

    def _tell(self, sentence: str) -> None:
        if self.sender() is self._job:
            self.verdict.setText(sentence)


def verdict(one: str, other: str) -> str:
    """How far two texts differ, in one sentence."""
    if not one or not other:
        return tr("Only one of them wrote something.") if one or other else tr("Neither wrote anything.")
    found = differences(one, other)
    if not found:
        return tr("They wrote the same words.")
    changed = sum(place.kind == "substituted" for place in found)
    only_one = sum(place.kind == "inserted" for place in found)
    only_other = sum(len(place.other.split()) for place in found if place.kind == "deleted")
    parts = [
        (lone if count == 1 else several).format(count=count)
        for count, lone, several in (
            (changed, tr("1 word differs"), tr("{count} words differ")),
            (only_one, tr("1 word only on the left"), tr("{count} words only on the left")),
            (only_other, tr("1 word only on the right"), tr("{count} words only on the right")),
        )
        if count
    ]
    return tr("{listed}, of {words} on the left.").format(listed=", ".join(parts), words=len(one.split()))


def _table(one: Side, other: Side) -> str:
    rows = []
    for name, mine, others in facts(one, other):
        weight = "font-weight: 600" if mine != others else ""
        cells = "".join(f'<td style="padding: 2px 14px 2px 0; {weight}">{html.escape(v)}</td>' for v in (mine, others))
        rows.append(f'<tr><td style="padding: 2px 14px 2px 0">{html.escape(name)}</td>{cells}</tr>')
    return f"<table>{''.join(rows)}</table>"


def facts(one: Side, other: Side) -> list[tuple[str, str, str]]:
    """What is known of both besides the text: name, of the one, of the other."""
    mine, others = _known(one), _known(other)
    return [(name, mine.get(name, "–"), others.get(name, "–")) for name in dict.fromkeys((*mine, *others))]


def _known(side: Side) -> dict[str, str]:
    entry, ran = side.entry, side.ran
    return {
        tr("Speech"): f"{entry.source} ({seconds(entry.seconds)})",
        tr("Time"): seconds(ran.seconds),
        tr("Ended"): ran.status,
        tr("Program"): ran.program or "–",
        tr("Machine"): str(ran.machine.get("processor") or "–"),
        **{name: str(value) for name, value in ran.options.items()},
        **{tr("Weights of {name}").format(name=name): digest[:12] for name, digest in ran.weights.items()},
    }
