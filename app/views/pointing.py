"""Which item of a picture is pointed at, and which is pinned."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

HOVER_MS = 350
"""How long the pointer rests before a piece of sound is played."""


class Pointing(QObject):
    """Remembers items by number; a pinned one stays whatever the pointer does."""

    changed = Signal()
    """Another item is to be shown, or none."""
    rested = Signal(int)
    """The pointer has rested on an item for a moment, and none is pinned."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pinned: int | None = None
        self._pointed: int | None = None
        self._rest = QTimer(self, interval=HOVER_MS, singleShot=True)
        self._rest.timeout.connect(self._rested)

    @property
    def pinned(self) -> int | None:
        """The item that is pinned."""
        return self._pinned

    @property
    def pointed(self) -> int | None:
        """The item under the pointer."""
        return self._pointed

    @property
    def current(self) -> int | None:
        """The item that is pinned, else the one that is pointed at."""
        return self._pinned if self._pinned is not None else self._pointed

    def point(self, item: int | None) -> None:
        """The pointer is over another item, or over none."""
        if item == self._pointed:
            return
        self._pointed = item
        self._rest.stop()
        if self._pinned is None:
            self.changed.emit()
            if item is not None:
                self._rest.start()

    def pin(self, item: int | None) -> None:
        """Keeps an item, or lets it go."""
        self._rest.stop()
        self._pinned = item
        self.changed.emit()

    def forget(self) -> None:
        """Nothing is pinned or pointed at any more."""
        self._rest.stop()
        self._pinned = self._pointed = None

    def leave(self) -> None:
        """The pointer is gone; says nothing."""
        self._rest.stop()
        self._pointed = None

    def _rested(self) -> None:
        if self._pointed is not None and self._pinned is None:
            self.rested.emit(self._pointed)
