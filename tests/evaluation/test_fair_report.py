from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest

from engines.contract import Paradigm
from engines.evaluation import (
    by_language,
    challenges,
    fair_report,
    findings,
    page,
    plots,
    published,
    radar,
    sheet,
    summary,
)
from engines.evaluation.fair import Fair
from engines.evaluation.paralinguistic import Outcome
from engines.evaluation.plots import Axis, Series, Spot
from engines.evaluation.probing import Told
from engines.evaluation.records import Record
from engines.evaluation.report import Summary
from engines.evaluation.sheet import Figure, Heading, Listing, Paragraph, Table
from engines.evaluation.sheet_reading import read
from engines.evaluation.speech_text import Aligned

PARADIGM: dict[str, Paradigm] = {
    "whisper": "baseline", "correction": "text", "latent-ctc": "latent", "latent-qformer": "latent",
    "latent-convolution": "latent",
}  # fmt: skip
WRONG = {"whisper": 1, "correction": 1, "latent-ctc": 3, "latent-qformer": 4, "latent-convolution": 3}


def _records() -> list[Record]:
    made = []
    for engine, wrong in WRONG.items():
        for number in range(30):
            for corpus, condition, more in (
                ("prompts", "clean", 0), ("prompts", "babble-20", 0), ("prompts", "babble-0", 4)
            ):  # fmt: skip
                words = [f"word{place}" for place in range(10)]
                errors = min(10, wrong + more) if number % 10 else wrong + 1
                heard = [*words[errors:], *["x"] * errors]
                made.append(
                    Record(
                        engine=engine, version="1", corpus=corpus, clip=f"c{number}", speaker="me", language="en",
                        condition=condition, task="transcribe", seconds=3.0, reference=" ".join(words),
                        hypothesis=" ".join(heard), hits=10 - errors, substitutions=errors, work=0.3 * wrong,
                        stages={"encode": 0.1}, places=30, place_seconds=3.0, machine="a quiet machine",
                    )
                )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def found() -> Fair:
    records = _records()
    figures = {engine: summary.figures(records, engine) for engine in WRONG}
    names = {engine: engine.title() for engine in WRONG}
    whole = Summary(tuple(WRONG), names, figures, summary.comparisons(records, list(WRONG)), measured="2026-01-01")
    return Fair(
        whole, PARADIGM, published.read(), by_language.lateness(records), by_language.by_language(records),
        [Outcome("whisper", "text", "sex", Told(12, 24)), Outcome("latent-ctc", "latent", "sex", Told(24, 24))],
        [Aligned("latent-ctc", "latent", 40, 100, 0.1, 0.3, 0.3, 0.5)], lacking={"tokens": "Nothing was trained."},
    )  # fmt: skip


def test_the_page_needs_nothing_else(found: Fair) -> None:
    text = fair_report.files(found)["fair-comparison.html"]
    assert not re.search(r"(?:src|href)=\"(?!#)", text)
    assert "@import" not in text
    assert "url(" not in text
    assert "<script" not in text
    body = text[text.index("<body>") :].removesuffix("</html>\n")
    ET.fromstring(body)  # noqa: S314 - every element is closed
    assert text.count("<svg") == 3, "latency, noise, dimensions"


def test_what_was_not_measured_says_so(found: Fair) -> None:
    text = fair_report.files(found)["fair-comparison.md"]
    assert "Not measured: Nothing was trained." in text
    assert "Not measured: first text, first sound" in text
    assert "not measured" in next(line for line in text.splitlines() if line.startswith("| speech generation"))


def test_probes_are_corrected_for_their_number() -> None:
    probes = [Outcome(f"e{number}", "latent", "sex", Told(17, 24)) for number in range(5)]
    assert all(one.told.heard for one in probes)
    assert not challenges.more_than_guessing(probes)
    assert challenges.more_than_guessing(probes[:1]) == frozenset(probes[:1])


