"""What Qt has to know of the window's language: its own buttons, dates and numbers, names of languages."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from PySide6.QtCore import QCoreApplication, QDateTime, QLibraryInfo, QLocale, QTranslator

from app import language

SYSTEM: Final = "system"
"""The setting that leaves the choice to the desktop."""
_OWN: Final = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "zh": "简体中文"}
"""Qt's names are of a country: ``español de España``."""


def choose(choice: str) -> str:
    """Chooses the window's language; before any window is imported.

    Args:
        choice: a code of :func:`app.language.offered`, or :data:`SYSTEM`: the first of the desktop's languages that
            there is.

    Returns:
        the code that is used.
    """
    return language.use(QLocale.system().uiLanguages() if choice == SYSTEM else [choice])


def install(app: QCoreApplication) -> None:
    """Lets Qt's own buttons and dialogs, dates and numbers, speak the window's language."""
    code = language.current()
    if not QLocale.system().name().startswith(code):
        QLocale.setDefault(QLocale(code))
    if code != language.SOURCE:
        translator = QTranslator(app)
        if translator.load(QLocale(), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
            app.installTranslator(translator)


def own_name(code: str) -> str:
    """What a language calls itself: ``Deutsch``, ``Français``."""
    if code in _OWN:
        return _OWN[code]
    name = QLocale(code).nativeLanguageName()
    return name[:1].upper() + name[1:] or code


def moment(at: datetime) -> str:
    """A day and time as people read them."""
    local = QDateTime.fromSecsSinceEpoch(int(at.timestamp()))
    return QLocale().toString(local, language.tr("d MMMM, HH:mm"))
