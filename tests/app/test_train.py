"""`triptych train`, with a loop that does not train: what is shown, kept, refused and said."""

from __future__ import annotations

import importlib.util
import io
import json
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app import cli
from app.commands import train
from engines import paths
from engines.errors import RecipeInvalid
from engines.training import recipes
from export import training


@dataclass
class Progress:
    stage: str
    step: int
    steps: int
    loss: float
    learning_rate: float
    wer: float | None
    seconds: float
    criterion: str = "wer"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Takes the place of what trains; a recipe is what its file says."""
    calls: list[dict[str, Any]] = []

    def read(file: Path, overlay: Path | None = None) -> Any:
        text = file.read_text(encoding="utf-8")
        if "unknown" in text:
            raise RecipeInvalid("The recipe x.toml is invalid at unknown.", "Correct it.")
        return types.SimpleNamespace(id=file.stem, digest=text, overlay=overlay)

    def run(recipe: Any, **how: Any) -> None:
        calls.append({"recipe": recipe, **how})
        if recipe.digest == "interrupt":
            raise KeyboardInterrupt
        for step in range(1, 4):
            wer = 12.5 if step == 3 else None
            how["report"](Progress("llm", step, 3, 2.0 / step, 1e-3, wer, 60.0 * step))

    monkeypatch.setattr(recipes, "read", read)
    monkeypatch.setattr(training, "run", run)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    return calls


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text("x", encoding="utf-8")
    return file


def call(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["train", *map(str, arguments)])
    captured = capfd.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def test_a_recipe_is_trained_and_progress_is_shown(ran: Any, recipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capfd, recipe, "--minutes", "0.5", "--device", "cpu")
    assert code == 0
    assert ran[0]["minutes"] == 0.5
    assert ran[0]["device"] == "cpu"
    assert ran[0]["target"] == paths.adapters()
    assert ran[0]["folder"] == paths.data() / "training" / "runs" / "mine"
    assert "mine llm 3 of 3 · 3.0 min · loss 0.667 · lr 1.0e-03 · dev WER 12.5 %" in err
    assert "loss █▅▃ 0.667" in err


def test_a_changed_recipe_does_not_go_on(ran: Any, recipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, recipe)[0] == 0
    assert call(capfd, recipe, "--resume")[0] == 0
    folder = ran[0]["folder"]
    (folder / "checkpoint.pt").write_bytes(b"old")
    recipe.write_text("y", encoding="utf-8")
    code, _, err = call(capfd, recipe)
    assert code == 2
    assert "--restart" in err
    assert call(capfd, recipe, "--restart")[0] == 0
    assert not (folder / "checkpoint.pt").exists()
    assert json.loads((folder / "training.json").read_text(encoding="utf-8")) == {"recipe": "mine", "digest": "y"}


def test_no_other_folder_is_emptied(ran: Any, recipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(b"cat")
    for option in ("--restart", "--resume"):
        code, _, err = call(capfd, recipe, "--output", photos, option)
        assert code == 2
        assert "not the folder of a training run" in err
    assert (photos / "cat.jpg").exists()
    assert ran == []


def test_an_interruption_says_how_to_go_on(ran: Any, recipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe.write_text("interrupt", encoding="utf-8")
    code, _, err = call(capfd, recipe)
    assert code == 130
    assert f"go on with: triptych train {recipe}" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "No recipe was named"),
        (["nothing.toml"], "There is no recipe nothing.toml"),
        (["{recipe}", "--minutes", "0"], "--minutes cannot be '0'"),
        (["{recipe}", "--minutes", "nan"], "--minutes cannot be 'nan'"),
        (["{recipe}", "{recipe}", "--output", "x"], "--output goes with one recipe"),
        (["{recipe}", "--device", "abacus"], "invalid choice"),
        (["{recipe}", "--resume", "--restart"], "not allowed with"),
    ],
)
def test_what_cannot_be_is_said(
    ran: Any, recipe: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    code, _, err = call(capfd, *(argument.format(recipe=recipe) for argument in arguments))
    assert code == 2
    assert sentence in err
    assert ran == []


def test_an_invalid_recipe_leaves_no_folder(ran: Any, recipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe.write_text("unknown", encoding="utf-8")
    assert call(capfd, recipe)[0] == 2
    assert not (paths.data() / "training").exists()


def test_without_the_libraries_it_says_what_to_install(
    recipe: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    code, _, err = call(capfd, recipe)
    assert code == 1
    assert 'pip install "triptych[train]"' in err
    assert "torch and transformers and peft" in err


def test_at_a_terminal_one_line_is_redrawn(ran: Any) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    line = train.TrainingLine(stream, "mine")
    line.show(Progress("ctc", 1, 4, float("nan"), 1e-3, None, 1.0))
    line.show(Progress("ctc", 2, 4, 3.0, 1e-3, 40.0, 2.0))
    line.show(Progress("llm", 1, 9, 2.0, 1e-3, 30.0, 3.0))
    line.end()
    text = stream.getvalue()
    assert "\r\x1b[Kmine ctc ████████████░░░░░░░░░░░░ 2 of 4" in text
    assert text.count("\n") == 3
    assert "mine: loss █ 2.000" in text


def test_bundled_recipes_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capfd, "--list")
    assert code == 0
    assert not {"fairness", "gpu", "corpus-cpu"} & set(out.split())
