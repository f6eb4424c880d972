"""Evidence is copied and saved: pictures, drawings, tables, and what goes wrong with them."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from app.theme import palette
from app.views import saving
from app.views.dock import EvidenceDock
from app.views.kinds import DUPLEX, SCORES, TIME, UNITS
from engines.audio.samples import load_sample
from engines.errors import BadInput
from tests.gui.token_runs import duplex_run, token_run


@pytest.fixture
def dock(qtbot: QtBot) -> EvidenceDock:
    dock = EvidenceDock()
    qtbot.addWidget(dock)
    speech = load_sample("en-caller")
    dock.time.show(speech)
    dock.resize(900, 330)
    dock.show()
    qtbot.waitExposed(dock)
    dock.show_run(duplex_run(speech), None)
    return dock


def actions(dock):
    menu = dock.save.menu()
    menu.aboutToShow.emit()
    return {action.text(): action for action in menu.actions() if action.text()}


def test_a_picture_is_sharp_and_a_drawing_has_lines(dock: EvidenceDock, tmp_path: Path) -> None:
    view = dock.tokens.duplex
    saving.write(view, tmp_path / "a.png")
    image = QImage(str(tmp_path / "a.png"))
    assert image.size() == view.size() * 2
    assert image.pixelColor(0, 0) == QColor(palette().surface)
    colours = {image.pixelColor(x, y).rgb() for x in range(0, image.width(), 7) for y in range(0, image.height(), 5)}
    assert len(colours) > 30
    saving.write(view, tmp_path / "a.SVG")
    root = ET.parse(tmp_path / "a.SVG").getroot()  # noqa: S314 -- written a line above
    assert root.tag.endswith("svg")
    kinds = {element.tag.rsplit("}")[-1] for element in root.iter()}
    assert {"text", "polygon"} <= kinds or {"text", "rect"} <= kinds or {"text", "path"} <= kinds
    texts = {"".join(element.itertext()).strip() for element in root.iter() if element.tag.endswith("text")}
    assert {"hears", "writes", "says", "80 ms"} <= texts


@pytest.mark.parametrize("tab", [SCORES, TIME])
def test_every_tab_becomes_a_picture(dock: EvidenceDock, tmp_path: Path, tab: int) -> None:
    dock.tabs.setCurrentIndex(tab)
    view = dock._seen()
    assert (view is None) == (not dock.save.isEnabled())
    if view is not None:
        saving.write(view, tmp_path / "a.png")
        saving.write(view, tmp_path / "a.svg")
        assert QImage(str(tmp_path / "a.png")).size() == view.size() * 2
        if tab == TIME:
            saving.write(view, tmp_path / "a.csv")
            assert (tmp_path / "a.csv").read_text(encoding="utf-8-sig").startswith("stage,seconds,shared_s,")
            return
        assert not actions(dock)["Save as CSV…"].isEnabled()
        with pytest.raises(BadInput, match="no table"):
            saving.write(view, tmp_path / "a.csv")


def test_a_table_is_read_back(dock: EvidenceDock, tmp_path: Path) -> None:
    assert actions(dock)["Save as CSV…"].isEnabled()
    saving.write(dock.tokens.duplex, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[20]["kind"] == "lost"
    dock.show_run(token_run(load_sample("en-caller"), ((0.2, 6.0),)), None)
    dock.tabs.setCurrentIndex(UNITS)
    saving.write(dock.tokens.units, tmp_path / "b.csv")
    with (tmp_path / "b.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["start_s"]) == pytest.approx(0.2)
    assert "unit" in rows[0]["told"]


def test_the_menu_copies_and_saves(dock: EvidenceDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, failed = [], []
    dock.save.said.connect(said.append)
    dock.save.failed.connect(failed.append)
    actions(dock)["Copy the table"].trigger()
    assert QApplication.clipboard().text().startswith("frame\tstart_s")
    actions(dock)["Copy the picture"].trigger()
    assert QApplication.clipboard().image().width() == 2 * dock.tokens.duplex.width()
    asked = []

    def choose(_parent, _title, suggestion, kind):
        asked.append((Path(suggestion).name, kind))
        return str(tmp_path / "mine"), kind

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    actions(dock)["Save as SVG…"].trigger()
    assert asked == [("token-duplex-duplex.svg", "Drawing (*.svg)")]
    assert (tmp_path / "mine.svg").is_file()
    assert said[-1] == "Saved mine.svg."
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    actions(dock)["Save as PNG…"].trigger()
    dock.save.write(tmp_path / "no" / "such.png")
    dock.save.write(tmp_path / "a.pdf")
    assert len(said) == 3
    assert "such.png could not be written" in failed[0].message
    assert "neither PNG, SVG nor CSV" in failed[1].message
    dock.show_run(None, None)
    assert not dock.save.isEnabled()
    dock.save.write(tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_the_tab_is_the_first(dock: EvidenceDock) -> None:
    assert dock.tabs.currentIndex() == DUPLEX
