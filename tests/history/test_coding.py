"""Events as bytes and back."""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from engines.contract import (
    Attention,
    AudioChunk,
    Evidence,
    EvidenceFound,
    Failed,
    FrameClock,
    Hypothesis,
    NBest,
    Neighbours,
    Posteriors,
    Preparing,
    Stamped,
    TextDelta,
    TokenStream,
    UnitPhones,
)
from engines.errors import RunUnreadable
from engines.history import coding, sound
from tests.history.stories import speech, story


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other))
    if dataclasses.is_dataclass(one):
        fields = (field.name for field in dataclasses.fields(one))
        return type(one) is type(other) and all(_same(getattr(one, n), getattr(other, n)) for n in fields)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


EVIDENCE: tuple[Evidence, ...] = (
    NBest(0, 0.3, 1.0, (Hypothesis("a “b”", -1.25, 2, -3.0, 1), Hypothesis("c", -2.0, 1)), 0.35, chosen=1),
    Attention(("a", "b"), np.arange(6, dtype=np.float32).reshape(2, 3) / 15, 0.5, 0.02, rows="queries"),
    Posteriors(
        0, 0.0, 0.04, ("x",), np.zeros((3, 1), np.int32), np.full((3, 1), 0.1, np.float32),
        np.full(3, 0.9, np.float32), np.array([-1, 0, 0], np.int32),
    ),
    Neighbours(1, np.zeros((1, 2), np.float32), (("a", "b"),), np.array([[0.5, np.nan]], np.float32)[:, :1]),
    TokenStream("Units", 0, 0.0, 0.04, np.array([[1, -1]], np.int32), (1000,), 250.0, np.array([2], np.int32), "out"),
    UnitPhones(0, "Units", np.array([1], np.int32), ("a",), np.ones((1, 1), np.float32), "Counted."),
    FrameClock(0.0, 0.08, np.array([0.01], np.float32), ("a",), kinds=("lost",)),
)  # fmt: skip


def test_everything_comes_back_as_it_was() -> None:
    events = [event for event in story("grüße 你好", *EVIDENCE) if not isinstance(event.event, AudioChunk)]
    events.append(Stamped("whisper", 2.0, Failed("EngineCrashed", "It died.", "Again.")))
    read = coding.decode(coding.encode(events), "whisper")
    assert read.skipped == 0
    assert _same(read.events, tuple(events))


def test_how_far_a_fetch_had_come_is_not_kept() -> None:
    read = coding.decode(coding.encode([Stamped("x", 0.0, Preparing("Fetching", 1, 2))]), "x")
    assert read == coding.Read(())


@pytest.mark.parametrize("exact", [True, False])
def test_speech_keeps_its_chunks_and_its_rate(exact: bool) -> None:
    made = speech() if exact else np.random.default_rng(1).uniform(-1, 1, 900).astype(np.float32)
    chunks = [AudioChunk(made[:300], 22_050), AudioChunk(made[300:], 22_050), AudioChunk(made[:0], 22_050)]
    read = coding.decode(coding.encode([Stamped("x", 0.1, chunk) for chunk in chunks]), "x")
    found = [event.event for event in read.events]
    assert [(c.rate, c.samples.shape) for c in found] == [(c.rate, c.samples.shape) for c in chunks]
    error = max(float(np.abs(a.samples - b.samples).max(initial=0)) for a, b in zip(found, chunks, strict=True))
    assert error == 0 if exact else error <= 2.0**-23


def test_16_bits_are_kept_bit_for_bit_in_every_length() -> None:
    for length in (1, 2, 70_000):
        samples = np.resize(speech(), length).astype(np.float32)
        found, rate = sound.unpack(sound.pack(samples, 16_000))
        assert rate == 16_000
        assert np.array_equal(found, samples)


def _written(*rows: Any, parts: tuple[bytes, ...] = ()) -> bytes:
    head = json.dumps({"version": 1, "events": list(rows)}).encode()
    return b"TRE1" + zlib.compress(b"".join(struct.pack("<Q", len(p)) + p for p in (head, *parts)))


@pytest.mark.parametrize(
    "row",
    [
        [0.1, {"$": "Invented", "text": "x"}],
        [0.1, {"$": "TextDelta", "text": 5, "final": True}],
        [0.1, {"$": "TextDelta", "text": "no final"}],
        [0.1, {"$": "Hypothesis", "text": "no event", "acoustic": -1.0, "tokens": 1}],
        [0.1, {"$": "EvidenceFound", "evidence": {"$": "Tomorrow"}}],
        ["soon", {"$": "StageStarted", "stage": "x"}],
        [0.1, "text"],
    ],
)
def test_what_another_version_wrote_is_left_out_and_counted(row: Any) -> None:
    good = [0.2, {"$": "TextDelta", "text": "a", "final": True, "later": 1}]
    read = coding.decode(_written(row, good), "x")
    assert read == coding.Read((Stamped("x", 0.2, TextDelta("a", final=True)),), 1)


def _array(**fields: Any) -> Any:
    array = {"$": "array", "part": 0, "type": "<f4", "shape": [2, 2]} | fields
    evidence = {"$": "Attention", "labels": ["a", "b"], "weights": array, "start": 0.0, "frame_seconds": 0.1}
    return [0.0, {"$": "EvidenceFound", "evidence": evidence}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nothing of ours",
        coding.encode(story())[:-9],
        b"TRE1" + zlib.compress(b"\xff" * 100),
        _written(_array(type="|O"), parts=(bytes(16),)),
        _written(_array(shape=[2, 3]), parts=(bytes(16),)),
        _written(_array(shape=[-1, 2]), parts=(bytes(16),)),
        _written(_array(part=4), parts=(bytes(16),)),
        _written(_array(part=-1), parts=(bytes(16),)),
        _written([0.0, {"$": "sound", "part": 0, "rate": 16_000}], parts=(b"RIFF",)),
        _written([0.0, {"$": "sound", "part": 0, "rate": "x"}], parts=(b"",)),
    ],
)
def test_damage_is_one_sentence(data: bytes) -> None:
    with pytest.raises(RunUnreadable, match="What whisper did"):
        coding.decode(data, "whisper")


def test_arrays_of_another_type_are_not_taken() -> None:
    assert coding.decode(_written(_array(), parts=(bytes(16),)), "x").skipped == 0
    assert coding.decode(_written(_array(type="<f8"), parts=(bytes(32),)), "x").skipped == 1


def test_what_inflates_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "LARGEST", 10_000)
    with pytest.raises(RunUnreadable):
        coding.decode(_written([0.0, {"$": "StageStarted", "stage": "x" * 20_000}]), "x")


def test_events_of_an_engine_are_given_to_its_id() -> None:
    assert {event.engine for event in coding.decode(coding.encode(story()), "other").events} == {"other"}
    assert EvidenceFound in {type(e.event) for e in coding.decode(coding.encode(story("a", EVIDENCE[0])), "x").events}
