"""What works here and what to mend, by the code of ``triptych doctor``."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.background import Job
from app.commands.doctor import Report, examine, told
from app.language import tr
from engines.errors import TriptychError


class DoctorDialog(QDialog):
    """Examines this machine beside the window, and says first what is to be mended."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("What works here"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 560)
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName(tr("What was found"))
        self.again = QPushButton(tr("Examine again"))
        self.again.clicked.connect(self.examine)
        self.copy = QPushButton(tr("Copy"))
        self.copy.clicked.connect(self._copy)
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.again)
        row.addWidget(self.copy)
        row.addStretch(1)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(self.verdict)
        column.addWidget(self.text, 1)
        column.addLayout(row)
        self.examine()

    def examine(self) -> None:
        """Looks at everything in turn; it takes some seconds."""
        self.again.setEnabled(False)
        self.copy.setEnabled(False)
        self.verdict.setText(tr("Looking at packages, processors, sound, room on the disk and models …"))
        self._job = Job(examine, "doctor")
        self._job.finished.connect(self._show)
        self._job.failed.connect(self._failed)
        self._job.start()

    def _show(self, report: Report) -> None:
        lines = [f"• {line}" for line in report.to_mend]
        self.verdict.setText("\n".join(lines) if lines else tr("Everything works here."))
        self.text.setPlainText(told(report))
        self.again.setEnabled(True)
        self.copy.setEnabled(True)

    def _failed(self, error: TriptychError) -> None:
        self.verdict.setText(f"{error.message} {error.hint}")
        self.again.setEnabled(True)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.copy.setText(tr("Copied"))
