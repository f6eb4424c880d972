"""A small row that makes the speech worse: what is done to it, how much, listen, run again."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app.icons import icon
from app.language import tr
from app.theme import theme
from engines.audio.conditions import SCALES, Condition, Kind

CHOICES: tuple[tuple[Kind, str], ...] = (
    ("babble", tr("Other people talking")),
    ("white", tr("White noise")),
    ("hum", tr("Mains hum")),
    ("room", tr("A room that echoes")),
    ("telephone", tr("Telephone")),
    ("speed", tr("Speed")),
    ("gaps", tr("Lost packets")),
)
_STEPS: dict[Kind, tuple[float, int]] = {"room": (0.1, 1), "speed": (0.1, 1), "gaps": (5.0, 0)}
_WIDTH = 7
"""Characters that an amount takes at most, with its unit."""


class StressPanel(QFrame):
    """One condition at a time; says what is in the window now."""

    listen_requested = Signal(object)
    """A :class:`Condition` to be heard; again while it plays to stop it."""
    run_requested = Signal(object)
    """A :class:`Condition` to run the engines under."""
    clean_requested = Signal()
    """The recording as it is is wanted back."""
    sweep_requested = Signal(str)
    """The kind to begin with."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Make the speech worse"))
        self._label = QLabel(tr("Heard through"))
        self._label.setProperty("tone", "muted")
        self.kind = QComboBox()
        self.kind.setAccessibleName(tr("What is done to the speech"))
        for kind, name in CHOICES:
            self.kind.addItem(name, kind)
        self.amount = QDoubleSpinBox()
        self.amount.setAccessibleName(tr("How much"))
        self.amount.setMinimumWidth(_WIDTH * self.fontMetrics().averageCharWidth() + 60)
        self.listen = QPushButton(tr("Listen"))
        self.listen.setToolTip(tr("Hear it as the engines would"))
        self.run = QPushButton(tr("Run on this"))
        self.run.setToolTip(tr("Put it in the window and run every engine on it"))
        self.sweep = QPushButton(tr("Sweep…"))
        self.sweep.setToolTip(tr("Run at growing severities and see which engine breaks first"))
        self.now = QLabel()
        self.now.setProperty("tone", "small")
        self.clean = QPushButton(tr("As recorded"))
        self.clean.setToolTip(tr("Put the recording back as it is"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget in (self._label, self.kind, self.amount, self.listen, self.run, self.sweep):
            row.addWidget(widget)
        row.addStretch()
        row.addWidget(self.now)
        row.addWidget(self.clean)
        self._label.setBuddy(self.kind)
        self.kind.currentIndexChanged.connect(self._fit_amount)
        self.listen.clicked.connect(lambda: self.listen_requested.emit(self.condition()))
        self.run.clicked.connect(lambda: self.run_requested.emit(self.condition()))
        self.clean.clicked.connect(self.clean_requested)
        self.sweep.clicked.connect(lambda: self.sweep_requested.emit(self._kind()))
        theme().changed.connect(self._dress)
        self._playing = False
        self._fit_amount()
        self._dress()
        self.show_now("", usable=False)
        self.hide()  # until it is asked for

    def condition(self) -> Condition:
        """What is set."""
        kind = self._kind()
        return Condition(kind, round(self.amount.value(), 2) + 0.0 if kind in SCALES else None)

    def choose(self, condition: Condition) -> None:
        """Sets kind and amount."""
        at = self.kind.findData(condition.kind)
        if at >= 0:
            self.kind.setCurrentIndex(at)
            if condition.amount is not None:
                self.amount.setValue(condition.amount)

    def show_now(self, title: str, *, usable: bool = True) -> None:
        """Says under what the speech in the window is heard.

        Args:
            title: of the conditions; empty for the recording as it is.
            usable: whether there is speech.
        """
        self.now.setText(tr("In the window: <b>{title}</b>").format(title=title) if title else "")
        self.clean.setVisible(bool(title))
        for button in (self.listen, self.run, self.sweep):
            button.setEnabled(usable)

    def show_playing(self, playing: bool) -> None:
        """Turns *listen* into *stop* and back."""
        self._playing = playing
        self._dress()

    @property
    def playing(self) -> bool:
        """Whether the speech is heard as it was made."""
        return self._playing

    def _kind(self) -> Kind:
        kind: Kind = self.kind.currentData()
        return kind

    def _fit_amount(self) -> None:
        scale = SCALES.get(self._kind())
        self.amount.setEnabled(scale is not None)
        if scale is None:
            self.amount.setSpecialValueText("–")
            self.amount.setValue(self.amount.minimum())
            self.amount.setToolTip(tr("A telephone line has no amount: 300 to 3400 Hz, µ-law"))
            return
        step, decimals = _STEPS.get(self._kind(), (5.0, 0))
        self.amount.setSpecialValueText("")
        self.amount.setDecimals(decimals)
        self.amount.setRange(scale.low, scale.high)
        self.amount.setSingleStep(step)
        self.amount.setSuffix(f" {scale.unit}")
        self.amount.setValue(scale.usual)
        self.amount.setToolTip(
            tr("{upper}{quantity}, in {unit}").format(
                upper=scale.quantity[:1].upper(), quantity=scale.quantity[1:], unit=scale.unit
            )
        )

    def _dress(self) -> None:
        widest = 0
        for text in (tr("Listen"), tr("Stop")):
            self.listen.setText(text)
            widest = max(widest, self.listen.sizeHint().width())
        self.listen.setMinimumWidth(widest)
        self.listen.setText(tr("Stop") if self._playing else tr("Listen"))
        self.listen.setIcon(icon("stop" if self._playing else "play"))
        self.run.setIcon(icon("rerun"))
