"""A live run on a simulated clock: words, delays, load, faults."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from engines.contract import Task
from engines.errors import BadInput
from engines.live.asking import Asked
from engines.live.driving import LiveThread, simulate
from engines.live.events import Ended, Load, Out, Paused, Ready, Skipped, Speaking, Words, as_json
from engines.live.governor import Limits
from tests.live.fakes import Fault, Stage, spoken


def test_words_come_while_somebody_speaks_and_are_final_after() -> None:
    stage = Stage("one", "two")
    simulate(stage.setting, spoken(4, 1, 3, 1), stage.tell)
    assert isinstance(stage.events[0], Ready)
    for engine in ("one", "two"):
        assert stage.final(engine, 0) == "w0 w1 w2 w3 w4 w5 w6 w7"
        assert [event.text for event in stage.written(engine)] == ["w0 w1 w2 w3 w4 w5 w6 w7", "w0 w1 w2 w3 w4 w5"]
    ended = next(event.at for event in stage.of(Paused))
    early = [event for event in stage.of(Words) if event.at < ended and event.final]
    assert early
    assert any(event.provisional for event in stage.of(Words))
    assert not stage.of(Skipped)
    assert isinstance(stage.events[-1], Ended)


def test_delay_is_from_the_end_of_speech_with_the_pause_that_ends_a_phrase() -> None:
    stage = Stage("one", costs={"one": 0.5})
    simulate(stage.setting, spoken(4, 2), stage.tell)
    (written,) = stage.written("one")
    # .6 s of pause, then the run; a run that was on at that moment may come first
    assert 1.05 < written.delay < 1.75
    assert written.over.phrases == 1
    assert written.over.last == written.delay
    assert written.laal is not None
    assert 0.4 < written.laal < 3


def test_a_run_that_writes_provisional_words_makes_room_for_the_last_ones() -> None:
    stage = Stage("one", costs={"one": lambda request: 0.3 if request.options.get("beam") != 1 else 3.0})
    simulate(stage.setting, spoken(6, 2), stage.tell)
    (written,) = stage.written("one")
    # provisional words take three seconds; the run writes from half of that on, and is ended then
    assert written.delay < 0.6 + 0.3 + 0.1
    assert written.text.endswith("w10 w11")
    assert not stage.of(Skipped)
    assert not stage.of(Out)


def test_a_run_that_does_not_end_is_ended_and_the_next_phrase_is_written() -> None:
    costs = {"one": lambda request: 100.0 if request.utterance.seconds > 4 else 0.2}
    stage = Stage("one", costs=costs, limits=Limits(late=1e6, in_time=1e6))
    simulate(stage.setting, spoken(6, 40, 2, 1), stage.tell)
    assert [(event.engine, event.phrase) for event in stage.of(Skipped)] == [("one", 0)]
    assert [event.text for event in stage.written("one")] == ["w0 w1 w2 w3"]
    assert not stage.of(Out)


def test_a_fault_in_the_program_is_told_and_the_run_ends() -> None:
    stage = Stage("one")

    def broken(_: object) -> None:
        raise ZeroDivisionError("by zero")

    live = LiveThread(replace(stage.setting, detect=broken), stage.tell)
    live.start()
    live.hear(spoken(1))
    assert live.wait(10)
    (out,) = stage.of(Out)
    assert "ZeroDivisionError: by zero" in out.why
    assert isinstance(stage.events[-1], Ended)
    assert stage.host.closed


def test_a_run_is_given_up_at_once() -> None:
    stage = Stage("one")
    live = LiveThread(stage.setting, stage.tell)
    live.start()
    live.hear(spoken(3))
    live.abandon()
    assert live.wait(10)
    assert isinstance(stage.events[-1], Ended)
    assert stage.host.closed


def test_engines_of_a_round_hear_the_same() -> None:
    stage = Stage("one", "two")
    simulate(stage.setting, spoken(5, 1), stage.tell)
    digests = [(engine, request.utterance.digest) for engine, request in stage.host.asked]
    for (first, left), (second, right) in zip(digests[::2], digests[1::2], strict=True):
        assert (first, second) == ("one", "two")
        assert left == right


def test_provisional_search_is_greedy_and_the_last_one_is_not() -> None:
    stage = Stage("one", asked=Asked(options={"one": {"beam": 7}}))
    simulate(stage.setting, spoken(3, 1), stage.tell)
    beams = [request.options["beam"] for _, request in stage.host.asked]
    assert beams[-1] == 7
    assert set(beams[:-1]) == {1}


def test_a_translation_has_words_of_both_kinds() -> None:
    stage = Stage("one", asked=Asked(Task.TRANSLATE, "en"))
    simulate(stage.setting, spoken(3, 1), stage.tell)
    assert stage.final("one", 0) == "w0 w1 w2 w3 w4 w5"
    assert stage.final("one", 0, "translation") == "W0 W1 W2 W3 W4 W5"
    assert stage.written("one")[0].text == "W0 W1 W2 W3 W4 W5"


def test_a_cough_is_no_phrase() -> None:
    stage = Stage("one")
    simulate(stage.setting, spoken(0.15, 2, 2, 1), stage.tell)
    assert [event.speech for event in stage.of(Paused)] == [False, True]
    assert [event.phrase for event in stage.written("one")] == [1]


def test_speech_without_a_pause_is_cut_and_nothing_of_it_is_lost() -> None:
    stage = Stage("one", write=lambda _, request: "x " * round(request.utterance.seconds))
    simulate(stage.setting, spoken(50, 1), stage.tell)
    assert len(stage.of(Speaking)) == 4
    finals = [request.utterance for _, request in stage.host.asked if request.options.get("beam") != 1]
    assert all(utterance.seconds <= 15.3 for utterance in finals)
    assert sum(np.count_nonzero(utterance.samples) for utterance in finals) == np.count_nonzero(spoken(50, 1))


def test_a_slow_machine_drops_to_what_it_can_and_says_so() -> None:
    stage = Stage("fast", "slow", costs={"fast": 0.3, "slow": 9.0})
    simulate(stage.setting, spoken(*[5, 1] * 20), stage.tell)
    loads = stage.of(Load)
    assert loads[0].level == 0
    assert loads[0].sentence == ""
    assert any(load.finals == ("fast",) for load in loads)
    assert any("Slow pauses" in load.sentence for load in loads)
    assert stage.of(Ended)[0].highest >= 3
    assert len(stage.written("fast")) == 20
    late = [event.delay for event in stage.written("fast")]
    assert max(late) < 20
    assert np.median(late) < 3


def test_a_fast_machine_keeps_everything() -> None:
    stage = Stage("one", "two", costs={"one": 0.2, "two": 0.4})
    simulate(stage.setting, spoken(*[5, 1] * 20), stage.tell)
    assert [load.level for load in stage.of(Load)] == [0]


def test_a_machine_that_is_hopeless_leaves_phrases_out_and_says_which() -> None:
    stage = Stage("one", costs={"one": 12.0})
    simulate(stage.setting, spoken(*[4, 1] * 20), stage.tell)
    skipped = stage.of(Skipped)
    assert skipped
    assert all("left out" in event.why for event in skipped)
    assert len(skipped) + len(stage.written("one")) == 20
    assert max(event.delay for event in stage.written("one")) < 40


def test_an_engine_that_fails_again_and_again_is_out_and_the_others_go_on() -> None:
    stage = Stage("one", "bad", faults={"bad": Fault})
    simulate(stage.setting, spoken(3, 1, 3, 1), stage.tell)
    (out,) = stage.of(Out)
    assert (out.engine, out.kind, out.hint) == ("bad", "ServerUnreachable", "Start it.")
    assert len(stage.written("one")) == 2


def test_events_are_json() -> None:
    stage = Stage("one")
    simulate(stage.setting, spoken(3, 1), stage.tell)
    kinds = [json.loads(json.dumps(as_json(event), allow_nan=False))["event"] for event in stage.events]
    assert kinds[0] == "ready"
    assert kinds[-1] == "ended"


def test_the_same_words_come_on_the_clock_of_the_wall() -> None:
    stage = Stage("one")
    live = LiveThread(stage.setting, stage.tell)
    live.start()
    sound = spoken(3, 1)
    for at in range(0, sound.shape[0], 800):
        live.hear(sound[at : at + 800])
    live.stop()
    assert live.wait(10)
    assert stage.host.closed
    assert stage.written("one")[0].text == "w0 w1 w2 w3 w4 w5"
    assert isinstance(stage.events[-1], Ended)


@pytest.mark.parametrize("task", [Task.RESPOND, Task.SPEAK])
def test_what_cannot_be_done_live_is_said(task: Task) -> None:
    stage = Stage("one", asked=Asked(task))
    with pytest.raises(BadInput, match=f"{task} cannot be done live"):
        simulate(stage.setting, spoken(1), stage.tell)


def test_no_engine_is_said() -> None:
    stage = Stage()
    with pytest.raises(BadInput, match="No engine"):
        simulate(stage.setting, spoken(1), stage.tell)
