"""Scores runs beside the window: counting errors takes long on long texts, and its libraries take long to load."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.background import Job
from app.comparison import Comparison, EngineRun


class Scorer(QObject):
    """Fills in the scores of runs that are over."""

    scored = Signal(object)
    """An :class:`EngineRun` with its scores."""

    def request(self, run: EngineRun, comparison: Comparison) -> None:
        """Scores a run against the comparison's references; answers with :attr:`scored`, later."""
        utterance, target = comparison.utterance, comparison.target

        def work() -> EngineRun:
            from app.scoring import scored

            return scored(run, utterance, target)

        job = Job(work, f"score-{run.engine.id}")
        job.finished.connect(self.scored)
        job.start()
