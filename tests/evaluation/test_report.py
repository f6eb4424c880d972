"""Tables, verdicts and curves from records, without an engine."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from engines.errors import BadInput
from engines.evaluation import curves
from engines.evaluation.metrics import word_errors
from engines.evaluation.records import Record
from engines.evaluation.report import Summary, Trained, markdown
from engines.evaluation.summary import comparisons, figures
from engines.evaluation.tabular import document, rows

TEXT = "one bright morning the lamps were lit along the quiet harbour wall"
RATES = {"latent-qformer": 0.05, "latent-convolution": 0.2, "latent-ctc": 0.4}


def record(engine: str, clip: int, rate: float, condition: str = "clean", corpus: str = "prompts") -> Record:
    rng = np.random.default_rng(clip)
    said = " ".join(word if rng.random() > rate else "x" for word in TEXT.split())
    errors = word_errors(TEXT, said)
    return Record(
        engine=engine, version="1", corpus=corpus, clip=f"{corpus}-{clip}", speaker="s", language="en",
        condition=condition, task="transcribe", seconds=4.0, reference=TEXT, hypothesis=said, hits=errors.hits,
        substitutions=errors.substitutions, deletions=errors.deletions, insertions=errors.insertions, work=1.0,
        stages={"encode": 0.5, "write": 0.5}, places=25, place_seconds=4.0, machine="a quiet machine",
    )  # fmt: skip


def records(rates: dict[str, float]) -> list[Record]:
    made = []
    for engine, rate in rates.items():
        made += [record(engine, clip, rate) for clip in range(60)]
        made += [record(engine, clip, rate, corpus="unseen") for clip in range(60)]
        made += [record(engine, clip, rate, f"babble-{level}") for clip in range(20) for level in (20, 10, 5, 0)]
        made += [
            record(engine, clip, rate).model_copy(update={"task": "translate", "language": "es"}) for clip in range(20)
        ]
    return made


def summary(rates: dict[str, float]) -> Summary:
    found, engines = records(rates), tuple(rates)
    return Summary(
        engines, {}, {engine: figures(found, engine) for engine in engines}, comparisons(found, engines, resamples=1000)
    )


def test_figures_by_hand() -> None:
    found = figures(records(RATES), "latent-ctc")
    assert found.places_per_second == pytest.approx(6.25)
    assert found.work == pytest.approx(0.25)
    assert found.stages == pytest.approx({"encode": 0.125, "write": 0.125})
    rate = found.rates["prompts"]
    assert (rate.clips, rate.words) == (60, 720)
    assert rate.low < rate.value < rate.high
    assert rate.value == pytest.approx(0.4, abs=0.06)
    assert found.rates["babble-5"].clips == 20
    assert found.translations["es"].clips == 20


def test_the_claimed_order_is_found_where_it_holds() -> None:
    text = markdown(summary(RATES))
    assert "Yes: `latent-qformer` > `latent-convolution` > `latent-ctc`" in text
    assert "9 go the claimed way" in text


def test_the_opposite_and_chance_are_told_apart() -> None:
    text = markdown(summary({"latent-qformer": 0.4, "latent-convolution": 0.2, "latent-ctc": 0.2}))
    assert "No, not as a whole" in text
    assert "`latent-qformer` is worse than `latent-convolution`" in text
    assert "`latent-convolution` and `latent-ctc` cannot be told apart (+0.0 points" in text


def test_without_the_adapters_no_question_is_answered() -> None:
    text = markdown(summary({"whisper": 0.1}))
    assert "> CTC hold" not in text
    assert "`whisper`" in text


def test_matrices_mark_differences() -> None:
    made = summary({"latent-qformer": 0.05, "latent-ctc": 0.4})
    pairs = {one.test_set: one for one in made.compared}
    assert pairs["prompts"].significant
    assert pairs["prompts"].difference.value < -0.2
    assert set(pairs) == {"prompts", "unseen", "noise", "es"}
    assert "**-" in markdown(made)


def test_failures_are_shown() -> None:
    found = records({"whisper": 0.1})
    empty = word_errors(TEXT, "")
    found[0] = found[0].model_copy(update={"failure": "x", "hits": 0, "deletions": empty.deletions, "substitutions": 0})
    made = Summary(("whisper",), {}, {"whisper": figures(found, "whisper")}, ())
    assert "1 failed" in markdown(made)


def test_csv_and_json_hold_the_figures() -> None:
    made = summary(RATES)
    lines = list(csv.DictReader(io.StringIO(rows(made))))
    assert {line["measure"] for line in lines} >= {"wer", "bleu", "chrf", "places_per_second", "work_per_second"}
    parsed = json.loads(json.dumps(document(made), allow_nan=False))
    assert parsed["schema"] == 1
    assert parsed["engines"][0]["rates"]["prompts"]["words"] == 720
    assert len(parsed["comparisons"]) == 12


def test_cards_and_repeated_texts_are_told() -> None:
    made = replace(
        summary({"latent-ctc": 0.2}),
        trained={"latent-ctc": Trained({"adapter": 1_500_000}, 12.5, 90.0, 4000, {"wer": 0.2})},
        repeated={"en": (13, 103)}, machines=("a quiet machine",), measured="2026-11-23",
    )  # fmt: skip
    text = markdown(made, curves=True)
    assert "adapter 1.50 M" in text
    assert "12.5" in text
    assert "en 13 of 103" in text
    assert "adapters-curves.svg" in text


def test_curves_are_read_and_drawn(tmp_path: Path) -> None:
    file = tmp_path / "latent-ctc.csv"
    lines = [
        f"{'ctc' if step <= 100 else 'llm'},{6 * (step if step <= 100 else step - 100)},"
        f"{5 / step},{'' if step % 10 else 40}"
        for step in range(1, 301)
    ]
    file.write_text("\n".join(["stage,seconds,loss,wer", *lines, "llm,,nan,"]) + "\n", encoding="utf-8")
    curve = curves.read(file)
    assert curve.name == "latent-ctc"
    assert curve.loss[-1] == (30.0, pytest.approx(5 / 300))
    assert len(curve.wer) == 30
    assert curve.wer[0] == (1.0, pytest.approx(0.4))
    assert len(curves.smoothed(curve.loss)) == 120
    drawing = curves.draw([curve, curves.Curve("none <yet>"), curves.Curve("one", ((1.0, 1.0),))])
    root = ET.fromstring(drawing)  # noqa: S314 - our own text
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    assert "nan" not in drawing
    assert curves.sparkline([0, 1, 2, 4]) == "▁▃▅█"
    assert len(curves.sparkline(range(100))) == 24
    assert curves.sparkline([]) == ""


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a,b\n1,2\n"])
def test_what_is_no_curve_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    with pytest.raises(BadInput):
        curves.read(file)
    with pytest.raises(BadInput):
        curves.read(tmp_path / "nowhere.csv")
