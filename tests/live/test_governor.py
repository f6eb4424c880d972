"""The governor on a simulated clock: it steps down when late, up when there was time, and does not swing."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from engines.live.governor import Limits, Plan, State, ladder, order_by_cost, plan, sentence, step

ENGINES = ("a", "b", "c")
NAMES = {"a": "Alpha", "b": "Beta", "c": "Gamma"}
LIMITS = Limits(late=6, in_time=3, settle=4, patience=20, longest_patience=80)


def pass_time(
    state: State, seconds: float, behind: float, *, working: bool = True, costs: dict[str, float] | None = None
) -> State:
    for _ in range(round(seconds / 0.5)):
        now = state.seen + 0.5
        state = step(state, now=now, behind=behind, working=working, seconds=costs or {}, limits=LIMITS)
    return state


def test_what_is_done_at_every_level() -> None:
    assert ladder(("a", "b")) == (
        Plan(("a", "b"), ("a", "b")),
        Plan(("a",), ("a", "b")),
        Plan(("a",), ("a", "b"), narrow=True),
        Plan(("a",), ("a",), narrow=True),
        Plan((), ("a",), narrow=True),
    )
    assert ladder(("a",)) == (Plan(("a",), ("a",)), Plan(("a",), ("a",), narrow=True), Plan((), ("a",), narrow=True))
    assert ladder(())[0] == Plan((), ())


def test_late_work_steps_down_once_per_settling_time() -> None:
    state = pass_time(State(ENGINES), 0.5, 7)
    assert state.level == 1
    assert pass_time(state, 3.5, 7).level == 1
    assert pass_time(state, 4, 7).level == 2


def test_it_ends_at_the_lowest_level() -> None:
    state = pass_time(State(ENGINES), 200, 50)
    assert state.level == len(ladder(ENGINES)) - 1
    assert plan(state) == Plan((), ("a",), narrow=True)


def test_the_dearest_engine_is_held_back_first() -> None:
    state = pass_time(State(ENGINES), 9, 7, costs={"a": 9.0, "b": 0.5, "c": 2.0})
    assert state.order == ("b", "c", "a")
    assert plan(state).finals == ("b", "c")
    # the order stays while anything is held back, whatever is measured now
    assert pass_time(state, 4, 7, costs={"a": 0.1, "b": 9.0}).order == ("b", "c", "a")


def test_engines_not_measured_yet_come_last() -> None:
    assert order_by_cost(("x", "y", "z"), {"z": 1.0, "y": 2.0}) == ("z", "y", "x")


def test_between_the_two_limits_nothing_happens() -> None:
    state = pass_time(State(ENGINES), 0.5, 7)
    assert pass_time(state, 1000, 4).level == 1
    assert pass_time(State(ENGINES), 1000, 6).level == 0


def test_work_in_time_steps_up_after_patience() -> None:
    state = pass_time(State(ENGINES), 0.5, 7)
    assert pass_time(state, 19.5, 1).level == 1
    up = pass_time(state, 20.5, 1)
    assert (up.level, up.on_trial) == (0, True)


def test_silence_proves_nothing() -> None:
    state = pass_time(State(ENGINES), 0.5, 7)
    assert pass_time(state, 1000, 0, working=False).level == 1


def test_a_step_up_that_fails_makes_it_wait_longer_and_one_that_holds_forgives() -> None:
    state = pass_time(State(ENGINES), 0.5, 7)
    for patience in (40, 80, 80):
        state = pass_time(state, state.patience + 0.5, 1)
        assert state.level == 0
        state = pass_time(state, 0.5, 7)
        assert (state.level, state.patience) == (1, patience)
    state = pass_time(state, 81, 1)
    assert state.level == 0
    state = pass_time(state, 81, 1)
    assert (state.patience, state.on_trial) == (20, False)


def test_a_machine_that_can_do_level_one_only_swings_less_and_less() -> None:
    state, changes = State(ENGINES), []
    for half in range(2 * 3600):
        behind = 8.0 if state.level == 0 else 1.0
        after = step(state, now=half / 2, behind=behind, working=True, seconds={}, limits=LIMITS)
        if after.level != state.level:
            changes.append(half / 2)
        state = after
    assert len(changes) < 2 * (3600 / 80) + 8


@given(st.lists(st.tuples(st.floats(0, 60), st.booleans(), st.floats(0.01, 5)), max_size=60), st.integers(1, 5))
def test_levels_are_always_plans_and_move_by_one(steps: list[tuple[float, bool, float]], count: int) -> None:
    state = State(tuple("abcde"[:count]))
    now = 0.0
    for behind, working, passed in steps:
        now += passed
        after = step(state, now=now, behind=behind, working=working, seconds={}, limits=LIMITS)
        assert abs(after.level - state.level) <= 1
        assert plan(after).finals
        assert set(plan(after).partials) <= set(plan(after).finals)
        told = sentence(state, after, {engine: engine for engine in "abcde"})
        assert bool(told) == (after.level != state.level)
        state = after


def test_what_a_person_is_told() -> None:
    levels = [State(ENGINES, level) for level in range(len(ladder(ENGINES)))]
    down = [sentence(one, other, NAMES) for one, other in itertools.pairwise(levels)]
    assert down == [
        "This machine cannot keep up: only Alpha shows words while you speak, the others after each phrase.",
        "This machine cannot keep up: every engine searches less widely.",
        "This machine cannot keep up: Gamma pauses.",
        "This machine cannot keep up: Beta pauses.",
        "This machine cannot keep up: Alpha writes when a phrase is over, and no sooner.",
    ]
    up = [sentence(one, other, NAMES) for other, one in itertools.pairwise(levels)]
    assert up == [
        "There is time again: every engine writes while you speak.",
        "There is time again: every engine searches as widely as it should.",
        "There is time again: Gamma goes on.",
        "There is time again: Beta goes on.",
        "There is time again: Alpha shows words while you speak.",
    ]
