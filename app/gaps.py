"""Where sound was lost, counted in samples that came. Marked by an audio callback, read by a thread."""

from __future__ import annotations

import numpy as np

from engines.audio.cues import MOST


class Gaps:
    """Places, the first :data:`~engines.audio.cues.MOST` of them."""

    def __init__(self) -> None:
        self._at = np.zeros(MOST, np.int64)
        self._count = 0
        self._found: list[int] = []

    def __len__(self) -> int:
        return self._count + len(self._found)

    def mark(self, at: int) -> None:
        """Sound was lost before sample ``at``; without a lock and without allocation, for the audio callback."""
        count = self._count
        if count < MOST and not (count and self._at[count - 1] == at):
            self._at[count] = at
            self._count = count + 1

    def find(self, at: int, within: int) -> bool:
        """Sound is missing near sample ``at``; nothing is added where it was marked up to ``within`` samples before."""
        if (self._at[: self._count] >= at - within).any():
            return False
        self._found.append(at)
        return True

    def places(self) -> list[int]:
        """All of them, ascending."""
        return sorted({*self._at[: self._count].tolist(), *self._found})
