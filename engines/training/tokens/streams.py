"""The units of a corpus's clips, made once: ``python -m engines.training.tokens.streams CORPUS…``.

They lie under ``units`` beside ``features``: ``ids.u16`` (raw uint16, one id per frame of 25 Hz, clip behind clip),
``index.npz`` (``id``, ``offset`` and ``frames`` per clip; ``word_clip`` and ``word_start`` where words were aligned)
and, written last, ``units.json`` with the tokeniser's digest. Units of another tokeniser are refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.errors import CorpusInvalid, TriptychError
from engines.models.trunk import Hidden, Trunk
from engines.tokens.codebook import FILE
from engines.tokens.semantic import ADAPTER, SemanticTokeniser
from engines.training.data.corpus import corpora
from engines.training.data.features import manifest_digest
from engines.training.dataset import Clip, SpeechData
from engines.training.tokens.alignment import words_of
from engines.weights import cards

ENCODER: Final = "whisper-base"
_FOLDER: Final = "units"
_HINT: Final = "Make them with `python -m engines.training.tokens.streams`."

Tokenise = Callable[[NDArray[np.float32]], NDArray[np.int32]]
"""Encoder states ``(T, 512)`` at 50 Hz → ids ``(ceil(T / 2),)`` at 25 Hz."""


@dataclass(frozen=True)
class Words:
    """Where the words of a clip are.

    Attributes:
        words: N, as they are written.
        starts: N + 1 frames of 25 Hz: where each begins, and where the last one ends.
    """

    words: tuple[str, ...]
    starts: tuple[int, ...]


class UnitStreams:
    """Units of the clips of several corpora.

    Args:
        folder: of the corpora.
        names: of those that are wanted.
        tokeniser: hex sha256 of the tokeniser's file.

    Attributes:
        size: number of units.

    Raises:
        CorpusInvalid: units are missing, damaged, of another tokeniser or of another manifest.
    """

    def __init__(self, folder: Path, names: Sequence[str], tokeniser: str) -> None:
        self.size = 0
        self._ids: list[NDArray[np.uint16]] = []
        self._places: list[dict[str, tuple[int, int]]] = []
        self._words: list[dict[str, tuple[int, ...]]] = []
        for name in names:
            self._read(folder / name, tokeniser)

    def _read(self, folder: Path, tokeniser: str) -> None:
        place = folder / _FOLDER
        try:
            about = json.loads((place / "units.json").read_text(encoding="utf-8"))
            with np.load(place / "index.npz", allow_pickle=False) as index:
                names, offsets, frames = index["id"].tolist(), index["offset"].tolist(), index["frames"].tolist()
                words, owners = index["word_start"].tolist(), index["word_clip"].tolist()
            ids = np.memmap(place / "ids.u16", np.uint16, "r")
            digest, manifest, size = str(about["tokeniser"]), str(about["manifest"]), int(about["size"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorpusInvalid(f"The corpus {folder.name} has no units, or they are damaged.", _HINT) from error
        if digest != tokeniser:
            raise CorpusInvalid(f"The units of the corpus {folder.name} are of another tokeniser.", _HINT)
        if manifest != manifest_digest(folder):
            raise CorpusInvalid(f"The units of the corpus {folder.name} were made of another manifest.", _HINT)
        if len(ids) != sum(frames) or (len(ids) and int(ids.max()) >= size):
            raise CorpusInvalid(f"The units of the corpus {folder.name} are damaged.", _HINT)
        self.size = max(self.size, size)
        self._ids.append(ids)
        self._places.append(dict(zip(names, zip(offsets, frames, strict=True), strict=True)))
        starts: dict[str, list[int]] = {}
        for owner, start in zip(owners, words, strict=True):
            starts.setdefault(names[owner], []).append(start)
        self._words.append({name: tuple(found) for name, found in starts.items()})

    def ids(self, clip: Clip) -> NDArray[np.int32]:
        """``(T,)`` at 25 Hz; empty where the clip had no units when they were made."""
        offset, frames = self._places[clip.corpus].get(clip.id, (0, 0))
        return self._ids[clip.corpus][offset : offset + frames].astype(np.int32)

    def words(self, clip: Clip) -> Words | None:
        """Where the clip's words are; None where they were not aligned."""
        starts = self._words[clip.corpus].get(clip.id)
        words = tuple(clip.text.split())
        return None if starts is None or len(starts) != len(words) + 1 else Words(words, starts)


