"""The list of the history: a line per run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QDateTime, QLocale, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from app.language import language_name, tr
from app.theme import theme
from app.widgets.toolbar import TASKS
from engines.history.entries import Entry

COLUMNS = (tr("When"), tr("Speech"), tr("Asked"), tr("Text"), tr("Tags"))
_TEXT = 3
Index = QModelIndex | QPersistentModelIndex


def when(at: str) -> str:
    """A time of the history as people of this place read it."""
    local = QDateTime.fromSecsSinceEpoch(int(dt.datetime.fromisoformat(at).timestamp()))
    return QLocale().toString(local, QLocale.FormatType.ShortFormat)


def asked(entry: Entry) -> str:
    """What was asked: ``Translate → French``."""
    name = next((name for task, name, _ in TASKS if task == entry.task), entry.task)
    return f"{name} → {language_name(entry.target)}" if entry.target else name


class HistoryModel(QAbstractTableModel):
    """Entries as rows."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: tuple[Entry, ...] = ()

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Shows other entries."""
        self.beginResetModel()
        self.entries = tuple(entries)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """As many as entries."""
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """See :data:`COLUMNS`."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The text of a cell; all of it as a tooltip."""
        if not index.isValid() or role not in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole}:
            return None
        text = self._text(self.entries[index.row()], index.column())
        return text if role == Qt.ItemDataRole.DisplayRole else text[:2000]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        """The columns' names."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def _text(self, entry: Entry, column: int) -> str:
        match column:
            case 0:
                return when(entry.at)
            case 1:
                return entry.source
            case 2:
                return asked(entry)
            case 3:
                return " ".join(entry.text.split())
            case _:
                return ", ".join(entry.tags)


class HistoryTable(QTableView):
    """The list; Return or a double click opens, Delete deletes."""

    opened = Signal()
    deleted = Signal()
    chosen_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found = HistoryModel()
        self.setModel(self.found)
        self.setAccessibleName(tr("Runs in the history"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setProperty("look", "list")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(60)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(_TEXT, QHeaderView.ResizeMode.Stretch)
        self.doubleClicked.connect(lambda _: self.opened.emit())
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen_changed.emit())
        theme().changed.connect(self._size)
        self._size()

    @property
    def chosen(self) -> tuple[Entry, ...]:
        """The entries that are selected, in the order of the list."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self.found.entries[row] for row in rows)

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Shows what was found; what was selected stays selected where it is still there."""
        before = {entry.uid for entry in self.chosen}
        row = self.currentIndex().row()
        self.found.show_entries(entries)
        rows = [place for place, entry in enumerate(entries) if entry.uid in before]
        if not rows and entries:
            rows = [min(max(row, 0), len(entries) - 1)]
        self.clearSelection()
        flags = self.selectionModel().SelectionFlag.Select | self.selectionModel().SelectionFlag.Rows
        for place in rows:
            self.selectionModel().select(self.found.index(place, 0), flags)
        if rows:
            none = self.selectionModel().SelectionFlag.NoUpdate
            self.selectionModel().setCurrentIndex(self.found.index(rows[0], 0), none)
        self.chosen_changed.emit()

    def _size(self) -> None:
        """Columns as wide as what usually stands in them."""
        metrics = self.fontMetrics()
        self.verticalHeader().setDefaultSectionSize(round(metrics.height() * 1.7))
        samples = (
            when("2026-12-28T22:58:00+00:00"),
            tr("The torture menus"),
            tr("Translate → French"),
            None,
            tr("demo, bug"),
        )
        for column, sample in enumerate(samples):
            if sample is not None:
                self.setColumnWidth(column, metrics.horizontalAdvance(sample) + 26)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return opens, Delete deletes."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.deleted.emit()
        else:
            super().keyPressEvent(event)
