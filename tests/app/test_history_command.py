"""``triptych history``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from engines.history.database import NAME
from engines.history.entries import Entry
from engines.history.store import Store, folder
from tests.history.stories import entry, ran, speech


@pytest.fixture
def kept() -> list[Entry]:
    made = [
        entry("hello world", at="2026-01-01T10:00:00+00:00", uid="a" * 32, tags=("demo",)),
        entry("bonjour", at="2026-01-02T10:00:00+00:00", uid="b" * 32, runs=(ran("bonjour"), ran("hi", "cascade"))),
    ]
    with Store() as store:
        for one in made:
            store.keep(one, speech())
    return made


def _run(*arguments: str) -> int:
    return main(["history", *arguments])


def test_list(kept: list[Entry], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "bbbbbbbb  2026-01-02 10:00  caller.wav (0.5 s), transcribe"
    assert lines[2].split() == ["Cascade", "hi"]
    assert _run("list", "hel", "--tag", "demo") == 0
    assert capsys.readouterr().out.startswith("aaaaaaaa")
    assert _run("list", "nobody") == 0
    assert capsys.readouterr().out == "There is no such run.\n"
    assert _run("list", "--limit", "1") == 0
    assert capsys.readouterr().out.endswith("2 runs, the newest 1 are listed.\n")


def test_list_as_json(kept: list[Entry], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["total"]) == (1, 2)
    assert [run["transcript"] for run in found["runs"][0]["runs"]] == ["bonjour", "hi"]


def test_an_empty_history(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("list") == 0
    assert capsys.readouterr().out == "Nothing is in the history yet.\n"


@pytest.mark.parametrize("ending", ["html", "txt", "srt", "vtt", "json", "csv", "triptych"])
def test_export(kept: list[Entry], tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"out.{ending}"
    assert _run("export", "bbb", str(path)) == 0
    assert capsys.readouterr().out == f"Saved {path}.\n"
    assert b"bonjour" in path.read_bytes() or ending == "triptych"


def test_export_of_several_and_of_one_engine(kept: list[Entry], tmp_path: Path) -> None:
    assert _run("export", "a", "b", str(tmp_path / "all.csv")) == 0
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 4
    assert _run("export", "b", str(tmp_path / "a.srt"), "--engine", "cascade") == 0
    assert "hi" in (tmp_path / "a.srt").read_text()


def test_a_session_opens_elsewhere(
    kept: list[Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "two.triptych"
    assert _run("export", "a", "b", str(path)) == 0
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path / "elsewhere"))
    assert _run("open", str(path)) == 0
    assert capsys.readouterr().out.count("taken into the history") == 2
    assert _run("open", str(path)) == 0
    assert capsys.readouterr().out.count("was there already") == 2
    with Store() as store:
        assert store.get("a" * 32) == kept[0]


def test_tags_deleting_and_bringing_back(kept: list[Entry], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("tag", "b", "to show", "bug") == 0
    assert _run("delete", "a") == 0
    assert f"history restore {'a' * 32}" in capsys.readouterr().out
    with Store() as store:
        assert [one.tags for one in store.search().entries] == [("bug", "to show")]
    assert _run("restore", "a" * 32) == 0
    with Store() as store:
        assert store.search().total == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("export", "zz", "a.html"), "There is no run 'zz'"),
        (("export", "a", "a.exe"), "cannot be exported as"),
        (("export", "a", "b", "a.html"), "holds one run"),
        (("export", "a", "/nowhere/a.html"), "could not be written"),
        (("export", "a", "a.srt", "--engine", "nobody"), "nobody"),
        (("export", "a", "a.srt", "--engine", "latent-ctc"), "wrote nothing"),
        (("open", "/nowhere.triptych"), "cannot be read"),
        (("tag", "zz", "x"), "There is no run"),
        (("delete", "zz"), "There is no run"),
        (("restore", "zz"), "cannot be brought back"),
        (("list", "--limit", "none"), "--limit cannot be"),
        (("dance",), "invalid choice"),
        ((), "required"),
    ],
)
def test_bad_input_is_one_line(
    kept: list[Entry],
    arguments: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(*arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_damage_is_mended_and_said(kept: list[Entry], capsys: pytest.CaptureFixture[str]) -> None:
    for file in folder().glob(f"{NAME}*"):
        file.unlink()
    (folder() / NAME).write_bytes(b"junk" * 1000)
    assert _run("list") == 0
    assert capsys.readouterr().out.startswith("The history was damaged; nothing in it could be read")


def test_it_needs_no_window() -> None:
    code = "import sys, app.commands.history, engines.history.store; sys.exit('PySide6' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
