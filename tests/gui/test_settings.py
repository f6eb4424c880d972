"""What is remembered between starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.settings import Settings
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


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 99}', '{"version": 1, "appearance": {"theme": "pink"}}'])
def test_unreadable_settings_are_put_aside(text: str) -> None:
    file = paths.data() / "settings.json"
    file.write_text(text)
    assert Settings.load() == Settings()
    assert file.with_name("settings.json.old").read_text() == text


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_server_key_is_for_the_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    Settings().save(file)
    assert file.stat().st_mode & 0o077 == 0
