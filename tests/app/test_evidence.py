"""Every kind of evidence becomes plain JSON."""

from __future__ import annotations

import json
import math
import typing

import numpy as np
import pytest

from app.commands.evidence import as_json
from engines.contract import (
    Attention,
    Evidence,
    FrameClock,
    Neighbours,
    Posteriors,
    SpeechTokens,
    TokenScores,
    TokenStream,
    UnitPhones,
)

PIECES = (
    Attention(("a",), np.full((1, 3), 1 / 3, np.float32), 0.5, 0.04, rows="queries"),
    Neighbours(1, np.array([[0, 0.08]], np.float32), ((" the", "The"),), np.array([[0.9, 0.12345]], np.float32)),
    Posteriors(
        0, 0.0, 0.04, (" a", "b"), np.array([[0, 1]], np.int32), np.array([[0.7, 0.2]], np.float32),
        np.array([0.1], np.float32), np.array([-1], np.int32),
    ),
    SpeechTokens(2, 17, 1.25),
    TokenScores(0, ("x",), (-math.inf,)),
    TokenStream("Units", 0, 0.0, 0.04, np.array([[3, 3, 7]], np.int32), (500,), 150.0, np.array([2, 1], np.int32)),
    TokenStream("Codec", 0, 0.0, 0.02, np.array([[3, -1], [1, 0]], np.int32), (1024, 1024), 1000.0, None, "out"),
    UnitPhones(0, "Units", np.array([3], np.int32), ("a", ""), np.array([[0.75, 0.25]], np.float32), "Counted."),
    FrameClock(
        0.0, 0.08, np.array([0.01, 0.09], np.float32), ("", " a"), 1, kinds=("heard", "lost"), stages=("think",),
        spent=np.array([[0.01, 0.09]], np.float32), behind=0.09,
    ),
)  # fmt: skip


@pytest.mark.parametrize("evidence", PIECES, ids=lambda piece: type(piece).__name__)
def test_evidence_becomes_plain_json(evidence):
    found = as_json(evidence)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) - {"kind"} == set(type(evidence).__dataclass_fields__)


def test_kinds_are_distinct_words():
    kinds = {as_json(piece)["kind"] for piece in PIECES}
    assert kinds == {
        "attention",
        "neighbours",
        "posteriors",
        "speech_tokens",
        "token_scores",
        "token_stream",
        "unit_phones",
        "frame_clock",
    }
    assert len(typing.get_args(Evidence)) >= len(kinds)


def test_numbers_are_rounded_and_infinity_is_null():
    assert as_json(PIECES[1])["similarities"] == [[0.9, 0.1235]]
    assert as_json(PIECES[4])["log_probabilities"] == [None]


def test_streams_of_tokens_say_whether_runs_were_joined():
    units, codec = as_json(PIECES[5]), as_json(PIECES[6])
    assert units["durations"] == [2, 1]
    assert units["direction"] == "in"
    assert codec["durations"] is None
    assert codec["ids"] == [[3, -1], [1, 0]]
