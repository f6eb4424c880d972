"""What cards show during a live run: folds its events into a run per engine. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from app.comparison import EngineRun, Status, Text, status_of
from app.language import tr
from app.stagetimes import StageTime
from engines.catalog import EngineDescription
from engines.contract import Failed, TextKind
from engines.live.delay import Delays
from engines.live.events import Ended, LiveEvent, Load, Out, Paused, Ready, Skipped, Speaking, Warming, Words, Written

LONGEST = 3000
"""Characters from which on the oldest ones are not shown any more; a window is left open all day."""
_KEPT = 2000

OPENING, LISTENING, WRITING, PAUSED = tr("opening"), tr("listening"), tr("writing"), tr("paused, too much to do")
"""What an engine is at, as cards say it."""


@dataclass
class _Texts:
    """The texts of one engine: what is done with, and the phrases that are open."""

    done: dict[TextKind, str] = field(default_factory=dict)
    phrases: dict[int, dict[TextKind, Text]] = field(default_factory=dict)

    def shown(self) -> Mapping[TextKind, Text]:
        """What there is to be read: final words of all phrases in order, and the provisional tail of the last."""
        kinds = dict.fromkeys([*self.done, *(kind for phrase in self.phrases.values() for kind in phrase)])
        return MappingProxyType({kind: self._shown(kind) for kind in kinds})

    def _shown(self, kind: TextKind) -> Text:
        open_ = [texts[kind] for _, texts in sorted(self.phrases.items()) if kind in texts]
        final = " ".join(part for part in (self.done.get(kind, ""), *(text.final for text in open_)) if part)
        return Text(final, open_[-1].provisional if open_ else "")

    def close(self, number: int) -> None:
        """A phrase is over: its final words join those that are done with."""
        for kind, text in self.phrases.pop(number, {}).items():
            joined = " ".join(part for part in (self.done.get(kind, ""), text.final) if part)
            if len(joined) > LONGEST:
                joined = "… " + joined[-_KEPT:].partition(" ")[2]
            self.done[kind] = joined


class Captions:
    """The runs of a live session as cards show them.

    Args:
        engines: those that take part.
    """

    def __init__(self, engines: Sequence[EngineDescription]) -> None:
        self.runs = {engine.id: self._at(EngineRun(engine), OPENING) for engine in engines}
        self._texts = {engine.id: _Texts() for engine in engines}

    def take(self, event: LiveEvent) -> tuple[str, ...]:
        """Folds an event in; returns the engines whose runs changed."""
        match event:
            case Words() | Written() | Skipped():
                return (self._wrote(event),)
            case Out(engine=engine, kind=kind, why=why, hint=hint):
                run = self.runs[engine]
                self.runs[engine] = replace(run, status=status_of(kind), error=Failed(kind, why, hint))
                return (engine,)
            case Ready() | Speaking() | Paused() | Warming() | Ended():
                return ()
            case Load(finals=finals):
                return self._loaded(finals)
            case _:
                return ()

    def end(self) -> None:
        """The run is over."""
        for engine, run in self.runs.items():
            if not run.status.over:
                self.runs[engine] = replace(run, status=Status.CANCELLED, stages=())

    def _wrote(self, event: Words | Written | Skipped) -> str:
        engine, texts = event.engine, self._texts[event.engine]
        run = self.runs[engine]
        if isinstance(event, Words):
            phrase = texts.phrases.setdefault(event.phrase, {})
            old = phrase.get(event.kind, Text())
            phrase[event.kind] = Text(old.final + event.final, event.provisional)
        else:
            texts.close(event.phrase)
        if isinstance(event, Written):
            run = replace(run, scores=_figures(event.over))
        self.runs[engine] = replace(run, texts=texts.shown())
        return engine

    def _loaded(self, finals: Sequence[str]) -> tuple[str, ...]:
        changed = []
        for engine, run in self.runs.items():
            if not run.status.over:
                self.runs[engine] = self._at(run, LISTENING if engine in finals else PAUSED)
                changed.append(engine)
        return tuple(changed)

    @staticmethod
    def _at(run: EngineRun, doing: str) -> EngineRun:
        return replace(run, status=Status.RUNNING, stages=(StageTime(doing, running=True),))


def _figures(over: Delays) -> Mapping[str, float]:
    found = {"delay": over.last, "median_delay": over.median, "laal": over.laal}
    return MappingProxyType({name: value for name, value in found.items() if value is not None})
