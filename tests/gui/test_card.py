"""A card shows every state of a run in the same room, and can be used without a mouse."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.widgets.card import EngineCard
from app.widgets.figures import figures
from engines.contract import Task
from tests.gui.runs import REFERENCE, TEXTS, WRONG, baseline_run, rescored_run, runs

STATES = runs()


@pytest.mark.parametrize("name", STATES)
def test_no_state_moves_anything(qtbot: QtBot, name: str) -> None:
    run = STATES[name]
    card = EngineCard(run.engine)
    qtbot.addWidget(card)
    if name in {"speaking", "cjk"}:
        card.set_task(Task.TRANSLATE, "en")
    card.resize(300, card.sizeHint().height())
    before = card.sizeHint(), card.minimumSizeHint().width()
    card.set_reference(REFERENCE, baseline=baseline_run())
    card.set_run(run)
    card.set_scale(3.0)
    card.set_selected(True)
    card.grab()
    assert (card.sizeHint(), card.minimumSizeHint().width()) == before
    assert card.minimumSizeHint().width() <= 300


@pytest.mark.parametrize(
    ("name", "message", "state"),
    [
        ("preparing", "Fetching Whisper base…", "preparing · 34 of 78 MB"),
        ("listening", "listening…", "encode…"),
        (
            "failed",
            (
                "The engine process ended unexpectedly (signal 9). "
                "Run it again; if it happens again, choose a smaller language model."
            ),
            "failed",
        ),
        (
            "unavailable",
            "Gemma 3 270M has terms of use that are not accepted yet. Read and accept them under Models.",
            "not available",
        ),
    ],
)
def test_messages(qtbot: QtBot, name: str, message: str, state: str) -> None:
    card = EngineCard(STATES[name].engine)
    qtbot.addWidget(card)
    card.set_run(STATES[name])
    assert card.body.message.text() == message
    assert card.figures.text.startswith(state)


def test_a_finished_run(qtbot: QtBot) -> None:
    card = EngineCard(rescored_run().engine)
    qtbot.addWidget(card)
    card.resize(900, card.sizeHint().height())
    card.set_speech_seconds(10.0)
    card.set_reference(REFERENCE, baseline=baseline_run())
    card.set_run(replace(rescored_run(), scores={"wer": 0.0, "cer": 0.01}))
    assert card.body.texts["transcript"].text == TEXTS[1]
    assert [look for _, look, _ in card.body.texts["transcript"].marks] == ["right", "right"]
    assert card.figures.text == (
        "WER 0.0 % · first text 0.42 s · total 1.24 s · RTF 0.12 · Gemma 3 270M · CPU int8+int4"
    )
    assert "language model: Gemma 3 270M" in figures(card.run, 10.0)[-1].tip
    assert "peak memory 412 MB" in figures(card.run, 10.0)[-1].tip
    assert card.copy.isEnabled()
    assert card.save.isEnabled()
    assert not card.play.isEnabled()
    assert TEXTS[1] in card.accessibleDescription()


def test_two_texts_are_labelled_and_one_is_not(qtbot: QtBot) -> None:
    card = EngineCard(STATES["speaking"].engine)
    qtbot.addWidget(card)
    card.show()
    assert not card.body.labels["transcript"].isVisible()
    card.set_task(Task.TRANSLATE, "en")
    card.set_run(STATES["speaking"])
    assert card.body.labels["transcript"].isVisible()
    assert card.body.texts["translation"].text == "Please speak after the tone."
    assert card.play.isEnabled()


def test_keys_and_buttons(qtbot: QtBot) -> None:
    card = EngineCard(STATES["speaking"].engine)
    qtbot.addWidget(card)
    card.set_run(STATES["speaking"])
    card.show()
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space):
        with qtbot.waitSignal(card.selected) as caught:
            qtbot.keyClick(card, key)
        assert caught.args == ["cascade"]
    for button, signal in (
        (card.play, card.play_requested),
        (card.save, card.save_requested),
        (card.settings, card.settings_requested),
    ):
        with qtbot.waitSignal(signal) as caught:
            qtbot.keyClick(button, Qt.Key.Key_Space)
        assert caught.args == ["cascade"]
        assert button.accessibleName()
    qtbot.keyClick(card, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Please speak after the tone."


def test_doubts_are_underlined_when_asked(qtbot: QtBot) -> None:
    run = replace(baseline_run(), evidence=rescored_run().evidence)
    card = EngineCard(run.engine)
    qtbot.addWidget(card)
    card.set_run(run)
    assert card.body.texts["transcript"].text == WRONG
    marked = {"Never": "doubtful", "mother": "very doubtful"}
    assert {word: look for word, look, _ in card.body.texts["transcript"].marks} == marked
    card.show_doubts(False)
    assert card.body.texts["transcript"].marks == []
    card.set_run(rescored_run())
    assert card.body.texts["transcript"].marks == []
    card.show_doubts(True)
    assert card.body.texts["transcript"].marks == [], "the words that were doubted are not in the text that was chosen"


def test_a_playing_card_offers_to_stop(qtbot: QtBot) -> None:
    card = EngineCard(STATES["speaking"].engine)
    qtbot.addWidget(card)
    card.set_playing(True)
    assert card.play.toolTip() == "Stop"
    card.set_playing(False)
    assert card.play.toolTip() == "Play the speech"


def test_figures_that_do_not_fit_are_told_by_the_tip(qtbot: QtBot) -> None:
    card = EngineCard(rescored_run().engine)
    qtbot.addWidget(card)
    card.set_run(rescored_run())
    card.figures.resize(200, 20)
    card.figures.grab()
    assert "Gemma 3 270M" in card.figures.tip_at(199.5)


def test_a_baseline_that_is_still_writing_is_not_wrong_yet(qtbot: QtBot) -> None:
    card = EngineCard(rescored_run().engine)
    qtbot.addWidget(card)
    card.set_run(rescored_run())
    card.set_reference(REFERENCE, baseline=STATES["running"])
    assert card.body.texts["transcript"].marks == []


def test_translations_are_scored_by_bleu_and_scripts_without_spaces_by_characters() -> None:
    run = rescored_run()
    assert figures(replace(run, scores={"bleu": 41.26, "chrf": 63.0}), 0)[0].text == "BLEU 41.3"
    assert figures(replace(run, scores={"cer": 0.125}), 0)[0].text == "CER 12.5 %"


def test_opening_cards_does_not_load_the_scoring_libraries() -> None:
    code = (
        "import sys, app.widgets.card, app.views.dock; sys.exit(any(m in sys.modules for m in ('jiwer', 'sacrebleu')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_a_text_that_is_too_long_can_be_given_more_room(qtbot: QtBot) -> None:
    card = EngineCard(STATES["long"].engine)
    qtbot.addWidget(card)
    card.resize(360, card.sizeHint().height())
    card.show()
    assert not card.expand.isVisible()
    card.set_run(STATES["long"])
    qtbot.waitUntil(card.expand.isVisible)
    before = card.sizeHint().height()
    qtbot.keyClick(card.expand, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: card.sizeHint().height() > before)
    assert card.expand.toolTip() == "Show less of the text"
    qtbot.keyClick(card.expand, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: card.sizeHint().height() == before)
