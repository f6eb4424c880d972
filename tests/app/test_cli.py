"""The command line, with fake engines: documents, tables, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from app import cli
from engines import catalog
from engines.audio.synthetic import read_mark
from tests.engines import fakes

Run = tuple[int, str, str]


@pytest.fixture
def fake_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = catalog.Catalogue(
        factories=dict.fromkeys(("fake", "other"), "tests.engines.fakes:build"),
        extra=(fakes.describe("fake"), fakes.describe("other")),
    )
    monkeypatch.setattr(catalog, "default", lambda: offered)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    file = tmp_path / "speech.wav"
    soundfile.write(file, np.sin(np.arange(16_000) / 20) * 0.1, 16_000)
    return file


@pytest.fixture
def run(fake_catalogue: None, capfd: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> Run:
        code = cli.main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


RESULT_KEYS = {
    "engine", "paradigm", "strategy", "status", "transcript", "translation", "speech", "seconds", "first_text_seconds",
    "first_audio_seconds", "rtf", "stages", "provider", "precision", "peak_memory_bytes", "scores", "error",
}  # fmt: skip


def test_json_document_has_every_key(run: Any, wav: Path) -> None:
    code, out, _ = run("compare", wav, "--json", "--reference", "hello 16000")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == 1
    assert document["task"] == "transcribe"
    assert document["mode"] == "interactive"
    assert {"source", "seconds", "digest"} <= set(document["utterance"])
    assert document["utterance"]["seconds"] == 1.0
    assert document["machine"]["cores"] >= 1
    assert [result["engine"] for result in document["results"]] == ["fake", "other"]
    for result, shared in zip(document["results"], (False, True), strict=True):
        assert set(result) >= RESULT_KEYS
        assert result["status"] == "ok"
        assert result["transcript"] == "hello 16000"
        assert result["scores"]["wer"] == 0.0
        assert result["scores"]["o_nb"] > 0
        assert result["error"] is None
        assert result["peak_memory_bytes"] > 0
        assert result["stages"][0]["name"] == "encode"
        assert result["stages"][0]["shared"] is shared


def test_evidence_is_in_the_document_when_it_is_asked_for(run: Any, wav: Path) -> None:
    code, out, _ = run("compare", wav, "--engines", "fake", "--json", "--evidence")
    (found,) = json.loads(out)["results"][0]["evidence"]
    assert code == 0
    assert found["kind"] == "nbest"
    assert [hypothesis["text"] for hypothesis in found["hypotheses"]] == ["hello", "hallo"]
    assert json.loads(run("compare", wav, "--engines", "fake", "--json")[1])["results"][0]["evidence"] is None
    code, _, err = run("compare", wav, "--engines", "fake", "--evidence")
    assert code == 2
    assert "--json" in err


def test_several_files_give_an_array_and_a_bad_one_does_not_spoil_it(run: Any, wav: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.wav"
    code, out, err = run("compare", wav, missing, wav, "--json", "--engines", "fake")
    documents = json.loads(out)
    assert code == 2
    assert [bool(document["results"]) for document in documents] == [True, False, True]
    assert documents[1]["error"]["kind"] == "AudioUnreadable"
    assert sum("missing.wav" in line for line in err.splitlines()) == 1


def test_table_for_people(run: Any, wav: Path) -> None:
    code, out, err = run("compare", wav, "--reference", "hello there")
    assert code == 0
    assert "speech.wav · 1.0 s · transcribe" in out
    assert "transcript: hello 16000" in out
    assert "wer" in out
    assert "50.0%" in out
    assert "Fake: ok" in err


@pytest.mark.parametrize(("deed", "status"), [("fault", "failed"), ("missing", "unavailable"), ("kill", "failed")])
def test_failing_engine_gives_1_and_the_others_go_on(run: Any, wav: Path, deed: str, status: str) -> None:
    code, out, _ = run("compare", wav, "--json", "--option", f"fake.deed={deed}")
    results = json.loads(out)["results"]
    assert code == 1
    assert [result["status"] for result in results] == [status, "ok"]
    assert results[0]["error"]["message"]
    assert set(results[0]) == set(results[1])


def test_engine_that_cannot_do_the_task_is_unavailable(run: Any, wav: Path) -> None:
    code, out, _ = run("compare", wav, "--json", "--task", "respond", "--engines", "fake")
    assert code == 1
    assert json.loads(out)["results"][0]["status"] == "unavailable"
    assert json.loads(out)["results"][0]["error"]["kind"] == "TaskUnsupported"


@pytest.mark.parametrize("isolated", [[], ["--isolated"]])
def test_repeats_measure_after_a_warm_up(run: Any, wav: Path, isolated: list[str]) -> None:
    code, out, err = run("compare", wav, "--json", "--repeats", 2, *isolated, "--option", "other.work=0.05")
    document = json.loads(out)
    assert code == 0
    assert document["repeats"] == 2
    assert err.count("Fake: ok") == 3
    stage = document["results"][1]["stages"][0]
    assert stage["shared"] is not bool(isolated)
    assert document["mode"] == ("isolated" if isolated else "interactive")
    if isolated:
        assert stage["seconds"] >= 0.05


def test_speech_and_document_are_written(run: Any, wav: Path, tmp_path: Path) -> None:
    out_folder = tmp_path / "new" / "folder"
    code, out, _ = run("compare", wav, "--task", "speak", "--json", "--out", out_folder, "--engines", "fake")
    document = json.loads(out)
    assert code == 0
    speech = Path(document["results"][0]["speech"])
    assert speech.parent == out_folder
    assert soundfile.info(speech).frames == 100
    mark = read_mark(speech)
    assert mark is not None
    assert mark.engine == document["results"][0]["engine"]
    assert json.loads(next(out_folder.glob("*.json")).read_text(encoding="utf-8")) == document


def test_engines_are_listed(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run("engines", "--json")
    assert code == 0
    assert [engine["id"] for engine in json.loads(out)["engines"]] == ["fake", "other"]
    code, out, _ = run("engines")
    assert "fake.beam=1…20" in out


def test_doctor_names_what_to_mend(run: Any) -> None:
    code, out, _ = run("doctor", "--json")
    report = json.loads(out)
    assert code == 0
    assert {"triptych", "machine", "packages", "providers", "sound", "disk_free_bytes", "models", "to_mend"} <= set(
        report
    )
    assert any("triptych models fetch whisper-base" in line for line in report["to_mend"])
    code, out, _ = run("doctor")
    assert "To mend" in out
    assert "CPU                  works" in out


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["compare", "--help"], ["models", "--help"]])
def test_help_and_version(run: Any, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert code == 0
    assert "triptych" in out
    assert err == ""


def test_interrupt_and_closed_pipe_are_quiet(run: Any, wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    def closed(*_: object) -> int:
        raise BrokenPipeError

    from app.commands import compare

    monkeypatch.setattr(compare, "run_comparison", interrupt)
    assert run("compare", wav) == (130, "", "")
    monkeypatch.setattr(cli, "_forget_stdout", lambda: None)
    monkeypatch.setattr(compare, "run_comparison", closed)
    assert run("compare", wav) == (141, "", "")


def test_without_a_display_the_sample_is_compared(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    code, out, err = run()
    assert code == 0
    assert "no display" in err
    assert "transcript: hello" in out
