"""Which recordings are measured on, and what happens when they are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.errors import AudioUnreadable, BadInput
from engines.evaluation import corpora
from engines.evaluation.metrics import word_errors


def write_prompts(folder: Path, count: int = 8, language: str = "en", words: str = "please press key") -> None:
    with (folder / "manifest.jsonl").open("a", encoding="utf-8") as file:
        for number in range(count):
            name = f"{language}-{number}.wav"
            soundfile.write(folder / name, np.full(1600, 0.01 * number), 16_000)
            row = {"id": str(number), "audio": name, "language": language, "text": f"{words} {number}", "seconds": 0.1}
            file.write(json.dumps(row) + "\n")


def test_only_odd_positions_of_a_language_are_measured_on(tmp_path: Path) -> None:
    write_prompts(tmp_path, 3, "es")
    write_prompts(tmp_path, 8)
    found = corpora.prompts(tmp_path, "en")
    assert [clip.id for clip in found] == ["en/1", "en/3", "en/5", "en/7"]
    assert found[0].read() == pytest.approx(np.full(1600, 0.01), abs=1e-3)
    assert corpora.prompts(tmp_path, "fr") == []


def test_short_texts_and_long_recordings_are_left_out(tmp_path: Path) -> None:
    write_prompts(tmp_path, 4, words="one")
    assert corpora.prompts(tmp_path, "en") == []


def test_texts_that_were_trained_on_are_counted(tmp_path: Path) -> None:
    for number, text in enumerate(["press one now", "Press one now.", "press two now", "press three now"]):
        row = {"id": str(number), "audio": "x.wav", "language": "en", "text": text, "seconds": 1.0}
        with (tmp_path / "manifest.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
    assert corpora.repeated_texts(tmp_path, "en") == 1


@pytest.mark.parametrize(
    "line", ["no json", "[]", '{"id": "a"}', '{"id":1,"audio":"a","language":"en","text":"t","seconds":1}']
)
def test_broken_manifests_are_named_with_the_line(tmp_path: Path, line: str) -> None:
    write_prompts(tmp_path, 1)
    with (tmp_path / "manifest.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(BadInput, match="Line 2"):
        corpora.prompts(tmp_path, "en")


def test_missing_folders_and_recordings_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"manifest\.jsonl"):
        corpora.prompts(tmp_path / "nowhere", "en")
    with pytest.raises(BadInput, match=r"unseen\.toml"):
        corpora.unseen(tmp_path)
    write_prompts(tmp_path, 2)
    (tmp_path / "en-1.wav").unlink()
    with pytest.raises(AudioUnreadable, match=r"en-1\.wav"):
        corpora.prompts(tmp_path, "en")[0].read()


def test_a_clip_that_ends_before_it_starts_is_refused(tmp_path: Path) -> None:
    entry = '[[recording]]\nfile="a"\nspeaker="a"\ncredit="a"\nlicence="a"\nclips=[{start=2.0,end=1.0,text="t"}]\n'
    (tmp_path / "unseen.toml").write_text(entry, encoding="utf-8")
    with pytest.raises(BadInput, match="ends after it starts"):
        corpora.unseen(tmp_path)


def test_bundled_unseen_recordings_are_whole() -> None:
    clips = corpora.unseen()
    assert len({clip.id for clip in clips}) == len(clips)
    assert len({clip.speaker for clip in clips}) >= 5
    assert sum(word_errors(clip.text, "").length for clip in clips) > 200
    for clip in clips:
        samples = clip.read()
        assert samples.shape[0] == pytest.approx(clip.seconds * 16_000, abs=400)
        assert np.abs(samples).max() > 0.01


def test_subsets_are_spread_evenly(tmp_path: Path) -> None:
    write_prompts(tmp_path, 21)
    clips = corpora.prompts(tmp_path, "en")
    assert [clip.id for clip in corpora.evenly(clips, 4)] == ["en/1", "en/7", "en/13", "en/19"]
    assert corpora.evenly(clips, None) == corpora.evenly(clips, 99) == clips
