"""Listening and speaking at once: lanes, sentence, what was lost, and the axis that goes on behind the speech."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from pytestqt.qtbot import QtBot

from app.theme import palette, theme
from app.views import tokenreadings
from app.views.dock import EvidenceDock
from app.views.duplex import DuplexView
from app.views.duplexframes import gather
from app.views.kinds import CODEC, DUPLEX, TIME
from engines.audio.samples import load_sample
from engines.contract import FrameClock, TokenStream, Utterance
from tests.gui.token_runs import duplex_run, duplex_streams, frame_clock


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


def on(clock: FrameClock) -> str:
    return tokenreadings.on_duplex(gather([clock], duplex_streams(clock)), [clock])


def test_the_sentence_says_whether_real_time_was_kept(speech):
    calm = FrameClock(0.0, 0.08, np.full(50, 0.02, np.float32))
    told = tokenreadings.on_duplex(gather([calm], ()), [calm])
    assert told.startswith("The loop kept real time: each frame stands for 80 ms; computing took 20 ms in the middle")
    assert "0.25 s for each second of sound" in told
    assert told.endswith("Every frame was done within its time.")
    late = frame_clock(speech)
    told = on(late)
    assert "did not keep real time" in told  # frames were dropped
    assert "2 of" in told
    assert "2 were finished too late, at worst 0.11 s." in told
    assert "4 frames (0.32 s) were lost on the way" in told
    assert "3 frames (0.24 s) were dropped" in told
    slow = replace(calm, seconds=np.full(50, 0.1, np.float32), late=50)
    assert "did not keep real time" in tokenreadings.on_duplex(gather([slow], ()), [slow])
    assert "No frame" in tokenreadings.on_duplex(gather((), ()), ())


def test_every_frame_says_what_was_heard_written_spoken_and_what_it_took(speech):
    clock = frame_clock(speech)
    heard, spoken = duplex_streams(clock)
    frames = gather([clock], [heard, spoken])
    first = " ".join(map(str, heard.ids[0, 16:20].tolist()))
    said = " ".join(map(str, spoken.ids[0, 16:20].tolist()))
    assert f"heard {first} · wrote “word” · spoke {said} · " in frames.told(4)
    assert "codes " in frames.told(4)
    assert "lost on the way" in frames.told(20)
    assert "spoke" in frames.told(20)
    dropped = clock.kinds.index("dropped")
    assert "dropped: too many waited · spoke on with the last sound" in frames.told(dropped)
    assert "0.11 s over 80 ms" in frames.told(int(clock.seconds.argmax()))
    alone = gather([replace(clock, kinds=(), stages=(), spent=None, texts=("too", "few"))], ())
    assert "heard · " in alone.told(4)
    assert alone.spent.shape == (0, clock.seconds.size)


def test_lanes_are_there_for_what_was_sent(dock, speech, qtbot):
    dock.show_run(duplex_run(speech), None)
    assert dock.tabs.currentIndex() == DUPLEX
    view = dock.tokens.duplex
    assert list(view.bands(view.axis())) == ["hears", "writes", "says", "computing"]
    boxes = list(view.bands(view.axis()).values())
    assert all(above.bottom() < below.top() for above, below in pairwise(boxes))
    assert boxes[-1].bottom() == pytest.approx(view.axis().plot.bottom())
    silent = DuplexView(dock.time)
    qtbot.addWidget(silent)
    silent.show_parts([replace(frame_clock(speech), texts=())], ())
    assert list(silent.bands(silent.axis())) == ["computing"]
    for mode in ("light", "dark"):
        theme().apply(mode)
        for height in (90, 400):
            silent.resize(300, height)
            silent.grab()
            view.resize(300, height)
            view.grab()


def test_lost_frames_are_hatched_and_slow_ones_red(dock, speech):
    dock.show_run(duplex_run(speech), None)
    view = dock.tokens.duplex
    view.resize(1400, 300)
    dock.time.look_at(1.2, 1.2)
    axis, picture = view.axis(), view.grab().toImage()
    boxes = view.bands(axis)

    def colours(frame, box):
        start, end = view.span(frame)
        xs = range(int(axis.x(start)) + 2, int(axis.x(end)) - 2)
        return {picture.pixelColor(x, y).name() for x in xs for y in range(int(box.top()), int(box.bottom()))}

    def marked(box):  # along its upper edge
        return QRectF(box.left(), box.top(), box.width(), 2)

    assert palette().warning in colours(21, marked(boxes["hears"]))
    assert palette().warning not in colours(21, marked(boxes["says"]))
    assert palette().warning not in colours(25, marked(boxes["hears"]))
    clock = dock.run.found(FrameClock)[0]
    slow, dropped = int(clock.seconds.argmax()), clock.kinds.index("dropped")
    dock.time.look_at(view.span(slow)[0] - 0.2, 1.2)
    axis, picture = view.axis(), view.grab().toImage()
    assert palette().error in colours(slow, boxes["computing"])
    assert palette().error not in colours(slow + 3, boxes["computing"])
    dock.time.look_at(view.span(dropped)[0] - 0.2, 1.2)
    axis, picture = view.axis(), view.grab().toImage()
    for lane in ("hears", "says"):
        assert palette().error in colours(dropped, marked(boxes[lane]))
        assert palette().error not in colours(dropped + 4, marked(boxes[lane]))


def test_the_axis_goes_on_behind_the_speech_while_this_is_looked_at(dock, speech):
    dock.show_run(duplex_run(speech), None)
    clock = dock.run.found(FrameClock)[0]
    assert dock.time.length == pytest.approx(clock.seconds.size * 0.08)
    assert dock.time.length > speech.seconds + 1
    assert dock.time.view == (0.0, dock.time.length)
    dock.time.look_at(dock.time.length - 1, 1)
    dock.tabs.setCurrentIndex(CODEC)
    assert dock.time.length == pytest.approx(speech.seconds)
    assert dock.time.view == pytest.approx((speech.seconds - 1, speech.seconds))
    dock.tabs.setCurrentIndex(DUPLEX)
    assert dock.time.view == pytest.approx((speech.seconds - 1, speech.seconds))
    dock.tabs.setCurrentIndex(TIME)
    dock.time.show(None)
    dock.time.reach(5)
    assert dock.time.length == 1


def test_what_it_says_is_played_from_a_frame_on(dock, speech, qtbot):
    dock.show_run(duplex_run(speech), None)
    view = dock.tokens.duplex
    heard, played = [], []
    view.listened.connect(lambda streams, books: heard.append((streams, books)))
    dock.time.play_requested.connect(lambda *how: played.append(how))
    qtbot.keyClick(view, Qt.Key.Key_S)
    assert heard == []
    view.pin(10)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert played == [(*view.span(10), False)]
    qtbot.keyClick(view, Qt.Key.Key_S)
    (streams, books), whole = heard[0], dock.run.found(TokenStream)[1]
    assert books == 4
    assert (streams[0].ids == whole.ids[:, 40:]).all()
    assert streams[0].start == pytest.approx(0.8)
    axis = view.axis()
    at = QPointF(axis.x(sum(view.span(30)) / 2), view.bands(axis)["says"].center().y())
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert (heard[1][0][0].ids == whole.ids[:, 120:]).all()
    at.setY(view.bands(axis)["computing"].center().y())
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert len(heard) == 2
    assert len(played) == 2


def test_the_table_has_a_row_per_frame(dock, speech):
    dock.show_run(duplex_run(speech), None)
    table = dock.tokens.duplex.table()
    rows = list(csv.DictReader(io.StringIO(table.csv())))
    clock, (heard, _) = dock.run.found(FrameClock)[0], dock.run.found(TokenStream)
    assert len(rows) == clock.seconds.size
    assert rows[4]["text"] == " word"
    assert rows[20]["kind"] == "lost"
    assert float(rows[7]["computing_ms"]) == pytest.approx(1000 * float(clock.seconds[7]), abs=1e-3)
    stages = [float(rows[7][f"{stage}_ms"]) for stage in clock.stages]
    assert sum(stages) == pytest.approx(float(rows[7]["computing_ms"]), abs=1e-2)
    assert rows[5]["heard"].split("|")[0] == " ".join(map(str, heard.ids[0, 20:24].tolist()))
    assert table.tabbed().splitlines()[0].split("\t")[0] == "frame"


def test_an_hour_is_painted_as_fast_as_a_minute(dock, speech):
    frames = 45_000
    clock = FrameClock(0.0, 0.08, np.full(frames, 0.02, np.float32), (" a",) * frames, kinds=("lost",) * frames)
    view = dock.tokens.duplex
    dock.time.reach(3600)
    view.show_parts([clock], ())
    view.resize(1200, 300)
    view.grab()
    view.pin(frames - 1)
    assert "lost on the way" in view.accessibleDescription()
