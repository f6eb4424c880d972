"""Hearing the first codebooks of a stream: what is asked for, decoded aside, and played."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.codebooklistening import CODEBOOKS, CodebookListening
from app.views.codebooks import CodebooksView, uses
from engines.contract import TokenStream
from engines.errors import AdapterMissing, TokensInvalid
from engines.tokens.units import stream

IDS = np.arange(24, dtype=np.int32).reshape(3, 8) % 8


def codec(*, generated: bool = False, segment: int = 0) -> TokenStream:
    return stream("Codec", IDS, (8, 8, 8), 0.02, generated=generated, segment=segment)


def units() -> TokenStream:
    return stream("Semantic units", IDS[0], (8,), 0.04)


class Playback:
    def __init__(self) -> None:
        self.played: list[tuple[str, int, int]] = []

    def stop(self) -> None:
        pass

    def toggle_other(self, name, samples, rate) -> None:
        self.played.append((name, len(samples), rate))


class Tokeniser:
    codec = SimpleNamespace(rate=16_000)

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []

    def decode(self, given, books, *, conceal):
        if given.segment == 9:
            raise TokensInvalid("The stream is of another codec.")
        self.asked.append((books, conceal))
        return np.zeros(given.ids.shape[1] * 320, np.float32)


@pytest.fixture
def view(qtbot: QtBot) -> CodebooksView:
    found = CodebooksView()
    qtbot.addWidget(found)
    found.show_parts([units(), codec(generated=True), codec(generated=True, segment=1)])
    found.resize(900, 300)
    return found


def test_spoken_codes_stand_beside_units_that_were_heard() -> None:
    assert [use.label for use in uses([units(), codec(generated=True)])] == [
        "Semantic units", "book 1", "book 2", "book 3",
    ]  # fmt: skip
    assert [use.total for use in uses([codec(), codec(generated=True)])] == [8, 8, 8]


def test_a_click_or_enter_asks_for_the_first_books(view: CodebooksView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.listened) as asked:
        box = view._rows()[2]
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(200, int(box.center().y())))
    assert [part.segment for part in asked.args[0]] == [0, 1]
    assert asked.args[1] == 2
    assert "press Enter" in view.accessibleDescription() or "book 2" in view.accessibleDescription()
    view._choose(3)
    with qtbot.waitSignal(view.listened) as asked:
        qtbot.keyClick(view, Qt.Key.Key_Return)
    assert asked.args[1] == 3


def test_units_alone_are_no_sound(view: CodebooksView, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(view.listened):
        view.listen(0)


def test_streams_are_decoded_aside_and_played(qtbot: QtBot) -> None:
    playback, tokeniser = Playback(), Tokeniser()
    listening = CodebookListening(playback, lambda: tokeniser)
    listening.listen([codec(), codec(segment=1)], 2)
    qtbot.waitUntil(lambda: bool(playback.played))
    assert playback.played == [(CODEBOOKS, 16 * 320, 16_000)]
    assert tokeniser.asked == [(2, True)] * 2
    listening.close()


def test_what_cannot_be_decoded_is_told(qtbot: QtBot) -> None:
    def missing():
        raise AdapterMissing("The trained weights of codec are not part of this installation.")

    for opening, segment in ((missing, 0), (Tokeniser, 9)):
        listening = CodebookListening(Playback(), opening)
        with qtbot.waitSignal(listening.failed) as told:
            listening.listen([codec(segment=segment)], 1)
        assert told.args[0].message
        listening.close()
