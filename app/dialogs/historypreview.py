"""What a run of the history came to, at a glance: every engine's text, before it is opened."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QTextBrowser, QVBoxLayout, QWidget

from app.dialogs.historytable import asked, when
from app.language import tr
from app.theme import palette, theme
from app.widgets.numbers import seconds
from engines.catalog import Catalogue
from engines.history.entries import Entry, Ran

_LONGEST = 4000
"""Letters of a text that are shown; all of it is there once the run is opened."""


class Preview(QWidget):
    """Shows one entry, with its tags to be edited.

    Args:
        catalogue: tells paradigms, for the colours of names.
    """

    def __init__(self, catalogue: Catalogue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paradigms = {engine.id: engine.paradigm for engine in catalogue.engines}
        self._entry: Entry | None = None
        self.title = QLabel()
        self.title.setProperty("tone", "title")
        self.title.setWordWrap(True)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.tags = QLineEdit()
        self.tags.setAccessibleName(tr("Tags"))
        self.tags.setPlaceholderText(tr("Tags, separated by commas"))
        self.tags.setToolTip(tr("Runs with tags are never thrown away to make room"))
        self.text = QTextBrowser()
        self.text.setAccessibleName(tr("What the engines made of it"))
        self.text.setOpenLinks(False)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.document().setDocumentMargin(10)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self.title, self.tags):
            column.addWidget(widget)
        column.addWidget(self.text, 1)
        theme().changed.connect(self._fill)
        self.show_entry(None, 0)

    @property
    def entry(self) -> Entry | None:
        """What is shown."""
        return self._entry

    def wanted_tags(self) -> tuple[str, ...]:
        """The tags as they are written now."""
        found = (" ".join(tag.split()) for tag in self.tags.text().split(","))
        return tuple(sorted({tag for tag in found if tag}))

    def show_entry(self, entry: Entry | None, chosen: int) -> None:
        """Shows an entry; None where none or several are chosen.

        Args:
            entry: without events.
            chosen: how many are chosen.
        """
        same = entry is not None and self._entry is not None and entry.uid == self._entry.uid
        self._entry = entry
        self.tags.setEnabled(entry is not None)
        if not (same and self.tags.hasFocus()):
            self.tags.setText(", ".join(entry.tags) if entry is not None else "")
        if entry is not None:
            self.title.setText(entry.source)
        else:
            self.title.setText(
                tr("{chosen} runs are chosen.").format(chosen=chosen) if chosen else tr("No run is chosen.")
            )
        self._fill()

    def _fill(self) -> None:
        entry = self._entry
        if entry is None:
            self.text.clear()
            return
        facts = " · ".join((when(entry.at), seconds(entry.seconds), asked(entry)))
        parts = [f'<p style="color: {palette().muted}">{html.escape(facts)}</p>']
        for name, text in ((tr("Reference"), entry.reference), (tr("Good translation"), entry.reference_translation)):
            if text:
                parts.append(self._said(name, palette().muted, text))
        parts += [self._ran(ran) for ran in entry.runs]
        self.text.setHtml("".join(parts))

    def _ran(self, ran: Ran) -> str:
        paradigm = self._paradigms.get(ran.engine)
        colour = palette().paradigms[paradigm] if paradigm is not None else palette().muted
        aside = seconds(ran.seconds) if ran.status == "ok" else ran.status
        return self._said(f"{ran.name} ({aside})", colour, *ran.texts)

    @staticmethod
    def _said(name: str, colour: str, *texts: str) -> str:
        said = "<br>".join(html.escape(text[:_LONGEST] + "…" * (len(text) > _LONGEST)) for text in texts)
        return f'<p><span style="color: {colour}; font-weight: 600">{html.escape(name)}</span><br>{said}</p>'
