"""Keeps live work within what the machine can do.

Provisional words become fewer first, then search narrower, then engines fewer. The governor steps down when the work is
measurably late, and up again when it has been in time for a while; a step up that had to be taken back makes it wait
twice as long before the next one. State is a plain value and time is an argument, so that what it does can be told
beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Limits:
    """When to step.

    Attributes:
        late: seconds behind from which on there is too much work.
        in_time: seconds behind up to which there is room.
        settle: seconds that a step down is given to show an effect.
        patience: seconds in time before the first step up.
        longest_patience: bound of the waiting, which doubles with every step up that had to be taken back.
        longest_run: seconds after which a run is ended.
    """

    late: float = 6.0
    in_time: float = 3.0
    settle: float = 4.0
    patience: float = 20.0
    longest_patience: float = 320.0
    longest_run: float = 30.0


DEFAULT = Limits()


@dataclass(frozen=True)
class Plan:
    """What is done at one level.

    Attributes:
        partials: engines that show provisional words.
        finals: engines that write phrases.
        narrow: whether search is greedy.
    """

    partials: tuple[str, ...]
    finals: tuple[str, ...]
    narrow: bool = False


@dataclass(frozen=True)
class State:
    """Where the governor stands.

    Attributes:
        order: engines, cheapest first; fixed while any is held back, so that levels mean the same.
        level: 0 does everything.
        since: when the level was taken.
        seen: when the work was last looked at.
        in_time: seconds of work in time, in a row; silence does not count, it proves nothing.
        worked: seconds of work at this level.
        patience: seconds in time that the next step up asks for.
        on_trial: whether the level was come to by a step up that has not held yet.
    """

    order: tuple[str, ...]
    level: int = 0
    since: float = 0.0
    seen: float = 0.0
    in_time: float = 0.0
    worked: float = 0.0
    patience: float = Limits.patience
    on_trial: bool = False


def ladder(order: Sequence[str]) -> tuple[Plan, ...]:
    """What is done at every level, from everything down to final text from the cheapest engine alone.

    Level 0 does everything; then provisional words come from the cheapest engine alone; then search is greedy; then
    there is one engine less per level, the dearest first; in the end there are no provisional words either.
    """
    every = tuple(order)
    first = every[:1]
    levels = [Plan(every, every), Plan(first, every)]
    levels += [Plan(first, every[:count], narrow=True) for count in range(len(every), 0, -1)]
    levels.append(Plan((), first, narrow=True))
    return tuple(dict.fromkeys(levels))


def plan(state: State) -> Plan:
    """What is done at the present level."""
    return ladder(state.order)[state.level]


def order_by_cost(engines: Sequence[str], seconds: Mapping[str, float]) -> tuple[str, ...]:
    """Engines, cheapest first; those that were not measured yet keep their place behind them."""
    known = sorted((engine for engine in engines if engine in seconds), key=lambda engine: seconds[engine])
    return (*known, *(engine for engine in engines if engine not in seconds))


def step(
    state: State,
    *,
    now: float,
    behind: float,
    working: bool,
    seconds: Mapping[str, float],
    limits: Limits = DEFAULT,
) -> State:
    """The state after looking at the work once more.

    Args:
        state: as it was.
        now: seconds on any clock that does not go back.
        behind: how many seconds the work is behind the speech.
        working: whether there is speech, or work left.
        seconds: engine → what its last runs took, for the order in which engines are held back.
        limits: when to step.
    """
    passed = now - state.seen if working else 0.0
    state = replace(state, seen=now, worked=state.worked + passed)
    if state.on_trial and state.worked >= state.patience:
        state = replace(state, on_trial=False, patience=limits.patience)
    if behind > limits.late:
        return _down(replace(state, in_time=0.0), seconds, limits)
    if behind > limits.in_time:
        return replace(state, in_time=0.0)
    state = replace(state, in_time=state.in_time + passed)
    if state.level and min(state.in_time, state.worked) >= state.patience:
        return _at(state, state.level - 1, on_trial=True)
    return state


def _down(state: State, seconds: Mapping[str, float], limits: Limits) -> State:
    settling = state.level > 0 and state.seen - state.since < limits.settle
    if settling or state.level >= len(ladder(state.order)) - 1:
        return state
    if state.on_trial:
        state = replace(state, patience=min(limits.longest_patience, 2 * state.patience))
    if state.level == 0:
        state = replace(state, order=order_by_cost(state.order, seconds))
    return _at(state, state.level + 1, on_trial=False)


def _at(state: State, level: int, *, on_trial: bool) -> State:
    return replace(state, level=level, since=state.seen, in_time=0.0, worked=0.0, on_trial=on_trial)


def sentence(before: State, after: State, names: Mapping[str, str]) -> str:
    """What a person is told about a step; empty where there was none.

    Args:
        before: the state until now.
        after: the state from now on.
        names: engine → its name for people.
    """
    if after.level == before.level:
        return ""
    if after.level > before.level:
        return f"This machine cannot keep up: {_less(plan(before), plan(after), names)}."
    return f"There is time again: {_more(plan(before), plan(after), names)}."


def _less(old: Plan, new: Plan, names: Mapping[str, str]) -> str:
    paused = [names[engine] for engine in old.finals if engine not in new.finals]
    first = names[new.finals[0]]
    if paused:
        return f"{_joined(paused)} pause{'s' if len(paused) == 1 else ''}"
    if new.narrow and not old.narrow:
        return "every engine searches less widely"
    if not new.partials:
        return f"{first} writes when a phrase is over, and no sooner"
    return f"only {first} shows words while you speak, the others after each phrase"


def _more(old: Plan, new: Plan, names: Mapping[str, str]) -> str:
    back = [names[engine] for engine in new.finals if engine not in old.finals]
    if back:
        return f"{_joined(back)} go{'es' if len(back) == 1 else ''} on"
    if new.partials and not old.partials:
        return f"{names[new.partials[0]]} shows words while you speak"
    if old.narrow and not new.narrow:
        return "every engine searches as widely as it should"
    return "every engine writes while you speak"


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
