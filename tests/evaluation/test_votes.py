"""Votes survive restarts, crashes and second thoughts."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.errors import BadInput
from engines.evaluation.votes import Vote, Votes


def vote(left: str = "a", right: str = "b", **fields: str) -> Vote:
    return Vote(judged="transcript", utterance="u", left=left, right=right, better="left", **fields)  # type: ignore[arg-type]


def test_votes_are_there_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "new" / "votes.jsonl"
    votes = Votes(file)
    given = [vote(), vote("b", "c", left_text="ça va – 你好")]
    for one in given:
        votes.add(one)
    assert list(Votes(file)) == given
    assert len(Votes(file).of("transcript")) == 2
    assert Votes(file).of("voice") == []


def test_the_file_is_in_the_users_data(home: Path) -> None:
    Votes().add(vote())
    assert (home / "data" / "votes.jsonl").is_file()


def test_undo_takes_the_last_back_and_nothing_is_erased(tmp_path: Path) -> None:
    file = tmp_path / "votes.jsonl"
    votes = Votes(file)
    first, second = vote(), vote("b", "c")
    votes.add(first)
    votes.add(second)
    before = file.read_bytes()
    assert votes.undo() == second
    assert list(votes) == list(Votes(file)) == [first]
    assert file.read_bytes().startswith(before)
    assert votes.undo() == first
    assert votes.undo() is None
    assert len(Votes(file)) == 0


def test_a_line_that_was_cut_off_does_not_count_and_harms_no_other(tmp_path: Path) -> None:
    file = tmp_path / "votes.jsonl"
    first, second = vote(), vote("b", "c")
    Votes(file).add(first)
    with file.open("ab") as stream:
        stream.write(b'{"schema_version": 1, "id": "x", "jud')
    votes = Votes(file)
    assert list(votes) == [first]
    votes.add(second)
    again = Votes(file)
    assert list(again) == [first, second]
    assert again.unread == 1


def test_lines_of_a_later_version_are_kept_and_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "votes.jsonl"
    file.write_text('{"schema_version": 2, "vote": "new"}\n\n', encoding="utf-8")
    votes = Votes(file)
    votes.add(vote())
    assert len(votes) == 1
    assert '"schema_version": 2' in file.read_text(encoding="utf-8")


def test_what_cannot_be_written_does_not_count(tmp_path: Path) -> None:
    votes = Votes(tmp_path / "votes.jsonl")
    (tmp_path / "votes.jsonl").mkdir()
    with pytest.raises(BadInput, match="could not be kept"):
        votes.add(vote())
    assert len(votes) == 0
    with pytest.raises(BadInput, match="cannot be read"):
        Votes(tmp_path / "votes.jsonl")


def test_the_choice_of_a_vote() -> None:
    for better, won in (("left", 1.0), ("right", 0.0), ("tie", 0.5)):
        assert vote().model_copy(update={"better": better}).choice.won == won
