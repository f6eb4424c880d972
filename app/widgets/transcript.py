"""Text in reading size as it streams in, with its differences from another text marked.

No mark is made by colour alone: a wrong word is bold and underlined, a word too many is struck through, a word that
is missing leaves a wedge between its neighbours, a word that is right where the baseline is wrong is half bold. Every
mark says in a tool tip what it means. The height is fixed, so that nothing moves when text arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRect, Qt
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
    QTextOption,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QToolTip, QWidget

from app.theme import palette, theme
from app.widgets.marks import Mark, Shown, format_of, marks
from engines.contract import TokenScores

READING = 1.15
"""Size of reading text, times the interface's."""


class TranscriptLabel(QTextEdit):
    """A read-only, selectable text that wraps and scrolls within a fixed number of lines.

    Args:
        rows: lines that are reserved.
        name: what a screen reader calls it.
    """

    def __init__(self, rows: int = 3, name: str = "Transcript", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self._shown = Shown()
        self._marks: list[Mark] = []
        self.setReadOnly(True)
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

    def set_reference(self, text: str | None, name: str = "the reference", baseline: str | None = None) -> None:
        """Sets what the text is compared with.

        Args:
            text: the other text; None marks nothing.
            name: what tool tips call it: ``"the reference"`` or an engine's name.
            baseline: the baseline engine's text; words that are right where it is wrong are marked.
        """
        self._show(replace(self._shown, reference=text or None, name=name, baseline=baseline or None))

    def set_scores(self, scores: Sequence[TokenScores] = ()) -> None:
        """Underlines words whose tokens are doubtful; nothing when empty."""
        self._show(replace(self._shown, scores=tuple(scores)))

    def set_rows(self, rows: int) -> None:
        """Reserves another number of lines."""
        self._rows = rows
        self._dress()

    @property
    def marks(self) -> list[tuple[str, str, str]]:
        """What is marked: the word (empty where one is missing), the look, the tool tip."""
        return [(self.text[mark.start : mark.end], mark.look, mark.tip) for mark in self._marks]

    def _show(self, shown: Shown) -> None:
        if shown == self._shown:
            return
        old, self._shown = self._shown.text, shown
        if shown.text != old:
            self._replace_tail(old, shown.text)
        self._marks = marks(shown)
        self._paint_formats()
        self.setAccessibleDescription(self._spoken())

    def _replace_tail(self, old: str, new: str) -> None:
        """Changes only what is new, so that a selection and the place one has scrolled to survive."""
        bar = self.verticalScrollBar()
        follows = bar.value() >= bar.maximum() - 2
        same = 0
        while same < min(len(old), len(new)) and old[same] == new[same]:
            same += 1
        cursor = QTextCursor(self.document())
        cursor.setPosition(_units(new[:same]))
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(new[same:])
        self._space_lines()
        if follows and not self._shown.complete:
            bar.setValue(bar.maximum())
        elif not self.textCursor().hasSelection():
            self.moveCursor(QTextCursor.MoveOperation.Start)

    def _space_lines(self) -> None:
        """Gives all lines one height, whatever script is in them, so that the reserved room holds whole lines."""
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        spacing = QTextBlockFormat()
        spacing.setLineHeight(line_height(), QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.mergeBlockFormat(spacing)

    def _paint_formats(self) -> None:
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        plain = QTextCharFormat()
        plain.setForeground(QColor(palette().text))
        cursor.setCharFormat(plain)
        text = self._shown.text
        if self._shown.provisional:
            dimmed = QTextCharFormat()
            dimmed.setForeground(QColor(palette().muted))
            self._merge(len(text) - len(self._shown.provisional), len(text), dimmed)
        for mark in self._marks:
            if mark.start < mark.end:
                self._merge(mark.start, mark.end, format_of(mark.look))
        self.viewport().update()

    def _merge(self, start: int, end: int, look: QTextCharFormat) -> None:
        cursor = QTextCursor(self.document())
        cursor.setPosition(_units(self.text[:start]))
        cursor.setPosition(_units(self.text[:end]), QTextCursor.MoveMode.KeepAnchor)
        cursor.mergeCharFormat(look)

    def _spoken(self) -> str:
        told = [mark for mark in self._marks if mark.look in {"substituted", "inserted", "deleted"}]
        if not told:
            return ""
        return f"{len(told)} differ from {self._shown.name}: " + "; ".join(mark.tip for mark in told[:8])

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
        self._paint_formats()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the wedges of missing words and the caret over the text."""
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for mark in self._marks:
            if mark.start == mark.end:
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
        cursor.setPosition(_units(self.text[:position]))
        return self.cursorRect(cursor)

    def viewportEvent(self, event: QEvent) -> bool:
        """Shows the tool tip of the mark under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            unit = self.cursorForPosition(event.pos()).position()
            for mark in self._marks:
                if _units(self.text[: mark.start]) - 1 <= unit <= _units(self.text[: mark.end]):
                    QToolTip.showText(event.globalPos(), mark.tip, self)
                    return True
            QToolTip.hideText()
            return True
        return super().viewportEvent(event)


def line_height() -> int:
    """Height of a line of reading text in pixels, with room for scripts that are taller than Latin."""
    return round(QFontMetricsF(theme().font(READING)).lineSpacing() * 1.18)


def _units(text: str) -> int:
    """Length in UTF-16 code units, which is how Qt counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
