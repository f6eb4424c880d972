"""What the last window wrote before it ended badly."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.crashes import Crash
from app.dialogs.about import own_version, versions


class CrashDialog(QDialog):
    """Shows the log of a window that ended badly, to be copied; nothing is sent anywhere.

    Args:
        crash: what was found.
    """

    def __init__(self, crash: Crash, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Triptych ended unexpectedly")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 460)
        began = datetime.fromtimestamp(crash.began).astimezone()
        self.label = QLabel(
            f"The window that was opened on {began.day} {began:%B, %H:%M} did not end as it should. What was recorded "
            "is kept and offered. If you report it, copy what it wrote; nothing is sent by itself."
        )
        self.label.setWordWrap(True)
        self.text = QPlainTextEdit(f"Triptych {own_version()} · {versions()}\n\n{crash.log or 'It wrote nothing.'}")
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName("What the window wrote")
        buttons = QDialogButtonBox()
        self.copy = QPushButton("Copy")
        self.copy.clicked.connect(self._copy)
        folder = QPushButton("Show the file")
        folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(crash.file.parent))))
        close = QPushButton("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        for button, role in (
            (self.copy, QDialogButtonBox.ButtonRole.ActionRole),
            (folder, QDialogButtonBox.ButtonRole.ActionRole),
            (close, QDialogButtonBox.ButtonRole.AcceptRole),
        ):
            buttons.addButton(button, role)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(self.label)
        column.addWidget(self.text, 1)
        column.addWidget(buttons)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.copy.setText("Copied")
