"""What a bench measures, to be chosen: engines, conditions, corpora, the task and how many recordings."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.benchdraft import UNSEEN, USUAL, Draft
from app.language import tr
from engines.audio import conditions
from engines.audio.conditions import title_of
from engines.catalog import EngineDescription
from engines.evaluation.bench_corpora import KINDS
from engines.evaluation.bench_spec import TASKS

_TASKS: Final = {
    "asr": tr("Transcribe"),
    "s2tt": tr("Translate into English"),
    "s2st": tr("Speak in English"),
    "answer": tr("Answer"),
    "tts": tr("Let voices say the texts"),
}
_KINDS: Final = {
    "prompts": tr("Telephone prompts"),
    "silence": tr("Recordings in which nobody speaks"),
    "manifest": tr("A table of recordings (JSON lines or CSV)"),
    "instructions": tr("A table of spoken questions (JSON lines or CSV)"),
    "librispeech": "LibriSpeech",
    "mls": "Multilingual LibriSpeech",
    "commonvoice": "Common Voice",
    "covost2": "CoVoST 2",
    "fleurs": "FLEURS",
    "parquet": "Parquet (Hugging Face datasets)",
}
_FILES: Final = ("manifest", "instructions")
"""Kinds whose corpus is a file; of the others it is a folder."""
_DATA: Final = Qt.ItemDataRole.UserRole


class BenchChoice(QWidget):
    """Check boxes for a draft.

    Args:
        engines: that can be chosen.
    """

    changed = Signal()

    def __init__(self, engines: Sequence[EngineDescription], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft: Draft = {}
        self.engines = self._list(tr("Engines"))
        self.conditions = self._list(tr("Conditions"))
        self.corpora = self._list(tr("Corpora"))
        for engine in engines:
            _add(self.engines, engine.name, engine.id)
        for name in USUAL:
            _add(self.conditions, title_of((conditions.parse(name),)), name)
        self.task = QComboBox()
        self.task.setAccessibleName(tr("Task"))
        for task in TASKS:
            self.task.addItem(_TASKS.get(task, task), task)
        self.limit = QSpinBox()
        self.limit.setAccessibleName(tr("Recordings of each corpus"))
        self.limit.setRange(0, 1_000_000)
        self.limit.setSpecialValueText(tr("all"))
        self.add = QToolButton()
        self.add.setText(tr("Add a corpus…"))
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.add.setMenu(self._kinds())
        self._lay_out()
        for box in (self.engines, self.conditions, self.corpora):
            box.itemChanged.connect(lambda _: self.changed.emit())
        self.conditions.itemChanged.connect(lambda _: self._set("conditions", None))
        self.task.activated.connect(self._set_task)
        self.limit.valueChanged.connect(self._set_limit)

    def _list(self, name: str) -> QListWidget:
        box = QListWidget()
        box.setAccessibleName(name)
        box.setProperty("look", "choice")
        box.setSpacing(1)
        box.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        box.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        return box

    def _kinds(self) -> QMenu:
        menu = QMenu(self.add)
        for kind in KINDS:
            if kind != "unseen":
                menu.addAction(_KINDS.get(kind, kind), partial(self._ask_for, kind))
        return menu

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for name, box, share in (
            (tr("Engines"), self.engines, 4), (tr("Conditions"), self.conditions, 3), (tr("Corpora"), self.corpora, 2),
        ):  # fmt: skip
            label = QLabel(name)
            label.setProperty("tone", "muted")
            column.addWidget(label)
            box.setMinimumHeight(48)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
            column.addWidget(box, share)
        row = QHBoxLayout()
        row.addWidget(self.add)
        row.addStretch()
        column.addLayout(row)
        form = QFormLayout()
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.addRow(tr("Task"), self.task)
        form.addRow(tr("Recordings of each corpus"), self.limit)
        column.addLayout(form)

    # --- the draft --------------------------------------------------------------------------------------------------

    def show_draft(self, draft: Draft) -> None:
        """Shows what a file says."""
        self._draft = copy.deepcopy(draft)
        self.blockSignals(True)
        for engine in draft["engines"]:
            if engine not in _all(self.engines):
                _add(self.engines, engine, engine)
        for name in draft["conditions"]:
            if name not in _all(self.conditions):
                _add(self.conditions, title_of((conditions.parse(name),)), name)
        _check(self.engines, draft["engines"])
        _check(self.conditions, draft["conditions"])
        self.corpora.clear()
        for corpus in self._draft["corpus"]:
            self._add_corpus(corpus)
        if not any(corpus["kind"] == "unseen" for corpus in self._draft["corpus"]):
            self._add_corpus(dict(UNSEEN), checked=False)
        first = self._draft["corpus"][0]
        self.task.setCurrentIndex(self.task.findData(first.get("task", "asr")))
        self.limit.blockSignals(True)
        self.limit.setValue(first.get("limit", 0))
        self.limit.blockSignals(False)
        self.blockSignals(False)
        self.changed.emit()

    def draft(self) -> Draft:
        """What is chosen; a spec only where there is at least one of everything."""
        corpora = [item.data(_DATA) for item in _items(self.corpora) if item.checkState() == Qt.CheckState.Checked]
        chosen = {"engines": _checked(self.engines), "conditions": _checked(self.conditions)}
        return {**self._draft, **chosen, "corpus": corpora}

    @property
    def whole(self) -> bool:
        """Whether there is at least one of everything."""
        draft = self.draft()
        return bool(draft["engines"] and draft["conditions"] and draft["corpus"])

    def add_corpus(self, kind: str, path: Path | None) -> None:
        """Adds a corpus of a file or a folder, or of neither where a kind needs none, as the task and limit say."""
        stem = kind if path is None else path.stem
        names = {item.data(_DATA)["name"] for item in _items(self.corpora)}
        name = next(one for n in range(1, 10_000) if (one := stem + (f"-{n}" if n > 1 else "")) not in names)
        corpus = {"name": name, "kind": kind, "task": self.task.currentData()}
        corpus |= {} if path is None else {"path": str(path)}
        self._add_corpus({**corpus, "limit": self.limit.value()} if self.limit.value() else corpus)
        self.changed.emit()

    def _add_corpus(self, corpus: dict[str, object], *, checked: bool = True) -> None:
        self.corpora.blockSignals(True)
        shown = tr("bundled recordings of unseen people") if corpus["name"] == "unseen" else str(corpus["name"])
        item = _add(self.corpora, shown, corpus)
        item.setToolTip(f"{corpus['kind']}: {corpus.get('path', corpus['name'])}")
        item.setCheckState(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)
        self.corpora.blockSignals(False)

    def _ask_for(self, kind: str) -> None:
        if kind == "silence":
            self.add_corpus(kind, None)
            return
        if kind in _FILES:
            name, _ = QFileDialog.getOpenFileName(self, tr("Open"), "", "*.jsonl *.csv")
        else:
            name = QFileDialog.getExistingDirectory(self, tr("Open"))
        if name:
            self.add_corpus(kind, Path(name))

    def _set_task(self) -> None:
        self._set("task", self.task.currentData())

    def _set_limit(self, limit: int) -> None:
        self._set("limit", limit or None)

    def _set(self, key: str, value: object) -> None:
        """Says the same of all corpora, whatever the file said of each; None says nothing of it."""
        self.corpora.blockSignals(True)
        for item in _items(self.corpora):
            corpus = {**item.data(_DATA), key: value}
            item.setData(_DATA, {name: one for name, one in corpus.items() if one is not None})
        self.corpora.blockSignals(False)
        self.changed.emit()


def _add(box: QListWidget, text: str, data: object) -> QListWidgetItem:
    item = QListWidgetItem(text)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable)
    item.setCheckState(Qt.CheckState.Unchecked)
    item.setData(_DATA, data)
    box.addItem(item)
    return item


def _items(box: QListWidget) -> list[QListWidgetItem]:
    return [box.item(row) for row in range(box.count())]


def _all(box: QListWidget) -> list[str]:
    return [item.data(_DATA) for item in _items(box)]


def _checked(box: QListWidget) -> list[str]:
    return [item.data(_DATA) for item in _items(box) if item.checkState() == Qt.CheckState.Checked]


def _check(box: QListWidget, wanted: Sequence[str]) -> None:
    for item in _items(box):
        item.setCheckState(Qt.CheckState.Checked if item.data(_DATA) in wanted else Qt.CheckState.Unchecked)
