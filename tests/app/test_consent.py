"""Licences are asked for at a terminal only, and an answer is kept."""

from __future__ import annotations

import io

import pytest

from app.commands.consent import ask_for_licence
from engines.errors import LicenceNotAccepted
from engines.weights.licences import licence_state

MODEL = "gemma-3-270m"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    ask_for_licence(MODEL)
    assert not licence_state(MODEL).accepted
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "maybe\n"])
def test_anything_but_yes_declines(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(LicenceNotAccepted, match="Gemma"):
        ask_for_licence(MODEL)
    assert not licence_state(MODEL).accepted


def test_yes_is_kept_and_not_asked_again(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("Yes\n"))
    ask_for_licence(MODEL)
    assert licence_state(MODEL).accepted
    assert "Gemma" in capfd.readouterr().err
    ask_for_licence(MODEL)
    assert capfd.readouterr().err == ""
