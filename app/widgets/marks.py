"""What is marked in a text and how each kind of mark looks; never by colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QTextCharFormat

from app.theme import palette
from app.widgets.differences import Difference, differences, right_where_wrong
from engines.contract import TokenScores

_DOUBTFUL = -0.7
"""Log-probability in nats below which a token is underlined as doubtful (a probability under one half)."""


@dataclass(frozen=True)
class Shown:
    """A text and all that it is held against; see :class:`app.widgets.transcript.TranscriptLabel`."""

    final: str = ""
    provisional: str = ""
    complete: bool = True
    caret: bool = False
    reference: str | None = None
    name: str = "the reference"
    baseline: str | None = None
    scores: tuple[TokenScores, ...] = ()
    language: str | None = None

    @property
    def text(self) -> str:
        """Final and provisional text with a space between them where there has to be one."""
        gap = " " if self.final and self.provisional and not self.final[-1].isspace() else ""
        return self.final + gap + self.provisional


@dataclass(frozen=True)
class Mark:
    """A marked stretch ``text[start:end]``, empty where words are missing; what it looks like, and its tool tip."""

    start: int
    end: int
    look: str
    tip: str


def marks(shown: Shown) -> list[Mark]:
    """All marks of a text."""
    found: list[Mark] = []
    if shown.reference is not None and shown.text.strip():
        found += [
            Mark(difference.start, difference.end, difference.kind, _tip(difference, shown))
            for difference in differences(shown.text, shown.reference, shown.language, complete=shown.complete)
            if shown.complete or difference.end < len(shown.text.rstrip())  # the last word may still grow
        ]
        if shown.baseline is not None:
            for start, end in right_where_wrong(shown.text, shown.reference, shown.baseline, shown.language):
                word = shown.text[start:end]
                found.append(Mark(start, end, "right", f"“{word}”: right, where the baseline is wrong"))
    return found + _doubts(shown)


def _tip(difference: Difference, shown: Shown) -> str:
    here = shown.text[difference.start : difference.end]
    match difference.kind:
        case "substituted":
            return f"“{here}” where {shown.name} has “{difference.other}”"
        case "inserted":
            return f"“{here}” is not in {shown.name}"
        case "deleted":
            return f"“{difference.other}” of {shown.name} is missing here"


def _doubts(shown: Shown) -> list[Mark]:
    found: list[Mark] = []
    place = 0
    for scores in shown.scores:
        for token, value in zip(scores.tokens, scores.log_probabilities, strict=True):
            word = token.strip()
            start = shown.text.find(word, place) if word else -1
            if start < 0 or start > place + 40:
                continue
            place = start + len(word)
            if value < _DOUBTFUL and any(character.isalnum() for character in word):
                found.append(Mark(start, place, "doubtful", f"“{word}”: log p {value:.2f} nats"))
    return found


def format_of(look: str) -> QTextCharFormat:
    """How a kind of mark looks."""
    colours, result = palette(), QTextCharFormat()
    match look:
        case "substituted":
            result.setForeground(QColor(colours.error))
            result.setFontWeight(QFont.Weight.Bold)
            result.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
        case "inserted":
            result.setForeground(QColor(colours.error))
            result.setFontStrikeOut(True)
        case "right":
            result.setForeground(QColor(colours.good))
            result.setFontWeight(QFont.Weight.DemiBold)
        case "doubtful":
            result.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)
            result.setUnderlineColor(QColor(colours.muted))
    return result
