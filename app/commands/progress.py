"""Shows on a terminal how far the preparation of models is."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self, TextIO

from engines.contract import Preparing

_REDRAW_SECONDS = 0.1
_BAR = 24


class ProgressLine:
    """One line that is redrawn on a terminal; elsewhere one line for every new thing that is done.

    Args:
        stream: where to write, standard error as a rule.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._what = ""
        self._drawn = 0.0
        self._began = time.monotonic()
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the terminal with a clean line."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()

    def show(self, event: Preparing) -> None:
        """Shows an event; at most ten times a second on a terminal."""
        now = time.monotonic()
        if event.what != self._what:
            self._what, self._began, self._drawn = event.what, now, 0.0
            if not self._terminal:
                self._stream.write(f"{event.what} …\n")
                self._stream.flush()
        if not self._terminal or now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        text = f"{event.what}  {self._measure(event, now)}"
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def _measure(self, event: Preparing, now: float) -> str:
        if event.total is None:
            return f"{now - self._began:.0f} s"
        share = event.done / event.total if event.total else 1.0
        bar = ("█" * round(share * _BAR)).ljust(_BAR, "░")
        if event.unit == "bytes":
            return f"{bar} {event.done / 1e6:.0f} of {event.total / 1e6:.0f} MB"
        return f"{bar} {event.done} of {event.total}"
