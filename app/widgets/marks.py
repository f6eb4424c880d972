"""What is marked in a text and how each kind of mark looks; never by colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QTextCharFormat

from app.language import tr
from app.theme import palette
from app.widgets.differences import Difference, differences, right_where_wrong
from app.widgets.doubts import doubts
from app.widgets.numbers import nats, share
from engines.contract import TokenScores

DOUBTS = {"doubtful": 0.25, "very doubtful": 0.1, "most doubtful": 0.0}
"""Looks of doubtful words, and the least probability of each: dotted, dashed, waved."""


@dataclass(frozen=True)
class Shown:
    """A text and all that it is held against; see :class:`app.widgets.transcript.TranscriptLabel`."""

    final: str = ""
    provisional: str = ""
    complete: bool = True
    caret: bool = False
    reference: str | None = None
    name: str = tr("the reference")
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
                found.append(
                    Mark(start, end, "right", tr("“{word}”: right, where the baseline is wrong").format(word=word))
                )
    return found + _doubts(shown)


def _tip(difference: Difference, shown: Shown) -> str:
    here = shown.text[difference.start : difference.end]
    match difference.kind:
        case "substituted":
            return tr("“{here}” where {name} has “{other}”").format(here=here, name=shown.name, other=difference.other)
        case "inserted":
            return tr("“{here}” is not in {name}").format(here=here, name=shown.name)
        case "deleted":
            return tr("“{other}” of {name} is missing here").format(other=difference.other, name=shown.name)


def _doubts(shown: Shown) -> list[Mark]:
    found: list[Mark] = []
    for doubt in doubts(shown.text, shown.scores) if shown.scores else ():
        word, chance = shown.text[doubt.start : doubt.end], doubt.probability
        look = next(look for look, least in DOUBTS.items() if chance >= least)
        tip = tr("“{word}”: probability {chance} (log p {log_probability} nats)").format(
            word=word, chance=share(chance), log_probability=nats(doubt.log_probability)
        )
        found.append(Mark(doubt.start, doubt.end, look, tip))
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
        case "very doubtful":
            result.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DashUnderline)
            result.setUnderlineColor(QColor(colours.warning))
        case "most doubtful":
            result.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            result.setUnderlineColor(QColor(colours.warning))
    return result
