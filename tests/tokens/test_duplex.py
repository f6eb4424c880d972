"""The streaming loop with random weights: the same by parts and as a whole, lost and dropped frames, bad frames."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from engines.contract import SAMPLE_RATE
from engines.errors import AdapterMismatch, AudioUnusable
from engines.models.duplex import Liveliness
from engines.tokens.backlog import Arrival, Backlog, Pace
from engines.tokens.duplex import DuplexLoop, cut, stream
from tests.models import tiny_codec, tiny_duplex
from tests.models.tiny_duplex import BOOKS, STACK

pytest.importorskip("torch")

FRAME = STACK * 320


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIPTYCH_ADAPTERS", str(root))
        duplex, _ = tiny_duplex.write(root)
    codec, _ = tiny_codec.write(root, tiny_codec.spectral())
    return duplex, codec


@pytest.fixture
def loop(parts):
    return DuplexLoop(*parts, Liveliness(1.0, 1.0), seed=3)


def speech(seconds=1.5, seed=0):
    return (0.1 * np.random.default_rng(seed).normal(size=round(seconds * SAMPLE_RATE))).astype(np.float32)


def played(loop, source, state=None, bound=5, **how):
    backlog, pace = Backlog(bound), Pace(loop.frame_seconds, loop.ahead)
    found = list(stream(loop, state or loop.begin(), source, backlog, pace, **how))
    return [frame for frame, _ in found], [state for _, state in found], backlog, pace


def test_what_is_heard_and_spoken_is_what_the_codec_makes_of_the_whole(loop):
    samples = speech()
    frames, states, backlog, pace = played(loop, cut(samples, FRAME))
    assert [frame.number for frame in frames] == list(range(19))
    whole = np.zeros(19 * FRAME, np.float32)
    whole[: len(samples)] = samples
    heard = np.concatenate([frame.heard for frame in frames], axis=1)
    assert (heard == loop.codec.encode(whole)[:BOOKS]).all()
    own = np.concatenate([frame.own for frame in frames], axis=1)
    spoken = np.concatenate([frame.samples for frame in frames])
    assert np.abs(spoken - loop.codec.decode(own)).max() < 1e-4
    assert (backlog.dropped, backlog.most) == (0, 1)
    assert pace.late <= 19
    assert max(len(state.sound) for state in states) <= (loop.codec.card.codec.encoder_frames + 3 * STACK) * 320


def test_a_state_that_is_put_aside_goes_on_as_if_nothing_had_been(loop):
    samples = speech()
    whole, states, *_ = played(loop, cut(samples, FRAME))
    kept = copy.deepcopy(states[6])
    played(loop, cut(speech(seed=1), FRAME), states[6])
    seen = (kept.frame + len(kept.coming)) * FRAME
    rest, *_ = played(loop, cut(samples[seen:], FRAME), kept)
    assert [frame.number for frame in rest] == [frame.number for frame in whole[7:]]
    for one, other in zip(rest, whole[7:], strict=True):
        assert (one.own == other.own).all()
        assert (one.heard == other.heard).all()
        assert np.abs(one.samples - other.samples).max() < 1e-5
        assert one.text == other.text


def test_a_frame_waits_for_the_sound_behind_it(parts):
    duplex, codec = parts
    loop = DuplexLoop(duplex, codec)
    later = codec.card.codec.encoder_later
    assert loop.ahead == (1 if later else 0)
    state = loop.begin()
    assert not loop.ready(state, ended=True)
    state = loop.take(state, Arrival("heard", np.zeros(FRAME, np.float32)))
    assert loop.ready(state) == (later == 0)
    assert loop.ready(state, ended=True)


def test_frames_that_were_lost_are_told_as_such(loop):
    source = [None if number in {4, 5} else frame for number, frame in enumerate(cut(speech(), FRAME))]
    frames, *_ = played(loop, source)
    assert [frame.kind for frame in frames].count("lost") == 2
    for frame in frames:
        assert ((frame.heard == -1).all()) == (frame.number in {4, 5})
        assert (frame.own >= 0).all()


def test_a_slow_loop_drops_frames_counts_them_and_conceals_them(loop, monkeypatch):
    advance = loop.advance

    def slow(state):
        frame, state = advance(state)
        return replace(frame, thinking=0.001 if frame.kind == "dropped" else 0.3, listening=0.0, speaking=0.0), state

    monkeypatch.setattr(loop, "advance", slow)
    frames, _, backlog, pace = played(loop, cut(speech(4.0), FRAME), bound=3, patient=False)
    assert [frame.number for frame in frames] == list(range(50))
    dropped = [frame for frame in frames if frame.kind == "dropped"]
    assert len(dropped) == backlog.dropped > 10
    assert backlog.most == 3
    assert pace.late > 5
    assert pace.behind < (3 + 2) * 0.3  # those that wait, the one that is heard, and the one behind it
    for frame in dropped:
        assert (frame.own == -1).all()
        assert (frame.heard == -1).all()
        assert frame.text == ""
        assert frame.samples.shape == (FRAME,)
        assert np.abs(frame.samples).max() <= 1
    patient, _, waiting, told = played(loop, cut(speech(4.0), FRAME), bound=3)
    assert {frame.kind for frame in patient} == {"heard"}
    assert waiting.dropped == 0
    assert told.late >= 49


def test_a_memory_never_grows(loop):
    _, states, *_ = played(loop, cut(np.zeros(60 * FRAME, np.float32), FRAME))
    sizes = {
        (state.memory.keys.shape, state.spoken.shape, state.sound.shape, len(state.coming)) for state in states[30:-1]
    }
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (np.zeros(FRAME // 2, np.float32), "80 ms at 16000 Hz has 1280"),
        (np.zeros((2, FRAME), np.float32), "2 × 1280 samples"),
        (np.full(FRAME, np.nan, np.float32), "no numbers"),
    ],
)
def test_frames_of_another_rate_and_broken_ones_are_refused(loop, frame, sentence):
    with pytest.raises(AudioUnusable, match=sentence):
        played(loop, [frame])


def test_a_codec_with_fewer_codebooks_is_refused(parts, tmp_path, monkeypatch):
    duplex, codec = parts
    codec = copy.copy(codec)
    codec.books = BOOKS - 1
    with pytest.raises(AdapterMismatch, match="does not go with"):
        DuplexLoop(duplex, codec)
    codec.books, codec.rate = BOOKS, 24_000
    with pytest.raises(AdapterMismatch, match="does not go with"):
        DuplexLoop(duplex, codec)


def test_recordings_are_cut_into_whole_frames():
    found = list(cut(speech(0.1), FRAME, after=2))
    assert [frame.shape for frame in found] == [(FRAME,)] * 4
    assert not found[2].any()
    assert list(cut(np.zeros(0, np.float32), FRAME)) == []
