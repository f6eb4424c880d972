"""Curves of errors against severity, where they break, and what is said of them."""

from __future__ import annotations

import pytest

from engines.contract import Paradigm
from engines.errors import BadOption
from engines.evaluation import breaking
from engines.evaluation.breaking import Breaking, Reading, curves, mildest_first, verdict

REFERENCE = "red green blue black white brown pink grey gold silver"


def heard(right: int) -> str:
    """A transcript with so many of ten words."""
    return " ".join(REFERENCE.split()[:right])


def read(engine: str, paradigm: Paradigm, **right: int) -> list[Reading]:
    """Readings; ``clean`` is the recording as it is, ``at10`` the amount 10."""
    return [
        Reading(engine, paradigm, None if name == "clean" else float(name[2:]), heard(words))
        for name, words in right.items()
    ]


def test_noise_hurts_downwards_and_all_else_upwards() -> None:
    assert mildest_first("babble", [0, 30, 10, 10]) == (30, 10, 0)
    assert mildest_first("room", [3, 0.2]) == (0.2, 3)
    assert mildest_first("speed", [2, 1.2]) == (1.2, 2)
    assert mildest_first("speed", [0.5, 0.8]) == (0.8, 0.5)


@pytest.mark.parametrize(("kind", "amounts"), [("babble", []), ("gaps", [90]), ("speed", [0.5, 2])])
def test_impossible_amounts_are_refused(kind: str, amounts: list[float]) -> None:
    with pytest.raises(BadOption):
        mildest_first(kind, amounts)  # type: ignore[arg-type]


def test_errors_are_counted_against_the_reference() -> None:
    (curve,) = curves(read("a", "text", clean=9, at10=7, at0=2), "white", REFERENCE, "en")
    assert curve.rates() == [(None, pytest.approx(0.1)), (10.0, pytest.approx(0.3)), (0.0, pytest.approx(0.8))]


def test_without_a_reference_the_clean_transcript_stands_for_it() -> None:
    (curve,) = curves(read("a", "text", clean=5, at10=4), "white", None, "en")
    assert curve.rates() == [(None, 0.0), (10.0, pytest.approx(0.2))]
    assert "own transcript" in breaking.basis(None, [curve], "en")
    (lost,) = curves(read("b", "text", at10=4), "white", None, "en")
    assert lost.rates() == []


def test_failures_are_no_errors() -> None:
    readings = [*read("a", "text", clean=10, at0=4), Reading("a", "text", 10.0, None, "It crashed.")]
    (curve,) = curves(readings, "white", REFERENCE, "en")
    assert [amount for amount, _ in curve.rates()] == [None, 0.0]
    assert curve.points[1].reading.failure == "It crashed."


def test_the_last_reading_of_a_severity_counts() -> None:
    (curve,) = curves([*read("a", "text", at10=1), *read("a", "text", at10=9)], "white", REFERENCE, "en")
    assert curve.rates() == [(10.0, pytest.approx(0.1))]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([(None, 0.0), (20.0, 0.2), (10.0, 0.7)], Breaking("at", 14.0)),
        ([(None, 0.6), (20.0, 0.7)], Breaking("already")),
        ([(None, 0.0), (20.0, 0.9)], Breaking("at", 20.0)),
        ([(None, 0.0), (20.0, 0.4)], Breaking("never")),
        ([], Breaking("never")),
    ],
)
def test_where_a_curve_breaks(rates: list[tuple[float | None, float]], expected: Breaking) -> None:
    found = breaking.breaking(rates)
    assert found.state == expected.state
    assert found.amount == pytest.approx(expected.amount)


def test_the_verdict_ranks_paradigms() -> None:
    readings = [
        *read("whisper", "baseline", clean=10, at20=9, at0=7),
        *read("rescoring", "text", clean=10, at20=9, at0=3),
        *read("latent-ctc", "latent", clean=9, at20=4, at0=0),
    ]
    (sentence,) = verdict(curves(readings, "babble", REFERENCE, "en"), "babble")
    assert sentence == (
        "Breaks first (one word in two wrong): latent representation from about 20 dB on; "
        "text-based from about 7 dB on; the baseline not, tried down to 0 dB."
    )


def test_the_verdict_is_about_means_of_shared_severities() -> None:
    readings = [*read("a", "text", clean=10, at20=8, at0=2), *read("b", "text", clean=10, at20=6)]
    found = curves(readings, "babble", REFERENCE, "en")
    assert dict(breaking.by_paradigm(found)["text"]) == {None: 0.0, 20.0: pytest.approx(0.3)}
    assert verdict(curves(readings[:1], "babble", REFERENCE, "en"), "babble") == []


def test_nothing_breaks() -> None:
    readings = [*read("a", "text", clean=10, at20=9), *read("b", "latent", clean=10, at20=9)]
    assert verdict(curves(readings, "babble", REFERENCE, "en"), "babble")[0].startswith("No paradigm breaks")


def test_one_word_of_few_weighs_much() -> None:
    found = curves(read("a", "text", clean=10, at20=9), "babble", REFERENCE, "en")
    assert "10 words: one word is 10.0 points" in breaking.basis(REFERENCE, found, "en")
