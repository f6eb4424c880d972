"""A blind round: pairs of what engines made of the same speech, in shuffled order, to be judged one by one. No Qt."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Final, Literal

from app.comparison import Comparison, EngineRun, Status
from app.language import tr
from engines.contract import Samples
from engines.evaluation.votes import Judged, Vote, Votes

KINDS: Final[Mapping[Judged, str]] = MappingProxyType(
    {"transcript": tr("Transcripts"), "translation": tr("Translations"), "answer": tr("Answers"), "voice": tr("Voices")}
)
"""What can be judged, with its name for people."""

Better = Literal["left", "right", "tie"]


@dataclass(frozen=True)
class Work:
    """What one engine made.

    Attributes:
        engine: its id.
        text: what it wrote, or said.
        voice: what it said aloud, ``(n,)``, and the rate in Hz; None where texts are judged.
    """

    engine: str
    text: str
    voice: tuple[Samples, int] | None = None


@dataclass(frozen=True)
class Pair:
    """Two works side by side.

    Attributes:
        left: shown on the left.
        right: shown on the right.
    """

    left: Work
    right: Work


def works(comparison: Comparison, judged: Judged) -> list[Work]:
    """What engines that ended well made of the speech."""
    found = []
    for run in comparison.runs.values():
        if run.status is not Status.OK:
            continue
        if judged == "voice":
            voice = run.speech()
            if voice is not None:
                found.append(Work(run.engine.id, run.main_text.strip(), voice))
        else:
            text = _TEXTS[judged](run)
            if text is not None:
                found.append(Work(run.engine.id, text.strip()))
    return found


_TEXTS: Final[Mapping[str, Callable[[EngineRun], str | None]]] = MappingProxyType(
    {
        "transcript": lambda run: run.transcript,
        "translation": lambda run: run.translation,
        "answer": lambda run: run.answer,
    }
)


def kinds(comparison: Comparison) -> list[Judged]:
    """What can be judged of a comparison: kinds in which two engines differ, the most telling first."""
    order: tuple[Judged, ...] = ("voice", "answer", "translation", "transcript")
    return [judged for judged in order if len(groups(works(comparison, judged))) > 1]


def groups(found: Sequence[Work]) -> list[list[Work]]:
    """Works that cannot be told apart: of the same text; every voice stands alone."""
    by: dict[object, list[Work]] = {}
    for work in found:
        key: object = work.engine if work.voice is not None else " ".join(work.text.split())
        by.setdefault(key, []).append(work)
    return list(by.values())


class Round:
    """The pairs of one utterance that were not judged before.

    What is the same is judged once, by the two engines that have met least; pairs that have met least come first.

    Args:
        comparison: all that is judged is over.
        judged: what is judged.
        votes: where judgements are kept.
        rng: shuffles order and sides; another order every time by default.

    Attributes:
        pairs: all of this round, in order.
        done: how many of them are judged.
        same: how many engines were left out because they wrote the same as another.
    """

    def __init__(self, comparison: Comparison, judged: Judged, votes: Votes, rng: random.Random | None = None) -> None:
        self._utterance = comparison.utterance
        self._language = comparison.target if judged in {"translation", "voice"} else comparison.utterance.language
        self._votes = votes
        self._given: list[str] = []
        self.judged = judged
        self.done = 0
        found = groups(works(comparison, judged))
        self.same = sum(len(group) - 1 for group in found)
        self.pairs = self._shuffled(found, rng or random.Random())

    def _shuffled(self, found: Sequence[Sequence[Work]], rng: random.Random) -> list[Pair]:
        met = Counter(vote.pair for vote in self._votes.of(self.judged))
        here = {vote.pair for vote in self._votes.of(self.judged) if vote.utterance == self._utterance.digest}
        chosen: list[tuple[int, Pair]] = []
        for one, other in combinations(found, 2):
            meetings = [(a, b) for a in one for b in other]
            if any(frozenset((a.engine, b.engine)) in here for a, b in meetings):
                continue
            rng.shuffle(meetings)
            a, b = min(meetings, key=lambda pair: met[frozenset((pair[0].engine, pair[1].engine))])
            left, right = (a, b) if rng.random() < 0.5 else (b, a)
            chosen.append((met[frozenset((a.engine, b.engine))], Pair(left, right)))
        rng.shuffle(chosen)
        chosen.sort(key=lambda one: one[0])
        return [pair for _, pair in chosen]

    @property
    def current(self) -> Pair | None:
        """The pair in hand; None when all are judged."""
        return self.pairs[self.done] if self.done < len(self.pairs) else None

    def vote(self, better: Better) -> None:
        """Keeps a judgement of the pair in hand and goes on; does nothing when all are judged.

        Raises:
            BadInput: it could not be kept; the pair stays in hand.
        """
        pair = self.current
        if pair is None:
            return
        vote = Vote(
            at=dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
            judged=self.judged,
            utterance=self._utterance.digest,
            source=self._utterance.source,
            language=self._language,
            left=pair.left.engine,
            right=pair.right.engine,
            better=better,
            left_text=pair.left.text,
            right_text=pair.right.text,
        )
        self._votes.add(vote)
        self._given.append(vote.id)
        self.done += 1

    def undo(self) -> bool:
        """Takes back the last judgement of this round, and its pair is in hand again; false where there is none.

        Raises:
            BadInput: that could not be written down; the judgement counts on.
        """
        if not self._given:
            return False
        self._votes.undo()
        self._given.pop()
        self.done -= 1
        return True
