"""What is to be run next: opening models first, then phrases that are over, then the phrase that goes on.

One run at a time is given to the engines, so that what is chosen next always hears the latest speech; engines of one
round hear the same samples, so that they share the work of the encoder.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engines.contract import SAMPLE_RATE, Samples
from engines.live.writer import Phrase

PARTIAL_SECONDS = 1.0
"""Speech that is too short is not written while it goes on: recognisers make things up for it."""
STEP_SECONDS = 0.6
"""A round needs so much more speech than the last."""


@dataclass(frozen=True, eq=False)
class Opened:
    """The phrase that goes on.

    Attributes:
        number: of the phrase.
        began: when it began, on the clock of the run.
    """

    number: int
    began: float


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The phrase that goes on, as far as a round heard it.

    Attributes:
        phrase: which.
        samples: ``(n,)`` at 16 kHz.
        until: when the last sample was heard, on the clock of the run.
    """

    phrase: Opened
    samples: Samples
    until: float


Kind: TypeAlias = Literal["warm", "final", "partial"]


@dataclass(frozen=True, eq=False)
class Work:
    """One run.

    Attributes:
        kind: opening models, a phrase that is over, or one that goes on.
        engine: id.
        phrase: the phrase that is over.
        snapshot: the phrase that goes on.
    """

    kind: Kind
    engine: str
    phrase: Phrase | None = None
    snapshot: Snapshot | None = None

    @property
    def samples(self) -> Samples | None:
        """What is heard, ``(n,)`` at 16 kHz; None where models are opened."""
        if self.phrase is not None:
            return self.phrase.samples
        return self.snapshot.samples if self.snapshot is not None else None

    @property
    def number(self) -> int:
        """Of its phrase; -1 where there is none."""
        if self.phrase is not None:
            return self.phrase.number
        return self.snapshot.phrase.number if self.snapshot is not None else -1


@dataclass(eq=False)
class Run:
    """What the engines are at.

    Attributes:
        run_id: the host's.
        work: which.
        began: when.
        shared: seconds of it that another run had paid for.
        writing: whether it writes word by word, and so would heed a cancellation at once.
        cancelled: whether it was told to end.
    """

    run_id: int
    work: Work
    began: float
    shared: float = 0.0
    writing: bool = False
    cancelled: bool = False


class Agenda:
    """Gathers work and gives out one piece at a time."""

    def __init__(self) -> None:
        self._warm: deque[str] = deque()
        self._finals: list[Work] = []
        self._round: deque[str] = deque()
        self._snapshot: Snapshot | None = None

    @property
    def warming(self) -> int:
        """Engines whose models are still to be opened."""
        return len(self._warm)

    @property
    def in_round(self) -> bool:
        """Whether engines of the round that is on are left."""
        return bool(self._round)

    @property
    def finals(self) -> Sequence[Work]:
        """Phrases that are over and not written yet, oldest first."""
        return self._finals

    def warm(self, engines: Iterable[str]) -> None:
        """Asks for the models of engines to be opened."""
        self._warm.extend(engines)

    def ended(self, phrase: Phrase, engines: Iterable[str]) -> None:
        """A phrase is over; the round that is on makes room for it."""
        self._round.clear()
        self._finals += [Work("final", engine, phrase) for engine in engines]

    def forget(self, engines: Iterable[str]) -> list[Work]:
        """Takes the phrases of engines off and gives them back."""
        gone = set(engines)
        self._warm = deque(engine for engine in self._warm if engine not in gone)
        self._round = deque(engine for engine in self._round if engine not in gone)
        return self._take([work for work in self._finals if work.engine in gone])

    def forget_before(self, number: int) -> list[Work]:
        """Takes the phrases before one off and gives them back."""
        return self._take([work for work in self._finals if work.number < number])

    def _take(self, gone: list[Work]) -> list[Work]:
        self._finals = [work for work in self._finals if work not in gone]
        return gone

    def wants_snapshot(self, number: int, samples: int) -> bool:
        """Whether a new round may begin.

        Args:
            number: of the phrase that goes on.
            samples: how many of it were heard.
        """
        if self._warm or self._finals or self._round:
            return False
        old = self._snapshot.samples.shape[0] if self._snapshot and self._snapshot.phrase.number == number else 0
        return samples >= max(PARTIAL_SECONDS * SAMPLE_RATE, old + STEP_SECONDS * SAMPLE_RATE)

    def begin_round(self, snapshot: Snapshot, engines: Iterable[str]) -> None:
        """Begins a round."""
        self._snapshot = snapshot
        self._round = deque(engines)

    def next(self, order: Sequence[str]) -> Work | None:
        """The next piece of work, which is taken off; None where there is none.

        Args:
            order: engines, those first whose words are to come first.
        """
        if self._warm:
            return Work("warm", self._warm.popleft())
        if self._finals:
            first = min(self._finals, key=lambda work: (work.number, order.index(work.engine)))
            self._finals.remove(first)
            return first
        if self._round:
            return Work("partial", self._round.popleft(), snapshot=self._snapshot)
        return None
