from __future__ import annotations

from pathlib import Path

import pytest

from app import cli
from app.commands import report
from engines import catalog
from engines.evaluation import corpora, protocol
from engines.evaluation.kept import Kept
from engines.evaluation.records import Record, Records


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRIPTYCH_PROMPTS", raising=False)
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path / "home"))


def _store(folder: Path) -> Path:
    clip = corpora.unseen()[0]
    version = protocol.version(catalog.default().describe("whisper"))
    Records(folder / "adapters.jsonl").add(
        Record(
            engine="whisper", version=version, corpus=clip.corpus, clip=clip.id, speaker=clip.speaker, language="en",
            condition="clean", task="transcribe", seconds=clip.seconds, reference=clip.text, hypothesis=clip.text,
            hits=12, work=1.0,
        )
    )  # fmt: skip
    return folder


def test_the_report_is_written_of_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, out = _store(tmp_path / "store"), tmp_path / "out"
    assert cli.main(["report", "--report-only", "--store", str(store), "--out", str(out)]) == 0
    page = (out / "fair-comparison.html").read_text(encoding="utf-8")
    assert "<code>whisper</code>" in page
    assert "Not measured:" in page
    assert {file.suffix for file in out.iterdir()} == {".html", ".md", ".tex", ".csv", ".json", ".svg"}
    assert "probes:" in capsys.readouterr().err, "what is lacking is told"


def test_nothing_measured_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "--report-only", "--store", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "Nothing was measured" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_measured_does_not_stop_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.commands.measuring.fetched", lambda _: {"kokoro": "It is not there."})
    lacking: dict[str, str] = {}
    report._measure((), catalog.default(), [], [], Kept(tmp_path / "k.jsonl"), lacking, 1)
    assert lacking["kokoro"] == "It is not there."
    assert "probes" in lacking
