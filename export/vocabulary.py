"""The part of Gemma's vocabulary that an embedded model keeps, and how it was chosen.

Two thirds of Gemma 3 270M are its embeddings. :func:`kept_ids` reads the selection that ships with the program, a
bitmap over the model's ids (``resources/vocabularies/gemma-3.bitmap``; ``gemma-3.toml`` says where it comes from); it
was made by :func:`choose` from the word lists of the package ``wordfreq``::

    python -m export.vocabulary MODEL.gguf FOLDER_WITH_WORDFREQ_DATA

The selection is closed under merging: with a piece all pieces that it is merged from are kept. Therefore a text whose
pieces are all kept is cut into just the same pieces by the trimmed tokenizer (the merges inside a piece depend on
nothing outside it, and every merge of the full tokenizer is still there and still the first), and every other text
is cut into smaller pieces, down to bytes.
"""

from __future__ import annotations

import gzip
import itertools
import sys
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engines import paths
from engines.errors import GraphInvalid
from engines.languages import NAMES

_LIMITS = {
    "en": (15_000, 6_000, 2_500, 1_200, 400),
    "es": (10_000, 4_000, 2_000, 1_000, 300),
    "fr": (10_000, 4_000, 2_000, 1_000, 300),
    "de": (10_000, 10_000, 2_000, 1_000, 300),
    "it": (10_000, 4_000, 2_000, 1_000, 300),
    "pt": (10_000, 4_000, 2_000, 1_000, 300),
    "zh": (25_000, 0, 0, 25_000, 0),
    "nl": (2_000, 500, 200, 100, 0),
    "pl": (2_000, 500, 200, 100, 0),
    "ru": (2_000, 500, 200, 100, 0),
    "ja": (4_000, 0, 0, 4_000, 0),
}
"""Per language how many of its commonest words are kept as `` word``, `` Word``, ``Word``, ``word``, `` WORD``."""

_PROMPTS = (
    "### Best-hypothesis: x\n### Other-hypotheses: none | x\n### Response: x\n\n",
    "Question: x\nAnswer: x\n\n",
)
"""The fixed words of the prompts in use are kept as they are."""

_LETTERS = ("LATIN", "GREEK", "CYRILLIC", "HIRAGANA", "KATAKANA")
_WHOLE = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")


def kept_ids(name: str = "gemma-3") -> NDArray[np.int64]:
    """The ids that are kept, ascending; their places are the trimmed model's ids.

    Raises:
        GraphInvalid: the selection is damaged.
    """
    folder = paths.resources() / "vocabularies"
    record = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    bits = np.unpackbits(np.frombuffer((folder / f"{name}.bitmap").read_bytes(), np.uint8), count=record["full"])
    ids = np.flatnonzero(bits)
    if len(ids) != record["kept"]:
        raise GraphInvalid(f"The vocabulary {name} is damaged.", "Install the program again.")
    return ids


def choose(tokens: list[str], types: list[int], tokenizer: Tokenizer, lists: dict[str, list[str]]) -> NDArray[np.int64]:
    """Chooses the ids to keep.

    Args:
        tokens: the full vocabulary.
        types: the type of each token.
        tokenizer: the full tokenizer.
        lists: words of each language, commonest first.
    """
    kept = {i for i, token in enumerate(tokens) if _always(token, types[i])}
    for language, words in lists.items():
        for encoding in tokenizer.encode_batch(list(_forms(words, _LIMITS[language]))):
            kept.update(encoding.ids)
    for text in (*_PROMPTS, *(f"{name}: x\n" for name in NAMES.values())):
        kept.update(tokenizer.encode(text).ids)
    # Chinese has no spaces, so that pieces reach across words: all that the common characters make up are kept.
    common = set("▁".join(lists.get("zh", [])[: _LIMITS["zh"][0]]))
    kept.update(
        i for i, token in enumerate(tokens) if types[i] == 1 and _is_chinese(token) and common.issuperset(token)
    )
    number = {token: i for i, token in enumerate(tokens) if types[i] == 1}
    for i in list(kept):
        if types[i] == 1:
            kept.update(_derivation(tokens[i], number))
    return np.array(sorted(kept))


