"""The bench in the real window: a short one with Whisper, stopping and going on, and files that are none."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app import benchdraft
from app.dialogs.bench import BenchDialog
from app.window import MainWindow
from engines import catalog
from engines.contract import Utterance
from engines.evaluation import bench_run, bench_spec, protocol
from engines.evaluation.peers import listing
from engines.evaluation.runs import Outcome


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "sound").mkdir()
    rows = []
    for name, length in (("a", 1600), ("b", 3200), ("c", 4800)):
        sf.write(tmp_path / "sound" / f"{name}.wav", np.full(length, 0.01, np.float32), 16_000)
        rows.append({"audio": f"sound/{name}.wav", "text": f"hello {length}"})
    rows.append({"audio": "sound/none.wav", "text": "hello"})
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    file = tmp_path / "spec.toml"
    corpus = '[[corpus]]\nname = "mine"\nkind = "manifest"\npath = "mine.jsonl"\n'
    file.write_text(f'engines = ["fake", "other"]\nconditions = ["clean"]\n{corpus}', encoding="utf-8")
    return file


@pytest.fixture
def dialog(window: MainWindow, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchDialog:
    from tests.app.test_bench import OFFERED

    monkeypatch.setattr(catalog, "default", lambda: OFFERED)
    monkeypatch.setattr(window.bench.runner, "_folder", tmp_path / "store")
    window.bench.show()
    window.bench.open(spec)
    assert window.bench.dialog is not None
    return window.bench.dialog


def run(qtbot: QtBot, dialog: BenchDialog, window: MainWindow, seconds: int = 60) -> None:
    qtbot.mouseClick(dialog.run_, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.bench.runner.running, timeout=seconds * 1000)


def test_a_bench_is_run_shown_and_saved(qtbot: QtBot, window: MainWindow, dialog: BenchDialog, tmp_path: Path) -> None:
    qtbot.waitUntil(lambda: "none.wav" in dialog.said.toPlainText(), timeout=20_000)
    assert "3" in dialog.state.text()
    assert not dialog.report.isEnabled()
    run(qtbot, dialog, window)
    assert dialog.table.rowCount() == 16
    assert dialog.table.item(0, 6).text() == "3"
    said = dialog.said.toPlainText()
    assert "are not told apart" in said
    assert "none.wav" in said
    dialog.table.sortItems(2, Qt.SortOrder.DescendingOrder)
    (tmp_path / "report").mkdir()
    window.bench.save_report(tmp_path / "report")
    written = {file.name for file in (tmp_path / "report").iterdir()}
    assert written >= {f"bench.{kind}" for kind in ("md", "html", "tex", "csv", "json")}
    saved = tmp_path / "report" / "mine.toml"
    window.bench.save_toml(saved)
    assert bench_run.planned(bench_spec.read(saved, window.bench.offered), saved.parent).cases
    window.bench.save_toml(tmp_path / "nowhere" / "mine.toml")
    assert "cannot be written" in dialog.state.text()


def test_what_is_chosen_is_measured(window: MainWindow, dialog: BenchDialog, tmp_path: Path) -> None:
    choice = dialog.choice
    choice.limit.setValue(2)
    choice.add_corpus("librispeech", tmp_path)
    for row in range(choice.engines.count()):
        choice.engines.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert not dialog.run_.isEnabled()
    choice.engines.item(0).setCheckState(Qt.CheckState.Checked)
    draft = choice.draft()
    assert len(draft["engines"]) == 1
    assert [corpus["limit"] for corpus in draft["corpus"]] == [2, 2]
    assert dialog.run_.isEnabled()
    assert benchdraft.spec_of(draft, window.bench.offered).corpora[1].path == tmp_path


def test_conditions_that_are_chosen_are_those_of_every_corpus(window: MainWindow, dialog: BenchDialog) -> None:
    choice = dialog.choice
    draft = choice.draft()
    choice.show_draft({**draft, "corpus": [{**draft["corpus"][0], "conditions": ["babble-10"]}]})
    assert choice.draft()["corpus"][0]["conditions"] == ["babble-10"]
    choice.conditions.item(1).setCheckState(Qt.CheckState.Checked)
    assert len(choice.draft()["conditions"]) == 2
    assert "conditions" not in choice.draft()["corpus"][0]


def test_silence_needs_no_folder(window: MainWindow, dialog: BenchDialog) -> None:
    dialog.choice.add_corpus("silence", None)
    assert dialog.choice.draft()["corpus"][-1]["kind"] == "silence"
    spec = benchdraft.spec_of(dialog.choice.draft(), window.bench.offered)
    assert spec.corpora[-1].path is None


def test_a_file_that_is_no_bench_is_told_in_one_sentence(window: MainWindow, dialog: BenchDialog, spec: Path) -> None:
    before = dialog.choice.draft()
    for text, sentence in (("engines = [", "is no TOML"), ('engines = ["nobody"]', "is no bench")):
        spec.write_text(text, encoding="utf-8")
        window.bench.open(spec)
        assert sentence in dialog.state.text()
        assert "\n" not in dialog.state.text()
    assert dialog.choice.draft() == before


def test_a_bench_that_was_stopped_goes_on(
    qtbot: QtBot, window: MainWindow, dialog: BenchDialog, utterance: Utterance, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    second, go = threading.Event(), threading.Event()
    whole = protocol.hear_out

    def slow(host: object, engine: str, *asked: Any, **how: Any) -> Outcome:
        heard.append(engine)
        if len(heard) == 4:
            second.set()
            go.wait(20)
        return whole(host, engine, *asked, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(protocol, "hear_out", slow)
    qtbot.mouseClick(dialog.run_, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(second.is_set, timeout=60_000)
    window.controller.show(utterance)
    with qtbot.waitSignal(window.controller.failed) as refused:
        window.run()
    assert "A measurement on a corpus" in refused.args[0].message
    assert not window.controller.running
    qtbot.waitUntil(lambda: "of 6" in dialog.state.text(), timeout=5000)
    qtbot.mouseClick(dialog.run_, Qt.MouseButton.LeftButton)
    go.set()
    qtbot.waitUntil(lambda: not window.bench.runner.running, timeout=30_000)
    assert "Stopped" in dialog.state.text()
    assert len(heard) == 4
    assert dialog.results is not None
    assert len(dialog.results.records) == 2
    run(qtbot, dialog, window)
    assert len(dialog.results.records) == 6
    assert len(heard) == 4 + 4 + 2, "what was measured is not measured again"
    assert not window.controller.held


def test_whisper_is_measured_on_bundled_recordings(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, model_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window.bench.runner, "_folder", tmp_path / "store")
    window.bench.show()
    dialog = window.bench.dialog
    assert dialog is not None
    bundled = benchdraft.opened(benchdraft.bundled(), listing.with_peers(catalog.default()))
    unseen = {**bundled["corpus"][0], "limit": 2, "conditions": ["clean"]}
    dialog.choice.show_draft({**bundled, "engines": ["whisper"], "conditions": ["clean"], "corpus": [unseen]})
    run(qtbot, dialog, window, 180)
    assert dialog.results is not None, dialog.state.text()
    (words,) = [one for one in dialog.results.scores if one.metric == "wer"]
    assert (words.clips, words.failures) == (2, 0)
    assert words.value < 0.5
