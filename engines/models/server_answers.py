"""What OpenAI-compatible servers answer: pieces of a stream, refusals, and what they do not know."""

from __future__ import annotations

from typing import Any, Final

import httpx

from engines.errors import ServerUnreachable

HINT: Final = "Check that the server runs, and its address, model and key in the engine's settings."
_BAD_REQUEST: Final = (400, 422)


class NotOffered(Exception):  # a signal between these files
    """The server does not know the path."""


class Refused(ServerUnreachable):
    """The server answered with an error.

    Args:
        message: one sentence.
        status: of HTTP.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, HINT)
        self.status = status

    @property
    def kind(self) -> str:
        """Nobody outside needs to tell it from its parent."""
        return ServerUnreachable.__name__

    @property
    def means_unknown(self) -> bool:
        """Whether it does not understand what it was asked; llama-server of old has 500 for ``echo``."""
        return self.status in _BAD_REQUEST or "echo" in self.message

    def __reduce__(self) -> tuple[type[ServerUnreachable], tuple[str, str]]:
        """Crosses process borders as its parent."""
        return ServerUnreachable, (self.message, self.hint)


def piece_of(event: Any) -> str:
    """The text in one event of a stream.

    Raises:
        ServerUnreachable: the event says that something went wrong.
    """
    if not isinstance(event, dict):
        return ""
    if event.get("error"):
        error = event["error"]
        reason = error.get("message", "no reason given") if isinstance(error, dict) else error
        raise ServerUnreachable(f"The server broke off: {reason}.", HINT)
    choices = event.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return ""
    delta = choice.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else choice.get("text")
    return text if isinstance(text, str) else ""


def reason_of(response: httpx.Response) -> str:
    """Status and message of an error."""
    try:
        error = response.json()["error"]
        text = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError):
        text = response.reason_phrase
    return f"{response.status_code} {str(text).rstrip('.')[:200]}"
