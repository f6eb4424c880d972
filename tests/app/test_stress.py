"""Sweeps, and ``triptych stress`` with fake engines."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from app import cli
from app.commands import stress
from app.comparison import Comparison, EngineRun, Status
from app.sweep import Sweep, as_csv, as_json
from engines import catalog
from engines.audio.conditions import Condition
from engines.audio.stressing import stressed
from engines.contract import Result, Utterance
from engines.errors import BadInput, BadOption
from tests.engines import fakes


@pytest.fixture
def utterance() -> Utterance:
    samples = (np.sin(np.arange(32_000) / 20) * 0.4).astype(np.float32)
    return Utterance(samples, "d1", "talk.wav", language="en", reference="hello there")


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    file = tmp_path / "speech.wav"
    soundfile.write(file, np.sin(np.arange(16_000) / 20) * 0.1, 16_000)
    return file


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    offered = catalog.Catalogue(
        factories=dict.fromkeys(("fake", "other"), "tests.engines.fakes:build"),
        extra=(fakes.describe("fake"), fakes.describe("other")),
    )
    monkeypatch.setattr(catalog, "default", lambda: offered)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that need no process of their own."""

    def run_comparison(_host: Any, comparison: Comparison, _how: Any) -> None:
        for engine, waiting in comparison.runs.items():
            result = Result(f"hello {comparison.utterance.samples.shape[0]}")
            comparison.runs[engine] = replace(waiting, status=Status.OK, result=result)

    monkeypatch.setattr(stress, "run_comparison", run_comparison)


def done(text: str, status: Status = Status.OK) -> EngineRun:
    return replace(EngineRun(fakes.describe("fake")), status=status, result=Result(text), seconds=0.5)


# --- utterances ------------------------------------------------------------------------------------------------------


def test_a_stressed_utterance_says_what_was_done(utterance: Utterance) -> None:
    made = stressed(utterance, [Condition("telephone"), Condition("room", 0.8)], seed=3)
    assert made.source == "talk.wav · room 0.8 s, telephone"
    assert "made worse on purpose" in made.notes[-1]
    assert "seed 3" in made.notes[-1]
    assert (made.reference, made.language) == ("hello there", "en")
    assert made.digest != utterance.digest
    again = stressed(utterance, [Condition("room", 0.8), Condition("telephone")], seed=3)
    assert again.digest == made.digest
    assert stressed(utterance, [Condition("clean")]) is utterance


def test_another_seed_is_other_noise(utterance: Utterance) -> None:
    digests = {stressed(utterance, [Condition("white", 5.0)], seed=seed).digest for seed in (0, 1, 1)}
    assert len(digests) == 2


def test_very_long_speech_is_refused(utterance: Utterance) -> None:
    hours = replace(utterance, samples=np.broadcast_to(np.float32(0.1), (16_000 * 700,)))
    with pytest.raises(BadInput, match="too long"):
        stressed(hours, [Condition("white", 5.0)])


# --- sweeps ----------------------------------------------------------------------------------------------------------


def test_a_sweep_begins_clean_and_grows(utterance: Utterance) -> None:
    sweep = Sweep(utterance, "white", [0, 20, 10], [Condition("telephone")])
    assert [step.amount for step in sweep.steps] == [None, 20, 10, 0]
    assert sweep.steps[0].title == "as recorded"
    assert sweep.steps[1].title == "white 20 dB, telephone"
    with pytest.raises(BadOption):
        Sweep(utterance, "white", [0], [Condition("white", 5.0)])


def test_what_was_cancelled_does_not_count(utterance: Utterance) -> None:
    sweep = Sweep(utterance, "white", [0])
    sweep.take(sweep.steps[0], [done("hello there")])
    sweep.take(sweep.steps[1], [done("hello", Status.CANCELLED), done("hello", Status.RUNNING)])
    found = as_json(sweep, sweep.curves())
    assert not found["complete"]
    assert [point["amount"] for point in found["engines"][0]["points"]] == [None]
    sweep.take(sweep.steps[1], [done("hello")])
    found = as_json(sweep, sweep.curves())
    assert found["complete"]
    assert found["engines"][0]["points"][1]["rate"] == 0.5
    assert found["engines"][0]["breaks"] == {"level": 0.5, "state": "at", "amount": 0}
    rows = list(csv.reader(as_csv(sweep, sweep.curves()).splitlines()))
    assert rows[1:] == [
        ["fake", "text", "clean", "clean", "0.0", "hello there"],
        ["fake", "text", "0", "white-0", "0.5", "hello"],
    ]