def make(
    folder: Path,
    tokenise: Tokenise,
    *,
    tokeniser: str,
    size: int,
    trunk: Trunk | None = None,
    report: Callable[[int, int], None] | None = None,
) -> int:
    """Makes the units of a corpus, and finds its words where there is a trunk to find them with.

    Args:
        folder: of the corpus.
        tokenise: see :data:`Tokenise`.
        tokeniser: hex sha256 of its file.
        size: number of units.
        trunk: aligns the texts by its CTC.
        report: is told of clips done, and of all.

    Returns:
        frames of 25 Hz in all.

    Raises:
        CorpusInvalid: the corpus is missing or has no features.
    """
    data = SpeechData(folder.parent, [folder.name])
    place = folder / _FOLDER
    place.mkdir(exist_ok=True)
    (place / "units.json").unlink(missing_ok=True)
    frames: list[int] = []
    word_clips: list[int] = []
    word_starts: list[int] = []
    with (place / "ids.u16").open("wb") as out:
        for number, clip in enumerate(data.clips):
            states = np.asarray(data.states(clip), np.float32)
            ids = tokenise(states)
            out.write(ids.astype(np.uint16).tobytes())
            frames.append(len(ids))
            found = None if trunk is None else words_of(trunk, states, clip.text, clip.language)
            if found is not None:
                word_clips += [number] * len(found)
                word_starts += [min(start, len(ids)) for start in found]
            if report is not None:
                report(number + 1, len(data.clips))
    offsets = np.cumsum([0, *frames])[:-1]
    np.savez(
        place / "index.npz", id=np.array([clip.id for clip in data.clips]), offset=offsets, frames=np.array(frames),
        word_clip=np.array(word_clips, np.int64), word_start=np.array(word_starts, np.int64),
    )  # fmt: skip
    about = {"tokeniser": tokeniser, "size": size, "frame_seconds": 0.04, "manifest": manifest_digest(folder)}
    (place / "units.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return sum(frames)


def ensure(folder: Path, names: Sequence[str], report: Callable[[str], None]) -> UnitStreams:
    """The units of corpora by the tokeniser of this installation; those that are missing are made.

    Args:
        folder: of the corpora.
        names: of those that are wanted.
        report: is told what is made.

    Raises:
        AdapterMissing: there is no tokeniser, or no trunk.
        CorpusInvalid: a corpus is missing or has no features.
    """
    digest = cards.file_digest(cards.locate(ADAPTER) / FILE)
    for name in names:
        try:
            UnitStreams(folder, [name], digest)
        except CorpusInvalid:
            report(f"{name}: making units")
            make_here([name], folder)
    return UnitStreams(folder, names, digest)


def make_here(names: Sequence[str], folder: Path, *, words: bool = True) -> None:
    """Makes the units of corpora with the tokeniser of this installation.

    Args:
        names: of the corpora.
        folder: where they are.
        words: whether to look for the words' times.

    Raises:
        AdapterMissing: there is no tokeniser, or no trunk.
        CorpusInvalid: a corpus is missing or has no features.
    """
    trunk = _Once(Trunk.open(ENCODER, cards.encoder_graph(ENCODER)))
    tokeniser = SemanticTokeniser.open(trunk)
    digest = cards.file_digest(cards.locate(ADAPTER) / FILE)
    for name in names:
        frames = make(
            folder / name, tokeniser.units, tokeniser=digest, size=tokeniser.size, trunk=trunk if words else None,
            report=_shower(name),
        )  # fmt: skip
        print(f"{name}: {frames} units, {frames * 0.04 / 3600:.2f} h")


class _Once(Trunk):
    """A trunk that does not run twice on the same states: the tokeniser asks it, and then the alignment."""

    def __init__(self, trunk: Trunk) -> None:
        vars(self).update(vars(trunk))
        self._last: tuple[NDArray[np.float32], Hidden] | None = None

    def run(self, states: NDArray[np.float32]) -> Hidden:
        if self._last is None or self._last[0] is not states:
            self._last = (states, super().run(states))
        return self._last[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the units of corpora with the tokeniser of this installation; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m engines.training.tokens.streams", description=str(__doc__))
    parser.add_argument("corpora", nargs="+", help="names of folders under the training data")
    parser.add_argument("--no-words", action="store_true", help="do not look for the words' times")
    options = parser.parse_args(arguments)
    try:
        make_here(options.corpora, corpora(), words=not options.no_words)
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return error.exit_code
    return 0


def _shower(name: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if done % 500 == 0:
            print(f"{name}: {done} of {total}", flush=True)

    return show


if __name__ == "__main__":
    sys.exit(main())
