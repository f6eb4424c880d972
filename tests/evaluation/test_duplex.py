"""Measuring the duplex loop: what is counted, falling behind, and what cannot be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.contract import SAMPLE_RATE
from engines.errors import AudioUnusable
from engines.evaluation import duplex
from engines.evaluation.duplex import measure, speech, told
from engines.tokens.duplex import DuplexLoop
from tests.models import tiny_codec, tiny_duplex

pytest.importorskip("torch")


@pytest.fixture
def loop(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    model, _ = tiny_duplex.write(tmp_path)
    codec, _ = tiny_codec.write(tmp_path)
    return DuplexLoop(model, codec)


def slow(loop, monkeypatch, seconds):
    advance = loop.advance

    def waits(state):
        frame, state = advance(state)
        took = 0.0 if frame.kind == "dropped" else seconds
        return replace(frame, listening=took / 4, thinking=took / 2, speaking=took / 4), state

    monkeypatch.setattr(loop, "advance", waits)


def test_a_quick_loop_keeps_real_time(loop, monkeypatch):
    slow(loop, monkeypatch, 0.04)
    found = measure(loop, np.zeros(2 * SAMPLE_RATE, np.float32), warm=2)
    assert found.frames == 25
    assert (found.median, found.p95, found.most) == pytest.approx((0.04, 0.04, 0.04))
    assert (found.listening, found.thinking, found.speaking) == pytest.approx((0.25, 0.5, 0.25))
    assert (found.late, found.dropped, found.kept) == (0, 0, True)
    assert told(found)[-1] == "keeps real time"


def test_a_slow_loop_tells_how_far_it_falls_behind(loop, monkeypatch):
    slow(loop, monkeypatch, 0.2)
    found = measure(loop, np.zeros(4 * SAMPLE_RATE, np.float32), warm=1, backlog=2)
    assert found.late > 10
    assert found.dropped > 10
    assert found.waited == 2
    assert not found.kept
    assert "does not keep real time" in told(found)


def test_the_samples_are_played_over_and_over():
    found = speech(90.0)
    assert found.shape == (90 * SAMPLE_RATE,)
    assert np.abs(found[-SAMPLE_RATE:]).max() > 0
    with pytest.raises(AudioUnusable, match="0 s"):
        speech(0.0)


def test_nothing_cannot_be_measured(loop):
    with pytest.raises(AudioUnusable, match="no frame"):
        measure(loop, np.zeros(0, np.float32))


def test_the_command_names_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    assert duplex.main(["--seconds", "1"]) != 0
    assert "token-duplex" in capsys.readouterr().err
