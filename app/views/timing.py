"""A run's stages and what each took, as a table."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.comparison import EngineRun
from app.theme import theme
from app.widgets.numbers import seconds, share


class TimingView(QTableWidget):
    """Stage, seconds, share of the whole, and what was shared with other engines."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 4, parent)
        self.setHorizontalHeaderLabels(["stage", "engine time", "of the total", "of it shared"])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setAccessibleName("Time per stage")
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(1)
        theme().changed.connect(self._dress)
        self._dress()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def _dress(self) -> None:
        self.verticalHeader().setDefaultSectionSize(round(QFontMetricsF(theme().font()).lineSpacing() * 1.5))

    def show_run(self, run: EngineRun) -> None:
        """Shows a run's stages and its marks."""
        whole = max(run.seconds, sum(stage.seconds for stage in run.stages))
        rows = [
            (
                stage.name + (" …" if stage.running else ""),
                seconds(stage.seconds),
                share(stage.seconds / whole) if whole else "",
                seconds(stage.shared_seconds) if stage.shared else "",
            )
            for stage in run.stages
        ]
        rest = run.seconds - sum(stage.seconds for stage in run.stages)
        if run.status.over and rest > 0.001:
            rows.append(("between the stages", seconds(rest), share(rest / whole), ""))
        if run.status.over and run.stages:
            shared = sum(stage.shared_seconds for stage in run.stages)
            rows.append(("total", seconds(run.seconds), "", seconds(shared) if shared else ""))
        for name, at in (("first text after", run.first_text_seconds), ("first sound after", run.first_audio_seconds)):
            if at is not None:
                rows.append((name, seconds(at), "", ""))
        self.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                item = self.item(number, column)
                if item is None:
                    item = QTableWidgetItem()
                    self.setItem(number, column, item)
                item.setText(text)
