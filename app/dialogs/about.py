"""About the program: versions and licences; and the terms of a model."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from PySide6 import __version__ as qt_version
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app.icons import pixmap
from app.language import tr
from engines import paths

PACKAGES = ("onnxruntime", "numpy", "tokenizers", "soundfile", "av", "pyqtgraph")


def versions() -> str:
    """What is installed, in one line."""
    parts = [
        tr("Python {python_version}").format(python_version=platform.python_version()),
        tr("Qt {qt_version}").format(qt_version=qt_version),
    ]
    for package in PACKAGES:
        try:
            parts.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            parts.append(tr("{package} missing").format(package=package))
    return " · ".join(parts)


def own_version() -> str:
    """The program's version; ``"from source"`` when it is not installed."""
    try:
        return metadata.version("triptych")
    except metadata.PackageNotFoundError:
        return tr("from source")


def notice() -> str:
    """NOTICE: every model's and recording's licence."""
    for file in (paths.resources().parent / "NOTICE", *_installed_notice()):
        if file.is_file():
            return file.read_text("utf-8")
    return tr("NOTICE is missing from this installation.")


def _installed_notice() -> list[Path]:
    try:
        files = metadata.files("triptych") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.name == "NOTICE"]


class AboutDialog(QDialog):
    """Versions and licences."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About Triptych"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(900, 560)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        head = QHBoxLayout()
        mark = QLabel()
        mark.setPixmap(pixmap("triptych", "#000000", 48, 2))
        title = QLabel(
            tr("<b>Triptych</b> {own_version}<br>Speech and language models, side by side.").format(
                own_version=own_version()
            )
        )
        head.addWidget(mark)
        head.addSpacing(8)
        head.addWidget(title, 1)
        column.addLayout(head)
        used = QLabel(versions())
        used.setProperty("tone", "small")
        used.setWordWrap(True)
        used.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(used)
        text = QPlainTextEdit(notice())
        text.setReadOnly(True)
        text.setTabChangesFocus(True)
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        text.setAccessibleName(tr("Licences of models and recordings"))
        column.addWidget(text, 1)
        close = QPushButton(tr("Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)


class TermsDialog(QDialog):
    """The terms of a model, as they are shown before they are accepted.

    Args:
        title: the licence's name.
        text: Markdown.
        asks: whether they can be accepted here.
    """

    agreed = Signal()

    def __init__(self, title: str, text: str, parent: QWidget | None = None, *, asks: bool = False) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(640, 520)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        view = QTextBrowser()
        view.setMarkdown(text)
        view.setOpenExternalLinks(True)
        view.setAccessibleName(title)
        column.addWidget(view, 1)
        close = QPushButton(tr("Not now") if asks else tr("Close"))
        close.setDefault(not asks)
        close.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(close)
        if asks:
            agree = QPushButton(tr("Accept"))
            agree.setProperty("look", "primary")
            agree.clicked.connect(self.accept)
            self.accepted.connect(self.agreed)
            row.addWidget(agree)
        column.addLayout(row)