def test_published_numbers_stand_apart(found: Fair) -> None:
    files = fair_report.files(found)
    others = [block for block in fair_report.told(found) if isinstance(block, Table) and block.published]
    assert len(others) == 5
    assert all("whisper" not in row[0] for block in others for row in block.rows)
    assert "Whisper-large-v2" not in files["fair-comparison.csv"]
    row = next(row for block in others for row in block.rows if row[0] == "Whisper-large-v2")
    assert "†" in row[4]


def test_every_format_is_whole(found: Fair) -> None:
    files = fair_report.files(found)
    assert json.loads(files["fair-comparison.json"])["probes"][1]["heard"] is True
    lines = files["fair-comparison.csv"].splitlines()
    assert {line.count(",") for line in lines} == {lines[0].count(",")}
    assert "latent-ctc,probe,sex,1.0" in files["fair-comparison.csv"]
    tex = files["fair-comparison.tex"]
    assert tex.count(r"\begin{table}") == tex.count(r"\end{table}") > 5
    for name, text in files.items():
        if name.endswith(".svg"):
            ET.fromstring(text)  # noqa: S314 - our own


def test_a_difference_is_told_only_where_the_tests_say_so(found: Fair) -> None:
    whole = found.summary
    (sentence,) = findings.best(whole.figures, whole.compared, PARADIGM)
    assert "`whisper` (the baseline" in sentence
    assert "is better than the best of latent representation" in sentence
    assert "cannot be told apart from text-based (`correction`" in sentence


def test_noise_and_cost_are_told_by_paradigm(found: Fair) -> None:
    first, over_all = findings.noise(found.summary.figures, found.summary.compared, PARADIGM)
    assert first.index("latent representation from about") < first.index("the baseline")
    assert "Over all levels" in over_all
    assert "0.30 to 0.40 s of work" in findings.costs(found.summary.figures, PARADIGM)[2]


def test_markdown_of_other_reports_becomes_blocks() -> None:
    text = ["## A", "", "Some", "words, [linked](x.md).", "", "| a | b |", "|---|---:|", "| `x` | 1 |", ""]
    text += ["- one", "  more", "- two", "", "![P](p.svg)"]
    assert read(text, deeper=1, pictures={"p": "<svg/>"}) == [
        Heading("A", 3), Paragraph("Some words, linked."), Table(("a", "b"), (("`x`", "1"),)),
        Listing(("one more", "two")), Figure("p", "<svg/>", "P"),
    ]  # fmt: skip


def test_marks_become_elements_and_text_stays_text() -> None:
    text = page.render("a < b", [Paragraph("**x** *and* `y` <script> 2 * 3 * 4")])
    assert "<strong>x</strong> <em>and</em> <code>y</code> &lt;script&gt; 2 * 3 * 4" in text
    assert "<title>a &lt; b</title>" in text


def test_latex_is_escaped() -> None:
    assert sheet.escaped("**5 %** of `a_b` & c") == r"\textbf{5 \%} of \texttt{a\_b} \& c"


def test_pictures_bear_extremes() -> None:
    spots = (Spot(1e-3, 0.0), Spot(9e12, 500.0, 400.0, 600.0))
    ET.fromstring(plots.over("<&>", [Series("a<b", "text", spots)], Axis("x", log=True), Axis("y", top=100)))  # noqa: S314
    plots.over("one", [Series("a", "ink", (Spot(0.0, 0.0),))], Axis("x"), Axis("y"))
    for series, axis in (([], Axis("x")), ([Series("a", "ink", (Spot(0.0, 1.0),))], Axis("x", log=True))):
        with pytest.raises(ValueError, match=r"nothing|logarithm"):
            plots.over("none", series, axis, Axis("y"))
    with pytest.raises(ValueError, match="radar"):
        radar.draw("r", ["a", "b", "c"], [radar.Shape("s", "text", (0.5,))])
