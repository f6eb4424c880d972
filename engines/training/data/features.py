"""Encoder states of a corpus, computed once by the recogniser's own graph and kept as float16.

At run time speech stands at the beginning of a window of 30 s, and so do development and test clips here. A training
clip stands at the beginning of a window that ends half a second to three seconds after it and is at least three to
seven seconds long, one in ten of the full length: this is several times faster, and the states stay close to those of
the full window (cosines about .97 to .985 on development prompts of three seconds and more; .92 to .96 on shorter ones
in windows of three to seven seconds). Packing several
clips into one window is as fast, but all except the first then have other states (cosine .57), and the recogniser's
decoder cannot read them.

On disk, under ``features``: ``states.f16`` (raw float16 ``(frames, 512)``), ``index.npz`` (``offset`` and ``frames``, a
row for each understood line of the manifest) and, written last, ``features.json``.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engines.contract import Samples
from engines.errors import CorpusInvalid
from engines.training.data.corpus import MANIFEST, Clip, Corpus

WIDTH: Final = 512
ENCODER: Final = "whisper-base"
WINDOW_SECONDS: Final = 30.0
_MARGIN: Final = (0.5, 3.0)
_SHORTEST: Final = (3.0, 7.0)
_FULL: Final = 0.1
_SCRATCH: Final = "states.f16.new"

Encode = Callable[[Samples, float], NDArray[np.float32]]
"""Speech and the length of its window in seconds, to states ``(50 · seconds, 512)``."""


@dataclass(frozen=True)
class Features:
    """Encoder states that are read. Open them with :meth:`open`."""

    states: NDArray[np.float16]
    offset: NDArray[np.int64]
    frames: NDArray[np.int64]

    @classmethod
    def open(cls, corpus: Corpus) -> Features:
        """Maps the features of a corpus into memory.

        Raises:
            CorpusInvalid: they are missing, damaged, or were made of another manifest.
        """
        folder = corpus.folder / "features"
        hint = "Compute them anew with `python -m engines.training.data features`."
        try:
            card = json.loads((folder / "features.json").read_text(encoding="utf-8"))
            with np.load(folder / "index.npz", allow_pickle=False) as index:
                offset, frames = index["offset"], index["frames"]
            states = np.memmap(folder / "states.f16", np.float16, "r").reshape(-1, WIDTH)
            digest = str(card["manifest"])
        except FileNotFoundError as error:
            raise CorpusInvalid(f"The corpus {corpus.name} has no features.", hint) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorpusInvalid(f"The features of the corpus {corpus.name} are damaged.", hint) from error
        if digest != manifest_digest(corpus.folder):
            raise CorpusInvalid(f"The features of the corpus {corpus.name} were made of another manifest.", hint)
        if offset.shape != frames.shape or max(corpus.rows) >= offset.shape[0] or states.shape[0] < int(frames.sum()):
            raise CorpusInvalid(f"The features of the corpus {corpus.name} are damaged.", hint)
        return cls(states, offset, frames)

    def of(self, row: int) -> NDArray[np.float16]:
        """States ``(frames, 512)`` of a clip by its row (:attr:`engines.training.data.corpus.Corpus.rows`).

        A clip whose sound could not be read has none.
        """
        start = int(self.offset[row])
        return self.states[start : start + int(self.frames[row])]


def manifest_digest(folder: Path) -> str:
    """Hex sha256 of a corpus's manifest."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def window_of(clip: Clip, generator: np.random.Generator) -> float:
    """The length in seconds of the window that a clip is encoded in.

    Raises:
        ValueError: the clip is longer than 30 s.
    """
    if clip.seconds > WINDOW_SECONDS:
        raise ValueError("a clip is longer than 30 s")
    margin, shortest = generator.uniform(*_MARGIN), generator.uniform(*_SHORTEST)
    full = generator.random() < _FULL
    if clip.split != "train" or full:
        return WINDOW_SECONDS
    # Tenths of a second, so that the runtime meets few different shapes.
    return min(WINDOW_SECONDS, float(np.ceil(max(clip.seconds + margin, shortest) * 10) / 10))


