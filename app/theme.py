"""Colours, type sizes and the style sheet of the window; light and dark, following the system unless told otherwise.

A paradigm keeps its colour everywhere: baseline amber, text blue, latent violet, token green. Widgets that paint ask
:func:`palette` when they paint, and repaint on :attr:`Theme.changed`. All text colours have a contrast of at least
4.5 : 1 on ``surface`` and ``window`` (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from app.language import tr
from app.stylesheet import build
from engines.contract import Paradigm

Mode: TypeAlias = Literal["system", "light", "dark"]

PARADIGM_TITLES: Final[Mapping[Paradigm, str]] = MappingProxyType(
    {
        "baseline": tr("Baseline"),
        "text": tr("Text-based"),
        "latent": tr("Latent representation"),
        "token": tr("Audio tokens"),
    }
)
PARADIGM_LINES: Final[Mapping[Paradigm, str]] = MappingProxyType(
    {
        "baseline": tr("no language model"),
        "text": tr("the model reads words"),
        "latent": tr("the model reads vectors"),
        "token": tr("the model reads sound units"),
    }
)


@dataclass(frozen=True)
class Palette:
    """The colours of one appearance, as ``#rrggbb``.

    Attributes:
        name: ``"light"`` or ``"dark"``.
        window: behind everything.
        surface: cards and fields.
        raised: what lies on a card: buttons, tracks, selected rows.
        line: hairlines and borders.
        text: reading text.
        muted: secondary text.
        faint: placeholders and disabled text; never for what must be read.
        focus: the keyboard focus ring.
        record: the record button and clipping.
        error: failures and wrong words.
        good: right words where others are wrong.
        warning: warnings.
        wave: the waveform.
        speech: shading of stretches with speech.
        paradigms: one colour per paradigm.
    """

    name: Literal["light", "dark"]
    window: str
    surface: str
    raised: str
    line: str
    text: str
    muted: str
    faint: str
    focus: str
    record: str
    error: str
    good: str
    warning: str
    wave: str
    speech: str
    paradigms: Mapping[Paradigm, str]

    def paradigm(self, paradigm: Paradigm) -> QColor:
        """The colour that stays with a paradigm in every plot."""
        return QColor(self.paradigms[paradigm])

    def tint(self, paradigm: Paradigm, amount: float = 0.12) -> QColor:
        """A background in a paradigm's colour; ``amount`` in [0, 1] of it over ``surface``."""
        return blend(QColor(self.surface), self.paradigm(paradigm), amount)


def blend(under: QColor, over: QColor, amount: float) -> QColor:
    """Mixes two opaque colours; ``amount`` in [0, 1] of ``over``."""
    return QColor.fromRgbF(
        under.redF() + (over.redF() - under.redF()) * amount,
        under.greenF() + (over.greenF() - under.greenF()) * amount,
        under.blueF() + (over.blueF() - under.blueF()) * amount,
    )


DARK: Final = Palette(
    name="dark",
    window="#131519",
    surface="#1b1e24",
    raised="#262a32",
    line="#343a44",
    text="#eef0f3",
    muted="#a4acb8",
    faint="#7a8391",
    focus="#ffd27a",
    record="#e5484d",
    error="#ff7b7b",
    good="#57d38c",
    warning="#f2b84b",
    wave="#9fb4cc",
    speech="#223040",
    paradigms=MappingProxyType({"baseline": "#e0aa52", "text": "#5fabff", "latent": "#ba93f8", "token": "#3ecf9d"}),
)

LIGHT: Final = Palette(
    name="light",
    window="#f3f1ed",
    surface="#fffefc",
    raised="#ece9e3",
    line="#d3cfc7",
    text="#1b1c1f",
    muted="#585b63",
    faint="#868a92",
    focus="#b35c00",
    record="#c62a2f",
    error="#b3202a",
    good="#14713f",
    warning="#8a5a00",
    wave="#43566d",
    speech="#dfe7f0",
    paradigms=MappingProxyType({"baseline": "#8a5a00", "text": "#1560c0", "latent": "#7440c8", "token": "#0a7553"}),
)


class Theme(QObject):
    """The appearance in force; one per application."""

    changed = Signal()
    """The palette or the text size is another one: repaint."""

    def __init__(self) -> None:
        super().__init__()
        self._mode: Mode = "system"
        self._scale = 1.0
        self._base_points: float | None = None
        self._fonts: dict[tuple[float, bool, bool], QFont] = {}
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)

    @property
    def mode(self) -> Mode:
        """What was asked for."""
        return self._mode

    @property
    def palette(self) -> Palette:
        """What is in force."""
        if self._mode == "system":
            return DARK if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT
        return DARK if self._mode == "dark" else LIGHT

    @property
    def points(self) -> float:
        """Size of interface text in points; reading text is ``1.15`` times that, small text ``0.88`` times."""
        return (self._base_points or 10.0) * self._scale

    def apply(self, mode: Mode, text_scale: float = 1.0) -> None:
        """Puts an appearance in force.

        Args:
            mode: light, dark, or as the system.
            text_scale: factor of the system's text size, clipped to [0.8, 2].
        """
        self._mode = mode
        self._scale = min(2.0, max(0.8, text_scale))
        self._restyle()

    def font(self, size: float = 1.0, *, bold: bool = False, fixed: bool = False) -> QFont:
        """The interface font, ``size`` times :attr:`points`; ``fixed`` gives figures of equal width."""
        key = (size, bold, fixed)
        if key not in self._fonts:
            font = QFont(QApplication.font())
            font.setPointSizeF(self.points * size)
            font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
            if fixed:
                font.setFeature(QFont.Tag("tnum"), 1)
            self._fonts[key] = font
        return QFont(self._fonts[key])

    def _system_changed(self) -> None:
        if self._mode == "system":
            self._restyle()

    def _restyle(self) -> None:
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return
        if self._base_points is None:
            self._base_points = max(9.0, app.font().pointSizeF())
        self._fonts.clear()
        font = app.font()
        font.setPointSizeF(self.points)
        app.setFont(font)
        app.setStyle("Fusion")
        app.setPalette(_qt_palette(self.palette))
        app.setStyleSheet(build(self.palette, self.points))
        self.changed.emit()


@cache
def theme() -> Theme:
    """The application's theme; needs a QGuiApplication."""
    return Theme()


def palette() -> Palette:
    """The colours in force."""
    return theme().palette


def _qt_palette(colours: Palette) -> QPalette:
    role = QPalette.ColorRole
    result = QPalette()
    for group, value in (
        (role.Window, colours.window),
        (role.WindowText, colours.text),
        (role.Base, colours.surface),
        (role.AlternateBase, colours.raised),
        (role.Text, colours.text),
        (role.Button, colours.raised),
        (role.ButtonText, colours.text),
        (role.ToolTipBase, colours.raised),
        (role.ToolTipText, colours.text),
        (role.PlaceholderText, colours.faint),
        (role.Highlight, colours.paradigms["text"]),
        (role.HighlightedText, colours.surface),
        (role.Link, colours.paradigms["text"]),
        (role.Accent, colours.paradigms["text"]),
        (role.Mid, colours.line),
    ):
        result.setColor(group, QColor(value))
    for group in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, group, QColor(colours.faint))
    return result
