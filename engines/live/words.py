"""Words that stay: LocalAgreement-2 over the texts that an engine writes of a growing piece of speech.

A word is final as soon as two texts in a row, of more and more speech, agree on it and on everything before it (Liu et
al. 2020, arXiv 2005.11185, §3; Macháček et al. 2023, arXiv 2307.14743, §3). A final word is never taken back: where a
later text reads differently what is final already, the words behind the stretch that fits it best are taken on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
_WORD = re.compile(rf"\s*(?:[{_UNSPACED}]|[^\s{_UNSPACED}]+)")
_MARKS = re.compile(r"^\W+|\W+$")


def split(text: str) -> tuple[str, ...]:
    """The words of a text, each with the white space before it, so that joined they are the text without its end's.

    What is written without spaces (Chinese, Japanese, Thai) is taken character by character.
    """
    return tuple(_WORD.findall(text))


def same(left: str, right: str) -> bool:
    """Whether two words differ in case, white space and outer punctuation alone."""
    return _key(left) == _key(right)


def _key(word: str) -> str:
    bare = word.strip().casefold()
    return _MARKS.sub("", bare) or bare


def common_prefix(left: Sequence[str], right: Sequence[str]) -> int:
    """How many words two texts begin with alike."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if not same(one, other):
            break
        count += 1
    return count


def behind(final: Sequence[str], words: Sequence[str]) -> int:
    """Where the words begin that a text has behind what is final.

    Aligns all that is final with a beginning of the text by edit distance; of equally good beginnings one ending with
    the last final word is taken, and of these the one whose length is nearest to that of the final words.

    Args:
        final: words that stay.
        words: a newer text of the same speech.

    Returns:
        index into ``words``, 0 to ``len(words)``.
    """
    if common_prefix(final, words) == len(final):
        return len(final)
    row = list(range(len(words) + 1))
    for count, kept in enumerate(final, start=1):
        last, row = row, [count]
        for index, word in enumerate(words, start=1):
            row.append(min(last[index] + 1, row[index - 1] + 1, last[index - 1] + (not same(kept, word))))

    def merit(index: int) -> tuple[int, bool, int]:
        return row[index], not (index and same(words[index - 1], final[-1])), abs(index - len(final))

    return min(range(len(row)), key=merit)


@dataclass(frozen=True)
class Change:
    """What a new text changed.

    Attributes:
        final: to append to what is final; empty where nothing became so.
        provisional: replaces the provisional tail.
        count: words that became final.
    """

    final: str
    provisional: str
    count: int


class LocalAgreement:
    """The words of one engine for one phrase."""

    def __init__(self) -> None:
        self._final: list[str] = []
        self._tail: tuple[str, ...] = ()
        self._over = False

    @property
    def final(self) -> str:
        """All that is final."""
        return "".join(self._final).strip()

    @property
    def provisional(self) -> str:
        """The tail that may change."""
        return "".join(self._tail).strip()

    @property
    def count(self) -> int:
        """How many words are final."""
        return len(self._final)

    @property
    def over(self) -> bool:
        """Whether the phrase is done."""
        return self._over

    def hear(self, text: str) -> Change:
        """Takes the text of more speech than the last one; what both say becomes final."""
        tail = self._behind(text)
        agreed = common_prefix(self._tail, tail)
        return self._take(tail, agreed)

    def finish(self, text: str) -> Change:
        """Takes the text of the whole phrase; all of it behind what is final already becomes final."""
        tail = self._behind(text)
        self._over = True
        return self._take(tail, len(tail))

    def give_up(self) -> Change:
        """Ends the phrase without a last text: what is final stays, what was provisional goes."""
        self._over = True
        return self._take((), 0)

    def _behind(self, text: str) -> tuple[str, ...]:
        if self._over:
            message = "The phrase is over; its words are final."
            raise RuntimeError(message)
        words = split(text.strip())
        tail = words[behind(self._final, words) :]
        if self._final and tail and tail[0] == words[0] and not re.match(f"[{_UNSPACED}]", tail[0]):
            return (f" {tail[0]}", *tail[1:])  # nothing of what is final was found again: the text begins anew
        return tail

    def _take(self, tail: tuple[str, ...], count: int) -> Change:
        agreed = tail[:count]
        self._tail = tail[count:]
        begins = not self._final
        self._final += agreed
        final = "".join(agreed)
        return Change(final.lstrip() if begins else final, self.provisional, count)
