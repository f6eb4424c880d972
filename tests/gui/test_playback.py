"""Stretches of the speech are played without disturbing anything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.playback import SHORTEST, STRETCH, Playback
from engines.audio.synthetic import Mark
from engines.contract import SAMPLE_RATE, Samples


class Recorded:
    """A player that notes what it is given."""

    def __init__(self) -> None:
        self.played: list[Samples] = []
        self.marks: list[Mark | None] = []
        self.playing = True
        self.position = 0.0

    def play(self, samples: Samples, rate: int, *, start: float = 0.0, mark: Mark | None = None) -> None:
        assert rate == SAMPLE_RATE
        self.marks.append(mark)
        self.played.append(samples[round(start * rate) :])

    def stop(self) -> None:
        pass


@pytest.fixture
def player() -> Recorded:
    return Recorded()


@pytest.fixture
def playback(player: Recorded, qtbot: QtBot) -> Iterator[Playback]:
    made = Playback(player)  # type: ignore[arg-type]  # as much of a player as is used
    made.load(np.ones(3 * SAMPLE_RATE, np.float32))
    yield made
    made.close()


def test_a_stretch_is_played_to_its_end_without_clicks(playback: Playback, player: Recorded, qtbot: QtBot) -> None:
    with qtbot.waitSignal(playback.other_changed) as told:
        playback.play_stretch(1.0, 2.0)
    assert told.args == [STRETCH]
    qtbot.waitUntil(lambda: bool(player.played))
    piece = player.played[0]
    assert piece.shape == (SAMPLE_RATE,)
    assert piece[0] == piece[-1] == 0.0
    assert piece[SAMPLE_RATE // 2] == 1.0


def test_a_frame_is_heard_with_a_little_around_it(playback: Playback, player: Recorded, qtbot: QtBot) -> None:
    playback.play_stretch(1.0, 1.04)
    playback.play_stretch(0.0, 0.04)
    qtbot.waitUntil(lambda: len(player.played) == 2)
    assert player.played[0].shape[0] == round(SHORTEST * SAMPLE_RATE)
    assert player.played[1].shape[0] == round((0.04 + SHORTEST) / 2 * SAMPLE_RATE)


def test_pointing_interrupts_nothing_but_asking_does(playback: Playback, player: Recorded, qtbot: QtBot) -> None:
    playback.toggle(0.5)
    playback.play_stretch(1.0, 2.0, gently=True)
    qtbot.wait(50)
    assert len(player.played) == 1
    with qtbot.waitSignal(playback.changed) as told:
        playback.play_stretch(1.0, 2.0)
    assert told.args == [False]
    playback.play_stretch(2.0, 3.0, gently=True)
    qtbot.waitUntil(lambda: len(player.played) == 3)


def test_without_speech_or_beyond_it_nothing_is_played(player: Recorded, playback: Playback, qtbot: QtBot) -> None:
    playback.play_stretch(60.0, 61.0)
    empty = Playback(player)  # type: ignore[arg-type]
    empty.play_stretch(0.0, 1.0)
    qtbot.wait(50)
    assert player.played == []
    empty.close()


def test_what_engines_say_is_played_with_its_mark(playback: Playback, player: Recorded, qtbot: QtBot) -> None:
    playback.toggle(0.0)
    playback.play_stretch(1.0, 2.0)
    playback.toggle_other("cascade", np.ones(100, np.float32), SAMPLE_RATE)
    qtbot.waitUntil(lambda: len(player.marks) == 3)
    assert player.marks == [None, None, Mark("cascade")]
