"""Everything a user can get wrong on the command line: one sentence on stderr, the right code, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from app import cli
from engines.runtime import providers
from tests.app.test_cli import fake_catalogue, run, wav  # noqa: F401 - fixtures


def sound(file: Path, samples: Any, rate: int = 16_000, **kind: Any) -> Path:
    soundfile.write(file, samples, rate, **kind)
    return file


def missing(folder: Path) -> Path:
    return folder / "missing.wav"


def empty(folder: Path) -> Path:
    file = folder / "empty.wav"
    file.touch()
    return file


def truncated(folder: Path) -> Path:
    file = sound(folder / "truncated.wav", np.zeros(1000))
    file.write_bytes(file.read_bytes()[:20])
    return file


def text(folder: Path) -> Path:
    file = folder / "text.wav"
    file.write_text("This is no sound.\n" * 20, encoding="utf-8")
    return file


def no_samples(folder: Path) -> Path:
    return sound(folder / "none.wav", np.zeros(0))


def not_a_number(folder: Path) -> Path:
    return sound(folder / "nan.wav", np.full(1000, np.nan, np.float32), subtype="FLOAT")


def infinite(folder: Path) -> Path:
    return sound(folder / "inf.wav", np.full(1000, np.inf, np.float32), subtype="FLOAT")


def eight_hertz(folder: Path) -> Path:
    return sound(folder / "slow.wav", np.zeros(100), 8)


def a_folder(folder: Path) -> Path:
    return folder


def a_fifo(folder: Path) -> Path:
    file = folder / "fifo.wav"
    os.mkfifo(file)
    return file


@pytest.mark.parametrize(
    "make",
    [missing, empty, truncated, text, no_samples, not_a_number, infinite, eight_hertz, a_folder, a_fifo],
    ids=lambda make: make.__name__,
)
def test_bad_audio(run: Any, tmp_path: Path, make: Any) -> None:  # noqa: F811
    file = make(tmp_path)
    code, out, err = run("compare", file, "--engines", "fake")
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert file.name in err


def test_no_permission(run: Any, wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    before = Path.open

    def forbid(self: Path, *args: Any, **kinds: Any) -> Any:  # root may read everything, so the refusal is made here
        if self == wav:
            raise PermissionError(13, "Permission denied", str(self))
        return before(self, *args, **kinds)

    monkeypatch.setattr(Path, "open", forbid)
    code, out, err = run("compare", wav)
    assert (code, out) == (2, "")
    assert "permission" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(("channels", "rate"), [(32, 16_000), (1, 768_000), (2, 44_100)])
def test_odd_audio_is_read(run: Any, tmp_path: Path, channels: int, rate: int) -> None:  # noqa: F811
    file = sound(tmp_path / "odd.wav", np.zeros((rate // 10, channels)), rate)
    code, out, _ = run("compare", file, "--engines", "fake")
    assert code == 0
    assert "0.1 s" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--engines", "nonesuch"], "nonesuch"),
        (["--engines", ","], "--engines"),
        (["--task", "sing"], "sing"),
        (["--target", "xx", "--task", "translate"], "xx"),
        (["--target", "sw", "--task", "speak"], "Swahili"),
        (["--target", "fr"], "--target"),
        (["--language", "qq"], "qq"),
        (["--repeats", "0"], "--repeats"),
        (["--repeats", "many"], "many"),
        (["--threads", "-1"], "--threads"),
        (["--option", "beam"], "beam"),
        (["--option", "fake.nonesuch=1"], "nonesuch"),
        (["--option", "fake.beam=99"], "fake.beam"),
        (["--option", "nonesuch.beam=1"], "nonesuch"),
        (["--engines", "other", "--option", "fake.beam=1"], "does not run"),
        (["--provider", "abacus"], "abacus"),
        (["--out", "/dev/null/folder"], "/dev/null/folder"),
        (["--nonesuch"], "--nonesuch"),
        (["--reference"], "--reference"),
    ],
)
def test_bad_arguments(run: Any, wav: Path, arguments: list[str], named: str) -> None:  # noqa: F811
    code, out, err = run("compare", wav, *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert named in err


@pytest.mark.parametrize("arguments", [["nonesuch"], ["compare"], ["models"], ["engines", "extra"]])
def test_bad_commands(run: Any, arguments: list[str]) -> None:  # noqa: F811
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_one_reference_for_two_files(run: Any, wav: Path) -> None:  # noqa: F811
    code, _, err = run("compare", wav, wav, "--reference", "hello")
    assert code == 2
    assert "reference" in err


def test_no_torch_and_no_qt_for_the_command_line() -> None:
    script = "import sys, app.cli as cli; cli.parser(); print([m for m in ('torch', 'PySide6') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_no_torch_for_the_latent_engines() -> None:
    script = "import sys, engines.latent.engine; print([m for m in ('torch', 'onnx', 'PySide6') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_models_that_cannot_be_fetched_make_an_engine_unavailable(
    wav: Path,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIPTYCH_OFFLINE", "1")
    code = cli.main(["compare", str(wav), "--engines", "whisper,rescoring", "--json"])
    captured = capfd.readouterr()
    results = json.loads(captured.out)["results"]
    assert code == 1
    assert [result["status"] for result in results] == ["unavailable", "unavailable"]
    assert all(result["error"]["message"] and result["error"]["hint"] for result in results)
    assert results[0]["seconds"] is None
    assert "Traceback" not in captured.err


def test_provider_that_does_not_work_fails_each_engine_in_words(run: Any, wav: Path) -> None:  # noqa: F811
    absent = next(provider for provider in providers.PROVIDERS if not providers.may_work(provider))
    code, out, _ = run("compare", wav, "--json", "--provider", absent.name)
    results = json.loads(out)["results"]
    assert code == 1
    assert {result["error"]["kind"] for result in results} == {"ProviderUnavailable"}
