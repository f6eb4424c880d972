"""The evidence of one engine, and on demand that of another one below it, on the same time axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.comparison import EngineRun
from app.language import tr
from app.timeline import TimeLine
from app.views import sentences
from app.views.dock import EvidenceDock

Reference = tuple[str | None, str | None]


class EvidencePair(QWidget):
    """Two docks, the second hidden until somebody names an engine to compare with.

    The second one shows the kind of evidence that the first one shows, where its engine has it. A sentence between them
    tells how the two runs differ.

    Args:
        time: the axis of the waveform, which both share.
    """

    changed = Signal()
    """Another engine is compared with, or none."""

    def __init__(self, time: TimeLine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first = EvidenceDock(time)
        self.second = EvidenceDock(time)
        self._runs: Mapping[str, EngineRun] = {}
        self._reference: Reference = (None, None)
        self.choice = QComboBox()
        self.choice.setAccessibleName(tr("Compare the evidence with another engine’s"))
        self.choice.setToolTip(tr("Compare the evidence with another engine’s"))
        self.choice.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.choice.addItem(tr("Compare with…"), None)
        self.choice.hide()
        self.first.head.insertWidget(self.first.head.indexOf(self.first.save), self.choice)
        self.sentence = QLabel()
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._between = QFrame()
        row = QHBoxLayout(self._between)
        row.setContentsMargins(14, 0, 14, 0)
        row.addWidget(self.sentence)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.first, 1)
        column.addWidget(self._between)
        column.addWidget(self.second, 1)
        self._least = 0, 0
        self._told: tuple[EngineRun | None, EngineRun | None] = None, None
        self._between.hide()
        self.second.hide()
        self.choice.activated.connect(self._chosen)
        self.first.tabs.currentChanged.connect(self.second.want)

    @property
    def other(self) -> str | None:
        """Id of the engine that is compared with."""
        chosen = self.choice.currentData()
        return None if chosen is None else str(chosen)

    def show_run(self, run: EngineRun, runs: Mapping[str, EngineRun], reference: Reference) -> None:
        """Shows the evidence of a run and of the one that is compared with it.

        Args:
            run: the selected engine's.
            runs: engine id → run, of all engines.
            reference: what was really said and its translation, where they are known.
        """
        self._runs, self._reference = runs, reference
        self.first.show_all(tuple(runs.values()))
        self.first.show_run(run, *reference)
        self._offer(run)
        self._show_other()

    def show_all(self, runs: Mapping[str, EngineRun]) -> None:
        """Another engine than the selected one has come further."""
        self._runs = runs
        self.first.show_all(tuple(runs.values()))
        run = self.first.run
        if run is not None:
            self._offer(run)
            self._show_other()

    def least(self, lines: Callable[[int], int], usual: int) -> None:
        """Gives both docks a least height that does not depend on what they say.

        Args:
            lines: how high so many lines of text are, in pixels.
            usual: lines of the first dock while nothing is compared.
        """
        self._least = lines(usual), lines(usual - 3)
        self.first.setMinimumHeight(self._least[0])
        self.second.setMinimumHeight(self._least[1])
        self._hold()

    def _hold(self) -> None:
        """A splitter asks for no height that depends on a width, as a wrapped sentence's does: it is told one."""
        below = (
            self._least[1] + 2 * self._between.fontMetrics().lineSpacing() + 24 if self.second.isVisibleTo(self) else 0
        )
        self.setMinimumHeight(self._least[0] + below)

    def _offer(self, run: EngineRun) -> None:
        """Names every other engine that came to something."""
        names = [
            (one.engine.name, one.engine.id) for one in self._runs.values() if one.stages and one.engine != run.engine
        ]
        kept = self.other
        if [self.choice.itemData(place) for place in range(1, self.choice.count())] != [name for _, name in names]:
            with QSignalBlocker(self.choice):
                while self.choice.count() > 1:
                    self.choice.removeItem(1)
                for name, engine_id in names:
                    self.choice.addItem(name, engine_id)
                self.choice.setCurrentIndex(max(0, self.choice.findData(kept)))
        self.choice.setVisible(bool(names))

    def _chosen(self) -> None:
        self.second.want(self.first.tabs.currentIndex())
        self._show_other()
        self.changed.emit()

    def _show_other(self) -> None:
        other = self._runs.get(self.other or "")
        shown = other is not None and self.first.run is not None
        self._between.setVisible(shown)
        self.second.setVisible(shown)
        self._hold()
        self.choice.setItemText(0, tr("Compare with nothing") if shown else tr("Compare with…"))
        if other is not None and self.first.run is not None:
            self.second.show_all(tuple(self._runs.values()))
            self.second.show_run(other, *self._reference)
            if self._told[0] is not self.first.run or self._told[1] is not other:  # others come further all the time
                self._told = self.first.run, other
                self.sentence.setText(sentences.on_two(self.first.run, other))