def _always(token: str, kind: int) -> bool:
    """Bytes, whole tokens in use, punctuation, digits, single letters of the larger alphabets."""
    if kind in (3, 4, 6):
        return (
            kind == 6
            or token in _WHOLE
            or (kind == 4 and token.isascii() and "[" not in token and "image" not in token)
        )
    text = token.replace("▁", "")
    if len(token) <= 4 and text.isascii() and not any(c.isalpha() for c in text):
        return True
    if len(text) != 1:
        return False
    category = unicodedata.category(text)
    return category[0] in "PS" or unicodedata.name(text, "?").split()[0] in _LETTERS


def _is_chinese(token: str) -> bool:
    characters = token.removeprefix("▁")
    return bool(characters) and all("\u4e00" <= character <= "\u9fff" for character in characters)


def _forms(words: Sequence[str], limits: tuple[int, ...]) -> Iterator[str]:
    for rank, word in enumerate(words[: max(limits)]):
        shapes = (f" {word}", f" {word.capitalize()}", word.capitalize(), word, f" {word.upper()}")
        yield from (shape for shape, limit in zip(shapes, limits, strict=True) if rank < limit)


def _derivation(token: str, number: dict[str, int]) -> set[int]:
    """All pieces that occur while a piece is merged from its characters."""
    parts = list(token)
    seen = {number[part] for part in parts if part in number}
    while len(parts) > 1:
        pairs = [(number.get(a + b), place) for place, (a, b) in enumerate(itertools.pairwise(parts))]
        ranked = [(rank, place) for rank, place in pairs if rank is not None]
        if not ranked:
            break
        rank, place = min(ranked)
        seen.add(rank)
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return seen


def read_words(path: Path) -> list[str]:
    """The words of a ``wordfreq`` list (gzipped MessagePack: a header, then one array of words per centibel)."""
    data = gzip.decompress(path.read_bytes())
    position = 0

    def take(count: int) -> bytes:
        nonlocal position
        position += count
        return data[position - count : position]

    def item() -> Any:
        kind = take(1)[0]
        if kind < 0x80:
            return kind
        if kind < 0x90:
            return {item(): item() for _ in range(kind & 15)}
        if kind < 0xA0 or kind in (0xDC, 0xDD):
            count = kind & 15 if kind < 0xA0 else int.from_bytes(take(2 * (kind - 0xDB)), "big")
            return [item() for _ in range(count)]
        if kind < 0xC0:
            return take(kind & 31).decode()
        if kind in (0xD9, 0xDA, 0xDB):
            return take(int.from_bytes(take(1 << (kind - 0xD9)), "big")).decode()
        raise GraphInvalid(f"{path.name} is no word list.")

    return [word for words in item()[1:] for word in words]


def main(arguments: list[str]) -> None:
    """Makes the selection anew and writes it into the resources."""
    from export.gguf_reading import Checkpoint, sentencepiece_tokenizer  # a development command

    checkpoint, words = Checkpoint(Path(arguments[0])), Path(arguments[1])
    tokens, types = checkpoint.setting("tokenizer.ggml.tokens"), checkpoint.setting("tokenizer.ggml.token_type")
    lists = {language: read_words(words / f"small_{language}.msgpack.gz") for language in _LIMITS}
    ids = choose(tokens, types, sentencepiece_tokenizer(tokens, types), lists)
    bits = np.zeros(len(tokens), np.uint8)
    bits[ids] = 1
    folder = paths.resources() / "vocabularies"
    (folder / "gemma-3.bitmap").write_bytes(np.packbits(bits).tobytes())
    print(f"kept {len(ids)} of {len(tokens)}")


if __name__ == "__main__":
    main(sys.argv[1:])
