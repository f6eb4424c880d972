"""The one time axis of the window: what the waveform shows, and all evidence that lies on time beneath it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engines.contract import Utterance

Span = tuple[float, float]
SHORTEST = 0.25
"""Least seconds in sight."""


class TimeLine(QObject):
    """Which seconds are in sight, where the cursor is, and which stretch is marked.

    Nothing here is painted: the waveform and the views of the evidence listen, so that they zoom and pan as one.
    """

    moved = Signal()
    """Other seconds are in sight."""
    placed = Signal()
    """The axis lies elsewhere in the window."""
    replaced = Signal()
    """There is another utterance."""
    cursor_moved = Signal(float, float)
    """From and to, in seconds."""
    marked = Signal()
    """Another stretch is marked, or none."""
    play_requested = Signal(float, float, bool)
    """From and to in seconds; whether it was asked for by pointing alone, which must not interrupt anything."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._utterance: Utterance | None = None
        self._length = 1.0
        self._view = (0.0, 1.0)
        self._edges: Span | None = None
        self._position = 0.0
        self._mark: Span | None = None

    # --- what there is ------------------------------------------------------------------------------------------------

    @property
    def utterance(self) -> Utterance | None:
        """The speech, if there is some."""
        return self._utterance

    @property
    def length(self) -> float:
        """Length of the axis in seconds."""
        return self._length

    @property
    def view(self) -> Span:
        """The seconds in sight."""
        return self._view

    @property
    def edges(self) -> Span | None:
        """Where the axis begins and ends, in pixels from the left of the window; None if nobody said."""
        return self._edges

    @property
    def position(self) -> float:
        """The cursor in seconds."""
        return self._position

    @property
    def mark(self) -> Span | None:
        """The marked stretch in seconds."""
        return self._mark

    # --- changing it --------------------------------------------------------------------------------------------------

    def show(self, utterance: Utterance | None, length: float | None = None) -> None:
        """Takes another utterance, all of it in sight.

        Args:
            utterance: the speech, or None.
            length: of the axis in seconds, where it is not the utterance's.
        """
        self._utterance = utterance
        self._length = length or (max(0.05, utterance.seconds) if utterance is not None else 1.0)
        self._view, self._position, self._mark = (0.0, self._length), 0.0, None
        self.replaced.emit()
        self.marked.emit()

    def reach(self, seconds: float) -> None:
        """Lets the axis go on behind the speech, for what comes later than it; 0 lets it end with the speech."""
        if self._utterance is None or max(self._utterance.seconds, seconds) == self._length:
            return
        whole = self._view == (0.0, self._length)
        self._length = max(0.05, self._utterance.seconds, seconds)
        width = self._length if whole else self._view[1] - self._view[0]
        self.look_at(0.0 if whole else self._view[0], width)

    def look_at(self, start: float, width: float) -> None:
        """Brings a stretch into sight, ``start`` and ``width`` in seconds, kept within the speech."""
        width = min(max(width, min(SHORTEST, self._length)), self._length)
        start = min(max(0.0, start), self._length - width)
        if (start, start + width) != self._view:
            self._view = (start, start + width)
            self.moved.emit()

    def zoom(self, factor: float, around: float) -> None:
        """Shows ``factor`` times as many seconds; ``around`` stays where it is."""
        start, end = self._view
        width = min((end - start) * factor, self._length)
        self.look_at(around - (around - start) * width / (end - start), width)

    def pan(self, share: float) -> bool:
        """Moves by a share of what is in sight; returns whether there is anywhere to go."""
        start, end = self._view
        if end - start >= self._length:
            return False
        self.look_at(start + share * (end - start), end - start)
        return True

    def reveal(self, span: Span) -> None:
        """Moves, without zooming, as little as brings a stretch into sight."""
        start, end = self._view
        width = end - start
        if span[0] < start:
            self.look_at(span[0] - 0.05 * width, width)
        elif span[1] > end:
            self.look_at(min(span[0], span[1] - 0.95 * width), width)

    def place(self, left: float, right: float) -> None:
        """Says where in the window the axis lies, in pixels."""
        if (left, right) != self._edges:
            self._edges = (left, right)
            self.placed.emit()

    def move_cursor(self, seconds: float) -> None:
        """Moves the cursor, and what is in sight if it would leave it."""
        old, self._position = self._position, seconds
        start, end = self._view
        if not start <= seconds <= end and seconds < self._length:
            self.look_at(min(seconds, self._length - (end - start)), end - start)
        self.cursor_moved.emit(old, seconds)

    def set_mark(self, span: Span | None) -> None:
        """Marks a stretch in all views, or none."""
        if span != self._mark:
            self._mark = span
            self.marked.emit()
