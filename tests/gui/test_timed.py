"""Evidence on the time axis of the waveform."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.background import wait_for_all
from app.comparison import EngineRun
from app.views.dock import EvidenceDock
from app.views.kinds import ATTENTION, FRAMES, NEIGHBOURS, QUERIES, SCORES, TIME, WHY
from app.views.labels import Label, placed
from app.views.lanes import lay_out, shrunk
from app.views.neighbours import divided
from app.views.timed import TimedView
from app.widgets.figures import figures
from engines.audio.samples import load_sample
from engines.contract import Attention, Neighbours, Posteriors, SpeechTokens, Utterance
from tests.gui.latent import latent_run
from tests.gui.runs import rescored_run

SPANS = ((0.2, 6.0), (6.7, 13.4))
TEXTS = ("You have these options.", "Dial 1 if you wish.")


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


def view(dock: EvidenceDock, tab: int) -> TimedView:
    views = {FRAMES: dock.frames, QUERIES: dock.queries, ATTENTION: dock.attention, NEIGHBOURS: dock.neighbours}
    dock.tabs.setCurrentIndex(tab)
    return views[tab]


def over(shown: TimedView, item: int) -> QPoint:
    """Where an item is, in the middle of its time and at its height."""
    axis = shown.axis()
    for y in range(int(axis.plot.bottom()) - 2, int(axis.plot.top()), -1):
        point = QPointF(axis.x(sum(shown.span(item)) / 2), y)
        if shown.item_at(point, axis) == item:
            return point.toPoint()
    raise AssertionError("the item is nowhere")


def test_tabs_are_there_for_what_was_sent(dock: EvidenceDock, speech: Utterance) -> None:
    dock.show_run(latent_run(speech, SPANS, TEXTS, drops=False), None)
    assert tabs(dock) == [FRAMES, QUERIES, ATTENTION, NEIGHBOURS, SCORES, TIME]
    assert dock.tabs.currentIndex() == FRAMES
    dock.tabs.setCurrentIndex(NEIGHBOURS)
    dock.show_run(rescored_run(), None)
    assert tabs(dock) == [WHY, SCORES, TIME]
    assert dock.tabs.currentIndex() == WHY
    assert dock.nbest.isVisible()
    dock.show_run(latent_run(speech, SPANS, TEXTS), None)
    assert tabs(dock) == [FRAMES, ATTENTION, NEIGHBOURS, SCORES, TIME]
    assert dock.tabs.currentIndex() == NEIGHBOURS, "what was wanted last comes back"
    dock.show_run(None, None)
    assert tabs(dock) == [WHY, SCORES, TIME]


def test_a_run_that_has_not_begun_waits_at_why(dock: EvidenceDock, speech: Utterance) -> None:
    dock.show_run(EngineRun(latent_run(speech, SPANS, TEXTS).engine), None)
    assert tabs(dock) == [WHY, SCORES, TIME]
    assert "has not run yet" in dock.sentence.text()


@pytest.mark.parametrize("tab", [FRAMES, QUERIES, ATTENTION, NEIGHBOURS])
@pytest.mark.parametrize("window", [(0.0, 13.5), (1.0, 0.4), (6.1, 0.3)])
def test_every_view_paints_whatever_is_in_sight(
    dock: EvidenceDock, speech: Utterance, tab: int, window: tuple[float, float]
) -> None:
    dock.show_run(latent_run(speech, SPANS, TEXTS, drops=False), None)
    dock.time.look_at(*window)
    shown = view(dock, tab)
    shown.grab()
    wait_for_all(5)
    shown.pin(3)
    shown.grab()


def test_arrows_go_from_item_to_item_and_mark_the_waveform(dock: EvidenceDock, speech: Utterance, qtbot: QtBot) -> None:
    dock.show_run(latent_run(speech, SPANS, TEXTS), None)
    shown = view(dock, NEIGHBOURS)
    shown.setFocus()
    assert dock.time.mark is None
    qtbot.keyClick(shown, Qt.Key.Key_Right)
    assert shown.current == 0
    qtbot.keyClick(shown, Qt.Key.Key_Right)
    assert dock.time.mark == shown.span(1)
    assert "nearest, by cosine" in shown.accessibleDescription()
    with qtbot.waitSignal(dock.time.play_requested) as played:
        qtbot.keyClick(shown, Qt.Key.Key_Return)
    assert played.args == [*shown.span(1), False]
    qtbot.keyClick(shown, Qt.Key.Key_End)
    assert shown.current == sum(len(part.tokens) for part in dock.run.found(Neighbours)) - 1
    qtbot.keyClick(shown, Qt.Key.Key_Escape)
    assert shown.current is None
    assert dock.time.mark is None


def test_escape_lets_go_before_it_does_anything_else(dock: EvidenceDock, speech: Utterance) -> None:
    dock.show_run(latent_run(speech, SPANS, TEXTS), None)
    shown = view(dock, FRAMES)

    def wants_escape() -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
        event.ignore()
        shown.event(event)
        return event.isAccepted()

    assert not wants_escape()
    shown.pin(3)
    assert wants_escape()


def test_resting_on_a_vector_plays_it_and_a_click_pins_it(dock: EvidenceDock, speech: Utterance, qtbot: QtBot) -> None:
    dock.show_run(latent_run(speech, SPANS, TEXTS), None)
    shown = view(dock, NEIGHBOURS)
    with qtbot.waitSignal(dock.time.play_requested, timeout=3000) as played:
        qtbot.mouseMove(shown, over(shown, 2))
    assert played.args == [*shown.span(2), True]
    with qtbot.waitSignal(dock.time.play_requested) as played:
        qtbot.mouseClick(shown, Qt.MouseButton.LeftButton, pos=over(shown, 2))
    assert played.args[2] is False
    qtbot.mouseMove(shown, over(shown, 4))
    assert shown.current == 2, "a pinned vector stays"
    with qtbot.assertNotEmitted(dock.time.play_requested, wait=500):
        pass
    qtbot.mouseClick(shown, Qt.MouseButton.LeftButton, pos=over(shown, 4))
    assert shown.current == 4
    dock.tabs.setCurrentIndex(TIME)
    assert dock.time.mark is None


def test_a_frame_tells_its_pieces_and_its_fate(dock: EvidenceDock, speech: Utterance) -> None:
    run = latent_run(speech, SPANS, TEXTS)
    dock.show_run(run, None)
    shown = view(dock, FRAMES)
    first = run.found(Posteriors)[0]
    dropped, kept = int((first.vectors < 0).argmax()), int((first.vectors >= 0).argmax())
    assert shown.told(dropped).endswith("dropped")
    told = shown.told(kept)
    assert told.endswith("goes into vector 1")
    assert f"“{first.labels[first.ids[kept, 0]].strip('▁')}” {100 * first.probabilities[kept, 0]:.1f} %" in told
    assert shown.item_at(QPointF(over(shown, kept)), shown.axis()) == kept


def test_a_row_of_attention_is_found_and_told(dock: EvidenceDock, speech: Utterance) -> None:
    dock.show_run(latent_run(speech, SPANS, TEXTS, drops=False), None)
    tokens = view(dock, ATTENTION)
    assert "went to speech, the rest to text" in tokens.told(0)
    over(tokens, 2)
    queries = view(dock, QUERIES)
    over(queries, 3)
    assert "the rest to text" not in queries.told(0)


def test_the_picker_brings_a_stretch_into_sight(dock: EvidenceDock, speech: Utterance) -> None:
    dock.show_run(latent_run(speech, SPANS, TEXTS), None)
    assert dock.segment.count() == 2
    dock.segment.setCurrentIndex(1)
    dock.segment.activated.emit(1)
    start, end = dock.time.view
    assert start == pytest.approx(6.4, abs=0.1)
    assert end == pytest.approx(speech.seconds, abs=0.15)


def test_more_evidence_keeps_what_is_pinned(dock: EvidenceDock, speech: Utterance) -> None:
    whole = latent_run(speech, SPANS, TEXTS)
    half = replace(whole, evidence=tuple(e for e in whole.evidence if getattr(e, "segment", 0) == 0))
    dock.show_run(half, None)
    shown = view(dock, NEIGHBOURS)
    shown.pin(1)
    dock.show_run(whole, None)
    assert shown.current == 1


def test_queries_of_windows_share_lanes() -> None:
    weights = np.zeros((6, 24), np.float32)
    for row in range(6):
        weights[row, row // 2 * 8 : row // 2 * 8 + 8] = 1 / 8
    weights[3, 10] = 0.5
    lanes = lay_out(Attention(tuple("abcdef"), weights, 1.0, 0.04, 0, "queries"))
    assert lanes.lane.tolist() == [0, 1, 0, 1, 0, 1]
    assert lanes.count == 2
    assert lanes.row_at(1, 10) == 3
    assert lanes.spans[3] == pytest.approx([1.4, 1.44])
    full = lay_out(Attention(("a", "b"), np.ones((2, 9), np.float32), 0.0, 0.04))
    assert full.count == 2
    nothing = lay_out(Attention(("a",), np.zeros((1, 9), np.float32), 0.0, 0.04))
    assert nothing.spans[0].tolist() == [0.0, pytest.approx(0.36)]


def test_vectors_of_one_piece_of_sound_share_its_room() -> None:
    cells = divided(np.array([(0.0, 0.32), (0.0, 0.32), (0.32, 0.64), (0.32, 0.64), (0.8, 0.9)], np.float32))
    assert cells[:, 0] == pytest.approx([0.0, 0.16, 0.32, 0.48, 0.8])
    assert cells[:, 1] == pytest.approx([0.16, 0.32, 0.48, 0.64, 0.9])
    assert divided(np.zeros((0, 2), np.float32)).shape == (0, 2)


def test_what_shares_a_pixel_shows_its_strongest() -> None:
    shades = np.zeros((100, 1000), np.float32)
    shades[57, 333] = 1.0
    small = shrunk(shades, 10, 100)
    assert small.shape == (10, 100)
    assert small[5, 33] == 1.0
    assert small.sum() == 1.0


def test_labels_never_overlap() -> None:
    random = np.random.default_rng(1)
    labels = [Label("x", float(x), 30.0, float(w)) for x, w in random.random((200, 2)) * (500, 1)]
    found = placed(labels, 3, 0.0, 500.0)
    for row in range(3):
        starts = sorted(x for _, at, x in found if at == row)
        assert all(b - a >= 30 for a, b in pairwise(starts))
    assert max(labels, key=lambda one: one.weight) in [label for label, _, _ in found]


def test_an_hour_of_frames_paints_quickly_enough(dock: EvidenceDock, speech: Utterance) -> None:
    frames, random = 90_000, np.random.default_rng(0)
    part = Posteriors(
        0,
        0.0,
        0.04,
        ("▁a", "b"),
        random.integers(0, 2, (frames, 2)).astype(np.int32),
        random.random((frames, 2)).astype(np.float32) / 2,
        random.random(frames).astype(np.float32),
        (np.arange(frames) // 2).astype(np.int32),
    )
    run = latent_run(speech, SPANS, TEXTS)
    dock.time.show(replace(speech, samples=np.zeros(16_000 * 3600, np.float32)))
    dock.show_run(replace(run, evidence=(part,)), None)
    shown = view(dock, FRAMES)
    shown.grab()
    dock.time.look_at(1800.0, 20.0)
    shown.grab()


def test_places_per_second_are_told(speech: Utterance) -> None:
    run = latent_run(speech, SPANS, TEXTS)
    count = sum(one.count for one in run.found(SpeechTokens))
    rate = count / sum(end - start for start, end in SPANS)
    assert run.places_per_second == pytest.approx(rate)
    figure = next(f for f in figures(run, speech.seconds) if "places" in f.text)
    assert figure.text == f"{rate:.1f} places per second"
    assert f"{count} places" in figure.tip
    assert rescored_run().places_per_second is None
    assert not any("places" in f.text for f in figures(rescored_run(), 9.0))


def test_the_time_view_explains_latency_by_places(dock: EvidenceDock, speech: Utterance) -> None:
    dock.show_run(latent_run(speech, SPANS, TEXTS), None)
    dock.tabs.setCurrentIndex(TIME)
    assert "places of the language model’s input" in dock.sentence.text()


def test_views_lie_under_the_waveform(qtbot: QtBot, speech: Utterance) -> None:
    from PySide6.QtWidgets import QVBoxLayout

    from app.widgets.speech import SpeechStrip

    sheet = QWidget()
    qtbot.addWidget(sheet)
    column = QVBoxLayout(sheet)
    strip = SpeechStrip()
    dock = EvidenceDock(strip.waveform.time)
    column.addWidget(strip)
    column.addWidget(dock)
    strip.show_utterance(speech)
    dock.show_run(latent_run(speech, SPANS, TEXTS), None)
    sheet.resize(1100, 600)
    sheet.show()
    qtbot.waitExposed(sheet)
    sheet.grab()
    for seconds in (0.0, 7.0, 13.0):
        wave = strip.waveform.mapTo(sheet, QPoint(round(strip.waveform._x(seconds)), 0)).x()
        frames = dock.frames.mapTo(sheet, QPoint(round(dock.frames.axis().x(seconds)), 0)).x()
        assert abs(wave - frames) <= 1
    strip.waveform.time.zoom(0.2, 6.0)
    assert dock.frames.axis().view == strip.waveform.time.view
    wait_for_all(5)
