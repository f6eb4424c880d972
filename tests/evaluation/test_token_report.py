"""The report on token engines: everything it tells, what is lacking, and which targets are met."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from engines.evaluation import token_report, token_tabular
from engines.evaluation.codebooks import BookUse
from engines.evaluation.codec_table import Line
from engines.evaluation.dnsmos import Opinion
from engines.evaluation.duplex import RealTime
from engines.evaluation.metrics import Errors
from engines.evaluation.prediction import predict
from engines.evaluation.records import Record
from engines.evaluation.report import Summary, Trained
from engines.evaluation.spoken_lm import Outcome, Verdict
from engines.evaluation.summary import comparisons, figures
from engines.evaluation.targets import targets
from engines.evaluation.token_codec import CodecTable, Resynthesised
from engines.evaluation.token_summary import Tokens, said, said_compared, spoken, spoken_compared
from engines.evaluation.token_units import Loop, Units
from engines.evaluation.unit_quality import Quality
from tests.evaluation.test_report import record

NOTHING = Tokens(Summary((), {}, {}, ()), lacking={"codec": "Not trained yet: `codec`."})


def line(name: str, books: int, bits: float, wrong: int) -> Line:
    return Line(
        name, books, bits, Errors(100 - wrong, wrong), Opinion(3.0, 3.0, 3.0), 5.0, 4, 20.0, wrong / 150, wrong / 50
    )


def speech(task: str, engine: str, clip: int, wrong: float, language: str = "en") -> Record:
    made = record(engine, clip, wrong)
    return made.model_copy(update={"task": task, "language": language, "spoken_seconds": 5.0, "work": 2.0})


@pytest.fixture(scope="module")
def whole() -> Tokens:
    engines = ("whisper", "token-semantic")
    heard = [
        record(engine, clip, rate, corpus="unseen")
        for engine, rate in zip(engines, (0.05, 0.1), strict=True)
        for clip in range(40)
    ]
    says = [
        speech("say", voice, n, rate) for voice, rate in (("piper", 0.02), ("token-semantic", 0.5)) for n in range(9)
    ]
    speaks = [speech("speak", engine, n, 0.3, "es") for engine in ("cascade", "token-semantic") for n in range(9)]
    quality = Quality(900, 0.6, 0.2, 0.65, 0.18, 8.4, 0.7, 16.6, 249.0, 165.0)
    rate = figures(heard, "whisper").rates["unseen"]
    time = RealTime(0.08, 375, 0.02, 0.04, 0.09, 0.2, 0.5, 0.3, 1, 0.01, 2, 0)
    verdicts = tuple(Verdict(f"s{n}", 1.0 if n % 3 else -1.0, 0.0) for n in range(30))
    predicted = predict("codec", "distance", [(step, 10 * step**-0.1) for step in (1, 2, 4, 8, 16, 32)])
    assert predicted is not None
    return Tokens(
        Summary(engines, {}, {one: figures(heard, one) for one in engines}, comparisons(heard, engines, resamples=500)),
        {"hear token-acoustic": "Not trained yet: `token-acoustic`."},
        said(says),
        said_compared(says),
        spoken(speaks),
        spoken_compared(speaks),
        CodecTable(
            (
                line("original", 0, 0.0, 3), line("Ours", 8, 4000.0, 5), line("Ours", 1, 500.0, 60),
                line("Opus", 0, 6100.0, 6),
            ),
            (BookUse(1024, 5000, 1000, 9.5),), ("A note.",), "Ours",
        ),
        {"vocoder": Resynthesised({"original": rate, "heard durations": rate}, 0.4, 0.3, 0)},
        Units(1000, 0.04, quality, BookUse(1000, 900, 700, 8.4), 20),
        (),
        Loop(time, 0.1, 2, "a quiet machine"),
        (Outcome("token-semantic, units", "story", verdicts),),
        (predicted,),
        {"codec": Trained({"codec": 5_000_000}, 8.8, 106.0, 7000, {"distance": 7.6})},
    )  # fmt: skip


def test_every_section_has_its_figures(whole: Tokens) -> None:
    text = token_report.markdown(whole, curves=True)
    assert "- token-acoustic: Not trained yet: `token-acoustic`." in text
    for told in (
        "| `piper` | ", "A note.", "| Ours | 8 | 4,000 | 5.0 [3.3–10.0]", "| vocoder | heard durations |",
        "| PNMI | 0.650 |", "| 1 | 8.40 | 9.966 | 700 | 300 |", "| 95th percentile | 40.0 | 0.50 |",
        "| token-semantic, units | story | 30 | 66.7 % |", "| 50 % |", "| `codec` | distance | 6 | 32 |",
        "tokens-curves.svg", "tokens-pareto.svg", "| WER, texts that are said |", "| ASR-BLEU, es → en |",
    ):  # fmt: skip
        assert told in text, told
    assert "Not measured yet" not in text


def test_targets_are_decided_by_intervals(whole: Tokens) -> None:
    found = {one.what.split(",")[0]: one for one in targets(whole)}
    assert found["`token-semantic`"].answer == "yes"
    assert found["text → units → speech"].answer == "no"
    assert found["codec at its full rate"].answer == "undecided"
    assert found["duplex loop"].answer == "yes"
    assert "ASR-BLEU" in found["es → English speech by `token-semantic`"].value
    assert whole.loop is not None
    late = replace(whole, loop=replace(whole.loop, time=replace(whole.loop.time, dropped=1)))
    assert targets(late)[-1].answer == "no"


def test_a_loop_on_a_busy_machine_is_told(whole: Tokens) -> None:
    assert whole.loop is not None
    assert "The machine was busy" in token_report.markdown(replace(whole, loop=replace(whole.loop, load=3.0)))


def test_where_nothing_was_measured_every_section_says_so() -> None:
    text = token_report.markdown(NOTHING)
    assert text.count("Not measured yet.") == 8
    assert "- codec: Not trained yet: `codec`." in text
    assert text.count("| not measured |") == 5
    json.dumps(token_tabular.document(NOTHING), allow_nan=False)
    assert len(token_tabular.rows(NOTHING).splitlines()) == 1


def test_csv_and_json_hold_the_same_figures(whole: Tokens) -> None:
    lines = list(csv.DictReader(io.StringIO(token_tabular.rows(whole))))
    found = {(row["engine"], row["measure"], row["set"]): row for row in lines}
    assert float(found["Ours 8", "wer:coded", "4000 bit/s"]["value"]) == 0.05
    assert float(found["token-duplex", "p95:share_of_frame", "frames"]["value"]) == 0.5
    assert found["Ours", "dead", "codebook 1"]["value"] == "24"
    assert found["units", "dead", "clips"]["value"] == "300"
    assert found["token-semantic, units", "stories", "story"]["clips"] == "30"
    assert {("piper", "wer:said", "texts"), ("cascade", "asr_bleu", "es-en")} <= set(found)
    parsed = json.loads(json.dumps(token_tabular.document(whole), allow_nan=False))
    assert parsed["codec"]["books"][0]["used"] == 1000
    assert parsed["stories"][0]["accuracy"] == pytest.approx(2 / 3)
    assert len(parsed["targets"]) == 5


def test_points_are_of_codecs_and_of_units(whole: Tokens) -> None:
    found = [(point.family, point.label, point.bits) for point in whole.points()]
    assert found == [
        ("Ours", "8", 4000.0), ("Ours", "1", 500.0), ("Opus", "6k", 6100.0),
        ("units, vocoder", "heard durations", 249.0),
    ]  # fmt: skip
    assert NOTHING.points() == []
    assert whole.failures == 0
