"""The codec's codes of a corpus's clips, made once: ``python -m engines.training.tokens.codes CORPUS…``.

They lie under ``codes`` beside ``units``: ``ids.u16`` (raw uint16, clip behind clip, each codebooks × frames of 50 Hz),
``index.npz`` (``id``, ``offset`` in numbers and ``frames`` per clip) and, written last, ``codes.json`` with the codec's
digest. Codes of another codec are refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.contract import Samples
from engines.errors import CorpusInvalid, TriptychError
from engines.models.codec import ID as CODEC
from engines.models.codec import Codec
from engines.models.codes import Codes
from engines.training.data.corpus import Corpus, corpora
from engines.training.data.features import manifest_digest
from engines.weights import cards

_FOLDER: Final = "codes"
_HINT: Final = "Make them with `python -m engines.training.tokens.codes`."


class Named(Protocol):
    """A clip; see :class:`engines.training.dataset.Clip`."""

    @property
    def id(self) -> str: ...  # noqa: D102 -- told above
    @property
    def corpus(self) -> int: ...  # noqa: D102 -- told above


class Coder(Protocol):
    """What makes codes; see :class:`engines.models.codec.Codec`."""

    books: int
    codes: int

    def encode(self, samples: Samples) -> Codes:
        """``(n,)`` → ``(books, frames)``."""
        ...


class CodeStreams:
    """Codes of the clips of several corpora.

    Args:
        folder: of the corpora.
        names: of those that are wanted.
        codec: see :func:`engines.weights.cards.codec_digest`.

    Attributes:
        books: codebooks.
        size: entries of each.

    Raises:
        CorpusInvalid: codes are missing, damaged, of another codec or of another manifest.
    """

    def __init__(self, folder: Path, names: Sequence[str], codec: str) -> None:
        self.books = self.size = 0
        self._ids: list[NDArray[np.uint16]] = []
        self._places: list[dict[str, tuple[int, int]]] = []
        for name in names:
            self._read(folder / name, codec)

    def _read(self, folder: Path, codec: str) -> None:
        place = folder / _FOLDER
        try:
            about = json.loads((place / "codes.json").read_text(encoding="utf-8"))
            with np.load(place / "index.npz", allow_pickle=False) as index:
                names, offsets, frames = index["id"].tolist(), index["offset"].tolist(), index["frames"].tolist()
            ids = np.memmap(place / "ids.u16", np.uint16, "r")
            digest, manifest = str(about["codec"]), str(about["manifest"])
            books, size = int(about["books"]), int(about["size"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorpusInvalid(f"The corpus {folder.name} has no codes, or they are damaged.", _HINT) from error
        if digest != codec:
            raise CorpusInvalid(f"The codes of the corpus {folder.name} are of another codec.", _HINT)
        if manifest != manifest_digest(folder):
            raise CorpusInvalid(f"The codes of the corpus {folder.name} were made of another manifest.", _HINT)
        if len(ids) != books * sum(frames) or (len(ids) and int(ids.max()) >= size):
            raise CorpusInvalid(f"The codes of the corpus {folder.name} are damaged.", _HINT)
        self.books, self.size = books, size
        self._ids.append(ids)
        self._places.append(dict(zip(names, zip(offsets, frames, strict=True), strict=True)))

    def ids(self, clip: Named) -> Codes:
        """``(books, T)`` at 50 Hz; no frames where the clip had no sound when they were made."""
        offset, frames = self._places[clip.corpus].get(clip.id, (0, 0))
        found = self._ids[clip.corpus][offset : offset + self.books * frames]
        return found.reshape(self.books, frames).astype(np.int32)


def make(folder: Path, coder: Coder, *, codec: str, report: Callable[[int, int], None] | None = None) -> int:
    """Makes the codes of a corpus.

    Args:
        folder: of the corpus.
        coder: makes them.
        codec: its digest.
        report: is told of clips done, and of all.

    Returns:
        frames of 50 Hz in all.

    Raises:
        CorpusInvalid: the corpus is missing.
    """
    corpus = Corpus.open(folder)
    place = folder / _FOLDER
    place.mkdir(exist_ok=True)
    (place / "codes.json").unlink(missing_ok=True)
    frames: list[int] = []
    with (place / "ids.u16").open("wb") as out:
        for number, clip in enumerate(corpus.clips):
            codes = coder.encode(corpus.samples(clip))
            out.write(np.ascontiguousarray(codes, np.uint16).tobytes())
            frames.append(codes.shape[1])
            if report is not None:
                report(number + 1, len(corpus.clips))
    offsets = coder.books * np.cumsum([0, *frames])[:-1]
    np.savez(
        place / "index.npz", id=np.array([clip.id for clip in corpus.clips]), offset=offsets, frames=np.array(frames)
    )
    about = {"codec": codec, "books": coder.books, "size": coder.codes, "manifest": manifest_digest(folder)}
    (place / "codes.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return sum(frames)


def ensure(folder: Path, names: Sequence[str], report: Callable[[str], None]) -> CodeStreams:
    """The codes of corpora by the codec of this installation; those that are missing are made.

    Args:
        folder: of the corpora.
        names: of those that are wanted.
        report: is told what is made.

    Raises:
        AdapterMissing: there is no codec.
        CorpusInvalid: a corpus is missing.
    """
    digest = cards.codec_digest(CODEC)
    for name in names:
        try:
            CodeStreams(folder, [name], digest)
        except CorpusInvalid:
            report(f"{name}: making codes")
            make(folder / name, Codec.open(), codec=digest)
    return CodeStreams(folder, names, digest)


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the codes of corpora with the codec of this installation; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m engines.training.tokens.codes", description=str(__doc__))
    parser.add_argument("corpora", nargs="+", help="names of folders under the training data")
    options = parser.parse_args(arguments)
    try:
        ensure(corpora(), options.corpora, print)
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
