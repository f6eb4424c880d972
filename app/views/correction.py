"""A corrected text with every word marked by the hypothesis it came from."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from app.language import tr
from app.theme import palette, theme
from app.widgets.transcript import READING
from engines.contract import Correction

_LIGHT = ("#1b1c1f", "#0b5fa5", "#a04000", "#00695c", "#8a2f6b", "#6b5200")
_DARK = ("#eef0f3", "#56b4e9", "#f0a35e", "#3fd0a8", "#e59ac5", "#f0e442")
"""Okabe and Ito's colours, darkened or lightened until they can be read; the first is the recogniser's best."""


class CorrectionView(QTextEdit):
    """Words in the colour of, and numbered by, the hypothesis they came from; words from none are framed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setAccessibleName(tr("Where the words came from"))
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.document().setDocumentMargin(4)
        self._found: Correction | None = None
        self._best = ""
        theme().changed.connect(self._write)
        self._write()

    def show_correction(self, found: Correction, best: str = "") -> None:
        """Shows a correction.

        Args:
            found: the correction.
            best: the recogniser's best hypothesis.
        """
        if (found, best) != (self._found, self._best):
            self._found, self._best = found, best
            self._write()

    def colour(self, origin: int) -> str:
        """The colour of a hypothesis, as ``#rrggbb``."""
        colours = _DARK if palette().name == "dark" else _LIGHT
        return colours[0] if origin == 0 else colours[1 + (origin - 1) % (len(colours) - 1)]

    def _write(self) -> None:
        self.setStyleSheet(
            f"QTextEdit {{ background: transparent; border: 1px solid transparent; border-radius: 4px; }} "
            f"QTextEdit:focus {{ border-color: {palette().focus}; }}"
        )
        self.document().setDefaultFont(theme().font())
        if self._found is None:
            self.clear()
            return
        found, colours = self._found, palette()
        reading = theme().points * READING
        small = theme().points * 0.88
        text = " ".join(self._word(word, origins) for word, origins in zip(found.words, found.origins, strict=True))
        parts = [
            f'<p dir="auto" style="font-size:{reading:.1f}pt; line-height:145%; margin:0 0 6px 0">{text}</p>',
            f'<p style="font-size:{small:.1f}pt; color:{colours.muted}; margin:0 0 8px 0">{self._legend()}</p>',
        ]
        verdict = tr("accepted") if found.accepted else tr("not accepted")
        rows = [(tr("The language model wrote ({verdict})").format(verdict=verdict), found.proposal)]
        if self._best:
            rows.append((tr("The recogniser’s best"), self._best))
        for title, content in rows:
            parts.append(
                f'<p style="margin:0 0 4px 0"><span style="color:{colours.muted}">{title}: </span>'
                f"{html.escape(content.strip()) or '–'}</p>"
            )
        self.setHtml("".join(parts))

    def _word(self, word: str, origins: tuple[int, ...]) -> str:
        shown = html.escape(word)
        if not origins:
            colour = palette().error
            look = f"color:{colour}; font-weight:700; text-decoration:underline"
            return f'<span style="{look}">{shown}</span><sup style="color:{colour}">{tr("new")}</sup>'
        first = min(origins)
        if first == 0:
            return f'<span style="color:{self.colour(0)}">{shown}</span>'
        colour = self.colour(first)
        return (
            f'<span style="color:{colour}; font-weight:600">{shown}</span><sup style="color:{colour}">{first + 1}</sup>'
        )

    def _legend(self) -> str:
        assert self._found is not None
        firsts = sorted({min(origins) for origins in self._found.origins if origins})
        parts = [tr("plain: from the recogniser’s best")] if 0 in firsts else []
        parts += [
            f'<span style="color:{self.colour(first)}; font-weight:600">{first + 1}</span>: '
            + tr("first found in hypothesis {number}").format(number=first + 1)
            for first in firsts
            if first > 0
        ]
        if any(not origins for origins in self._found.origins):
            parts.append(
                f'<span style="color:{palette().error}; font-weight:700">{tr("new")}</span>: {tr("in no hypothesis")}'
            )
        return " · ".join(parts)
