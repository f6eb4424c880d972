"""Offers the one model that needs its licence accepted, in a banner, and fetches it once it was."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from PySide6.QtCore import QObject, Signal

from app.background import Job
from app.dialogs.about import TermsDialog
from app.language import tr
from app.settings import Settings
from app.widgets.banner import OfferBanner
from engines.contract import Preparing
from engines.errors import TriptychError
from engines.weights import manifest
from engines.weights.licences import accept_licence, licence_state
from export.prepare import prepare

GAINS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gemma-3-270m": tr(
            "is what the engines that read vectors write with; it also translates into "
            "seven languages and ranks better than SmolLM2"
        )
    }
)
"""What a model improves, for the banner."""


class Offers(QObject):
    """Decides what the banner offers.

    Args:
        banner: where it is offered.
        settings: remembers what was put away.
    """

    fetched = Signal(str)
    """Name of a model that is ready now."""
    failed = Signal(object)

    def __init__(self, banner: OfferBanner, settings: Settings) -> None:
        super().__init__(banner)
        self._banner = banner
        self._settings = settings
        self._model: str | None = None
        self._job: Job | None = None
        banner.terms_requested.connect(self._show_terms)
        banner.accepted.connect(self._accept)
        banner.declined.connect(self._decline)

    def show_next(self) -> None:
        """Offers the first model whose licence is neither accepted nor put away, or hides the banner."""
        if self._job is not None:
            return
        catalogue = manifest.load()
        for model_id, gain in GAINS.items():
            state = licence_state(model_id)
            if not state.accepted and state.key not in self._settings.running.declined:
                model = catalogue.model(model_id)
                self._model = model_id
                self._banner.offer(model.name, model.size, gain, state.name)
                return
        self._banner.hide()

    def offer_again(self) -> None:
        """Forgets what was put away."""
        self._settings.running.declined = set()
        self.show_next()

    def _show_terms(self) -> None:
        assert self._model is not None
        state = licence_state(self._model)
        TermsDialog(state.name, state.text, self._banner.window()).open()

    def _decline(self) -> None:
        assert self._model is not None
        self._settings.running.declined = {*self._settings.running.declined, licence_state(self._model).key}
        self._banner.hide()

    def _accept(self) -> None:
        assert self._model is not None
        model = self._model
        try:
            accept_licence(model)
        except OSError as error:
            self.failed.emit(
                TriptychError(
                    tr("The acceptance could not be written down: {strerror}.").format(strerror=error.strerror or error)
                )
            )
            return
        self._banner.show_progress(tr("Fetching {name}").format(name=self._name()), 0, None)
        self._job = Job(lambda: prepare([model]), "fetch")
        self._job.progressed.connect(self._show_progress)
        self._job.finished.connect(self._fetched)
        self._job.failed.connect(self._not_fetched)
        self._job.start()

    def _show_progress(self, step: Preparing) -> None:
        self._banner.show_progress(step.what, step.done, step.total)

    def _fetched(self) -> None:
        self._job = None
        self._banner.hide()
        self.fetched.emit(self._name())

    def _not_fetched(self, error: TriptychError) -> None:
        self._job = None
        self._banner.hide()
        self.failed.emit(error)

    def _name(self) -> str:
        assert self._model is not None
        return manifest.load().model(self._model).name
