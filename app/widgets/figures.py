"""The one line of figures of a card: scores, times, and what it ran with."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.comparison import EngineRun, Status
from app.language import tr
from app.theme import palette, theme
from app.widgets.numbers import seconds, share
from engines.contract import SpeechTokens

_SMALL = 0.88
_SCORES = {
    "wer": ("WER", tr("Word error rate against the reference: wrong, missing and extra words per word of it")),
    "cer": ("CER", tr("Character error rate against the reference; the language is written without spaces")),
    "bleu": ("BLEU", tr("BLEU of the translation against the reference translation, 0 to 100")),
}
_LIVE = {
    "delay": ("delay", tr("From the end of your last phrase until its text was final")),
    "median_delay": ("median", tr("The same, over all phrases of this run: half of them came sooner")),
    "laal": (
        "LAAL",
        tr("Length-adaptive average lagging: how far words came behind somebody who writes evenly while you speak"),
    ),
}
_MODEL_ROLES = ("language model", "language_model", "llm")


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        text: as it stands in the line.
        tip: what it means.
        strong: whether it is one of those that engines are compared by.
    """

    text: str
    tip: str
    strong: bool = False


def figures(run: EngineRun, speech_seconds: float) -> list[Figure]:
    """The figures of a run as far as it has come, most telling first.

    Args:
        run: the engine's run.
        speech_seconds: length of the speech, for the real-time factor; 0 if it is not known.
    """
    found = []
    for key, (name, tip) in _SCORES.items():
        if key not in run.scores or (key == "cer" and "wer" in run.scores):
            continue
        value = run.scores[key]
        told = format(value, ".1f") if key == "bleu" else share(value)
        more = f"\nchrF {run.scores['chrf']:.1f}" if key == "bleu" and "chrf" in run.scores else ""
        more = f"\nCER {share(run.scores['cer'])}" if key == "wer" and "cer" in run.scores else more
        found.append(Figure(f"{name} {told}", tip + more, strong=True))
    for key, (name, tip) in _LIVE.items():
        if key in run.scores:
            found.append(Figure(f"{name} {seconds(run.scores[key])}", tip, strong=key == "delay"))
    if run.first_text_seconds is not None:
        found.append(
            Figure(
                tr("first text {seconds}").format(seconds=seconds(run.first_text_seconds)),
                tr("Engine time until the first word"),
            )
        )
    if run.first_audio_seconds is not None:
        found.append(
            Figure(
                tr("first sound {seconds}").format(seconds=seconds(run.first_audio_seconds)),
                tr("Engine time until the first speech out"),
            )
        )
    if run.status is Status.OK:
        whole = tr("Engine time in all; work shared with other engines counts in full")
        found.append(Figure(tr("total {time}").format(time=seconds(run.seconds)), whole, True))
        found += _places(run)
        factor = run.rtf(speech_seconds)
        if factor is not None:
            found.append(
                Figure(f"RTF {factor:.2f}", tr("Real-time factor: engine time per second of speech; less is faster"))
            )
    return found + _ran_with(run)


def _places(run: EngineRun) -> list[Figure]:
    """How much of the language model's input the speech took, where the engine says."""
    rate = run.places_per_second
    if rate is None:
        return []
    count = sum(one.count for one in run.found(SpeechTokens))
    tip = tr(
        "The speech took {count} places of the language model’s input, as many as "
        "{count} pieces of text would; the fewer, the sooner comes its first word"
    ).format(count=count)
    return [Figure(tr("{rate:.1f} places per second").format(rate=rate), tip)]


def _ran_with(run: EngineRun) -> list[Figure]:
    if run.result is None:
        return []
    found = []
    roles = run.result.components
    model = next((roles[role] for role in _MODEL_ROLES if role in roles), None)
    everything = "\n".join(f"{role}: {name}" for role, name in roles.items())
    if model:
        found.append(Figure(model, everything))
    ran = " ".join(part for part in (run.result.provider, run.result.precision) if part)
    if ran:
        memory = (
            tr("\npeak memory {peak_memory_bytes:.0f} MB").format(peak_memory_bytes=run.peak_memory_bytes / 1000000.0)
            if run.peak_memory_bytes
            else ""
        )
        found.append(
            Figure(
                ran,
                tr("Measured on this machine\n{everything}{memory}")
                .format(everything=everything, memory=memory)
                .strip(),
            )
        )
    return found


class FiguresLine(QWidget):
    """Figures in one line of fixed height; those that do not fit are told by the tool tip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._figures: tuple[Figure, ...] = ()
        self._state = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Figures"))
        theme().changed.connect(self.updateGeometry)
        theme().changed.connect(self.update)

    def set_figures(self, found: list[Figure], state: str = "") -> None:
        """Shows figures, after a word on the state (``"recognising…"``) if there is one."""
        if (tuple(found), state) == (self._figures, self._state):
            return
        self._figures, self._state = tuple(found), state
        self.setAccessibleDescription(self.text)
        self.update()

    @property
    def text(self) -> str:
        """All of it."""
        return " · ".join([self._state] * bool(self._state) + [figure.text for figure in self._figures])

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(120, round(QFontMetricsF(theme().font(_SMALL)).height()) + 2)

    def minimumSizeHint(self) -> QSize:
        """May be narrow."""
        return QSize(40, self.sizeHint().height())

    def _placed(self) -> tuple[list[tuple[Figure, QRectF]], bool]:
        """Where each figure stands, and whether some did not fit."""
        gap = QFontMetricsF(theme().font(_SMALL)).horizontalAdvance(" · ")
        more = QFontMetricsF(theme().font(_SMALL)).horizontalAdvance(" …")
        shown = [Figure(self._state, self._state)] * bool(self._state) + list(self._figures)
        found: list[tuple[Figure, QRectF]] = []
        x = 0.0
        for index, figure in enumerate(shown):
            metrics = QFontMetricsF(theme().font(_SMALL, bold=figure.strong, fixed=True))
            width = metrics.horizontalAdvance(figure.text) + 1
            room = self.width() - (more if index < len(shown) - 1 else 0)
            if x + width > room and found:
                return found, True
            found.append((figure, QRectF(x, 0, min(width, self.width()), self.height())))
            x += width + gap
        return found, False

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        """Draws the figures with dots between them."""
        painter = QPainter(self)
        placed, cut = self._placed()
        dot = QFontMetricsF(theme().font(_SMALL)).horizontalAdvance(" · ")
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        for index, (figure, box) in enumerate(placed):
            painter.setFont(theme().font(_SMALL, bold=figure.strong, fixed=True))
            painter.setPen(QColor(palette().text if figure.strong else palette().muted))
            text = QFontMetricsF(painter.font()).elidedText(figure.text, Qt.TextElideMode.ElideRight, box.width() + 0.5)
            painter.drawText(box, flags, text)
            painter.setPen(QColor(palette().faint))
            painter.setFont(theme().font(_SMALL))
            if index < len(placed) - 1:
                painter.drawText(QRectF(box.right(), 0, dot, self.height()), flags, " · ")
            elif cut:
                painter.drawText(QRectF(box.right(), 0, dot * 2, self.height()), flags, " …")
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Shows what a figure means, or all that did not fit."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos().x()), self)
            return True
        return super().event(event)

    def tip_at(self, x: float) -> str:
        """What the tool tip says at a place, x in pixels from the left."""
        placed, cut = self._placed()
        for figure, box in placed:
            if box.left() <= x <= box.right():
                return figure.tip
        return "\n".join(f"{figure.text}: {figure.tip}" for figure in self._figures) if cut else ""