# --- the command -----------------------------------------------------------------------------------------------------


def test_noise_and_a_sweep_of_it_in_one_document(run: Any, wav: Path) -> None:
    code, out, err = run("stress", wav, "--noise", 10, "--sweep", "noise", "30,0", "--reference", "hello", "--json")
    found = json.loads(out)["sweep"]
    assert code == 0
    assert found["kind"] == "babble"
    assert found["amounts"] == [30, 10, 0]
    assert found["complete"]
    assert found["against"] == "reference"
    assert [engine["engine"] for engine in found["engines"]] == ["fake", "other"]
    assert [point["condition"] for point in found["engines"][0]["points"]] == [
        "clean", "babble-30", "babble-10", "babble-0",
    ]  # fmt: skip
    assert all(point["rate"] == 1.0 for point in found["engines"][0]["points"])
    assert "4 of 4" in err


def test_a_sweep_as_a_table_and_files(quick: None, run: Any, wav: Path, tmp_path: Path) -> None:
    out_folder = tmp_path / "found"
    code, out, _ = run("stress", wav, "--sweep", "speed", "2", "--engines", "fake", "--out", out_folder, "--telephone")
    assert code == 0
    assert "WER under speed · telephone" in out
    assert "own transcript of the clean recording" in " ".join(out.split())
    names = sorted(file.suffix for file in out_folder.iterdir() if not file.name.startswith("."))
    assert names == [".csv", ".json", ".wav", ".wav"]
    fast = next(out_folder.glob("*speed-2_telephone.wav"))
    assert soundfile.info(str(fast)).frames == 8000


def test_one_condition_beside_the_recording(quick: None, run: Any, wav: Path) -> None:
    code, out, _ = run("stress", wav, "--gaps", 20, "--engines", "fake", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["condition"] == "gaps-20"
    assert found["clean"]["utterance"]["source"] == "speech.wav"
    assert found["stressed"]["utterance"]["source"] == "speech.wav · packet loss 20%"
    assert "20 % of the packets" in found["stressed"]["utterance"]["notes"][0]


def test_an_interrupt_keeps_what_is_there(quick: None, run: Any, wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, calls = stress.run_comparison, []

    def interrupted(host: Any, comparison: Comparison, how: Any) -> None:
        calls.append(comparison)
        if len(calls) == 3:
            raise KeyboardInterrupt
        whole(host, comparison, how)

    monkeypatch.setattr(stress, "run_comparison", interrupted)
    code, out, err = run("stress", wav, "--sweep", "gaps", "5,10", "--engines", "fake", "--json")
    found = json.loads(out)["sweep"]
    assert code == 130
    assert not found["complete"]
    assert [point["amount"] for point in found["engines"][0]["points"]] == [None, 5]
    assert "Stopped" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Nothing is to be done"),
        (("--noise", "loud"), "--noise cannot be 'loud'"),
        (("--noise", "99"), "no useful amount"),
        (("--noise-kind", "wind", "--noise", "3"), "no noise 'wind'"),
        (("--sweep", "telephone", "1"), "cannot sweep"),
        (("--sweep", "noise", "1,x"), "cannot be 'x'"),
        (("--sweep", "noise", ","), "needs amounts"),
        (("--sweep", "speed", "0.5,2"), "one way"),
        (("--room", "9"), "no useful amount"),
        (("--gaps", "10", "--seed", "-1"), "--seed"),
    ],
)
def test_bad_input_is_one_sentence(run: Any, wav: Path, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run("stress", wav, *arguments)
    assert code == 2
    assert not out
    assert said in err
    assert err.count("\n") == 1
