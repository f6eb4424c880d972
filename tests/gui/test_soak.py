"""The soak command on the real window, for seconds, and what its report says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtWidgets import QApplication

from app import cli, livecontrol
from app.commands import soak as command
from app.looped import LoopedSource
from app.pulse import Pulse
from app.recorded import folder
from app.soaking import Report, growth
from engines import catalog
from engines.catalog import Catalogue
from engines.contract import SAMPLE_RATE
from engines.errors import WeightsMissing
from engines.live.delay import Delays
from engines.live.driving import Setting
from engines.live.governor import Limits
from tests.live.fakes import FakeHost, detect, spoken


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    soundfile.write(path, spoken(1.2), SAMPLE_RATE, subtype="PCM_16")
    return path


@pytest.fixture
def fake_engines(fakes: Callable[..., Catalogue], monkeypatch: pytest.MonkeyPatch) -> None:
    found = fakes("one", "two")
    limits = Limits(late=1e6, in_time=1e6, longest_run=1e6)
    monkeypatch.setattr(catalog, "default", lambda: found)
    monkeypatch.setattr(livecontrol, "prepare", lambda _: iter(()))
    monkeypatch.setattr(
        livecontrol,
        "setting",
        lambda engines, asked, **_: Setting(engines, asked, detect, lambda tell: FakeHost(tell, {}), limits=limits),
    )


def test_a_short_soak(
    qapp: QApplication,
    fake_engines: None,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.soaking._READY_SECONDS", 3.0)  # of the start alone, not of all that follows
    arguments = ["soak", "--file", str(file), "--minutes", "0.1", "--engines", "one,two", "--json"]
    assert cli.main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["seconds"] > 5.5  # a coarse timer may be five in a hundred early
    assert told["phrases"] >= 1
    assert told["heard"] > 2
    assert set(told["delays"]) == {"one", "two"}
    assert told["overflows"] == 0
    assert told["longest_stall"] > 0
    assert len(told["window_memory"]) >= 2
    assert told["window_memory"][0][1] > 10_000_000
    assert told["machine"]["cores"] >= 1
    assert not list(folder().glob("*.wav"))


def test_what_cannot_begin_is_said(
    qapp: QApplication,
    fake_engines: None,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def missing(*_: object, **__: object) -> Setting:
        raise WeightsMissing("The detector is not there.", "Fetch it.")

    monkeypatch.setattr(livecontrol, "setting", missing)
    assert cli.main(["soak", "--file", str(file), "--minutes", "1", "--engines", "one"]) == 1
    assert "The detector is not there." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--file", "nowhere.wav"], "nowhere.wav"),
        (["--file", "x.wav", "--minutes", "0"], "--minutes cannot be '0'"),
        (["--file", "x.wav", "--minutes", "nan"], "--minutes cannot be 'nan'"),
        ([], "--file"),
    ],
)
def test_bad_input_is_a_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["soak", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_growth_is_counted_after_memory_has_settled() -> None:
    memory = [(second * 5.0, 100_000_000 + second * 1000) for second in range(100)]
    assert growth(memory) == pytest.approx(1000 / 5 * 3600)
    assert growth([(0.0, 10_000_000), *memory[1:]]) == pytest.approx(1000 / 5 * 3600)
    assert growth(memory[:2]) is None
    assert growth([]) is None


def test_the_table_says_it_all() -> None:
    report = Report(
        seconds=1800,
        window_memory=[(0.0, 100_000_000), (900.0, 101_000_000), (1800.0, 101_000_000)],
        phrases=120,
        drift=0.012,
        longest_stall=0.034,
        delays={"one": Delays(120, 1.0, 1.25, 3.5, 2.0), "two": Delays()},
        out={"two": "It is not there."},
    )
    told = command.table(report)
    assert "30.0 min, 120 phrases" in told
    assert "100 → 101 MB" in told
    assert "+12 ms" in told
    assert "34 ms" in told
    assert "median 1.25 s, worst 3.50 s, LAAL 2.00 s" in told
    assert "It is not there." in told
    assert "not measured" in told


def test_a_pulse_counts_stalls_in_constant_memory(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("app.pulse.time.perf_counter", lambda: clock[0])
    pulse = Pulse()
    assert pulse.quantile(0.99) == 0.0
    pulse._last = 0.0
    for _ in range(990):
        clock[0] += 0.0055
        pulse._beat()
    for _ in range(10):
        clock[0] += 0.105
        pulse._beat()
    assert pulse.longest == pytest.approx(0.1)
    assert pulse.over_50_ms == 10
    assert pulse.quantile(0.98) <= 0.001
    assert pulse.quantile(0.995) >= 0.1


def test_a_looped_file_goes_on_with_a_pause_between(file: Path) -> None:
    heard: list[np.ndarray] = []
    enough = threading.Event()

    def sink(block: np.ndarray, lost: bool) -> None:
        heard.append(block.copy())
        if sum(map(len, heard)) > 6 * SAMPLE_RATE:
            enough.set()

    source = LoopedSource(file, pause=1.0, speed=100)
    assert source.start(sink, lambda _: None) == SAMPLE_RATE
    assert enough.wait(20)
    source.stop()
    joined = np.concatenate(heard)
    period = round(2.2 * SAMPLE_RATE)
    np.testing.assert_array_equal(joined[:period], joined[period : 2 * period])
    assert not joined[round(1.2 * SAMPLE_RATE) : period].any()
