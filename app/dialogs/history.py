"""The history: what was run, to be found, opened, run again, compared, saved and thrown away."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.historypreview import Preview
from app.dialogs.historytable import HistoryTable
from app.language import tr
from app.settings import History
from engines.catalog import Catalogue
from engines.contract import Task
from engines.history.entries import Entry, Found

_PAUSE_MS = 150
"""After the last key that is typed into the search."""
_LIMITS = (
    (500, tr("500 MB")),
    (1000, tr("1 GB")),
    (2000, tr("2 GB")),
    (5000, tr("5 GB")),
    (20000, tr("20 GB")),
    (0, tr("no limit")),
)
_EVERY = tr("All engines, as a new run")


class HistoryDialog(QDialog):
    """Asks for what it shows with :attr:`wanted`; does not block the window.

    Keys: Return opens, Delete deletes, Ctrl+Z takes that back, Ctrl+F searches.

    Args:
        catalogue: the engines that can be run again.
        settings: edited in place.
    """

    wanted = Signal()
    """The list is to be brought up to date: answer with :meth:`show_found`."""
    opened = Signal(str)
    """The id of an entry to show in the window."""
    run_again = Signal(str, str)
    """The id of an entry, and of the engine; empty for all."""
    compared = Signal(tuple)
    """One or two entries."""
    saved = Signal(tuple)
    """Ids of entries to write to a file."""
    session_wanted = Signal()
    """A session is to be chosen and opened."""
    deleted = Signal(tuple)
    undone = Signal()
    tagged = Signal(str, tuple)
    limited = Signal()
    """How much is kept is another amount."""

    def __init__(self, catalogue: Catalogue, settings: History, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("History"))
        self.setSizeGripEnabled(True)
        self._catalogue = catalogue
        self._settings = settings
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search texts, names and tags"))
        self.search.setAccessibleName(tr("Search the history"))
        self.search.setClearButtonEnabled(True)
        self.tag = QComboBox()
        self.tag.setAccessibleName(tr("Show runs with a tag"))
        self.tag.addItem(tr("All tags"), None)
        self.session = QPushButton(tr("Open session…"))
        self.session.setToolTip(tr("Open runs that were saved as one file"))
        self.table = HistoryTable()
        self.preview = Preview(catalogue)
        self.opens = QPushButton(tr("Open"))
        self.opens.setProperty("look", "primary")
        self.opens.setToolTip(tr("Show it in the window as it was, without running anything (Return)"))
        self.again = QPushButton(tr("Run again"))
        self.again.setMenu(QMenu(self.again))
        self.compare = QPushButton(tr("Compare…"))
        self.compare.setToolTip(tr("Hold two runs against each other, word by word"))
        self.save = QPushButton(tr("Save as…"))
        self.save.setToolTip(tr("A report, a session, text, subtitles, JSON or CSV"))
        self.delete = QPushButton(tr("Delete"))
        self.undo = QPushButton(tr("Undo"))
        self.undo.setToolTip(tr("Bring back what was deleted last (Ctrl+Z)"))
        self.keep = QCheckBox(tr("Keep every run, up to"))
        self.limit = QComboBox()
        self.limit.setAccessibleName(tr("How much is kept"))
        self.amount = QLabel()
        self.amount.setProperty("tone", "small")
        self._pause = QTimer(self, interval=_PAUSE_MS, singleShot=True)
        self._lay_out()
        self._fill_settings()
        self._connect()
        self.show_undo(0)
        self._dress()
        self.resize(1000, 620)

    # --- assembling -------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(10)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.search, 1)
        row.addWidget(self.tag)
        row.addWidget(self.session)
        column.addLayout(row)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.table)
        split.addWidget(self.preview)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(12)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([630, 330])
        column.addWidget(split, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.opens, self.again, self.compare, self.save, self.delete, self.undo):
            row.addWidget(button)
        row.addStretch()
        column.addLayout(row)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.keep)
        row.addWidget(self.limit)
        row.addStretch()
        row.addWidget(self.amount)
        column.addLayout(row)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)

    def _fill_settings(self) -> None:
        self.keep.setChecked(self._settings.keep)
        limits = list(_LIMITS)
        if all(size != self._settings.megabytes for size, _ in limits):
            limits.append((self._settings.megabytes, f"{self._settings.megabytes} MB"))
        for size, name in limits:
            self.limit.addItem(name, size)
        self.limit.setCurrentIndex(self.limit.findData(self._settings.megabytes))
        self.limit.setEnabled(self._settings.keep)

    def _connect(self) -> None:
        self.search.textEdited.connect(lambda _: self._pause.start())
        self.search.textChanged.connect(lambda text: None if text else self._pause.start())
        self._pause.timeout.connect(self.wanted)
        self.tag.activated.connect(lambda _: self.wanted.emit())
        self.session.clicked.connect(self.session_wanted)
        self.table.opened.connect(self._open)
        self.table.deleted.connect(self._delete)
        self.table.chosen_changed.connect(self._dress)
        self.opens.clicked.connect(self._open)
        self.again.menu().aboutToShow.connect(self._fill_engines)
        self.compare.clicked.connect(lambda: self.compared.emit(self.table.chosen))
        self.save.clicked.connect(lambda: self.saved.emit(self._uids()))
        self.delete.clicked.connect(self._delete)
        self.undo.clicked.connect(self.undone)
        self.preview.tags.editingFinished.connect(self._tag)
        self.keep.toggled.connect(self._keep)
        self.limit.activated.connect(lambda _: self._limit())
        for keys, act in (("Ctrl+Z", self.undo.click), ("Ctrl+F", self.search.setFocus)):
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    # --- what is shown ----------------------------------------------------------------------------------------------

    @property
    def asked(self) -> tuple[str, str | None]:
        """What is searched for: words, and a tag."""
        return self.search.text(), self.tag.currentData()

    def show_found(self, found: Found, tags: Sequence[str], size: int) -> None:
        """Shows what there is.

        Args:
            found: by what was asked.
            tags: all in use.
            size: bytes of the whole history.
        """
        chosen = self.tag.currentData()
        self.tag.clear()
        self.tag.addItem(tr("All tags"), None)
        for tag in tags:
            self.tag.addItem(tag, tag)
        self.tag.setCurrentIndex(max(0, self.tag.findData(chosen)))
        self.table.show_entries(found.entries)
        shown = len(found.entries)
        many = tr("{total} runs").format(total=found.total) if found.total != 1 else tr("1 run")
        first = tr(", the newest {shown} are shown").format(shown=shown) if shown < found.total else ""
        self.amount.setText(tr("{many}{first} · {size:.1f} MB").format(many=many, first=first, size=size / 1000000.0))
        self._dress()

    def show_undo(self, count: int) -> None:
        """Offers to bring so many entries back."""
        self.undo.setVisible(count > 0)
        self.undo.setText(tr("Undo delete ({count})").format(count=count) if count > 1 else tr("Undo delete"))

    def _dress(self) -> None:
        chosen = self.table.chosen
        one = chosen[0] if len(chosen) == 1 else None
        self.preview.show_entry(one, len(chosen))
        self.opens.setEnabled(one is not None)
        self.again.setEnabled(one is not None)
        self.save.setEnabled(bool(chosen))
        self.delete.setEnabled(bool(chosen))
        self.compare.setEnabled(len(chosen) in {1, 2} and sum(len(entry.runs) for entry in chosen) > 1)

    def _fill_engines(self) -> None:
        menu = self.again.menu()
        menu.clear()
        chosen = self.table.chosen
        if len(chosen) != 1:
            return
        entry = chosen[0]
        menu.addAction(_EVERY, lambda: self.run_again.emit(entry.uid, ""))
        menu.addSeparator()
        for engine in self._catalogue.supporting(Task(entry.task), entry.target):
            mark = "  ✓" if engine.id in entry.latest else ""
            action = menu.addAction(f"{engine.name}{mark}")
            action.triggered.connect(lambda _=False, which=engine.id: self.run_again.emit(entry.uid, which))

    # --- what is asked ----------------------------------------------------------------------------------------------

    def _uids(self) -> tuple[str, ...]:
        return tuple(entry.uid for entry in self.table.chosen)

    def _one(self) -> Entry | None:
        chosen = self.table.chosen
        return chosen[0] if len(chosen) == 1 else None

    def _open(self) -> None:
        entry = self._one()
        if entry is not None:
            self.opened.emit(entry.uid)

    def _delete(self) -> None:
        uids = self._uids()
        if uids:
            self.deleted.emit(uids)

    def _tag(self) -> None:
        entry = self.preview.entry
        if entry is not None and self.preview.wanted_tags() != entry.tags:
            self.tagged.emit(entry.uid, self.preview.wanted_tags())

    def _keep(self, keep: bool) -> None:
        self._settings.keep = keep
        self.limit.setEnabled(keep)

    def _limit(self) -> None:
        self._settings.megabytes = int(self.limit.currentData())
        self.limited.emit()