def open_encoder(threads: int = 1) -> Encode:
    """The recogniser's encoder.

    Raises:
        WeightsMissing: its graphs have not been built.
    """
    from engines.audio.features import log_mel
    from engines.runtime.sessions import RuntimeSettings, configure, open_session
    from engines.weights import graphs

    configure(RuntimeSettings(threads=threads))
    session = open_session(graphs.locate(ENCODER) / "encoder.onnx")

    def encode(samples: Samples, seconds: float) -> NDArray[np.float32]:
        return np.asarray(session.run(["frames"], {"mel": log_mel(samples, seconds)})[0][0], np.float32)

    return encode


def compute(
    folder: Path,
    *,
    seed: int = 0,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
    encode: Encode | None = None,
) -> dict[str, Any]:
    """Computes the features of a corpus.

    Args:
        folder: of the corpus.
        seed: decides the windows' lengths.
        processes: how many work at a time, one thread each.
        progress: is told clips done and in all.
        encode: computes states, in this process; left out, the recogniser does.

    Returns:
        what is in ``features.json``.

    Raises:
        CorpusInvalid: the corpus is missing or empty.
        WeightsMissing: the recogniser is not installed.
    """
    from engines.weights import graphs

    began = time.monotonic()
    builder = graphs.locate(ENCODER).name if encode is None else "given"
    corpus = Corpus.open(folder)
    target = folder / "features"
    target.mkdir(exist_ok=True)
    frames = np.zeros(max(corpus.rows) + 1, np.int64)
    frames[list(corpus.rows)] = [clip.frames for clip in corpus.clips]
    offset = np.concatenate([[0], np.cumsum(frames)[:-1]]).astype(np.int64)
    # Whoever trains on older features keeps their file until the new ones take its name.
    np.memmap(target / _SCRATCH, np.float16, "w+", shape=(int(frames.sum()), WIDTH)).flush()
    generator = np.random.default_rng(seed)
    jobs = [(i, window_of(clip, generator)) for i, clip in enumerate(corpus.clips)]
    broken: set[int] = set()
    if encode is not None or processes <= 1:
        worker = _Worker(corpus, offset, encode or open_encoder())
        for done, job in enumerate(jobs, start=1):
            broken.update(worker.run(job))
            if progress:
                progress(done, len(jobs))
    else:
        context = multiprocessing.get_context("spawn")
        with context.Pool(processes, _begin, (folder, offset)) as pool:
            for done, bad in enumerate(pool.imap_unordered(_run, jobs, chunksize=32), start=1):
                broken.update(bad)
                if progress:
                    progress(done, len(jobs))
    for i in broken:
        frames[corpus.rows[i]] = 0
    (target / "features.json").unlink(missing_ok=True)
    (target / _SCRATCH).replace(target / "states.f16")
    np.savez(target / "index.npz", offset=offset, frames=frames)
    card = {
        "format": 1,
        "encoder": ENCODER,
        "encoder_builder": builder,
        "manifest": manifest_digest(folder),
        "seed": seed,
        "hours": round(sum(clip.seconds for clip in corpus.clips) / 3600, 4),
        "broken": sorted({corpus.clips[i].id for i in broken}),
        "seconds": round(time.monotonic() - began, 1),
    }
    (target / "features.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


class _Worker:
    """Computes the states of clips and writes them where they belong."""

    def __init__(self, corpus: Corpus, offset: NDArray[np.int64], encode: Encode) -> None:
        self._corpus = corpus
        self._offset = offset
        self._encode = encode
        self._states = np.memmap(corpus.folder / "features" / _SCRATCH, np.float16, "r+").reshape(-1, WIDTH)

    def run(self, job: tuple[int, float]) -> list[int]:
        """Does a clip; returns its number where it could not be read."""
        number, seconds = job
        clip = self._corpus.clips[number]
        try:
            samples = self._corpus.samples(clip)
        except CorpusInvalid:
            return [number]
        start = int(self._offset[self._corpus.rows[number]])
        self._states[start : start + clip.frames] = self._encode(samples, seconds)[: clip.frames]
        return []


_worker: _Worker | None = None


def _begin(folder: Path, offset: NDArray[np.int64]) -> None:
    global _worker  # noqa: PLW0603  # one process, one worker
    _worker = _Worker(Corpus.open(folder), offset, open_encoder())


def _run(job: tuple[int, float]) -> list[int]:
    assert _worker is not None
    return _worker.run(job)
