"""`triptych tokens`, with fake engines and without weights: what there is is measured, what is lacking is said."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cli
from app.commands import measuring, tokens
from engines import catalog
from engines.audio.conditions import Condition
from engines.contract import AudioChunk
from engines.evaluation import protocol, spoken, token_speech, token_units
from engines.evaluation.corpora import Clip
from engines.evaluation.runs import Case
from engines.evaluation.token_bench import Bench
from engines.evaluation.token_speech import Offer
from tests.engines import fakes

ENGINES = ("fake", "other")


def clip(number: int, language: str = "en") -> Clip:
    text = "hello 1600" if number else "hello you"
    english = None if language == "en" else "hello there"
    return Clip(
        f"c{number}", "unseen", "me", language, text, english, 0.1, lambda: np.full(1600, 0.01, np.float32)
    )  # fmt: skip


class Whistle:
    """Says everything the same."""

    id = "whistle"

    def __init__(self, version: str = "") -> None:
        self.version = version

    def say(self, text: str) -> list[AudioChunk]:
        assert text
        return [AudioChunk(np.full(800, 0.1, np.float32), 16_000)]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    known = (*ENGINES, "token-semantic")  # the last one with its own description, which names its weights
    factories = dict.fromkeys(known, "tests.engines.fakes:build")
    offered = catalog.Catalogue(factories=factories, extra=tuple(map(fakes.describe, ENGINES)))
    monkeypatch.setattr(catalog, "default", lambda: offered)
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path / "adapters"))
    monkeypatch.delenv("TRIPTYCH_PROMPTS", raising=False)
    monkeypatch.setattr(tokens, "_ENGINES", ENGINES)
    monkeypatch.setattr(token_speech, "TRANSLATORS", ("fake", "token-semantic"))
    monkeypatch.setattr(measuring, "fetched", lambda _: {})
    monkeypatch.setattr(protocol, "cases", lambda *_: [Case(clip(n), Condition()) for n in range(2)])
    monkeypatch.setattr(Bench, "english", lambda *_: [clip(0), clip(1)])
    monkeypatch.setattr(Bench, "foreign", lambda *_: [clip(0, "es"), clip(1, "es")])
    monkeypatch.setattr(Bench, "read", lambda *_: "hello there")

    def call(*arguments: object) -> tuple[int, str]:
        code = cli.main(["tokens", "--store", str(tmp_path / "store"), *map(str, arguments)])
        err = capfd.readouterr().err
        assert "Traceback" not in err
        return code, err

    return call


def test_what_there_is_is_measured_once_and_the_rest_is_said(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, err = run("--parts", "hearing,duplex,units,resynthesis", "--out", tmp_path)
    assert code == 0, err
    assert "only unseen speakers" in err
    assert "duplex: Not trained yet: `codec`, `token-duplex`." in err
    text = (tmp_path / "tokens.md").read_text(encoding="utf-8")
    assert "| `fake` | 25.0" in text
    assert "- units: Not trained yet: `units`." in text
    assert "- vocoder: Not trained yet: `units`, `vocoder`." in text
    lines = list(csv.DictReader((tmp_path / "tokens.csv").read_text(encoding="utf-8").splitlines()))
    assert {line["engine"] for line in lines} == {*ENGINES}
    assert json.loads((tmp_path / "tokens.json").read_text(encoding="utf-8"))["schema"] == 1
    monkeypatch.setattr(protocol, "hear_out", None)
    assert run("--parts", "hearing", "--out", tmp_path / "again")[0] == 0
    assert run("--report-only", "--out", tmp_path / "again")[0] == 0
    assert (tmp_path / "again" / "tokens.md").read_text(encoding="utf-8") == text


def test_voices_and_translators_are_read_back(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offers = tuple(
        Offer(name, needed, lambda _, version: Whistle(version))
        for name, needed in (("whistle", ()), ("token-semantic", ("vocoder",)))
    )
    monkeypatch.setattr(token_speech, "OFFERS", offers)
    monkeypatch.setattr(token_speech, "Synthesised", lambda *_: Whistle())
    monkeypatch.setattr(token_speech, "by_recogniser", lambda _, voice: lambda clip: spoken.said(voice, clip.text))
    monkeypatch.setattr("engines.models.components.Components.synthesiser", lambda *_: None)
    monkeypatch.setattr("engines.models.components.Components.recogniser", lambda *_: None)
    code, err = run("--parts", "texts,translations", "--out", tmp_path)
    assert code == 0, err
    assert "say token-semantic: Not trained yet: `vocoder`." in err
    found = json.loads((tmp_path / "tokens.json").read_text(encoding="utf-8"))
    assert found["said"]["whistle"]["rate"]["value"] == pytest.approx(0.5)
    assert "speak token-semantic: Not trained yet: `trunk`, `units`, `token-semantic`, `vocoder`." in err
    assert set(found["spoken"]) == {"whisper+piper", "fake"}
    assert found["spoken"]["fake"]["es"]["clips"] == 2
    monkeypatch.setattr(Whistle, "say", None)
    assert run("--parts", "texts", "--out", tmp_path)[0] == 0


def test_an_engine_that_turns_out_to_lack_something_keeps_no_other_from_being_measured(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deed = fakes.describe("other").options["deed"].model_copy(update={"default": "missing"})
    lacking = fakes.describe("other")
    lacking = lacking.model_copy(update={"options": {**lacking.options, "deed": deed}})
    factories = dict.fromkeys((*ENGINES, "token-semantic"), "tests.engines.fakes:build")
    offered = catalog.Catalogue(factories=factories, extra=(fakes.describe("fake"), lacking))
    monkeypatch.setattr(catalog, "default", lambda: offered)
    code, err = run("--parts", "hearing", "--out", tmp_path)
    assert code == 0, err
    assert "hear other: The model x is not there. Fetch it." in err
    text = (tmp_path / "tokens.md").read_text(encoding="utf-8")
    assert "| `fake` | 25.0" in text
    assert "- other: The model x is not there. Fetch it." in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--parts", "everything"], "There is no part 'everything'"),
        (["--parts", ","], "names no part"),
        (["--clips", "0"], "--clips cannot be '0'"),
        (["--clips", "many"], "--clips cannot be 'many'"),
        (["--threads", "x"], "--threads cannot be 'x'"),
        (["--clips", "1", "--all"], "not allowed with"),
    ],
)
def test_what_cannot_be_is_said(run: Any, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    code, err = run(*arguments, "--out", tmp_path)
    assert code == 2
    assert sentence in err
    assert not (tmp_path / "tokens.md").exists()


def test_an_interruption_says_how_to_go_on(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(token_units, "measure_units", interrupted)
    code, err = run("--parts", "units", "--out", tmp_path)
    assert code == 130
    assert "goes on from here" in err
