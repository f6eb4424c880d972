"""What is remembered between starts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings, brought_up
from engines import paths
from engines.contract import Task


def test_settings_come_back() -> None:
    settings = Settings()
    settings.choices.task = Task.SPEAK
    settings.running.options = {"rescoring": {"lambda": 0.4, "beam": 3, "llm": "auto"}}
    settings.running.declined = {"gemma"}
    settings.save()
    assert Settings.load() == settings
    assert isinstance(Settings.load().running.options["rescoring"]["beam"], int)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("", "damaged", "could not be read"),
        ("{", "damaged", "could not be read"),
        ("[]", "damaged", "could not be read"),
        ('{"version": "new"}', "damaged", "could not be read"),
        ('{"version": 99}', "version-99", "later version of Triptych"),
        ('{"version": 1, "appearance": {"theme": "pink"}}', "damaged", "made no sense"),
    ],
)
def test_settings_that_are_no_use_are_put_aside_and_said(text: str, name: str, said: str) -> None:
    file = paths.data() / "settings.json"
    for number in (1, 2):
        file.write_text(text)
        found = Settings.load()
        kept = f"settings.json.{name}" + ("" if number == 1 else "-2")
        assert said in found.told
        assert kept in found.told
        assert file.with_name(kept).read_text() == text
        assert found.model_copy(update={"told": ""}) == Settings()
        assert Settings.load().told == "", "it is said once"


def test_settings_of_earlier_versions_are_brought_up_to_date() -> None:
    def first(found: dict[str, Any]) -> None:
        found["b"] = found.pop("a")

    def second(found: dict[str, Any]) -> None:
        found["c"] = found["b"] + 1

    assert brought_up({"version": 1, "a": 1}, (first, second)) == {"version": 3, "b": 1, "c": 2}
    assert brought_up({"version": 2, "b": 1}, (first, second)) == {"version": 3, "b": 1, "c": 2}
    assert brought_up({"version": 3, "c": 1}, (first, second)) == {"version": 3, "c": 1}


def test_what_is_told_is_not_remembered(tmp_path: Path) -> None:
    settings = Settings(told="once")
    settings.save(tmp_path / "s.json")
    assert "told" not in (tmp_path / "s.json").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_server_key_is_for_the_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    Settings().save(file)
    assert file.stat().st_mode & 0o077 == 0
