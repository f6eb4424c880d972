"""What the last window wrote before it ended badly."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.crashes import Crash
from app.dialogs.about import own_version, versions
from app.language import tr
from app.locales import moment


class CrashDialog(QDialog):
    """Shows the log of a window that ended badly, to be copied; nothing is sent anywhere.

    Args:
        crash: what was found.
    """

    def __init__(self, crash: Crash, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Triptych ended unexpectedly"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 460)
        began = datetime.fromtimestamp(crash.began).astimezone()
        self.label = QLabel(
            tr(
                "The window that was opened on {began} did not end as it "
                "should. What was recorded is kept and offered. If you report it, copy what it "
                "wrote; nothing is sent by itself."
            ).format(began=moment(began))
        )
        self.label.setWordWrap(True)
        self.text = QPlainTextEdit(
            tr("Triptych {own_version} · {versions}\n\n{log}").format(
                own_version=own_version(), versions=versions(), log=crash.log or tr("It wrote nothing.")
            )
        )
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName(tr("What the window wrote"))
        buttons = QDialogButtonBox()
        self.copy = QPushButton(tr("Copy"))
        self.copy.clicked.connect(self._copy)
        folder = QPushButton(tr("Show the file"))
        folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(crash.file.parent))))
        close = QPushButton(tr("Close"))
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
        self.copy.setText(tr("Copied"))
