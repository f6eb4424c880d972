"""What a screen reader is told: everything that takes the focus has a name."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.described import catalogue
from app.settings import Settings
from app.window import MainWindow


def nameless(top: QWidget) -> list[str]:
    """Visible widgets that take the focus and have no name."""
    found = []
    for one in top.findChildren(QWidget):
        if one.focusPolicy() == Qt.FocusPolicy.NoFocus or not one.isVisibleTo(top) or one.focusProxy() is not None:
            continue
        if isinstance(one, QLabel):  # its text is its name
            continue
        if type(one).__name__.startswith(("QScroll", "QSplitter", "qt_")) or one.objectName().startswith("qt_"):
            continue
        interface = QAccessible.queryAccessibleInterface(one)
        if interface is not None and not interface.text(QAccessible.Text.Name).strip():
            found.append(f"{type(one).__name__} in {type(one.parent()).__name__}")
    return found


def test_everything_in_the_window_has_a_name(qtbot: QtBot, settings: Settings) -> None:
    window = MainWindow(catalogue(), settings, remembers=False)
    qtbot.addWidget(window)
    window.show()
    assert nameless(window) == []


def test_everything_in_the_dialogs_has_a_name(qtbot: QtBot, settings: Settings, qapp: QApplication) -> None:
    window = MainWindow(catalogue(), settings, remembers=False)
    qtbot.addWidget(window)
    window.show()
    opening: tuple[Callable[[], object], ...] = (
        lambda: window.dialogs.show_engine("rescoring"),
        window.dialogs.show_preferences,
        window.dialogs.show_shortcuts,
        window.dialogs.show_about,
        window.dialogs.show_models,
        window.blind.show,
        lambda: window.stressing.show_sweep("babble"),
    )
    for show in opening:
        show()
        qapp.processEvents()
    dialogs = [one for one in window.findChildren(QDialog) if one.isVisible()]
    assert len(dialogs) >= 5
    lacking = {type(dialog).__name__: nameless(dialog) for dialog in dialogs}
    for dialog in dialogs:
        dialog.close()
    assert {name: found for name, found in lacking.items() if found} == {}
