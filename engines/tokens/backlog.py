"""Frames that wait for a streaming loop: a bounded queue that tells how far behind the loop is, and its clock.

Nothing grows without end and nothing is hidden: beyond the bound frames are dropped, counted, and told to the loop in
their place, so that the time of what follows stays right.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from engines.contract import Samples
from engines.errors import BadOption
from engines.evidence import FrameKind


@dataclass(frozen=True)
class Arrival:
    """A frame's worth of time.

    Attributes:
        kind: whether it was heard, was lost on the way here, or was dropped here since too many waited.
        samples: of a frame that was heard; None for the others.
    """

    kind: FrameKind
    samples: Samples | None = None


class Backlog:
    """A queue that one thread may fill while another empties it.

    Args:
        bound: frames that may wait; further ones are dropped.

    Attributes:
        most: the most frames that ever waited.
        dropped: frames that were dropped so far.

    Raises:
        BadOption: the bound is less than one frame.
    """

    def __init__(self, bound: int) -> None:
        if bound < 1:
            raise BadOption(f"A backlog of {bound} frames cannot hold any.", "Let at least one frame wait.")
        self._bound = bound
        self._queue: deque[Arrival | int] = deque()  # a number stands for so many dropped frames
        self._waiting = 0
        self._filled = threading.Condition()
        self.most = self.dropped = 0

    @property
    def waiting(self) -> int:
        """Frames that wait, dropped ones aside."""
        with self._filled:
            return self._waiting

    def put(self, samples: Samples | None) -> bool:
        """Adds a frame; never waits.

        Args:
            samples: of the frame; None where it was lost on the way here.

        Returns:
            whether there was room.
        """
        with self._filled:
            room = self._waiting < self._bound
            if room:
                self._queue.append(Arrival("lost") if samples is None else Arrival("heard", samples))
                self._waiting += 1
                self.most = max(self.most, self._waiting)
            else:
                self.dropped += 1
                last = self._queue[-1]
                if isinstance(last, int):
                    self._queue[-1] = last + 1
                else:
                    self._queue.append(1)
            self._filled.notify()
            return room

    def take(self, timeout: float | None = 0.0) -> Arrival | None:
        """The frame that has waited longest, or what stands for it.

        Args:
            timeout: seconds to wait for one; None waits without end.

        Returns:
            None where none came.
        """
        with self._filled:
            if not self._filled.wait_for(lambda: bool(self._queue), timeout):
                return None
            first = self._queue.popleft()
            if isinstance(first, int):
                if first > 1:
                    self._queue.appendleft(first - 1)
                return Arrival("dropped")
            self._waiting -= 1
            return first


class Pace:
    """When frames come and when they are done, by a clock that counts the loop's own work alone.

    A recording that is played into the loop is not waited for, so that the clock is not the wall's: a frame begins when
    it has come and the one before is done.

    Args:
        frame_seconds: seconds that a frame stands for, and may take.
        ahead: frames behind a frame that have to come before it can begin.

    Attributes:
        now: seconds since the first frame began to come.
        late: frames that were done more than a frame after they could begin.
        behind: the longest that a frame was done after it could begin, in seconds.
    """

    def __init__(self, frame_seconds: float, ahead: int = 0) -> None:
        self.frame_seconds = frame_seconds
        self._ahead = ahead
        self.now = self.behind = 0.0
        self.late = 0

    def came(self, number: int) -> float:
        """When a frame, from 0, has come as a whole."""
        return (number + 1) * self.frame_seconds

    def done(self, number: int, seconds: float) -> None:
        """Notes that a frame was worked on for so many seconds."""
        could = self.came(number + self._ahead)
        self.now = max(self.now, could) + seconds
        self.behind = max(self.behind, self.now - could)
        # A frame that took just its time is not late.
        self.late += self.now - could > self.frame_seconds * (1 + 1e-9)
