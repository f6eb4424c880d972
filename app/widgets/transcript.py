"""Text in reading size as it streams in, with its differences from another text marked.

No mark is made by colour alone: a wrong word is bold and underlined, a word too many is struck through, a word that
is missing leaves a wedge between its neighbours, a word that is right where the baseline is wrong is half bold, a word
that the model was unsure of has a line of dots, dashes or waves under it. Every
mark says in a tool tip what it means. The height is fixed, so that nothing moves when text arrives.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QToolTip, QWidget
from shiboken6 import isValid

from app.background import Job
from app.language import tr
from app.theme import palette, theme
from app.widgets.marks import DOUBTS, Mark, Shown, format_of, marks
from engines.contract import TokenScores

READING = 1.15
"""Size of reading text, times the interface's."""
_LONG = 12_000
"""Characters (a quarter of an hour of speech) from which on texts are compared once, when complete, and in a thread."""


class TranscriptLabel(QTextEdit):
    """A read-only, selectable text that wraps and scrolls within a fixed number of lines.

    Args:
        rows: lines that are reserved.
        name: what a screen reader calls it.
    """

    def __init__(self, rows: int = 3, name: str = tr("Transcript"), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self._shown = Shown()
        self._places = _Places("")
        self._marks: list[Mark] = []
        self._doubts = True
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.document().setDocumentMargin(0)
        self.viewport().setAutoFillBackground(False)
        theme().changed.connect(self._dress)
        self._dress()

    # --- what is shown ----------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """All of the text."""
        return self._shown.text

    def set_text(self, final: str, provisional: str = "", *, complete: bool = True, caret: bool = False) -> None:
        """Shows a text.

        Args:
            final: what will not change any more.
            provisional: the tail that may; dimmed.
            complete: whether nothing more will come: only then are words missing at the end a difference.
            caret: whether to draw a caret behind the text, as a sign that it is being written.
        """
        self._show(replace(self._shown, final=final, provisional=provisional, complete=complete, caret=caret))

    def set_reference(self, text: str | None, name: str = tr("the reference"), baseline: str | None = None) -> None:
        """Sets what the text is compared with.

        Args:
            text: the other text; None marks nothing.
            name: what tool tips call it: ``"the reference"`` or an engine's name.
            baseline: the baseline engine's text; words that are right where it is wrong are marked.
        """
        self._show(replace(self._shown, reference=text or None, name=name, baseline=baseline or None))

    def set_language(self, language: str | None) -> None:
        """Sets the ISO 639-1 code of the text, which decides what is the same (``you're`` and ``you are``)."""
        self._show(replace(self._shown, language=language))

    def set_scores(self, scores: Sequence[TokenScores] = ()) -> None:
        """Takes the scores of the tokens; words that are doubtful by them are underlined."""
        self._show(replace(self._shown, scores=tuple(scores)))

    def show_doubts(self, shown: bool) -> None:
        """Underlines doubtful words, or not; costs no more than painting."""
        if shown != self._doubts:
            self._doubts = shown
            self._paint_formats()

    def set_rows(self, rows: int) -> None:
        """Reserves another number of lines."""
        self._rows = rows
        self._dress()

    @property
    def marks(self) -> list[tuple[str, str, str]]:
        """What is marked: the word (empty where one is missing), the look, the tool tip."""
        return [(self.text[mark.start : mark.end], mark.look, mark.tip) for mark in self._visible()]

    def _visible(self) -> list[Mark]:
        return self._marks if self._doubts else [mark for mark in self._marks if mark.look not in DOUBTS]

    def _show(self, shown: Shown) -> None:
        if shown == self._shown:
            return
        old, self._shown = self._shown.text, shown
        if shown.text != old:
            self._places = _Places(shown.text)
            self._replace_tail(old, shown.text)
        if len(shown.text) <= _LONG:
            self._mark(shown, marks(shown))
            return
        self._mark(shown, [])
        if shown.complete and (shown.reference is not None or shown.scores):
            job = Job(lambda: marks(shown), "differences")
            job.finished.connect(lambda found: self._mark(shown, found))
            job.start()

    def _mark(self, shown: Shown, found: list[Mark]) -> None:
        if not isValid(self) or shown != self._shown:
            return  # meanwhile there is another text, or the window is gone
        self._marks = found
        self._paint_formats()
        self.setAccessibleDescription(self._spoken())

    def _replace_tail(self, old: str, new: str) -> None:
        """Changes only what is new, so that a selection and the place one has scrolled to survive."""
        bar = self.verticalScrollBar()
        follows = bar.value() >= bar.maximum() - 2
        same = len(old) if new.startswith(old) else 0
        while same < min(len(old), len(new)) and old[same] == new[same]:
            same += 1
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()  # one layout for both
        cursor.setPosition(self._places[same])
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(new[same:])
        self._space_lines()
        cursor.endEditBlock()
        if follows and not self._shown.complete:
            bar.setValue(bar.maximum())
        elif follows and not self.textCursor().hasSelection():
            self.moveCursor(QTextCursor.MoveOperation.Start)  # all is there: from the beginning
            bar.setValue(0)

    def _space_lines(self) -> None:
        """Gives all lines one height, whatever script is in them, so that the reserved room holds whole lines."""
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        spacing = QTextBlockFormat()
        spacing.setLineHeight(line_height(), QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.mergeBlockFormat(spacing)

    def _paint_formats(self) -> None:
        """Lays the looks over the text, block by block, without touching the document: that costs one layout."""
        text, ranges = self._shown.text, list[QTextLayout.FormatRange]()
        if self._shown.provisional:
            dimmed = QTextCharFormat()
            dimmed.setForeground(QColor(palette().muted))
            ranges.append(self._range(len(text) - len(self._shown.provisional), len(text), dimmed))
        visible = self._visible()
        looks = {mark.look: format_of(mark.look) for mark in visible}
        ranges += [self._range(mark.start, mark.end, looks[mark.look]) for mark in visible if mark.start < mark.end]
        document = self.document()
        block = document.begin()
        while block.isValid():
            inside = []
            for span in ranges:
                start = max(0, span.start - block.position())
                end = min(block.length() - 1, span.start + span.length - block.position())
                if start < end:
                    inside.append(_span(start, end, span.format))
            block.layout().setFormats(inside)
            block = block.next()
        document.markContentsDirty(0, document.characterCount())
        self.viewport().update()

    def _range(self, start: int, end: int, look: QTextCharFormat) -> QTextLayout.FormatRange:
        return _span(self._places[start], self._places[end], look)

    def _spoken(self) -> str:
        told = [mark for mark in self._marks if mark.look in {"substituted", "inserted", "deleted"}]
        unsure = [self.text[mark.start : mark.end] for mark in self._visible() if mark.look in DOUBTS]
        parts = []
        if told:
            parts.append(
                tr("{told} differ from {name}: ").format(told=len(told), name=self._shown.name)
                + "; ".join(mark.tip for mark in told[:8])
            )
        if unsure:
            parts.append(tr("The model was unsure of {listed}.").format(listed=", ".join(unsure[:8])))
        return " ".join(parts)

    # --- looks ------------------------------------------------------------------------------------------------------

    def _dress(self) -> None:
        font = theme().font(READING)
        self.setStyleSheet(
            f"QTextEdit {{ background: transparent; border: 1px solid transparent; border-radius: 4px; padding: 0; "
            f"font-size: {font.pointSizeF():.2f}pt; }} QTextEdit:focus {{ border-color: {palette().focus}; }}"
        )
        self.document().setDefaultFont(font)
        self._space_lines()
        self.setFixedHeight(line_height() * self._rows + 4)
        self.setViewportMargins(0, 1, 0, 1)  # with the border: whole lines, also where it has been scrolled
        self._paint_formats()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the wedges of missing words and the caret over the text."""
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first = self.cursorForPosition(QPoint(0, 0)).position()
        last = self.cursorForPosition(self.viewport().rect().bottomRight()).position()
        for mark in self._visible():
            if mark.start == mark.end and first <= self._places[mark.start] <= last:
                box = self._box(mark.start)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(palette().error))
                middle, bottom, half = box.center().x(), box.bottom() + 1, max(3.0, box.height() * 0.16)
                tip = QPointF(middle, bottom - 1.8 * half)
                wedge = [tip, QPointF(middle + half, bottom), QPointF(middle - half, bottom)]
                painter.drawPolygon(QPolygonF(wedge))
        if self._shown.caret:
            box = self._box(len(self.text))
            painter.fillRect(QRect(box.left() + 2, box.top() + 2, 2, box.height() - 4), QColor(palette().text))
        painter.end()

    def _box(self, position: int) -> QRect:
        cursor = QTextCursor(self.document())
        cursor.setPosition(self._places[position])
        return self.cursorRect(cursor)

    def viewportEvent(self, event: QEvent) -> bool:
        """Shows the tool tip of the mark under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            unit = self.cursorForPosition(event.pos()).position()
            there = [m.tip for m in self._visible() if self._places[m.start] - 1 <= unit <= self._places[m.end]]
            QToolTip.showText(event.globalPos(), "\n".join(there), self)  # none hides it
            return True
        return super().viewportEvent(event)


def line_height() -> int:
    """Height of a line of reading text in pixels, with room for scripts that are taller than Latin."""
    return round(QFontMetricsF(theme().font(READING)).lineSpacing() * 1.18)


def _span(start: int, end: int, look: QTextCharFormat) -> QTextLayout.FormatRange:
    found = QTextLayout.FormatRange()
    found.start, found.length, found.format = start, end - start, look
    return found


class _Places:
    """Turns places in a Python string into Qt's, which counts in UTF-16 code units."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._wide = [i for i, character in enumerate(text) if character > "\uffff"] if not text.isascii() else []

    def __getitem__(self, place: int) -> int:
        return place + bisect_left(self._wide, place)
