"""Starts the window: application, appearance, crash log, and what happens to errors that nobody caught."""

from __future__ import annotations

import faulthandler
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app.background import wait_for_all
from app.settings import Settings
from app.theme import theme
from engines import catalog, paths

log = logging.getLogger(__name__)


def start(argv: Sequence[str]) -> int:
    """Opens the window and runs until it is closed.

    Args:
        argv: arguments after the command's name; the first may be a sound file.

    Returns:
        the exit code.
    """
    from app.window import MainWindow

    app = QApplication.instance() or QApplication(["triptych", *argv])
    assert isinstance(app, QApplication)
    app.setApplicationName("Triptych")
    app.setApplicationDisplayName("Triptych")
    app.setDesktopFileName("triptych")
    app.setWindowIcon(QIcon(str(paths.resources() / "icons" / "triptych.svg")))
    settings = Settings.load()
    theme().apply(settings.appearance.theme, settings.appearance.text_scale)
    crash_log = _log_crashes()
    window = MainWindow(catalog.default(), settings)
    old_hook = sys.excepthook

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        old_hook(kind, error, trace)
        log.error("uncaught", exc_info=(kind, error, trace))
        window.messages.say(f"Something went wrong: {error or kind.__name__}.", f"Details are in {crash_log.name}.")

    sys.excepthook = uncaught
    try:
        window.show()
        window.start(Path(argv[0]) if argv else None)
        return app.exec()
    finally:
        sys.excepthook = old_hook
        wait_for_all(2.0)


def _log_crashes() -> Path:
    """Writes what the window logs, and the stack of a crash, to a file beside the engines' log."""
    file = paths.data() / "logs" / "window.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    stream = file.open("a", encoding="utf-8")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("app").addHandler(handler)
    faulthandler.enable(stream)
    return file
