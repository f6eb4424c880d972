"""Which hypothesis each word of a corrected text came from."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def word_origins(words: Sequence[str], hypotheses: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """For every word the indices of the hypotheses that have it at the same place.

    Words are compared without case and surrounding punctuation, places by the longest-matching-block alignment of
    the two texts.

    Args:
        words: the corrected text.
        hypotheses: the N-best list, best first.

    Returns:
        one tuple per word; empty for a word that no hypothesis has there.
    """
    keys = [_key(word) for word in words]
    origins: list[list[int]] = [[] for _ in words]
    for index, hypothesis in enumerate(hypotheses):
        other = [_key(word) for word in hypothesis.split()]
        matcher = difflib.SequenceMatcher(None, keys, other, autojunk=False)
        for block in matcher.get_matching_blocks():
            for place in range(block.a, block.a + block.size):
                origins[place].append(index)
    return tuple(tuple(found) for found in origins)


def _key(word: str) -> str:
    stripped = "".join(character for character in word.casefold() if character.isalnum() or character == "'")
    return stripped or word
