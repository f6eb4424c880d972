"""Output tokens shaded by how unsure the recogniser was of them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QHelpEvent, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QTextEdit, QToolTip, QWidget

from app.language import tr
from app.theme import blend, palette, theme
from app.widgets.transcript import READING
from engines.contract import TokenScores


class ScoresView(QTextEdit):
    """Tokens in order; the less likely, the stronger the shade, and under one half underlined; numbers on hover."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setAccessibleName(tr("Log-probability of every token"))
        self.document().setDocumentMargin(4)
        self._scores: tuple[TokenScores, ...] = ()
        self._starts: list[int] = []
        self._tips: list[str] = []
        theme().changed.connect(self._write)
        self._write()

    def show_scores(self, scores: Sequence[TokenScores]) -> None:
        """Shows the tokens of some stretches of speech, one paragraph each."""
        if tuple(scores) != self._scores:
            self._scores = tuple(scores)
            self._write()

    @property
    def count(self) -> int:
        """How many stretches of speech are shown."""
        return len(self._scores)

    def tip_at(self, position: int) -> str:
        """What the tool tip says at a place in the document."""
        found = bisect_right(self._starts, position) - 1
        return self._tips[found] if found >= 0 else ""

    def _write(self) -> None:
        self.setStyleSheet(
            f"QTextEdit {{ background: transparent; border: 1px solid transparent; border-radius: 4px; "
            f"font-size: {theme().points * READING:.2f}pt; }} "
            f"QTextEdit:focus {{ border-color: {palette().focus}; }}"
        )
        self.document().setDefaultFont(theme().font(READING))
        self.clear()
        self._starts, self._tips = [], []
        cursor = QTextCursor(self.document())
        for number, part in enumerate(self._scores):
            if number:
                cursor.insertBlock()
            for token, value in zip(part.tokens, part.log_probabilities, strict=True):
                self._starts.append(cursor.position())
                self._tips.append(
                    tr("“{strip}”: log p {value:.2f} nats, p {exp:.2f}").format(
                        strip=token.strip() or token, value=value, exp=math.exp(value)
                    )
                )
                shown = token if cursor.positionInBlock() else token.lstrip()
                gap = len(shown) - len(shown.lstrip())
                cursor.insertText(shown[:gap], QTextCharFormat())
                cursor.insertText(shown[gap:], _format(value))

    def viewportEvent(self, event: QEvent) -> bool:
        """Shows the number of the token under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(self.cursorForPosition(event.pos()).position()), self)
            return True
        return super().viewportEvent(event)


def _format(value: float) -> QTextCharFormat:
    colours, result = palette(), QTextCharFormat()
    result.setForeground(QColor(colours.text))
    doubt = 1.0 - math.exp(value)
    if doubt > 0.05:
        result.setBackground(blend(QColor(colours.surface), QColor(colours.warning), 0.45 * doubt))
    if value < math.log(0.5):
        result.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        result.setUnderlineColor(QColor(colours.warning))
    return result
