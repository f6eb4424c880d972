from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines import catalog
from engines.contract import EvidenceFound, Finished, Hypothesis, NBest, Neighbours, Result, Stamped
from engines.evaluation import by_language, speech_text
from engines.evaluation.corpora import Clip
from engines.evaluation.kept import Kept
from engines.evaluation.records import Record

SAMPLES = np.zeros(16_000, np.float32)
CLIPS = [
    Clip(f"c{number}", "unseen", "me", "en", text, None, 1.0, lambda: SAMPLES)
    for number, text in enumerate(["a red apple", "the blue sky"])
]
HEARD = {"c0": ((" red", " rot"), (" ap", " x"), ("ple", "y")), "c1": ((" the", " a"), (" sky", " air"))}


def _follow(_: object, engine: str, request: object, hear: object) -> bool:
    source = request.utterance.source  # type: ignore[attr-defined]
    near = HEARD[source]
    shown = Neighbours(0, np.zeros((len(near), 2), np.float32), near, np.full((len(near), 2), 0.5, np.float32))
    listed = NBest(0, 0.0, 1.0, (Hypothesis("A red apple", -1.0, 3),))
    evidence = shown if engine.startswith("latent") else listed
    hear(Stamped(engine, 0.1, EvidenceFound(evidence)))  # type: ignore[operator]
    return bool(hear(Stamped(engine, 0.2, Finished(Result("")))))  # type: ignore[operator]


def test_words_are_read_off_vectors_and_hypotheses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_text, "follow", _follow)
    found, offered, engines = Kept(tmp_path / "k.jsonl"), catalog.default(), ["rescoring", "latent-ctc"]
    speech_text.measure(None, engines, CLIPS, found, catalogue=offered)  # type: ignore[arg-type]
    text, latent = speech_text.outcomes(engines, CLIPS, found, catalogue=offered)
    assert (text.found, text.words, text.similarity) == (3, 6, None)
    assert latent.found == 4, "red, the whole of ap-ple, the, sky"
    assert latent.similarity == pytest.approx(0.5)
    assert latent.by_chance < latent.share
    assert latent.low <= latent.share <= latent.high
    monkeypatch.setattr(speech_text, "follow", None)
    speech_text.measure(None, engines, CLIPS, Kept(tmp_path / "k.jsonl"), catalogue=offered)  # type: ignore[arg-type]


def _record(engine: str, language: str, **more: object) -> Record:
    shape = {
        "engine": engine, "version": "1", "corpus": "prompts", "clip": "c", "speaker": "me", "language": language,
        "condition": "clean", "task": "transcribe", "seconds": 2.0, "reference": "one two", "hypothesis": "one",
        "hits": 1, "deletions": 1, "work": 1.0, "places": 10, "place_seconds": 2.0,
    }  # fmt: skip
    return Record.model_validate({**shape, **more})


def test_languages_and_lateness_come_from_records() -> None:
    records = [
        _record("a", "en"),
        _record("a", "en", clip="d", work=4.0),
        _record("a", "es", task="translate"),
        _record("a", "en", condition="babble-0", work=90.0),
        _record("a", "en", clip="e", failure="no", work=90.0),
    ]
    english, spanish = by_language.by_language(records)
    assert english.rate is not None
    assert english.places_per_second == 5.0
    assert spanish.rate is None
    assert spanish.translation is not None
    (late,) = by_language.lateness(records)
    assert (late.median, late.clips) == (1.25, 2)
