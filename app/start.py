"""Starts the window: language, application, appearance, crash log, and what happens to errors that nobody caught."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app import locales
from app.settings import Settings
from engines import paths

log = logging.getLogger(__name__)


def start(argv: Sequence[str]) -> int:
    """Opens the window and runs until it is closed.

    Args:
        argv: arguments after the command's name; the first may be a sound file.

    Returns:
        the exit code.
    """
    app = QApplication.instance() or QApplication(["triptych", *argv])
    assert isinstance(app, QApplication)
    app.setApplicationName("Triptych")
    app.setApplicationDisplayName("Triptych")
    app.setDesktopFileName("triptych")
    app.setWindowIcon(QIcon(str(paths.resources() / "icons" / "triptych.svg")))
    locales.choose(locales.SYSTEM)
    settings = Settings.load()
    locales.choose(settings.appearance.language)
    locales.install(app)
    return _run(app, settings, Path(argv[0]) if argv else None)


def _run(app: QApplication, settings: Settings, file: Path | None) -> int:
    from app.background import wait_for_all  # tables in these modules speak the language that was chosen
    from app.crashes import CrashLog
    from app.described import catalogue
    from app.language import tr
    from app.theme import theme
    from app.window import MainWindow

    theme().apply(settings.appearance.theme, settings.appearance.text_scale)
    crashes = CrashLog()
    ended_badly = crashes.begin()
    window = MainWindow(catalogue(), settings)
    old_hooks = sys.excepthook, threading.excepthook

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        old_hooks[0](kind, error, trace)
        log.error("uncaught", exc_info=(kind, error, trace))
        window.messages.say(
            tr("Something went wrong: {error}.").format(error=error or kind.__name__),
            tr("Details are in {name}.").format(name=crashes.file.name),
        )

    def uncaught_beside(args: threading.ExceptHookArgs) -> None:
        old_hooks[1](args)
        if args.exc_type is not SystemExit:
            log.error("uncaught in %s", args.thread, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))  # type: ignore[arg-type]  # None where it is lost

    sys.excepthook, threading.excepthook = uncaught, uncaught_beside
    try:
        window.show()
        window.start(file)
        window.dialogs.greet()
        if ended_badly is not None and ended_badly.log:  # a log-out kills too, and leaves nothing to tell
            window.dialogs.show_crash(ended_badly)
        if settings.told:
            window.messages.say(settings.told)
        return app.exec()
    finally:
        sys.excepthook, threading.excepthook = old_hooks
        wait_for_all(2.0)
        crashes.end()
