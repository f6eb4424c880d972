"""The sheet of keys, and the log of a window that ended badly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from app.crashes import Crash
from app.dialogs.blind import BlindDialog
from app.dialogs.crash import CrashDialog
from app.dialogs.history import HistoryDialog
from app.dialogs.preferences import PreferencesDialog
from app.dialogs.shortcuts import ShortcutsDialog
from app.settings import Settings
from app.shortcuts import listed
from app.window import MainWindow
from engines.catalog import Catalogue


def test_every_key_of_the_window_is_on_the_sheet(
    qtbot: QtBot, fakes: Callable[..., Catalogue], settings: Settings
) -> None:
    window = MainWindow(fakes("one"), settings, remembers=False)
    qtbot.addWidget(window)
    keys = {one.keys for one in listed(window)}
    bound = [key.key() for key in window.findChildren(QShortcut, options=Qt.FindChildOption.FindDirectChildrenOnly)]
    bound += [button.shortcut() for button in window.findChildren(QAbstractButton)]
    for action in window.toolbar.menu.menu().actions():
        bound.append(action.shortcut())
    wanted = {key.toString(QKeySequence.SequenceFormat.NativeText) for key in bound} - {""}
    assert wanted <= keys
    assert {"Ctrl+O", "Ctrl+M", "Ctrl+E", "Ctrl+H", "Ctrl+J", "F1", "Space"} <= keys
    assert len(keys) == len(listed(window)), "a key is listed once"
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    for key, dialog in (
        (Qt.Key.Key_H, HistoryDialog), (Qt.Key.Key_J, BlindDialog), (Qt.Key.Key_Comma, PreferencesDialog),
    ):  # fmt: skip
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        (opened,) = window.findChildren(dialog)
        assert opened.isVisible()
        with qtbot.waitActive(window):
            opened.close()
            window.activateWindow()
    shown = window.doubts.isChecked()
    qtbot.keyClick(window, Qt.Key.Key_U, Qt.KeyboardModifier.ControlModifier)
    assert window.doubts.isChecked() is not shown
    qtbot.keyClick(window, Qt.Key.Key_F1)
    (sheet,) = window.findChildren(ShortcutsDialog)
    assert sheet.isVisible()
    assert sheet.table.rowCount() == len(keys)
    assert all(sheet.table.item(row, 1).text() for row in range(sheet.table.rowCount()))


def test_the_log_of_a_crash_can_be_copied(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = CrashDialog(Crash(1_790_000_000.0, "Fatal Python error: Aborted", tmp_path / "window.log"))
    qtbot.addWidget(dialog)
    dialog.show()
    assert "September" in dialog.label.text()
    qtbot.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("Triptych ")
    assert copied.endswith("Fatal Python error: Aborted")
