"""Text as it comes: never half a character, and nothing from a stop string on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Detokenise = Callable[[list[int]], str]


class StopFilter:
    """Passes text on until one of the stop strings, wherever its pieces are cut.

    Args:
        stop: strings that end the text.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = [text for text in stop if text]
        self._held = ""
        self.stopped = False

    def add(self, piece: str) -> str:
        """Text that is certain after one more piece; may be empty."""
        if self.stopped:
            return ""
        text = self._held + piece
        cut = first_stop(text, self._stop)
        if cut is not None:
            self.stopped = True
            self._held = ""
            return text[:cut]
        certain = len(text) - self._doubtful(text)
        self._held = text[certain:]
        return text[:certain]

    def finish(self) -> str:
        """What was held back, when no more comes."""
        rest, self._held = self._held, ""
        return rest

    def _doubtful(self, text: str) -> int:
        """Length of the longest end of ``text`` that a stop string may begin with."""
        sizes = (
            size
            for stop in self._stop
            for size in range(1, min(len(stop) - 1, len(text)) + 1)
            if text.endswith(stop[:size])
        )
        return max(sizes, default=0)


class TextStream:
    """Turns tokens into text as they come.

    Args:
        detokenise: text of a list of tokens; broken characters are U+FFFD in it.
        stop: strings that end the text.
    """

    def __init__(self, detokenise: Detokenise, stop: Sequence[str] = ()) -> None:
        self._detokenise = detokenise
        self._filter = StopFilter(stop)
        self._tokens: list[int] = []
        self._given = 0

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met."""
        return self._filter.stopped

    def add(self, token: int) -> str:
        """Text that is certain after one more token; may be empty."""
        self._tokens.append(token)
        return self._filter.add(self._new_text())

    def finish(self) -> str:
        """What was held back, when no more comes; a character that never became whole is dropped."""
        return self._filter.add(self._new_text()) + self._filter.finish()

    def _new_text(self) -> str:
        text = self._detokenise(self._tokens).rstrip("\ufffd")
        piece = text[self._given :]
        self._given = max(self._given, len(text))
        return piece


def first_stop(text: str, stop: Sequence[str]) -> int | None:
    """Where the first stop string begins in ``text``."""
    return min((place for place in (text.find(one) for one in stop if one) if place >= 0), default=None)
