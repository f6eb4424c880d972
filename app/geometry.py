"""Where the window was, and how it was divided."""

from __future__ import annotations

import base64
import binascii

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QMainWindow, QSplitter

from app.settings import Appearance

LARGEST = (1480, 1040)
"""Width and height of the first window, where the screen has the room."""


def restore(window: QMainWindow, split: QSplitter, look: Appearance) -> None:
    """Puts the window where it was; a first window takes what the screen offers, within bounds."""
    room = window.screen().availableSize()
    window.resize(min(LARGEST[0], room.width() - 32), min(LARGEST[1], room.height() - 64))
    try:
        saved = base64.b64decode(look.geometry, validate=True)
    except (binascii.Error, ValueError):
        saved = b""
    if saved:
        window.restoreGeometry(QByteArray(saved))
    # At first the evidence takes its least height, and the cards what is left.
    split.setSizes(list(look.split) if look.split else [LARGEST[1], 1])


def remember(window: QMainWindow, split: QSplitter, look: Appearance) -> None:
    """Writes down where the window is."""
    look.geometry = base64.b64encode(bytes(window.saveGeometry().data())).decode()
    look.split = tuple(split.sizes())
