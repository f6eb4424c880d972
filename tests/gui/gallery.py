"""Renders cards and evidence in every state: ``python -m tests.gui.gallery OUT [SHEET …]``, to be looked at."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from app.background import wait_for_all
from app.comparison import EngineRun
from app.theme import theme
from app.views.dock import EvidenceDock
from app.views.kinds import (
    ATTENTION,
    CODEBOOKS,
    CODEC,
    FRAMES,
    NEIGHBOURS,
    PACE,
    PHONES,
    QUERIES,
    SCORES,
    SPOKEN,
    TIME,
    UNITS,
)
from app.widgets.card import EngineCard
from app.widgets.speech import SpeechStrip
from engines.audio.samples import load_sample
from engines.contract import Task
from tests.gui.latent import latent_run
from tests.gui.runs import REFERENCE, baseline_run, correction_run, runs
from tests.gui.token_runs import token_run

SCALE_SECONDS = 2.2


def card(name: str, run: EngineRun, *, selected: bool = False) -> EngineCard:
    """A card as the window would dress it."""
    made = EngineCard(run.engine)
    if run.engine.id in {"whisper", "rescoring"} and run.result:
        run = replace(run, scores={"wer": 2 / 12 if run.engine.id == "whisper" else 0.0})
    made.set_speech_seconds(10.0)
    if name in {"speaking", "cjk"}:
        made.set_task(Task.TRANSLATE, "en")
    elif name not in {"failed", "long"}:
        made.set_reference(REFERENCE, baseline=None if run.engine.id == "whisper" else baseline_run())
    made.set_run(run)
    made.set_scale(SCALE_SECONDS)
    made.set_selected(selected)
    return made


def cards(width: int) -> QWidget:
    """All states, one above the other."""
    sheet = QWidget()
    sheet.setProperty("look", "plain")
    column = QVBoxLayout(sheet)
    for name, run in runs().items():
        column.addWidget(card(name, run, selected=name == "rescored"))
    sheet.resize(width, sheet.sizeHint().height())
    return sheet


def docks(width: int) -> QWidget:
    """The dock on several runs."""
    sheet = QWidget()
    sheet.setProperty("look", "plain")
    column = QVBoxLayout(sheet)
    states = runs()
    for run, tab in (
        (None, 0),
        (states["rescored"], 0),
        (correction_run(accepted=True), 0),
        (states["segments"], 0),
        (states["rescored"], SCORES),
        (states["rescored"], TIME),
        (states["failed"], 0),
    ):
        dock = EvidenceDock()
        dock.tabs.setCurrentIndex(tab)
        dock.show_run(run, None if run is states["segments"] else REFERENCE)
        dock.setFixedHeight(round(theme().points * (26 if run else 9)))
        column.addWidget(dock)
    sheet.resize(width, sheet.sizeHint().height())
    return sheet


def timed(width: int) -> QWidget:
    """Evidence on the time axis, under the waveform that it shares it with; the last sheet with a pinned item."""
    utterance = load_sample("en-caller")
    sheet = QWidget()
    sheet.setProperty("look", "plain")
    column = QVBoxLayout(sheet)
    strip = SpeechStrip()
    column.addWidget(strip)
    strip.show_utterance(utterance)
    text = (utterance.reference or "").split(". ")
    whole = latent_run(utterance, ((0.0, utterance.seconds),), (utterance.reference or "",))
    parts = latent_run(
        utterance,
        ((0.2, utterance.seconds * 0.45), (utterance.seconds * 0.5, utterance.seconds)),
        (". ".join(text[:2]), ". ".join(text[2:])),
        drops=False,
    )
    for run, tab in (
        (whole, FRAMES),
        (parts, FRAMES),
        (parts, QUERIES),
        (whole, ATTENTION),
        (parts, ATTENTION),
        (whole, NEIGHBOURS),
        (whole, TIME),
    ):
        dock = EvidenceDock(strip.waveform.time)
        dock.show_run(run, None)
        dock.tabs.setCurrentIndex(tab)
        dock.setFixedHeight(round(theme().points * 27))
        column.addWidget(dock)
        if tab in {QUERIES, ATTENTION, NEIGHBOURS} and run is whole:
            view = {QUERIES: dock.queries, ATTENTION: dock.attention, NEIGHBOURS: dock.neighbours}[tab]
            view.pin(12)
    made = EngineCard(whole.engine)
    made.set_speech_seconds(utterance.seconds)
    made.show_doubts(shown=True)
    made.set_run(whole)
    column.addWidget(made)
    sheet.resize(width, sheet.sizeHint().height())
    return sheet


def tokens(width: int) -> QWidget:
    """Speech as tokens, under its waveform; the first and the last with a pinned item."""
    utterance = load_sample("en-caller")
    sheet = QWidget()
    sheet.setProperty("look", "plain")
    column = QVBoxLayout(sheet)
    strip = SpeechStrip()
    column.addWidget(strip)
    strip.show_utterance(utterance)
    half = utterance.seconds / 2
    run = token_run(utterance, ((0.2, half), (half + 0.3, utterance.seconds)), codec=True, duplex=True)
    for pinned, tab in (
        (9, UNITS),
        (None, UNITS),
        (None, CODEC),
        (4, PACE),
        (None, SPOKEN),
        (None, PHONES),
        (None, CODEBOOKS),
    ):
        dock = EvidenceDock(strip.waveform.time)
        dock.show_run(run, None)
        dock.tabs.setCurrentIndex(tab)
        dock.setFixedHeight(round(theme().points * 24))
        column.addWidget(dock)
        if pinned is not None:
            (dock.tokens.units if tab == UNITS else dock.tokens.pace).pin(pinned)
    sheet.resize(width, sheet.sizeHint().height())
    return sheet


SHEETS = {"cards": cards, "docks": docks, "timed": timed, "tokens": tokens}


def main(out: Path, names: Sequence[str] = tuple(SHEETS)) -> None:
    """Writes the pictures."""
    app = QApplication.instance() or QApplication([])
    out.mkdir(parents=True, exist_ok=True)
    for mode, scale in (("dark", 1.0), ("light", 1.0), ("dark", 2.0)):
        theme().apply(mode, scale)  # type: ignore[arg-type]
        sizes = {"cards": (430, 300), "docks": (1200, 700), "timed": (1400, 980), "tokens": (1400, 900)}
        for make, width in ((SHEETS[name], width) for name in names for width in sizes[name]):
            sheet = make(width)
            sheet.show()
            wait_for_all(5)
            for _ in range(20):
                app.processEvents()
                time.sleep(0.02)
            sheet.grab().save(str(out / f"{make.__name__}-{mode}-{scale:g}-{width}.png"))
            sheet.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or tuple(SHEETS))
