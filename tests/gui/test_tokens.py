"""Speech as tokens: timeline, codebooks, phones and pace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from app.theme import theme
from app.views import tokenreadings
from app.views.codebooks import uses
from app.views.dock import EvidenceDock
from app.views.kinds import CODEBOOKS, CODEC, DUPLEX, PHONES, SCORES, SPOKEN, TIME, UNITS
from app.views.tokencolours import token_colour, token_pixels
from app.views.tokens import TokensView, runs
from app.views.unitphones import matrix, places
from engines.audio.samples import load_sample
from engines.contract import TokenStream, Utterance
from engines.tokens.units import stream
from tests.gui.token_runs import codec_stream, token_run, unit_phones, unit_stream

SPANS = ((0.2, 6.0), (6.7, 13.4))


@pytest.fixture(scope="module")
def speech() -> Utterance:
    return load_sample("en-caller")


@pytest.fixture
def dock(qtbot: QtBot, speech: Utterance) -> EvidenceDock:
    dock = EvidenceDock()
    qtbot.addWidget(dock)
    dock.time.show(speech)
    dock.resize(1000, 330)
    dock.show()
    qtbot.waitExposed(dock)
    return dock


def tabs(dock: EvidenceDock) -> list[int]:
    return [tab for tab in range(dock.tabs.count()) if dock.tabs.isTabVisible(tab)]


def test_tabs_are_there_for_what_was_sent(dock: EvidenceDock, speech: Utterance) -> None:
    dock.show_run(token_run(speech, SPANS), None)
    assert tabs(dock) == [UNITS, PHONES, CODEBOOKS, SCORES, TIME]
    assert "units" in dock.sentence.text()
    assert dock.tokens.units.isVisible()
    dock.show_run(token_run(speech, SPANS, codec=True, duplex=True), None)
    assert tabs(dock) == [DUPLEX, UNITS, CODEC, SPOKEN, PHONES, CODEBOOKS, SCORES, TIME]
    for tab, word in (
        (CODEC, "8 codebooks"),
        (DUPLEX, "80 ms"),
        (SPOKEN, "wrote"),
        (PHONES, "Counted"),
        (CODEBOOKS, "occur"),
    ):
        dock.tabs.setCurrentIndex(tab)
        assert word in dock.sentence.text()
        dock.grab()
    assert dock.segment.count() == 2


def test_a_unit_says_what_it_is_and_where_else(dock: EvidenceDock, speech: Utterance, qtbot: QtBot) -> None:
    dock.show_run(token_run(speech, SPANS), None)
    view = dock.tokens.units
    silence = next(item for item in range(99) if "unit 11 ·" in view.told(item) and "frames" in view.told(item))
    told = view.told(silence)
    assert "more times" in told or "once more" in told
    assert len(view.occurrences(silence)) > 1
    played: list[tuple[float, float, bool]] = []
    dock.time.play_requested.connect(lambda *how: played.append(how))
    axis = view.axis()
    middle = sum(view.span(silence)) / 2
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPointF(axis.x(middle), axis.plot.center().y()).toPoint())
    assert view.current == silence
    assert played == [(*view.span(silence), False)]
    assert dock.time.mark == view.span(silence)
    view.grab()
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.current == silence + 1


def test_resting_on_a_unit_plays_it_but_not_what_was_written(dock: EvidenceDock, speech: Utterance) -> None:
    assert dock.tokens.units.sounds_by_pointing
    assert not dock.tokens.spoken.sounds_by_pointing
    dock.show_run(token_run(speech, SPANS, codec=True), None)
    dock.tabs.setCurrentIndex(SPOKEN)
    assert dock.tokens.spoken_time.length == pytest.approx(2.0)
    assert dock.time.length == pytest.approx(speech.seconds)


def test_meaning_is_told_where_it_is_known(qtbot: QtBot, dock: EvidenceDock) -> None:
    found = stream("Semantic units", np.array([4, 4, 5]), (8,), 0.04, joined=True)
    phones = replace(
        unit_phones(found),
        units=np.array([4, 5], np.int32),
        phones=("", "s"),
        shares=np.array([[0.3, 0.7], [0, 0]], np.float32),
    )
    view = TokensView(dock.time)
    qtbot.addWidget(view)
    view.show_parts([found], "token", [phones])
    assert "mostly [s] 70.0 %, silence 30.0 %" in view.told(0)
    assert "2 frames, 80 ms" in view.told(0)
    assert "mostly" not in view.told(1)
    assert "nowhere else" in view.told(1)


def test_lost_frames_are_said(qtbot: QtBot, dock: EvidenceDock, speech: Utterance) -> None:
    view = TokensView(dock.time)
    qtbot.addWidget(view)
    found = codec_stream(speech, lost=True)
    view.show_parts([found])
    lost = next(item for item in range(10**6) if "lost" in view.told(item))
    assert "20 lost frames" in view.told(lost)
    assert "20 frames were lost" in tokenreadings.on_tokens([found])
    assert "tokens " in view.told(0)


def test_a_colour_per_token() -> None:
    for mode in ("dark", "light"):
        theme().apply(mode)  # type: ignore[arg-type]
        assert len({token_colour(token).rgb() for token in range(60)}) > 50
        ids = np.array([[1, 1, -1]], np.int32)
        pixels = token_pixels(ids)
        assert pixels.shape == ids.shape
        assert pixels[0, 0] == pixels[0, 1] == token_colour(1).rgba()
        assert pixels[0, 2] == token_colour(-1).rgba()


def test_runs_of_ids() -> None:
    assert runs(np.array([3, 3, 5, 3], np.int32)) == [(0, 2), (2, 3), (3, 4)]
    assert runs(np.zeros(0, np.int32)) == []


def test_use_of_codebooks(dock: EvidenceDock, qtbot: QtBot) -> None:
    found = stream("Codec", np.array([[0, 1, 2, 3], [5, 5, 5, -1]]), (8, 8), 0.02)
    first, second = uses([found])
    assert (first.used, first.entropy, first.most) == (4, 2, 2)
    assert (second.used, second.entropy, second.total) == (1, 0, 3)
    view = dock.tokens.codebooks
    view.show_parts([found])
    view.resize(900, 200)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert "4 of 8 tokens occur, 4 do not" in view.told(0)
    assert view.accessibleDescription() == view.told(0)
    assert "0.0 bits" in tokenreadings.on_codebooks([found])


def test_the_map_of_units_and_phones(dock: EvidenceDock, speech: Utterance, qtbot: QtBot) -> None:
    found = unit_stream(speech, SPANS[0])
    units, phones, shares = matrix([unit_phones(found)])
    assert shares.shape == (len(phones), len(units))
    assert set(units.tolist()) == set(found.ids[0].tolist())
    best = shares[:, :-1].argmax(0)
    assert (np.diff(best) >= 0).all()
    dock.show_run(token_run(speech, SPANS), None)
    dock.tabs.setCurrentIndex(PHONES)
    view = dock.tokens.phones
    played: list[tuple[float, float, bool]] = []
    dock.time.play_requested.connect(lambda *how: played.append(how))
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert played == [(*places(dock.run.found(TokenStream))[int(view.units[0])][0], False)]  # type: ignore[union-attr]
    assert "unit" in view.accessibleDescription()
    assert any("never heard" in view.told(column) for column in range(len(view.units)))
    view.grab()


def test_nothing_was_ever_heard(dock: EvidenceDock) -> None:
    found = stream("Semantic units", np.array([1, 2]), (8,), 0.04)
    silent = replace(unit_phones(found), units=np.array([1, 2], np.int32), shares=np.zeros((2, 20), np.float32))
    assert "None of these units" in tokenreadings.on_phones([silent])
    dock.tokens.phones.show_parts([silent], [found])
    dock.tokens.phones.grab()


def test_a_run_grows(dock: EvidenceDock, speech: Utterance) -> None:
    run = token_run(speech, SPANS)
    dock.show_run(replace(run, evidence=run.evidence[:2]), None)
    dock.tokens.units.pin(1)
    dock.show_run(run, None)
    assert dock.tokens.units.current == 1


def test_no_speech() -> None:
    nothing = stream("Semantic units", np.zeros(0, np.int32), (8,), 0.04, joined=True)
    assert "no speech" in tokenreadings.on_tokens([nothing])
    assert "no speech" in tokenreadings.on_codebooks([nothing])
