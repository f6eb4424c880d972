"""Why a text was chosen or made: the N-best list with its λ, and a correction's words beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from app.comparison import EngineRun
from app.theme import theme
from app.views import oracles, sentences
from app.views.correction import CorrectionView
from app.views.nbest import NBestView
from engines.contract import Correction, NBest, Routing

Reference = tuple[str | None, str | None]


class WhyView(QSplitter):
    """Correction and list side by side, or one above the other where it is narrow."""

    weighed = Signal(str, float)
    """Engine id and λ, as the slider moves."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._run: EngineRun | None = None
        self._nbest: NBest | None = None
        self._fixed: Correction | None = None
        self._routing: Routing | None = None
        self._weights: dict[tuple[str, str, int], float] = {}
        self.nbest = NBestView()
        self.correction = CorrectionView()
        self.setChildrenCollapsible(False)
        self.addWidget(self.correction)
        self.addWidget(self.nbest)
        self.setHandleWidth(14)
        self.setSizes([500, 600])
        self.nbest.weight_changed.connect(self._weighed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow dock correction and list stand one above the other."""
        direction = Qt.Orientation.Horizontal if self.width() >= theme().points * 93 else Qt.Orientation.Vertical
        if self.orientation() != direction:
            self.setOrientation(direction)
            self.setSizes([500, 600])
        super().resizeEvent(event)

    def forget(self, engine_id: str) -> None:
        """Forgets the λ that the user chose for an engine: there is another run."""
        self._weights = {key: value for key, value in self._weights.items() if key[0] != engine_id}

    def show_run(self, run: EngineRun, segment: int, reference: Reference) -> str | None:
        """Shows a stretch of a run; returns the sentence on it, or None if there is no list.

        Args:
            run: the engine's run.
            segment: number of the stretch.
            reference: reference transcript and translation, where they are known.
        """
        lists = list(run.found(NBest))
        self._run = run
        self._nbest = next((e for e in lists if e.segment == segment), None)
        self._fixed = next((e for e in run.found(Correction) if e.segment == segment), None)
        self._routing = next((e for e in run.found(Routing) if e.segment == segment), None)
        nbest, fixed = self._nbest, self._fixed
        self.correction.setVisible(fixed is not None)
        self.nbest.setVisible(nbest is not None)
        if fixed is not None:
            self.correction.show_correction(fixed, nbest.hypotheses[0].text if nbest else "")
        if nbest is not None:
            means = nbest.content == "translation"
            truth, language = reference[1 if means else 0], "en" if means else run.language
            self.nbest.show_list(
                nbest,
                self._weight(nbest),
                errors=oracles.errors(lists, nbest, truth, language),
                oracle="" if means else oracles.line(run.scores),
                language=language,
            )
        return self.sentence

    @property
    def sentence(self) -> str | None:
        """What is to be said about what is shown, at the λ as it is."""
        if self._fixed is not None:
            told = sentences.on_correction(self._fixed)
            return told if self._routing is None else f"{sentences.on_routing(self._routing)} {told}"
        if self._nbest is None:
            return None
        weight = self._weight(self._nbest)
        return sentences.on_ranking(self._nbest, (self._nbest.weight or 0.0) if weight is None else weight)

    def _weight(self, nbest: NBest) -> float | None:
        """λ as the user left it for this engine and list; None if it was not moved."""
        assert self._run is not None
        return self._weights.get((self._run.engine.id, nbest.content, nbest.segment))

    def _weighed(self, weight: float) -> None:
        if self._run is not None and self._nbest is not None:
            self._weights[self._run.engine.id, self._nbest.content, self._nbest.segment] = weight
            self.weighed.emit(self._run.engine.id, weight)
