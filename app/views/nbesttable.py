"""The table of an N-best list: a model that re-ranks, and a delegate that shows where the hypotheses differ."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QAbstractTextDocumentLayout, QColor, QPainter, QPalette, QTextDocument
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from app.language import tr
from app.theme import palette, theme
from app.widgets.differences import align
from app.widgets.numbers import nats, share
from engines.contract import NBest
from engines.evaluation.normalisation import UNSPACED
from engines.text.ranking import rank

RANK, TEXT, ACOUSTIC, LM, COMBINED, WER = range(6)
_Index = QModelIndex | QPersistentModelIndex
_TITLES = (tr("rank"), tr("hypothesis"), tr("log p recogniser"), tr("log p LLM"), tr("combined"), tr("WER"))
_PER_TOKEN = {ACOUSTIC: tr(" / token"), LM: tr(" / token"), COMBINED: tr("\n/ token")}
_TIPS = (
    tr("Place at this λ; the arrow says how far it moved from the recogniser's order; ✓ is what the engine chose"),
    tr("Words that not all hypotheses share are strong"),
    tr("log p(text | speech) of the recogniser, in nats"),
    tr("log p(text) of the language model, in nats"),
    tr("(1 − λ) · recogniser + λ · language model, in nats"),
    tr("Word error rate of this hypothesis against the reference"),
)


class NBestModel(QAbstractTableModel):
    """The hypotheses of one list, ranked at a λ."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.found: NBest | None = None
        self.order: list[tuple[int, float]] = []
        self._errors: Sequence[float] = ()
        self._rich: list[str] = []
        self._language: str | None = None

    def show(self, found: NBest, weight: float, errors: Sequence[float] = (), language: str | None = None) -> None:
        """Shows a list.

        Args:
            found: the list.
            weight: λ.
            errors: word error rate of each hypothesis, or nothing.
            language: of the hypotheses; decides what a word is.
        """
        self.beginResetModel()
        self.found, self._errors, self._language = found, errors, language
        self._rank(weight)
        self._rich = _rich([h.text for h in found.hypotheses], language)
        self.endResetModel()

    def set_weight(self, weight: float) -> bool:
        """Ranks anew; returns whether the order is another one."""
        if self.found is None:
            return False
        before = [index for index, _ in self.order]
        self._rank(weight)
        self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))
        return before != [index for index, _ in self.order]

    def _rank(self, weight: float) -> None:
        assert self.found is not None
        listed = self.found.hypotheses
        if all(h.lm is not None for h in listed):
            self.order = rank(listed, weight, self.found.normalised)
        else:
            self.order = [(index, h.acoustic) for index, h in enumerate(listed)]  # as the recogniser ordered them

    def hypothesis_at(self, row: int) -> int:
        """Which hypothesis stands in a row, as an index into the list."""
        return self.order[row][0]

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """One row per hypothesis."""
        return 0 if parent.isValid() else len(self.order)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Six."""
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Titles and what they mean."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        each = self.found is not None and self.found.normalised and section in {ACOUSTIC, LM, COMBINED}
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{_TITLES[section]}{_PER_TOKEN.get(section, '')}" if each else _TITLES[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS[section] + (tr(" per token; hover over a number for the sum") if each else "")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if section in {RANK, TEXT} else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: PLR0911 - one line per role
        """One cell."""
        if self.found is None or not index.isValid():
            return None
        place, _ = self.order[index.row()]
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return self._cell(index.row(), index.column())
        if role == Qt.ItemDataRole.UserRole:
            return self._rich[place]
        if role == Qt.ItemDataRole.FontRole:
            return theme().font(1.0, bold=index.row() == 0 and index.column() != TEXT, fixed=True)
        if role == Qt.ItemDataRole.BackgroundRole and place == self.found.chosen:
            return palette().tint("text", 0.14)
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() not in {RANK, TEXT}:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == RANK:
            return self._moved(index.row())
        if role == Qt.ItemDataRole.ToolTipRole and index.column() in {ACOUSTIC, LM}:
            hypothesis = self.found.hypotheses[place]
            sound = index.column() == ACOUSTIC
            value, tokens = (hypothesis.acoustic, hypothesis.tokens) if sound else (hypothesis.lm, hypothesis.lm_tokens)
            return (
                ""
                if value is None
                else tr("{value} nats over {tokens} tokens").format(value=nats(value), tokens=tokens)
            )
        return None

    def _cell(self, row: int, column: int) -> str:
        assert self.found is not None
        place, combined = self.order[row]
        hypothesis = self.found.hypotheses[place]
        match column:
            case 0:
                arrow = f"  ▲{place - row}" if place > row else f"  ▼{row - place}" if place < row else ""
                return f"{row + 1}{arrow}{'  ✓' if place == self.found.chosen else ''}"
            case 1:
                return hypothesis.text.strip()
            case 2:
                return self._nats(hypothesis.acoustic, hypothesis.tokens)
            case 3:
                return "–" if hypothesis.lm is None else self._nats(hypothesis.lm, hypothesis.lm_tokens)
            case 4:
                return f"{combined:.2f}".replace("-", "−") if hypothesis.lm is not None else "–"
            case _:
                return share(self._errors[place]) if place < len(self._errors) else ""

    def _nats(self, value: float, tokens: int) -> str:
        if self.found is None or not self.found.normalised:
            return nats(value)
        return f"{value / max(tokens, 1):.2f}".replace("-", "−")

    def _moved(self, row: int) -> str:
        assert self.found is not None
        place = self.order[row][0]
        chosen = tr(". The engine chose it") if place == self.found.chosen else ""
        return tr("Number {place} of the recogniser's list, number {row} at this λ{chosen}").format(
            place=place + 1, row=row + 1, chosen=chosen
        )

    def tsv(self) -> str:
        """The table as it stands, with tab-separated columns and plain numbers."""
        if self.found is None:
            return ""
        rows = ["rank\trecogniser_rank\thypothesis\tlog_p_recogniser\tlog_p_lm\tcombined\twer"]
        for row, (place, combined) in enumerate(self.order):
            h = self.found.hypotheses[place]
            lm = "" if h.lm is None else f"{h.lm:.4f}"
            wer = f"{self._errors[place]:.4f}" if place < len(self._errors) else ""
            text = " ".join(h.text.split())
            rows.append(
                "\t".join((str(row + 1), str(place + 1), text, f"{h.acoustic:.4f}", lm, f"{combined:.4f}", wer))
            )
        return "\n".join(rows) + "\n"


class HypothesisDelegate(QStyledItemDelegate):
    """Wraps hypotheses and shows the words that they do not share strong, the others quiet."""

    def _document(self, index: _Index, width: int) -> QTextDocument:
        document = QTextDocument()
        document.setDocumentMargin(0)
        document.setDefaultFont(theme().font())
        document.setDefaultStyleSheet(f"b {{ color: {palette().text}; }}")
        document.setHtml(str(index.data(Qt.ItemDataRole.UserRole)))
        document.setTextWidth(max(40, width))
        return document

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """As tall as the wrapped text."""
        view = option.widget
        width = view.columnWidth(index.column()) if isinstance(view, QTableView) else 300
        return QSize(width, round(self._document(index, width - 16).size().height()) + 8)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draws the row's background and the text."""
        box = option.rect
        background = index.data(Qt.ItemDataRole.BackgroundRole)
        if background is not None:
            painter.fillRect(box, background)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, QColor(palette().raised))
        document = self._document(index, box.width() - 16)
        painter.save()
        painter.translate(box.left() + 8, box.top() + max(0.0, (box.height() - document.size().height()) / 2))
        painter.setClipRect(QRectF(0, 0, box.width() - 16, box.height()))
        context = QAbstractTextDocumentLayout.PaintContext()
        context.palette.setColor(QPalette.ColorRole.Text, QColor(palette().muted))
        document.documentLayout().draw(painter, context)
        painter.restore()


def _rich(texts: Sequence[str], language: str | None) -> list[str]:
    """Each text as HTML with the words in bold that not all texts have at that place."""
    shared = [True] * sum(bool(pair.reference) for pair in align(texts[0], texts[0], language))
    kept: list[list[tuple[str, int | None]]] = []
    for text in texts:
        place, mine = 0, []
        for pair in align(texts[0], text, language):
            if pair.hypothesis:
                mine.append((pair.hypothesis, place if pair.operation == "equal" else None))
            if pair.reference:
                if pair.operation != "equal" and place < len(shared):
                    shared[place] = False
                place += 1
        kept.append(mine)
    gap = "" if language in UNSPACED else " "
    return [
        gap.join(
            html.escape(word)
            if place is not None and place < len(shared) and shared[place]
            else f"<b>{html.escape(word)}</b>"
            for word, place in mine
        )
        for mine in kept
    ]
