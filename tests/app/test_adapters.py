"""`triptych adapters`, with fake engines: the table is written, goes on where it was, and says what is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cli
from app.commands import adapters
from engines import catalog
from engines.audio.conditions import Condition
from engines.evaluation import protocol
from engines.evaluation.corpora import Clip
from engines.evaluation.runs import Case
from tests.engines import fakes


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    offered = catalog.Catalogue(
        factories=dict.fromkeys(("fake", "other"), "tests.engines.fakes:build"),
        extra=(fakes.describe("fake"), fakes.describe("other")),
    )
    monkeypatch.setattr(catalog, "default", lambda: offered)
    monkeypatch.delenv("TRIPTYCH_PROMPTS", raising=False)

    def clip(number: int) -> Clip:
        text = "hello 1600" if number else "hello you"
        return Clip(f"c{number}", "unseen", "me", "en", text, None, 0.1, lambda: np.full(1600, 0.01, np.float32))

    small = [Case(clip(number), Condition()) for number in range(2)]
    monkeypatch.setattr(protocol, "cases", lambda *_: small)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main(["adapters", *map(str, arguments)])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


def test_the_table_is_written_and_not_measured_twice(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = run("--engines", "fake,other", "--out", tmp_path)
    assert code == 0
    assert "only unseen speakers" in err
    text = (tmp_path / "adapters.md").read_text(encoding="utf-8")
    assert "| `fake` | 25.0" in text
    lines = list(csv.DictReader((tmp_path / "adapters.csv").read_text(encoding="utf-8").splitlines()))
    assert {line["engine"] for line in lines} == {"fake", "other"}
    document = json.loads((tmp_path / "adapters.json").read_text(encoding="utf-8"))
    assert document["comparisons"][0]["significant"] is False
    monkeypatch.setattr(protocol, "hear_out", None)
    assert run("--engines", "fake,other", "--out", tmp_path / "again")[0] == 0
    assert (tmp_path / "again" / "adapters.md").read_text(encoding="utf-8") == text
    assert run("--engines", "fake", "--out", tmp_path / "one", "--report-only")[0] == 0


def test_curves_are_drawn_beside_the_table(run: Any, tmp_path: Path) -> None:
    (tmp_path / "latent-ctc.csv").write_text("step,seconds,loss,wer\n1,60,3.0,\n2,120,2.0,0.5\n", encoding="utf-8")
    assert run("--engines", "fake", "--out", tmp_path, "--curves", tmp_path)[0] == 0
    assert "latent-ctc" in (tmp_path / "adapters-curves.svg").read_text(encoding="utf-8")
    assert "adapters-curves.svg" in (tmp_path / "adapters.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--engines", "nobody"], "There is no engine 'nobody'"),
        (["--engines", ","], "names no engine"),
        (["--engines", "fake", "--threads", "x"], "--threads cannot be 'x'"),
        (["--engines", "fake", "--report-only"], "Nothing was measured"),
        (["--engines", "fake", "--curves", "/nowhere"], "is no folder"),
    ],
)
def test_what_cannot_be_is_said(run: Any, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    code, _, err = run(*arguments, "--out", tmp_path)
    assert code == 2
    assert sentence in err


def test_a_folder_of_prompts_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, run: Any, tmp_path: Path
) -> None:
    monkeypatch.undo()
    assert cli.main(["adapters", "--prompts", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 2


def test_an_interruption_says_how_to_go_on(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(adapters.protocol, "measure", interrupted)
    code, _, err = run("--engines", "fake", "--out", tmp_path)
    assert code == 130
    assert "goes on from here" in err
