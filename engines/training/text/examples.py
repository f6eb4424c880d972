"""N-best lists as token sequences: the prompt that the engine will use, and the text that it should go on with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engines.errors import CorpusInvalid
from engines.evaluation.metrics import oracle_compositional, word_errors
from engines.text import prompts
from engines.text.correction import distinct
from engines.training.text import lists
from engines.training.text.lists import NBestList

Encode = Callable[[str], list[int]]
"""Token ids of a text in the trimmed vocabulary, without the token that begins one."""


class Example(NamedTuple):
    """What one list teaches.

    Attributes:
        prompt: token ids, with the one that begins a text.
        response: token ids, with the newline that ends it.
    """

    prompt: tuple[int, ...]
    response: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.prompt) + len(self.response)


@dataclass(frozen=True)
class Selection:
    """Which lists are learnt from.

    Attributes:
        languages: of the speech.
        right: largest share of lists whose best hypothesis needs no correction; more would teach to copy.
        longest: tokens of the longest sequence.
        covered: lists of which less than this share of the words that were said occurs in any hypothesis are left out:
            nothing in them leads to the text, so they would teach to make things up.
    """

    languages: tuple[str, ...] = ("en",)
    right: float = 0.25
    longest: int = 160
    covered: float = 0.4


def load(names: Sequence[str]) -> list[NBestList]:
    """The lists of several files.

    Args:
        names: of files under :func:`engines.training.text.lists.folder`, without ``.jsonl``.

    Raises:
        CorpusInvalid: a file is missing or broken, or there is no list in any.
    """
    found = [item for name in names for item in lists.read(_file(name))]
    if not found:
        raise CorpusInvalid(f"There are no N-best lists in {', '.join(names)}.", "Make them first.")
    return found


def _file(name: str) -> Path:
    return lists.folder() / f"{name}.jsonl"


def chosen(found: Sequence[NBestList], selection: Selection) -> list[NBestList]:
    """The lists to learn from: several readings, enough of the words, and not too many that are right already."""
    wrong: list[NBestList] = []
    right: list[NBestList] = []
    for item in found:
        if item.language not in selection.languages or len(distinct(item.hypotheses)) < 2 or not item.reference:
            continue
        errors = word_errors(item.reference, item.texts[0], item.target)
        if errors.total == 0:
            right.append(item)
        elif oracle_compositional([item.texts], item.reference, item.target).rate <= 1 - selection.covered:
            wrong.append(item)
    most = round(len(wrong) * selection.right / max(1e-6, 1 - selection.right))
    right.sort(key=_lot)
    return sorted([*wrong, *right[:most]], key=_lot)


def held(item: NBestList, share: float = 0.1) -> bool:
    """Whether a clip is kept for development, where no clips were set aside for that; decided by its id alone."""
    return int(hashlib.sha256(item.clip.encode()).hexdigest()[:8], 16) < share * 2**32


def _lot(item: NBestList) -> str:
    return hashlib.sha256(item.key.encode()).hexdigest()


def prompt_ids(encode: Encode, begin: int, texts: Sequence[str]) -> tuple[int, ...]:
    """Token ids of the prompt for a list of differing hypotheses, best first."""
    return (begin, *encode(prompts.learned(texts)))


def example(encode: Encode, begin: int, item: NBestList) -> Example:
    """What a list teaches."""
    text = " ".join(item.reference.split())
    return Example(prompt_ids(encode, begin, distinct(item.hypotheses)), tuple(encode(f" {text}\n")))


def batches(lengths: Sequence[int], tokens: int, random: np.random.Generator) -> list[list[int]]:
    """Cuts an epoch into batches of like length, in a random order.

    Args:
        lengths: of all examples.
        tokens: in a batch, padding included.
        random: decides.

    Returns:
        lists of places in ``lengths``, each place once.
    """
    order = np.argsort(np.asarray(lengths) * random.uniform(0.85, 1.15, len(lengths)), kind="stable")
    made: list[list[int]] = [[]]
    longest = 0
    for place in order.tolist():
        longest = max(longest, lengths[place])
        if made[-1] and longest * (len(made[-1]) + 1) > tokens:
            made.append([])
            longest = lengths[place]
        made[-1].append(place)
    return [made[int(place)] for place in random.permutation(len(made))]
