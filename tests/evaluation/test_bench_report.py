"""What is made of the records of a bench: every metric where it fits, sentences, ranks and provenance."""

from __future__ import annotations

from typing import Any

import pytest

from engines.contract import Paradigm
from engines.evaluation import bench_report, sheet
from engines.evaluation.bench_results import comparisons, scores, stable
from engines.evaluation.calibration import bins, calibration_error, judged
from engines.evaluation.layouts import silence
from engines.evaluation.layouts.rows import Source
from engines.evaluation.metrics import word_errors
from engines.evaluation.records import Record
from engines.evidence import TokenScores

SAID = "the cat sat upon the mat"
PARADIGMS: dict[str, Paradigm] = {"good": "text", "bad": "latent"}


def record(engine: str, clip: int, text: str, **more: Any) -> Record:
    wrong = word_errors(more.get("reference", SAID), text, "en")
    fields: dict[str, Any] = {
        "version": "v", "corpus": "mine", "speaker": "me", "language": "en", "condition": "clean",
        "task": "transcribe", "seconds": 6.0, "reference": SAID, "work": 1.5, "software": "triptych 0", "seed": 3,
        "machine": "here", "measured": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip
    counts = {name: getattr(wrong, name) for name in ("hits", "substitutions", "deletions", "insertions")}
    return Record(engine=engine, clip=f"c{clip}", hypothesis=text, **(fields | counts | more))


def values(records: list[Record]) -> dict[str, float]:
    return {one.metric: one.value for one in scores(records)}


def test_words_on_silence_are_counted_by_the_minute() -> None:
    found = values([record("good", 0, "thank you", reference=""), record("good", 1, "", reference="")])
    assert found["hallucination"] == pytest.approx(10.0)
    assert "wer" not in found


def test_all_of_silence_can_be_heard_and_has_its_level() -> None:
    corpus = silence.read(Source("nobody"))
    levels = {clip.id: float((clip.read() ** 2).mean() ** 0.5) for clip in corpus.clips}
    assert levels["silence"] == 0.0
    assert levels["white-20dBFS"] == pytest.approx(0.1, rel=0.01)
    assert levels["hum-50dBFS"] == pytest.approx(10 ** (-50 / 20), rel=0.01)
    assert all(clip.text == "" and clip.read().shape == (160_000,) for clip in corpus.clips)


def test_a_metric_is_given_only_where_it_fits() -> None:
    spoken = values([record("good", 0, SAID, task="speak", opinion=3.5, first_audio=0.5)])
    assert spoken["asr-bleu"] == pytest.approx(100)
    assert spoken["dnsmos"] == pytest.approx(3.5)
    assert spoken["ttfa"] == 0.5
    assert values([record("good", 0, SAID, task="say", opinion=None, spoken_seconds=3.0)])["rtf"] == 0.5
    assert "ece" not in values([record("good", 0, SAID)])
    assert [one.metric for one in scores([record("good", 0, SAID)], ["wer"])] == ["wer"]


def test_speech_that_never_came_is_the_worst_there_is() -> None:
    made = [record("good", 0, SAID, task="say", opinion=3.0), record("good", 1, "", task="say", failure="no")]
    assert values(made)["dnsmos"] == 2.0


def test_qualities_are_of_the_first_repetition_and_times_of_all() -> None:
    repeated = [record("good", 0, SAID if n == 0 else "the", repetition=n, work=1.0 + n) for n in range(3)]
    found = values(repeated)
    assert found["wer"] == 0
    assert found["rtf"] == pytest.approx(2 / 6)
    assert {one.clips for one in scores(repeated)} == {1}
    assert stable(repeated) == 0.0
    assert stable(repeated[:1]) is None


def test_confidence_is_a_word_s_and_only_of_what_was_written() -> None:
    tokens = TokenScores(0, (" red", " g", "reen", " grey", ""), (0.0, -0.5, -0.5, -1.0, -9.0))
    confidences, right = judged("red green blue", "Red, green grey.", [tokens], "en")
    assert confidences == pytest.approx((1.0, 0.3679, 0.3679), abs=1e-4)
    assert right == (True, True, False)
    assert judged("red green blue", "red green gold", [tokens], "en") == ((), ())
    assert judged("red", "", [], "en") == ((), ())


def test_calibration_is_the_mean_distance_from_being_right() -> None:
    assert calibration_error([0.95, 0.95], [True, False]) == pytest.approx(0.45)
    assert calibration_error([1.0, 0.0], [True, False]) == 0
    assert [one.words for one in bins([0.05, 0.91, 0.99], [False, True, True])] == [1, 2]
    with pytest.raises(ValueError, match="no words"):
        calibration_error([], [])


def test_the_page_ranks_tells_differences_and_where_numbers_come_from() -> None:
    made = [record("good", n, SAID) for n in range(12)] + [record("bad", n, "the mat") for n in range(12)]
    page = bench_report.told(scores(made), comparisons(made), ["mine: x is left out."], PARADIGMS)
    text = sheet.markdown(page)
    assert "`good` (text-based, 0.0 % word error rate) is better than the best of latent representation" in text
    assert "12 recordings, few" in text
    assert "**-66.7**" in text
    assert "2026-01-02" in text
    assert "triptych 0" in text
    assert "mine: x is left out." in text


def test_the_page_draws_how_sure_engines_are() -> None:
    made = [record("good", n, SAID, confidences=(0.9, 0.5), right=(True, False)) for n in range(3)]
    page = bench_report.told(scores(made), [], [], PARADIGMS, made)
    (figure,) = [block for block in page if isinstance(block, sheet.Figure)]
    assert figure.name == "reliability"
    assert "good" in figure.svg
    assert "| `good` | 6 | 70.0 | 50.0 | 30.0 |" in sheet.markdown(page)
