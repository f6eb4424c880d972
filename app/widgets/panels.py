"""The baseline strip and the three panels of equal weight, one per paradigm, that hold the engines' cards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.language import tr
from app.theme import PARADIGM_LINES, PARADIGM_TITLES, palette, theme
from app.widgets.elided import ElidedLabel
from engines.contract import Paradigm

PANELS: Final[tuple[Paradigm, ...]] = ("text", "latent", "token")
TO_COME: Final[Mapping[Paradigm, str]] = MappingProxyType(
    {
        "baseline": tr("To come: a recogniser alone."),
        "text": tr("To come: engines fed with words."),
        "latent": tr("To come: engines fed with speech vectors."),
        "token": tr("To come: engines fed with units of sound."),
    }
)
"""What an empty panel says, in one line."""


class PanelHeader(QWidget):
    """A paradigm's title in its colour and, in half a line, what the model reads."""

    def __init__(self, paradigm: Paradigm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paradigm = paradigm
        self.title = QLabel(PARADIGM_TITLES[paradigm])
        self.line = ElidedLabel(PARADIGM_LINES[paradigm])
        self.line.setProperty("tone", "small")
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 0, 2, 0)
        row.setSpacing(8)
        row.addWidget(self.title, 0, Qt.AlignmentFlag.AlignBaseline)
        row.addWidget(self.line, 1, Qt.AlignmentFlag.AlignBaseline)
        row.addStretch(0)
        theme().changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        size = theme().points * 1.1
        colour = palette().paradigms[self._paradigm]
        self.title.setStyleSheet(f"color: {colour}; font-weight: 600; font-size: {size:.2f}pt;")


class EmptyPanel(QFrame):
    """What will stand in a panel without engines: a drawing of what the model will read, and one line."""

    def __init__(self, paradigm: Paradigm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paradigm = paradigm
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.label = QLabel(TO_COME[paradigm])
        self.label.setProperty("tone", "muted")
        self.label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.label.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 112, 16, 16)
        column.addWidget(self.label)
        column.addStretch()
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """About as tall as a card and a half."""
        return QSize(240, 96 + 4 * self.fontMetrics().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints a dashed outline and the drawing above the line of text."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = palette()
        pen = QPen(colours.tint(self._paradigm, 0.45), 1, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(colours.tint(self._paradigm, 0.05))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 9, 9)
        width = min(220.0, self.width() - 48.0)
        box = QRectF((self.width() - width) / 2, self.label.y() - 76, width, 56)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._paradigm == "token":
            self._paint_units(painter, box)
        else:
            self._paint_vectors(painter, box)

    def _paint_vectors(self, painter: QPainter, box: QRectF) -> None:
        """Columns of cells in graded tints: a sequence of vectors."""
        colours, columns, rows = palette(), 16, 5
        cell = min(box.width() / columns, box.height() / rows)
        left = box.center().x() - columns * cell / 2
        for column in range(columns):
            for row in range(rows):
                shade = 0.5 + 0.5 * math.sin(column * 0.9 + row * 1.7) * math.cos(column * 0.35 - row)
                painter.setBrush(colours.tint(self._paradigm, 0.12 + 0.55 * shade))
                spot = QRectF(left + column * cell, box.top() + row * cell, cell, cell).adjusted(1, 1, -1, -1)
                painter.drawRoundedRect(spot, 2, 2)

    def _paint_units(self, painter: QPainter, box: QRectF) -> None:
        """A wave cut into blocks of a few kinds: a sequence of units."""
        colours, blocks = palette(), 18
        step = box.width() / blocks
        for index in range(blocks):
            kind = (index * 7 + index * index) % 4
            height = box.height() * (0.3 + 0.7 * abs(math.sin(index * 0.55)))
            painter.setBrush(colours.tint(self._paradigm, 0.2 + 0.17 * kind))
            block = QRectF(box.left() + index * step, box.center().y() - height / 2, step, height)
            painter.drawRoundedRect(block.adjusted(1.5, 0, -1.5, 0), 3, 3)
        painter.setPen(QPen(QColor(colours.surface), 2))
        painter.drawLine(QPointF(box.left(), box.center().y()), QPointF(box.right(), box.center().y()))


class CardsArea(QScrollArea):
    """Everything between the waveform and the evidence; scrolls when the window is small.

    Args:
        baseline: cards of the engines without a language model.
        panels: the other engines' cards by paradigm; a paradigm without one gets an :class:`EmptyPanel`.
    """

    def __init__(
        self,
        baseline: Sequence[QWidget],
        panels: Mapping[Paradigm, Sequence[QWidget]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(tr("Engines"))
        content = self._content = QWidget()
        content.setProperty("look", "plain")
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for card in baseline:
            column.addWidget(card)
        columns = QGridLayout()
        columns.setHorizontalSpacing(12)
        columns.setVerticalSpacing(6)
        self.headers: dict[Paradigm, PanelHeader] = {}
        self.empty: dict[Paradigm, EmptyPanel] = {}
        for index, paradigm in enumerate(PANELS):
            self.headers[paradigm] = PanelHeader(paradigm)
            columns.addWidget(self.headers[paradigm], 0, index)
            columns.addLayout(self._panel(paradigm, panels.get(paradigm, ())), 1, index)
            columns.setColumnStretch(index, 1)
            columns.setColumnMinimumWidth(index, 200)
        columns.setRowStretch(1, 1)
        column.addLayout(columns, 1)
        self.setWidget(content)

    def _panel(self, paradigm: Paradigm, cards: Sequence[QWidget]) -> QVBoxLayout:
        panel = QVBoxLayout()
        panel.setSpacing(8)
        for card in cards:
            panel.addWidget(card)
        if cards:
            panel.addStretch()
        else:
            self.empty[paradigm] = EmptyPanel(paradigm)
            panel.addWidget(self.empty[paradigm], 1)
        return panel

    def minimumSizeHint(self) -> QSize:
        """As wide as three narrow panels; any height, since it scrolls."""
        return QSize(self._content.minimumSizeHint().width() + 12, 120)
