"""Endings: who is right, how sure, and what chance is."""

from __future__ import annotations

import numpy as np
import pytest

from engines.audio.synthetic import Mark, read_mark
from engines.contract import AudioChunk
from engines.errors import BadInput
from engines.evaluation import stories as files
from engines.evaluation.spoken_lm import Outcome, Passage, TextScorer, UnitScorer, Verdict, markdown, run

STORIES = files.read()


class Likes:
    """Finds what it likes likelier."""

    name = "Likes"
    can_score = True

    def __init__(self, good, tokens=3):
        self.good, self.tokens = good, tokens

    def score(self, beginning, endings):
        texts = [one.text if isinstance(one, Passage) else one for one in endings]
        return [((-1.0 if text.strip() in self.good else -2.0) * self.tokens, self.tokens) for text in texts]


@pytest.mark.parametrize("form", ["story", "topic"])
def test_who_knows_the_endings_is_always_right(form):
    good = {story.right for story in STORIES}
    found = run(Likes(good), STORIES, form)
    assert found.accuracy == (1.0 if form == "story" else 0.5)
    assert len(found.verdicts) == len(STORIES)
    wrong = run(Likes({story.wrong for story in STORIES}), STORIES)
    assert wrong.accuracy == 0


def test_likelihood_is_divided_by_length():
    class Long:
        name = "Long"

        def score(self, beginning, endings):
            return [(-10.0, 10), (-3.0, 2)]

    assert run(Long(), STORIES[:3]).verdicts[0] == Verdict(STORIES[0].id, -1.0, -1.5)


def test_chance_and_certainty():
    half = Outcome("x", "story", tuple(Verdict(str(i), float(i % 2), 0.5) for i in range(40)))
    assert half.accuracy == 0.5
    assert half.interval[0] < 0.5 < half.interval[1]
    assert half.p == 1
    sure = Outcome("y", "story", tuple(Verdict(str(i), 1.0, 0.0) for i in range(40)))
    assert sure.p < 1e-6
    assert sure.interval[0] > 0.85
    tied = Outcome("z", "topic", (Verdict("a", 1.0, 1.0),))
    assert (tied.accuracy, tied.p) == (0.5, 1)
    table = markdown([half, sure, tied])
    assert table.count("50 %") >= 3
    assert "| y | story | 40 | 100.0 % |" in table


def test_texts_and_transcripts():
    good = {story.right for story in STORIES}
    assert run(TextScorer("texts", Likes(good)), STORIES).accuracy == 1  # type: ignore[arg-type]
    sounds = {
        f"{s.id}/{part}": np.array([i, j], np.float32)
        for i, s in enumerate(STORIES)
        for j, part in enumerate(files.PARTS)
    }
    heard = lambda samples: getattr(STORIES[int(samples[0])], files.PARTS[int(samples[1])])  # noqa: E731
    assert run(TextScorer("heard", Likes(good), heard), STORIES, "story", sounds).accuracy == 1  # type: ignore[arg-type]


def test_units():
    scorer = UnitScorer(
        "units", lambda samples: samples.tolist(), lambda first, second: (-6.0 * second[0], -2.0 * second[0])
    )
    sounds = {f"{s.id}/{part}": np.array([1 + (part == "wrong")]) for s in STORIES for part in files.PARTS}
    found = run(scorer, STORIES, "story", sounds)
    assert found.accuracy == 1
    assert found.verdicts[0] == Verdict(STORIES[0].id, -2.0, -4.0)


def test_what_cannot_be_scored():
    scorer = UnitScorer("units", list, lambda first, second: (0.0, 0.0))
    for sounds in (None, {}):
        with pytest.raises(BadInput) as caught:
            run(scorer, STORIES, "story", sounds)
        assert caught.value.hint
    with pytest.raises(BadInput, match="few"):
        run(Likes(set()), STORIES[:1], "topic")

    class Lost:
        name = "Lost"

        def score(self, beginning, endings):
            return [(float("nan"), 1), (0.0, 1)]

    with pytest.raises(BadInput, match="no likelihood"):
        run(Lost(), STORIES)


def test_the_stories_that_ship():
    assert len(STORIES) >= 40
    for story in STORIES:
        assert story.right != story.wrong
        assert 0.4 < len(story.right) / len(story.wrong) < 2.5


@pytest.mark.parametrize("text", ["", "stories = 3", '[[stories]]\nid = "a"', "[[stories]]\nid", '[[stories]]\nid="A"'])
def test_stories_that_are_none(tmp_path, text):
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput):
        files.read(tmp_path / "s.toml")
    with pytest.raises(BadInput):
        files.read(tmp_path / "none.toml")


def test_stories_are_spoken_once(tmp_path):
    class Voice:
        name = "Hum"
        said = 0

        def speak(self, text, language, voice=None):
            Voice.said += 1
            yield AudioChunk(np.full(2400, 0.1, np.float32), 24_000)

    with pytest.raises(BadInput, match="not spoken"):
        files.sounds(STORIES[:2], tmp_path)
    files.speak(STORIES[:2], tmp_path, [(Voice(), None)])
    files.speak(STORIES[:2], tmp_path, [(Voice(), None)])
    assert Voice.said == 6
    sounds = files.sounds(STORIES[:2], tmp_path)
    assert len(sounds) == 6
    assert all(abs(len(samples) - 1600) < 50 for samples in sounds.values())
    assert read_mark(tmp_path / STORIES[0].id / "right.wav") == Mark("Hum")
