"""Opens the window's dialogs and puts what they change in force."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.controller import Controller
from app.crashes import Crash
from app.dialogs.about import AboutDialog
from app.dialogs.crash import CrashDialog
from app.dialogs.doctor import DoctorDialog
from app.dialogs.engine import EngineDialog
from app.dialogs.models import ModelsDialog
from app.dialogs.preferences import PreferencesDialog
from app.dialogs.shortcuts import ShortcutsDialog
from app.modelfetch import lacking
from app.offers import Offers
from app.shortcuts import listed
from app.theme import theme
from engines.contract import OptionValue
from engines.runtime.providers import PROVIDERS


class Dialogs(QObject):
    """None of the dialogs blocks the window.

    Args:
        controller: knows engines and settings.
        offers: models whose licence must be accepted.
        parent: the window.
    """

    doubts_chosen = Signal(bool)
    """Whether unsure words are to be underlined."""

    def __init__(self, controller: Controller, offers: Offers, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._controller = controller
        self._offers = offers
        self._models: ModelsDialog | None = None

    def show_engine(self, engine_id: str) -> None:
        """Opens an engine's settings."""
        engine = self._controller.catalogue.describe(engine_id)
        dialog = EngineDialog(engine, self._controller.options(engine), self._window)
        dialog.changed.connect(self.set_options)
        dialog.run_requested.connect(self._controller.rerun)
        dialog.show()

    def set_options(self, engine_id: str, options: dict[str, OptionValue]) -> None:
        """Remembers an engine's settings, those that differ from its defaults."""
        running = self._controller.settings.running
        running.options = {**running.options, engine_id: options}

    def choose_lambda(self, engine_id: str, weight: float) -> None:
        """Remembers the λ that was chosen beside the evidence, for the next run."""
        chosen = self._controller.settings.running.options.get(engine_id, {})
        self.set_options(engine_id, {**chosen, "lambda": weight})

    def show_preferences(self) -> None:
        """Opens the preferences."""
        settings = self._controller.settings
        dialog = PreferencesDialog(settings, [provider.name for provider in PROVIDERS], self._window)
        dialog.appearance_changed.connect(self.apply_appearance)
        dialog.offers_wanted.connect(self._offers.offer_again)
        dialog.doubts_chosen.connect(self.doubts_chosen)
        dialog.show()

    def apply_appearance(self) -> None:
        """Puts theme and text size of the settings in force."""
        look = self._controller.settings.appearance
        theme().apply(look.theme, look.text_scale)

    def show_shortcuts(self) -> None:
        """Shows what keys do."""
        ShortcutsDialog(listed(self._window), self._window).show()

    def show_models(self, *, welcome: bool = False) -> None:
        """Shows what models there are, and fetches them; at the first start as a welcome."""
        if self._models is None:
            self._models = ModelsDialog(self._window, welcome=welcome)
            self._models.fetched.connect(self._fetched)
        else:
            self._models.look()
        self._models.show()
        self._models.raise_()

    def greet(self) -> None:
        """Welcomes once, where models are missing."""
        running = self._controller.settings.running
        if not running.welcomed and lacking():
            running.welcomed = True
            self.show_models(welcome=True)

    def _fetched(self, name: str) -> None:
        self._offers.show_next()
        self._offers.fetched.emit(name)

    def show_doctor(self) -> None:
        """Shows what works here and what to mend."""
        DoctorDialog(self._window).show()

    def show_crash(self, crash: Crash) -> None:
        """Shows what the last window wrote before it ended badly."""
        CrashDialog(crash, self._window).show()

    def show_about(self) -> None:
        """Shows versions and licences."""
        AboutDialog(self._window).show()
