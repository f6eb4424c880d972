"""Holds the governor's state during a run and tells of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engines.live import governor
from engines.live.events import Load

_TOO_LATE = 3.0
"""So many times the limit behind, phrases are left out."""


class LoadKeeper:
    """The load of a run.

    Args:
        names: engine → its name for people, in the order in which they are shown.
        limits: when to step.

    Attributes:
        highest: the highest level that was taken.
    """

    def __init__(self, names: Mapping[str, str], limits: governor.Limits) -> None:
        self.highest = 0
        self._names = names
        self._limits = limits
        self._state = governor.State(tuple(names), patience=limits.patience)

    @property
    def plan(self) -> governor.Plan:
        """What is done at present."""
        return governor.plan(self._state)

    @property
    def order(self) -> tuple[str, ...]:
        """The engines that are not out, those first whose words are to come first."""
        return self._state.order

    @property
    def paused(self) -> tuple[str, ...]:
        """The engines that do not write at present."""
        doing = self.plan.finals
        return tuple(engine for engine in self.order if engine not in doing)

    def hopeless(self, behind: float) -> bool:
        """Whether the work is so many seconds behind that phrases are to be left out."""
        return behind > _TOO_LATE * self._limits.late

    def look(self, now: float, behind: float, *, working: bool, seconds: Mapping[str, float]) -> Load | None:
        """Looks at the work once more; see :func:`engines.live.governor.step`. Tells of a step, if it took one."""
        before = self._state
        self._state = governor.step(
            before, now=now, behind=behind, working=working, seconds=seconds, limits=self._limits
        )
        if self._state.level == before.level:
            return None
        return self.told(now, behind, governor.sentence(before, self._state, self._names))

    def told(self, now: float, behind: float = 0.0, sentence: str = "") -> Load:
        """What is done at present, as an event."""
        doing, level = self.plan, self._state.level
        self.highest = max(self.highest, level)
        return Load(now, level, doing.partials, doing.finals, doing.narrow, behind, sentence)

    def without(self, engine: str) -> None:
        """An engine is out."""
        order = tuple(other for other in self.order if other != engine)
        level = min(self._state.level, len(governor.ladder(order)) - 1)
        self._state = replace(self._state, order=order, level=level)
