"""The slider for λ, with a mark on its track wherever the winner changes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QSlider, QToolTip, QWidget

from app.language import tr
from app.theme import palette, theme
from engines.text.envelope import Reign

_STEPS = 1000


class LambdaSlider(QSlider):
    """λ from 0 (the recogniser alone) to 1 (the language model alone) in steps of a thousandth."""

    weight_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._reigns: tuple[Reign, ...] = ()
        self._engine_weight: float | None = None
        self.setRange(0, _STEPS)
        self.setSingleStep(10)
        self.setPageStep(100)
        self.setAccessibleName(tr("Weight of the language model, λ"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.valueChanged.connect(self._moved)
        theme().changed.connect(self.updateGeometry)
        theme().changed.connect(self.update)

    @property
    def weight(self) -> float:
        """λ in [0, 1]."""
        return self.value() / _STEPS

    def set_weight(self, weight: float) -> None:
        """Moves the handle without telling anyone."""
        self.blockSignals(True)
        self.setValue(round(weight * _STEPS))
        self.blockSignals(False)
        self._describe()

    def set_marks(self, reigns: Sequence[Reign], engine_weight: float | None) -> None:
        """Marks where the winner changes, and the λ that the engine used."""
        self._reigns, self._engine_weight = tuple(reigns), engine_weight
        self._describe()
        self.update()

    def _moved(self) -> None:
        self._describe()
        self.weight_changed.emit(self.weight)

    def _describe(self) -> None:
        changes = ", ".join(f"{reign.start:.2f}" for reign in self._reigns[1:])
        told = f"λ {self.weight:.2f}. " + (
            tr("The winner changes at {changes}").format(changes=changes) if changes else tr("One winner for every λ")
        )
        self.setAccessibleDescription(told)

    def sizeHint(self) -> QSize:
        """Room for the track and the numbers under the marks."""
        return QSize(240, round(theme().points * 1.5 + QFontMetricsF(theme().font(0.8)).height()) + 6)

    def minimumSizeHint(self) -> QSize:
        """May be narrow."""
        return QSize(100, self.sizeHint().height())

    def _radius(self) -> float:
        return theme().points * 0.65

    def _x(self, weight: float) -> float:
        inset = self._radius() + 3
        return inset + weight * (self.width() - 2 * inset)

    def _weight_at(self, x: float) -> float:
        inset = self._radius() + 3
        return min(1.0, max(0.0, (x - inset) / max(1.0, self.width() - 2 * inset)))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Draws the track in a band per winner, the marks, the engine's own λ and the handle."""
        colours, middle, radius = palette(), self._radius() + 4, self._radius()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme().font(0.8, fixed=True))
        metrics = QFontMetricsF(painter.font())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.line))
        painter.drawRoundedRect(QRectF(self._x(0), middle - 2, self._x(1) - self._x(0), 4), 2, 2)
        painter.setBrush(colours.paradigm("text") if self.isEnabled() else QColor(colours.faint))
        painter.drawRoundedRect(QRectF(self._x(0), middle - 2, self._x(self.weight) - self._x(0), 4), 2, 2)
        free = -1e9
        for reign in self._reigns[1:]:
            x = self._x(reign.start)
            painter.setPen(QPen(QColor(colours.text), 1.5))
            painter.drawLine(QPointF(x, middle - radius - 1), QPointF(x, middle + radius + 3))
            label = f"{reign.start:.2f}"
            left = min(
                max(0.0, x - metrics.horizontalAdvance(label) / 2), self.width() - metrics.horizontalAdvance(label)
            )
            if left > free:
                painter.setPen(QColor(colours.muted))
                painter.drawText(QPointF(left, middle + radius + 3 + metrics.ascent()), label)
                free = left + metrics.horizontalAdvance(label) + 6
        if self._engine_weight is not None:
            painter.setPen(QPen(colours.paradigm("text"), 1.5))
            painter.setBrush(QColor(colours.surface))
            painter.drawEllipse(QPointF(self._x(self._engine_weight), middle), 4, 4)
        painter.setBrush(QColor(colours.text if self.isEnabled() else colours.faint))
        painter.setPen(QPen(QColor(colours.focus if self.hasFocus() else colours.surface), 2 if self.hasFocus() else 1))
        painter.drawEllipse(QPointF(self._x(self.weight), middle), radius, radius)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The handle comes to the pointer."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(round(self._weight_at(event.position().x()) * _STEPS))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The handle follows the pointer."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.setValue(round(self._weight_at(event.position().x()) * _STEPS))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002
        """The handle stays."""
        self.setSliderDown(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Comma and full stop jump to just before and after the nearest change of the winner."""
        starts = [reign.start for reign in self._reigns[1:]]
        if event.key() == Qt.Key.Key_Comma:
            self.setValue(max((int(s * _STEPS) - 1 for s in starts if s < self.weight), default=0))
        elif event.key() == Qt.Key.Key_Period:
            self.setValue(min((int(s * _STEPS) + 1 for s in starts if s > self.weight), default=_STEPS))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Says what a mark means."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos().x()), self)
            return True
        return super().event(event)

    def tip_at(self, x: float) -> str:
        """What the tool tip says at a place, x in pixels from the left."""
        for reign in self._reigns[1:]:
            if abs(self._x(reign.start) - x) <= 5:
                return tr("From λ = {start:.3f} on, hypothesis {winner} wins").format(
                    start=reign.start, winner=reign.winner + 1
                )
        if self._engine_weight is not None and abs(self._x(self._engine_weight) - x) <= 5:
            return tr("λ = {engine_weight:g}, which the engine used").format(engine_weight=self._engine_weight)
        return tr("Left: the recogniser alone. Right: the language model alone. Keys , and . jump between the marks.")
