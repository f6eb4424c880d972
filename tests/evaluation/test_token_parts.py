"""The parts of the report on token engines, with doubles: each measures once, tells what is lacking, and adds up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.contract import AudioChunk, Samples
from engines.errors import AdapterMissing, GraphInvalid
from engines.evaluation import codecs, duplex, token_codec, token_stories, token_units
from engines.evaluation.corpora import Clip
from engines.evaluation.dnsmos import Dnsmos
from engines.evaluation.duplex import RealTime
from engines.evaluation.kept import Kept
from engines.evaluation.records import Records
from engines.evaluation.token_bench import Bench, few, untrained
from engines.evaluation.token_codec import CodecTable
from engines.models.components import Components
from engines.models.phone_recogniser import PhoneRecogniser
from engines.tokens.semantic import SemanticTokeniser
from engines.weights import cards
from engines.weights.cards import AdapterCard
from engines.weights.cards import Units as Clusters
from tests.evaluation.test_codecs import Halves, Rater, Reader

SAMPLES = np.full(16_000, 0.1, np.float32)
TIME = RealTime(0.08, 100, 0.02, 0.04, 0.09, 0.2, 0.5, 0.3, 0, 0.0, 1, 0)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    clips = [Clip(f"c{n}", "unseen", "me", "en", "a pair of words", None, 1.0, lambda: SAMPLES) for n in range(2)]
    monkeypatch.setattr(Bench, "english", lambda *_: clips)
    monkeypatch.setattr(Components, "recogniser", lambda *_: Reading())
    monkeypatch.setattr("engines.weights.store.WeightStore.path", lambda *_: tmp_path)
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path / "adapters"))
    return Bench(None, few(2), Records(tmp_path / "r.jsonl"), Kept(tmp_path / "k.jsonl"), machine="a quiet machine")


class Reading(Reader):
    """Takes a beam as well."""

    name = "Reading"

    def nbest(self, states: Any, *, language: str, beam: int = 5) -> Any:
        assert beam
        return super().nbest(states, language=language)


def there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "require", lambda _: None)


def again(bench: Bench) -> Bench:
    """The same as another process has it."""
    return replace(bench, kept=Kept(bench.kept._file), lacking={})


def test_codecs_are_measured_once_and_ours_when_it_comes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "OPUS_RATES", (16_000,))
    monkeypatch.setattr("engines.evaluation.other_codecs.has_codec2", lambda: False)
    monkeypatch.setattr("engines.evaluation.other_codecs.opus", lambda samples, bits_per_second: (samples, 15_000.0))
    monkeypatch.setattr(Dnsmos, "open", lambda _: Rater())
    assert token_codec.codec_lines(bench) is None
    token_codec.measure_codecs(bench)
    assert bench.lacking == {"codec": "Not trained yet: `codec`."}
    found = token_codec.codec_lines(bench)
    assert found is not None
    assert [line.name for line in found.lines] == ["original", "Opus"]
    assert (found.whole(), found.books) == (None, ())

    there(monkeypatch)
    measured: list[str] = []
    measure = codecs.measure
    monkeypatch.setattr(codecs, "measure", lambda system, *rest: measured.append(system.id) or measure(system, *rest))
    monkeypatch.setattr(token_codec, "COUNTS", (1, 2))
    token_codec.measure_codecs(bench, Halves)
    assert measured == ["Halves 1", "Halves 1", "Halves 2", "Halves 2"]
    whole = token_codec.codec_lines(again(bench))
    assert isinstance(whole, CodecTable)
    best = whole.whole()
    assert best is not None
    assert (best.books, best.clips, best.errors.rate, best.bits_per_second) == (2, 2, 0.0, 200.0)
    assert [book.used for book in whole.books] == [2, 1]
    token_codec.measure_codecs(again(bench), Halves)
    assert len(measured) == 4


def test_a_codec_that_is_damaged_keeps_nothing_else_from_being_measured(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged() -> Any:
        raise GraphInvalid("The codec is damaged.", "Install it again.")

    there(monkeypatch)
    monkeypatch.setattr(codecs, "systems", lambda *_: [])
    token_codec.measure_codecs(bench, damaged)
    assert bench.lacking["codec"] == "The codec is damaged. Install it again."


class Ones:
    """A tokeniser that hears a unit in the first half and another in the second."""

    size, frame_seconds = 4, 0.04

    def units_of(self, speech: Any) -> Any:
        return np.repeat(np.array([1, 2], np.int32), [12, 13])


def test_speech_through_units_adds_up_over_clips(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def loud(samples: Samples, _: Any) -> Any:
        yield AudioChunk(samples, 16_000)

    def quiet(samples: Samples, _: Any) -> Any:
        yield AudioChunk(0 * samples, 16_000)

    token_codec.measure_resynthesis(bench)
    assert bench.lacking["resynthesis vocoder"] == "Not trained yet: `units`, `vocoder`."
    assert token_codec.resynthesised(bench, "vocoder") is None
    there(monkeypatch)
    opened: list[str] = []

    def opening(through: str) -> Any:
        opened.append(through)
        if through == "stage-two":
            raise AdapterMissing("Stage two is not there.", "Train it.")
        return Ones(), {"heard durations": loud, "predicted durations": quiet}

    monkeypatch.setattr(token_codec, "_opened", opening)
    token_codec.measure_resynthesis(bench)
    token_codec.measure_resynthesis(again(bench))
    assert opened == ["vocoder", "stage-two", "stage-two"]
    assert bench.lacking["resynthesis stage-two"] == "Stage two is not there. Train it."
    found = token_codec.resynthesised(again(bench), "vocoder")
    assert found is not None
    assert {way: rate.value for way, rate in found.rates.items()} == {
        "original": 0.0, "heard durations": 0.0, "predicted durations": 1.0,
    }  # fmt: skip
    assert (found.failed, found.rates["original"].clips) == (0, 2)


class Phones:
    """Hears one phone in each half second."""

    def hear(self, samples: Samples) -> Any:
        return samples

    def per_frame(self, heard: Samples) -> list[str | None]:
        return [*["a"] * 24, *["b"] * 26]


def test_units_are_held_against_phones(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert token_units.units(bench) is None
    token_units.measure_units(bench)
    assert bench.lacking["units"] == "Not trained yet: `units`."
    there(monkeypatch)
    card = AdapterCard(id="units", kind="units", name="Ones", units=Clusters(size=4, frame_seconds=0.04))
    monkeypatch.setattr(cards, "read", lambda _: card)
    monkeypatch.setattr(SemanticTokeniser, "open", Ones)
    monkeypatch.setattr(PhoneRecogniser, "open", lambda _: Phones())
    token_units.measure_units(bench)
    monkeypatch.setattr(SemanticTokeniser, "open", None)
    token_units.measure_units(again(bench))
    found = token_units.units(again(bench))
    assert found is not None
    assert (found.quality.pnmi, found.quality.phone_purity, found.use.dead) == (1.0, 1.0, 2)
    assert (found.clips, found.quality.frames) == (2, 50)
    assert token_units.study() == []


def test_a_loop_that_was_measured_on_a_busy_machine_is_measured_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = iter((3.0, 4.0, 0.1, 0.0))
    monkeypatch.setattr("os.getloadavg", lambda: (next(loads), 0.0, 0.0))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(duplex, "speech", lambda _: SAMPLES)
    there(monkeypatch)
    times: list[RealTime] = []
    monkeypatch.setattr(duplex, "measure", lambda *_: times.append(replace(TIME, frames=len(times))) or times[-1])
    seen = []
    for _ in range(4):
        token_units.measure_loop(bench, lambda: None)  # type: ignore[arg-type, return-value]
        found = token_units.loop(again(bench))
        assert found is not None
        seen.append((found.time.frames, found.quiet))
    assert seen == [(0, False), (0, False), (1, True), (1, True)]


def test_a_loop_that_is_not_trained_is_told(bench: Bench) -> None:
    token_units.measure_loop(bench)
    assert bench.lacking["duplex"] == "Not trained yet: `codec`, `token-duplex`."
    assert token_units.loop(bench) is None


class Model:
    """Finds shorter endings likelier."""

    name = "Model"
    can_score = True

    def score(self, beginning: str, endings: list[str]) -> list[tuple[float, int]]:
        return [(-float(len(ending)), 1) for ending in endings]


class Piper:
    """Speaks everything the same."""

    name = "Piper"

    def speak(self, text: str, language: str, voice: str | None = None) -> Any:
        yield AudioChunk(SAMPLES, 16_000)


def test_stories_are_scored_on_texts_and_transcripts_without_units(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Components, "language_model", lambda *_: Model())
    monkeypatch.setattr(Components, "synthesiser", lambda *_: Piper())
    assert token_stories.outcomes(bench) == ()
    token_stories.measure_stories(bench, tmp_path / "stories")
    assert "token-semantic" in bench.lacking[token_stories.UNITS]
    found = {(one.scorer, one.form): one for one in token_stories.outcomes(again(bench))}
    assert len(found) == 4
    assert found[token_stories.HEARD, "story"].accuracy == 0.5  # all endings sound the same
    monkeypatch.setattr(Components, "language_model", None)
    token_stories.measure_stories(again(bench), tmp_path / "stories")


def test_what_is_damaged_is_not_called_untrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    (tmp_path / "codec").mkdir()
    (tmp_path / "codec" / "card.toml").write_text("nonsense", encoding="utf-8")
    assert untrained(["codec"]) == ""
    assert untrained(["codec", "vocoder"]) == "Not trained yet: `vocoder`."
    bench = Bench(None, few(1), Records(tmp_path / "r"), Kept(tmp_path / "k"))
    assert not bench.has("codec", ["codec"])
    assert "damaged" in bench.lacking["codec"]
