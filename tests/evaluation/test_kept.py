"""Measurements in a file: kept once, found again, and what a kill or a hand broke is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.errors import BadInput
from engines.evaluation.kept import Kept, version
from engines.evaluation.spoken_lm import TextScorer
from engines.evaluation.stories import Story
from engines.evaluation.unit_scores import Verdicts


def test_what_was_kept_is_found_again_and_the_later_of_two_counts(tmp_path: Path) -> None:
    file = tmp_path / "new" / "kept.jsonl"
    kept = Kept(file)
    assert kept.get("codec", "1", "a") is None
    kept.add("codec", "1", "a", found={"x": 1})
    kept.add("codec", "1", "a", found={"x": 2})
    kept.add("codec", "2", "a", found={"x": 3})
    again = Kept(file)
    assert again.get("codec", "1", "a") == {"x": 2}
    assert dict(again.rows("codec")) == {("1", "a"): {"x": 2}, ("2", "a"): {"x": 3}}
    assert dict(again.rows("codec", "2")) == {("a",): {"x": 3}}


def test_lines_that_are_no_measurements_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    Kept(file).add("a", found={"x": 1})
    with file.open("a", encoding="utf-8") as out:
        out.write('[]\n{"of": ["b"], "found": 7}\n{"of": ["c"], "fou')
    kept = Kept(file)
    kept.add("d", found={"x": 2})
    again = Kept(file)
    assert [again.get(name) for name in "abcd"] == [{"x": 1}, None, None, {"x": 2}]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be written"):
        Kept(tmp_path / "file" / "kept.jsonl").add("a", found={})


def test_other_weights_are_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path))
    without = version(["codec"], "reader")
    (tmp_path / "codec").mkdir()
    (tmp_path / "codec" / "a.onnx").write_bytes(b"1")
    one = version(["codec"], "reader")
    (tmp_path / "codec" / "a.onnx").write_bytes(b"2")
    assert len({without, one, version(["codec"], "reader"), version(["codec"], "another")}) == 4


class Model:
    """Finds shorter texts likelier, and counts how often it is asked."""

    name = "Model"
    can_score = True
    asked = 0

    def score(self, beginning: str, endings: list[str]) -> list[tuple[float, int]]:
        self.asked += 1
        return [(-float(len(ending)), 1) for ending in endings]


def test_no_story_is_scored_twice(tmp_path: Path) -> None:
    stories = [Story(id=f"s{n}", beginning="It rained.", right="Wet.", wrong="It was dry.") for n in range(3)]
    model = Model()
    scorer = TextScorer("texts", model)  # type: ignore[arg-type]
    verdicts = Verdicts(Kept(tmp_path / "kept.jsonl"))
    assert verdicts.outcome("texts", "1", "story", stories) is None
    verdicts.score(scorer, "1", "story", stories[:2])
    assert verdicts.outcome("texts", "1", "story", stories) is None
    found = Verdicts(Kept(tmp_path / "kept.jsonl")).score(scorer, "1", "story", stories)
    assert (model.asked, found.accuracy, len(found.verdicts)) == (3, 1.0, 3)
    assert verdicts.outcome("texts", "2", "story", stories) is None
    with pytest.raises(BadInput, match="no stories"):
        verdicts.score(scorer, "1", "story", [])
