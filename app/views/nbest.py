"""The N-best list of one stretch of speech, with a slider for λ that re-ranks it as it moves."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.language import tr
from app.theme import theme
from app.views.lambdaslider import LambdaSlider
from app.views.nbesttable import COMBINED, LM, TEXT, WER, HypothesisDelegate, NBestModel
from engines.contract import NBest
from engines.text.envelope import reigns


class NBestView(QWidget):
    """Hypotheses, their scores, and what λ does to their order."""

    weight_changed = Signal(float)
    """λ, as the slider moves."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = LambdaSlider()
        self.slider.weight_changed.connect(self._weigh)
        self.value = QLabel()
        self.value.setProperty("tone", "reading")
        self.oracle = QLabel()
        self.oracle.setProperty("tone", "small")
        self.oracle.setWordWrap(True)
        self.oracle.setToolTip(
            tr(
                "o_nb: the best choice among the hypotheses. o_cp: the best that could be put "
                "together from their words (HyPoradise, Chen et al. 2023)."
            )
        )
        self.copy = QPushButton(tr("Copy table"))
        self.copy.setProperty("look", "link")
        self.copy.setToolTip(tr("Copies the table with tabs between the columns (Ctrl+C)"))
        self.copy.clicked.connect(self.copy_tsv)
        self.model = NBestModel(self)
        self.table = QTableView()
        self._prepare_table()
        self._lambda = QLabel("λ")
        self._lambda.setProperty("tone", "reading")
        self._lambda.setBuddy(self.slider)
        row = QHBoxLayout()
        row.setSpacing(10)
        top = Qt.AlignmentFlag.AlignTop
        row.addWidget(self._lambda, 0, top)
        row.addWidget(self.slider, 1, top)
        row.addWidget(self.value, 0, top)
        foot = QHBoxLayout()
        foot.addWidget(self.oracle, 1)
        foot.addWidget(self.copy, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        column.addLayout(foot)
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._fit)
        theme().changed.connect(self._later.start)
        self.table.horizontalHeader().sectionResized.connect(self._widths_changed)

    def _prepare_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setItemDelegateForColumn(TEXT, HypothesisDelegate(table))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setAccessibleName(tr("N-best list"))
        table.verticalHeader().hide()
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        table.horizontalHeader().setMinimumSectionSize(40)
        shortcut = QShortcut(QKeySequence.StandardKey.Copy, table, context=Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self.copy_tsv)

    def show_list(
        self,
        found: NBest,
        weight: float | None,
        *,
        errors: Sequence[float] = (),
        oracle: str = "",
        language: str | None = None,
    ) -> None:
        """Shows a list.

        Args:
            found: the list.
            weight: λ to rank it at; None for the engine's own.
            errors: word error rate of each hypothesis, or nothing.
            oracle: a line on what the list would allow at best.
            language: ISO 639-1 code of the hypotheses.
        """
        scored = all(h.lm is not None for h in found.hypotheses)
        own = found.weight or 0.0
        weight = own if weight is None or not scored else weight
        self.slider.setVisible(scored)
        self._lambda.setVisible(scored)
        self.value.setVisible(scored)
        self.slider.set_marks(reigns(found.hypotheses, normalised=found.normalised) if scored else (), found.weight)
        self.slider.set_weight(weight)
        self.value.setText(f"{weight:.2f}")
        self.model.show(found, weight, errors, language)
        for column, shown in ((LM, scored), (COMBINED, scored), (WER, bool(errors))):
            self.table.setColumnHidden(column, not shown)
        self.oracle.setText(oracle)
        self._fit()
        self._later.start()

    @property
    def weight(self) -> float:
        """λ as it stands."""
        return self.slider.weight

    def copy_tsv(self) -> None:
        """Puts the table on the clipboard."""
        QGuiApplication.clipboard().setText(self.model.tsv())

    def _weigh(self, weight: float) -> None:
        self.value.setText(f"{weight:.2f}")
        if self.model.set_weight(weight):
            self.table.resizeRowsToContents()
        self.weight_changed.emit(weight)

    def _widths_changed(self, section: int) -> None:
        if section == TEXT:
            self._later.start()

    def _fit(self) -> None:
        self.table.resizeRowsToContents()

    def sizeHint(self) -> QSize:
        """Room for about five rows."""
        return QSize(600, round(theme().points * 22))
