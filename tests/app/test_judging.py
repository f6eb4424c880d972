"""Rounds of blind judging: which pairs, in which order, what is kept."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.comparison import Comparison, Status
from app.judging import Round, groups, kinds, works
from engines.contract import AudioChunk, Result, Task, Utterance
from engines.evaluation.votes import Vote, Votes
from tests.engines import fakes

TEXTS = {"a": "one two", "b": "one two three", "c": "two"}


@pytest.fixture
def votes(tmp_path: Path) -> Votes:
    return Votes(tmp_path / "votes.jsonl")


def compared(texts: Mapping[str, str | None], digest: str = "u", *, voices: bool = False) -> Comparison:
    """A comparison that is over; engines without a text have failed."""
    utterance = Utterance(np.zeros(16_000, np.float32), digest, "talk.wav", language="en")
    comparison = Comparison(utterance, Task.TRANSCRIBE, None, [fakes.describe(name) for name in texts])
    for name, text in texts.items():
        status = Status.OK if text is not None else Status.FAILED
        run = replace(comparison.runs[name], status=status, result=Result(text) if text is not None else None)
        if voices:
            run = replace(run, audio=(AudioChunk(np.full(10, 0.1, np.float32), 24_000),))
        comparison.runs[name] = run
    return comparison


def test_every_two_are_judged_once_in_shuffled_order(votes: Votes) -> None:
    seen = set()
    for seed in range(30):
        round_ = Round(compared(TEXTS), "transcript", votes, random.Random(seed))
        assert {frozenset((pair.left.engine, pair.right.engine)) for pair in round_.pairs} == {
            frozenset("ab"),
            frozenset("ac"),
            frozenset("bc"),
        }
        seen.add(tuple((pair.left.engine, pair.right.engine) for pair in round_.pairs))
    assert len(seen) > 15
    assert {pairs[0][0] for pairs in seen} == {"a", "b", "c"}


def test_votes_are_kept_with_what_was_seen(votes: Votes) -> None:
    round_ = Round(compared(TEXTS), "transcript", votes, random.Random(1))
    pair = round_.current
    assert pair is not None
    round_.vote("right")
    (vote,) = votes
    assert (vote.left, vote.right, vote.better) == (pair.left.engine, pair.right.engine, "right")
    assert (vote.left_text, vote.right_text) == (TEXTS[pair.left.engine], TEXTS[pair.right.engine])
    assert (vote.judged, vote.utterance, vote.source, vote.language) == ("transcript", "u", "talk.wav", "en")
    assert vote.at
    assert round_.current is round_.pairs[1]


def test_undo_gives_the_pair_back_and_stops_at_the_round(votes: Votes) -> None:
    votes.add(Vote(judged="transcript", utterance="other", left="a", right="b", better="left"))
    round_ = Round(compared(TEXTS), "transcript", votes)
    round_.vote("left")
    round_.vote("tie")
    assert round_.undo()
    assert round_.undo()
    assert not round_.undo()
    assert round_.done == 0
    assert len(votes) == 1


def test_what_was_judged_is_not_asked_again(votes: Votes) -> None:
    round_ = Round(compared(TEXTS), "transcript", votes)
    round_.vote("left")
    assert len(Round(compared(TEXTS), "transcript", votes).pairs) == 2
    assert len(Round(compared(TEXTS, "other speech"), "transcript", votes).pairs) == 3
    while round_.current is not None:
        round_.vote("tie")
    round_.vote("left")
    assert len(votes) == 3
    assert Round(compared(TEXTS), "transcript", votes).current is None


def test_pairs_that_have_met_least_come_first(votes: Votes) -> None:
    for number, (left, right) in enumerate(("ab", "ab", "ac")):
        votes.add(Vote(judged="transcript", utterance=f"o{number}", left=left, right=right, better="tie"))
    pairs = Round(compared(TEXTS), "transcript", votes).pairs
    assert [{pair.left.engine, pair.right.engine} for pair in pairs] == [{"b", "c"}, {"a", "c"}, {"a", "b"}]


def test_what_reads_the_same_is_judged_once(votes: Votes) -> None:
    comparison = compared({"a": "one two", "b": "one  two ", "c": "two"})
    votes.add(Vote(judged="transcript", utterance="other", left="a", right="c", better="tie"))
    round_ = Round(comparison, "transcript", votes)
    assert round_.same == 1
    (pair,) = round_.pairs
    assert {pair.left.engine, pair.right.engine} == {"b", "c"}  # a and c have met
    round_.vote("left")
    assert Round(comparison, "transcript", votes).current is None


def test_failures_are_not_judged_and_kinds_need_a_difference() -> None:
    assert kinds(compared({"a": "x", "b": None})) == []
    assert kinds(compared({"a": "x", "b": "x"})) == []
    assert kinds(compared({"a": "x", "b": "y"})) == ["transcript"]
    assert kinds(compared({"a": "x", "b": "x"}, voices=True)) == ["voice"]


def test_every_voice_stands_alone() -> None:
    found = works(compared({"a": "x", "b": "x"}, voices=True), "voice")
    assert len(groups(found)) == 2
    assert found[0].voice is not None
    assert found[0].voice[1] == 24_000
