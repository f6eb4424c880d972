"""Wheel and keys that zoom and pan the time axis, the same wherever it is shown."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent

from app.timeline import TimeLine


def turn_axis(time: TimeLine, event: QWheelEvent, under: float) -> bool:
    """The wheel pans, or zooms around the second under the pointer with Ctrl; returns whether that did anything."""
    turn = event.angleDelta().y() or event.angleDelta().x()
    if not turn:
        return False
    if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
        time.zoom(0.8 if turn > 0 else 1.25, under)
        return True
    return time.pan(-turn / 1200)


def zoom_by_key(time: TimeLine, event: QKeyEvent, around: float) -> bool:
    """Plus and minus zoom around a second; returns whether it was one of them."""
    if event.key() in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
        time.zoom(0.8, around)
    elif event.key() == Qt.Key.Key_Minus:
        time.zoom(1.25, around)
    else:
        return False
    return True
