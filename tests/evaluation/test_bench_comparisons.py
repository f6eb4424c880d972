"""Differences of a bench: found where there are some, however many conditions and engines there are."""

from __future__ import annotations

from engines.evaluation.bench_results import comparisons
from engines.evaluation.metrics import word_errors
from engines.evaluation.records import Record
from engines.evaluation.significance import mapsswe

REFERENCE = "the quick brown fox jumps over the lazy dog"


def record(engine: str, condition: str, clip: int, text: str) -> Record:
    wrong = word_errors(REFERENCE, text, "en")
    return Record(
        engine=engine, version="1", corpus="c", clip=str(clip), speaker="s", language="en", condition=condition,
        task="transcribe", seconds=2.0, reference=REFERENCE, hypothesis=text, hits=wrong.hits,
        substitutions=wrong.substitutions, deletions=wrong.deletions, insertions=wrong.insertions,
    )  # fmt: skip


def test_every_utterance_is_normalised_in_its_own_language() -> None:
    references = ["I do not know.", "Je ne sais pas."]
    ours, theirs = ["I don't know", "Je ne sais pas"], ["I do know", "Je sais"]
    mixed = mapsswe(references, ours, theirs, ["en", "fr"])
    english, french = (mapsswe([references[i]], [ours[i]], [theirs[i]], of) for i, of in ((0, "en"), (1, "fr")))
    assert mixed.segments == english.segments + french.segments


def test_a_plain_difference_is_told_in_a_large_bench() -> None:
    good = [f"good-{number}" for number in range(5)]
    bad = [f"bad-{number}" for number in range(5)]
    records = [
        record(engine, f"babble-{level}", clip, REFERENCE if engine in good else f"a quick {clip} fox dumps over lazy")
        for level in range(7)
        for engine in (*good, *bad)
        for clip in range(12)
    ]
    found = comparisons(records)
    assert len(found) == 7 * 45, "with all of them in one family no p could be below the level"
    for one in found:
        mixed = (one.first in good) != (one.second in good)
        assert one.differs == mixed, (one.first, one.second, one.p, one.mapsswe)
