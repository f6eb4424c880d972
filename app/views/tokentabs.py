"""The tabs of the evidence dock that show speech as tokens."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QWidget

from app.comparison import EngineRun
from app.language import tr
from app.timeline import TimeLine
from app.views import tokenreadings
from app.views.codebooks import CodebooksView
from app.views.duplex import DuplexView
from app.views.tokens import TokensView
from app.views.unitphones import UnitPhonesView
from engines.contract import FrameClock, TokenStream, UnitPhones

DUPLEX, UNITS, CODEC, SPOKEN, PHONES, CODEBOOKS = (
    "duplex", "units", "codec", "spoken", "phones", "codebooks",
)  # fmt: skip
TITLES: Final = {
    UNITS: (tr("Units"), tr("The speech as discrete units")),
    CODEC: (tr("Codec"), tr("The speech as tokens of a codec, codebook by codebook")),
    DUPLEX: (
        tr("Duplex"),
        tr("What is heard, written and said in every frame, and what that took against the time it may take"),
    ),
    SPOKEN: (tr("Spoken"), tr("The tokens that were written, to be spoken")),
    PHONES: (tr("Phones"), tr("Which phones the units stand for")),
    CODEBOOKS: (tr("Codebooks"), tr("How evenly the tokens are used, and which are not")),
}
"""Name and tip of each tab."""


class TokenTabs:
    """The views, and what they show of a run.

    Args:
        time: the axis of the waveform.
        parent: of the views.
    """

    def __init__(self, time: TimeLine, parent: QWidget) -> None:
        self.spoken_time = TimeLine(parent)
        self.units = TokensView(time, parent)
        self.codec = TokensView(time, parent)
        self.duplex = DuplexView(time, parent)
        self.spoken = TokensView(self.spoken_time, parent, heard=False)
        self.phones = UnitPhonesView(time, parent)
        self.codebooks = CodebooksView(parent)
        self.pages: dict[str, QWidget] = {
            UNITS: self.units,
            CODEC: self.codec,
            DUPLEX: self.duplex,
            SPOKEN: self.spoken,
            PHONES: self.phones,
            CODEBOOKS: self.codebooks,
        }

    def there(self, run: EngineRun | None) -> dict[str, bool]:
        """Which tabs there is something for."""
        if run is None:
            return dict.fromkeys(self.pages, False)
        streams = run.found(TokenStream)
        return {
            UNITS: bool(units(streams)),
            CODEC: bool(codec(streams)),
            DUPLEX: bool(run.found(FrameClock)),
            SPOKEN: bool(spoken(streams)),
            PHONES: bool(run.found(UnitPhones)),
            CODEBOOKS: bool(streams),
        }

    def fill(self, tab: str, run: EngineRun) -> str | None:
        """Fills the view of a tab; returns the sentence on it, or None if there is nothing to show."""
        if not self.there(run)[tab]:
            return None
        streams, phones, paradigm = run.found(TokenStream), run.found(UnitPhones), run.engine.paradigm
        clocks = run.found(FrameClock)
        if tab in {UNITS, CODEC, SPOKEN}:
            parts = {UNITS: units, CODEC: codec, SPOKEN: spoken}[tab](streams)
            if tab == SPOKEN:
                end = max(part.start + part.ids.shape[1] * part.frame_seconds for part in parts)
                if end != self.spoken_time.length:
                    self.spoken_time.show(None, max(end, 0.05))
            {UNITS: self.units, CODEC: self.codec, SPOKEN: self.spoken}[tab].show_parts(parts, paradigm, phones)
            return tokenreadings.on_tokens(parts)
        if tab == DUPLEX:
            return tokenreadings.on_duplex(self.duplex.show_parts(clocks, streams, paradigm), clocks)
        if tab == PHONES:
            self.phones.show_parts(phones, streams, paradigm)
            return tokenreadings.on_phones(phones)
        self.codebooks.show_parts(streams, paradigm)
        return tokenreadings.on_codebooks(streams)

    def end(self, tab: str, run: EngineRun | None) -> float:
        """Where what a tab shows on the axis of the waveform ends, in seconds; 0 where that is within the speech."""
        clocks = run.found(FrameClock) if run is not None and tab == DUPLEX else ()
        return max((one.start + one.seconds.size * one.frame_seconds for one in clocks), default=0.0)


def units(streams: tuple[TokenStream, ...]) -> tuple[TokenStream, ...]:
    """Streams of one codebook that came in."""
    return tuple(stream for stream in streams if stream.direction == "in" and len(stream.sizes) == 1)


def codec(streams: tuple[TokenStream, ...]) -> tuple[TokenStream, ...]:
    """Streams of several codebooks that came in."""
    return tuple(stream for stream in streams if stream.direction == "in" and len(stream.sizes) > 1)


def spoken(streams: tuple[TokenStream, ...]) -> tuple[TokenStream, ...]:
    """Streams that were written: those of one codebook, or else those of several."""
    written = [stream for stream in streams if stream.direction == "out"]
    return tuple(stream for stream in written if len(stream.sizes) == 1) or tuple(written)
