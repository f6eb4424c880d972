"""Scores runs beside the window: counting errors takes long on long texts, and its libraries take long to load."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from PySide6.QtCore import QObject, Signal

from app.comparison import Comparison, EngineRun
from engines.contract import Utterance

log = logging.getLogger(__name__)


class Scorer(QObject):
    """Fills in the scores of runs that are over, one after the other in a thread of its own."""

    scored = Signal(object)
    """An :class:`EngineRun` with its scores."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = ThreadPoolExecutor(1, "scores")

    def warm_up(self) -> None:
        """Loads the libraries before they are needed."""
        self._thread.submit(_load)

    def request(self, run: EngineRun, comparison: Comparison) -> None:
        """Scores a run against the comparison's references; answers with :attr:`scored`, later."""
        self._thread.submit(self._score, run, comparison.utterance, comparison.target)

    def close(self) -> None:
        """Gives up what has not been scored."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _score(self, run: EngineRun, utterance: Utterance, target: str | None) -> None:
        from app.scoring import scored

        try:
            found = scored(run, utterance, target)
        except Exception:
            log.exception("%s could not be scored", run.engine.id)
            return
        try:
            self.scored.emit(found)
        except RuntimeError:
            log.debug("scored after the window was gone")


def _load() -> None:
    import engines.evaluation.metrics  # noqa: F401 -- loading is what is wanted
