"""What one engine writes during a run: its words, phrase by phrase, and how late they came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engines.catalog import EngineDescription
from engines.contract import Result, Samples, TextKind
from engines.live.delay import DelayMeter
from engines.live.events import Words, Written
from engines.live.words import Change, LocalAgreement

_WEIGHT = 0.3
"""Of the latest run in what an engine is held to cost."""


@dataclass(frozen=True, eq=False)
class Phrase:
    """A phrase that is over.

    Attributes:
        number: from 0.
        began: when speech began, on the clock of the run.
        ended: when it ended.
        samples: ``(n,)`` at 16 kHz.
    """

    number: int
    began: float
    ended: float
    samples: Samples


@dataclass
class _Open:
    """A phrase that an engine has words for."""

    words: dict[TextKind, LocalAgreement] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)


class Writer:
    """One engine in a run.

    Args:
        engine: its description.
        kinds: the texts that are shown; the last is the one that was asked for.
    """

    def __init__(self, engine: EngineDescription, kinds: tuple[TextKind, ...]) -> None:
        self.engine = engine
        self.meter = DelayMeter()
        self.seconds: float | None = None
        self.failures = 0
        self._kinds = kinds
        self._phrases: dict[int, _Open] = {}

    def took(self, seconds: float) -> None:
        """Notes what a run cost."""
        self.seconds = seconds if self.seconds is None else self.seconds + _WEIGHT * (seconds - self.seconds)

    def partial(self, number: int, result: Result, now: float, began: float) -> Iterator[Words]:
        """Takes the text of a phrase that goes on, which began at ``began``."""
        phrase = self._phrases.setdefault(number, _Open())
        for kind, text in self._texts(result):
            change = phrase.words.setdefault(kind, LocalAgreement()).hear(text)
            yield self._changed(phrase, number, kind, change, now, began)

    def finish(self, phrase: Phrase, result: Result, now: float) -> Iterator[Words | Written]:
        """Takes the text of a whole phrase."""
        mine = self._phrases.pop(phrase.number, _Open())
        for kind, text in self._texts(result):
            change = mine.words.setdefault(kind, LocalAgreement()).finish(text)
            yield self._changed(mine, phrase.number, kind, change, now, phrase.began)
        words = mine.words.get(self._kinds[-1])
        lag = self.meter.add(now - phrase.ended, mine.times, phrase.ended - phrase.began)
        text = words.final if words is not None else ""
        yield Written(now, self.engine.id, phrase.number, text, now - phrase.ended, lag, self.meter.figures())

    def give_up(self, number: int, now: float) -> Iterator[Words]:
        """Leaves a phrase: what is final stays, provisional words go."""
        phrase = self._phrases.pop(number, None)
        if phrase is not None:
            for kind, words in phrase.words.items():
                if words.provisional:
                    yield self._changed(phrase, number, kind, words.give_up(), now, now)

    def _texts(self, result: Result) -> Iterator[tuple[TextKind, str]]:
        for kind in self._kinds:
            text = result.transcript if kind == "transcript" else result.translation
            if text is not None:
                yield kind, text

    def _changed(self, phrase: _Open, number: int, kind: TextKind, change: Change, now: float, began: float) -> Words:
        if kind == self._kinds[-1]:
            phrase.times += [now - began] * change.count
        return Words(now, self.engine.id, number, kind, change.final, change.provisional)
