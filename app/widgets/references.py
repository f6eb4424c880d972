"""What was really said, as far as a person knows it: a transcript and, for translations, a translation.

At the right a switch for the row that makes the speech worse.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QToolButton, QWidget

from app.language import language_name, tr
from engines.contract import Task


class References(QWidget):
    """One row; the field for the translation appears beside the other, so that nothing moves up or down."""

    committed = Signal()
    """A reference is another one and the user is done with it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._label = QLabel(tr("Reference"))
        self._label.setProperty("tone", "muted")
        self.transcript = _line(tr("Reference transcript"), tr("What was really said, to count errors by (optional)"))
        self.translation = _line(tr("Reference translation"), tr("A good translation, to score by (optional)"))
        self.worse = QToolButton()
        self.worse.setText(tr("Make it worse"))
        self.worse.setCheckable(True)
        self.worse.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.worse.setToolTip(tr("Add noise, echo or a bad line to the speech until engines break (Ctrl+E)"))
        self.worse.setShortcut(QKeySequence("Ctrl+E"))
        self.worse.setWhatsThis(tr("Make the speech worse until engines break"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._label)
        row.addWidget(self.transcript, 1)
        row.addWidget(self.translation, 1)
        row.addWidget(self.worse)
        self._label.setBuddy(self.transcript)
        self.translation.hide()
        self._before = ("", "")
        for line in (self.transcript, self.translation):
            line.editingFinished.connect(self._commit)

    def texts(self) -> tuple[str, str]:
        """Transcript and translation; the latter is empty where it was not asked for."""
        return self.transcript.text(), self.translation.text() if self.translation.isVisibleTo(self) else ""

    def show(self, transcript: str | None = None, translation: str | None = None) -> None:
        """Fills in what is known of new speech."""
        self.transcript.setText(transcript or "")
        self.translation.setText(translation or "")
        for line in (self.transcript, self.translation):
            line.setCursorPosition(0)
        self._before = self.texts()
        super().show()

    def show_task(self, task: Task, spoken: str | None, target: str | None) -> None:
        """Shows the second field where a translation is asked for."""
        wanted = task is Task.TRANSLATE or (task is Task.SPEAK and target not in {None, spoken})
        self.translation.setVisible(wanted)
        if target is not None:
            self.translation.setPlaceholderText(
                tr("A good translation into {language}, to score by (optional)").format(language=language_name(target))
            )

    def _commit(self) -> None:
        if self.texts() != self._before:
            self._before = self.texts()
            self.committed.emit()


def _line(name: str, hint: str) -> QLineEdit:
    line = QLineEdit()
    line.setAccessibleName(name)
    line.setPlaceholderText(hint)
    line.setToolTip(hint)
    return line
