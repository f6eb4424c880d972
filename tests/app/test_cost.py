"""``triptych cost``: what it writes, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from app import cli
from app.commands import cost as command
from engines.contract import GraphWork, StageWork, Work
from engines.errors import BadOption
from engines.evaluation import cost_report
from engines.evaluation.cost import Cost, Setting, Spread

HALF = Spread(0.5, 0.75, 5)
WORK = Work((StageWork("encode", 8e9, 0.0, 1, 0, {"Loop": 2}), StageWork("write", 2e9, positions=40)), ())


def cost(seconds: float = 4.0) -> Cost:
    return Cost(
        "x", "X", "text", seconds, Setting(), Spread(seconds / 2, seconds, 5), HALF, HALF, None, HALF,
        {"encode": 1.5, "write": 0.5}, WORK, 20_000_000, 3_000_000, 90_000_000, 400_000_000, None, "No counter.",
    )  # fmt: skip


def test_the_table_tells_figures_and_what_is_not_counted() -> None:
    broken = Cost("y", "Y", "latent", 4.0, Setting(), failed="It broke.")
    text = cost_report.as_markdown([cost(), broken], "a machine, 2 cores")
    row = next(line for line in text.splitlines() if line.startswith("| X |"))
    cells = ["X", "2.00 s (4.00)", "0.50 (0.75)", "0.50 s", "–", "0.50 s", "2.50*", "10.0", "20.0 M (3.0 M)"]
    assert [cell.strip() for cell in row.split("|")[1:10]] == cells
    assert "| X | encode | 1.500 s | 75% | 8.00 | 80% |" in text
    assert "X: not in the count (*): Loop (2×)." in text
    assert "Energy was not measured: No counter." in text
    assert "Y could not be measured: It broke." in text


def test_rows_for_a_spreadsheet_and_a_document() -> None:
    (row,) = csv.DictReader(io.StringIO(cost_report.as_csv([cost()])))
    assert (row["flop"], row["llm_tokens_per_speech_s"], row["ttfa_median_s"]) == ("1e+10", "10", "")
    found = json.loads(json.dumps(cost_report.as_json(cost())))
    assert found["flops_per_second"] == 2.5e9
    assert found["work"]["flops"] == 1e10
    assert found["work"]["stages"][0]["stage"] == "encode"
    assert GraphWork("a", 1, 1.0, 1, 1).runs == 1


def test_growth_is_told_and_drawn() -> None:
    grown = {"x": [cost(1.0), cost(2.0), cost(8.0), Cost("x", "X", "text", 600.0, Setting(), failed="Too long.")]}
    text = cost_report.growth_markdown(grown)
    assert "| X | 1–8 s | ∝ length^0.00 [0.00, 0.00] | ∝ length^1.00 [1.00, 1.00] |" in text.replace("-0.00", "0.00")
    assert "- X at 600 s: Too long." in text
    assert set(cost_report.growth_drawings(grown)) == {
        "growth-operations.svg", "growth-time.svg", "growth-memory.svg"
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "a", "1,two", "0", "700", "1,-3", "nan"])
def test_impossible_lengths_are_refused(text: str) -> None:
    with pytest.raises(BadOption, match="--lengths cannot be"):
        command._lengths(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--repeats", "0"], "--repeats"),
        (["--threads", "0"], "--threads"),
        (["--json", "--csv"], "exclude each other"),
        (["--engines", "none"], "none"),
        (["--provider", "none"], "none"),
    ],
)
def test_bad_input_is_one_sentence(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["cost", str(tmp_path / "none.wav"), *options]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]
