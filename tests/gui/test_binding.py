"""The Qt binding itself."""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QApplication


def test_calls_lose_no_reference_to_none(qapp: QApplication) -> None:
    """PySide6 6.12.0 lost one per call, and before Python 3.12 the process died once None had none left."""
    before = sys.getrefcount(None)
    for _ in range(500):
        qapp.processEvents()
    assert sys.getrefcount(None) > before - 100
