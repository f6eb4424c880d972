"""Keys of the window and its dialogs: made in one way, so that a sheet can list them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton

from app.language import tr

_NATIVE: Final = QKeySequence.SequenceFormat.NativeText
ALWAYS: Final = (
    (tr("Space"), tr("Play or pause")),
    (tr("Tab"), tr("Go to the next control; Shift+Tab to the one before")),
    (tr("Arrow keys"), tr("Move in the waveform, in the evidence, between cards and in lists")),
)
"""Keys that no shortcut stands for, and what they do."""


@dataclass(frozen=True)
class Keys:
    """Something that keys do.

    Attributes:
        keys: as the system writes them.
        does: a short sentence.
    """

    keys: str
    does: str


def bind(parent: QObject, keys: str, does: str, act: Callable[[], object]) -> QShortcut:
    """Lets keys do something wherever the focus is in a window. What stands in a menu has its keys there.

    Args:
        parent: the window.
        keys: for example ``"Ctrl+O"``.
        does: what they do, for the sheet.
        act: does it.
    """
    shortcut = QShortcut(QKeySequence(keys), parent)
    shortcut.setWhatsThis(does)
    shortcut.activated.connect(act)
    return shortcut


def listed(window: QObject) -> tuple[Keys, ...]:
    """What keys do in a window, each key once: its shortcuts, entries of menus, and buttons."""
    found: dict[str, str] = {}
    for action in window.findChildren(QAction):
        if keys := action.shortcut().toString(_NATIVE):
            found.setdefault(keys, action.text().removesuffix("…"))
    for shortcut in window.findChildren(QShortcut, options=Qt.FindChildOption.FindDirectChildrenOnly):
        if shortcut.whatsThis():
            found.setdefault(shortcut.key().toString(_NATIVE), shortcut.whatsThis())
    for button in window.findChildren(QAbstractButton):
        keys = button.shortcut().toString(_NATIVE)
        if keys and button.whatsThis():
            found.setdefault(keys, button.whatsThis())
    return tuple(Keys(keys, does) for keys, does in (*sorted(found.items(), key=lambda item: item[1]), *ALWAYS))
