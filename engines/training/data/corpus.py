"""A corpus on disk: a manifest of clips, and shards of FLAC (16 kHz mono) that hold many clips each.

``manifest.jsonl`` has a clip a line; ``audio/0000.flac`` and so on hold the sound, clip after clip. Broken lines and
shards are left out, counted and named; a corpus without a single clip is an error.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

from engines import paths
from engines.contract import SAMPLE_RATE, Samples
from engines.errors import CorpusInvalid

Split: TypeAlias = Literal["train", "dev", "test"]
SPLITS: Final = ("train", "dev", "test")
MANIFEST: Final = "manifest.jsonl"
_SHARD_SECONDS: Final = 600
_OPEN_SHARDS: Final = 200
"""Shards kept in memory as 16-bit samples: 19 MB each."""


@dataclass(frozen=True)
class Clip:
    """One utterance.

    Attributes:
        id: unique within the corpus.
        shard: file under ``audio``.
        start: first sample in the shard.
        samples: how many.
        text: as a person would write it.
        language: ISO 639-1 code.
        source: kind of text or recording.
        voice: who speaks.
        split: ``"train"``, ``"dev"`` or ``"test"``.
        english: translation, or empty.
        augmented: what was done to the sound.
    """

    id: str
    shard: str
    start: int
    samples: int
    text: str
    language: str
    source: str
    voice: str
    split: Split = "train"
    english: str = ""
    augmented: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.samples / SAMPLE_RATE

    @property
    def frames(self) -> int:
        """Encoder frames (20 ms) that the clip touches."""
        return -(-self.samples // 320)


@dataclass
class Problems:
    """What was left out on reading.

    Attributes:
        lines: numbers of manifest lines that are not understood, from 1.
        shards: shards that are missing, truncated or not FLAC, with the number of their clips.
    """

    lines: list[int] = field(default_factory=list)
    shards: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.lines or self.shards)

    def __str__(self) -> str:
        parts = []
        if self.lines:
            numbers = ", ".join(map(str, self.lines[:5])) + (", …" if len(self.lines) > 5 else "")
            parts.append(f"{len(self.lines)} lines of the manifest are not understood ({numbers})")
        if self.shards:
            named = ", ".join(list(self.shards)[:5]) + (", …" if len(self.shards) > 5 else "")
            parts.append(f"{sum(self.shards.values())} clips are in files that cannot be read ({named})")
        return "; ".join(parts)


def corpora() -> Path:
    """The folder of all corpora. Created when missing."""
    folder = paths.data() / "training" / "corpora"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Corpus:
    """A corpus that is read. Open it with :meth:`open`.

    Attributes:
        folder: where it is.
        clips: all clips that can be used, in the manifest's order.
        rows: for each clip its line among the manifest's understood lines, which is its row in the features.
        problems: what was left out.
    """

    def __init__(self, folder: Path, clips: Sequence[Clip], rows: Sequence[int], problems: Problems) -> None:
        self.folder = folder
        self.clips = tuple(clips)
        self.rows = tuple(rows)
        self.problems = problems
        self._shards: OrderedDict[str, NDArray[np.int16]] = OrderedDict()

    @classmethod
    def open(cls, folder: Path, *, check: bool = True) -> Corpus:
        """Reads the manifest and looks at the shards' headers.

        Args:
            folder: of the corpus.
            check: whether to leave out clips of shards that are missing or too short.

        Raises:
            CorpusInvalid: the folder or its manifest is missing, or no clip is usable.
        """
        if not (folder / MANIFEST).is_file():
            what = "holds no corpus: its manifest.jsonl is missing" if folder.is_dir() else "does not exist"
            raise CorpusInvalid(
                f"The folder {folder} {what}.", "Make the corpus with `python -m engines.training.data`."
            )
        understood, problems = _read_manifest(folder / MANIFEST)
        lengths = {clip.shard: 0 for clip in understood}
        if check:
            lengths = {shard: _length(folder / "audio" / shard) for shard in lengths}
        rows = [i for i, c in enumerate(understood) if not check or c.start + c.samples <= lengths[c.shard]]
        kept = set(rows)
        for i, clip in enumerate(understood):
            if i not in kept:
                problems.shards[clip.shard] = problems.shards.get(clip.shard, 0) + 1
        if not rows:
            detail = f": {problems}" if problems else ""
            raise CorpusInvalid(f"The corpus {folder.name} has no usable clip{detail}.", "Make the corpus anew.")
        return cls(folder, [understood[i] for i in rows], rows, problems)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def hours(self, split: Split | None = None) -> float:
        """Duration of a split, or of everything."""
        return sum(clip.seconds for clip in self.clips if split in (None, clip.split)) / 3600

    def samples(self, clip: Clip) -> Samples:
        """The sound of a clip, ``(n,)`` at 16 kHz.

        Raises:
            CorpusInvalid: its shard is damaged.
        """
        if clip.shard not in self._shards:
            try:
                sound, rate = soundfile.read(self.folder / "audio" / clip.shard, dtype="int16")
            except (OSError, soundfile.LibsndfileError) as error:
                message = f"The file {clip.shard} of the corpus {self.name} is damaged."
                raise CorpusInvalid(message, "Make the corpus anew.") from error
            if rate != SAMPLE_RATE or sound.ndim != 1:
                message = f"The file {clip.shard} of the corpus {self.name} is not 16 kHz mono."
                raise CorpusInvalid(message, "Make the corpus anew.")
            self._shards[clip.shard] = sound
            if len(self._shards) > _OPEN_SHARDS:
                self._shards.popitem(last=False)
        self._shards.move_to_end(clip.shard)
        found = self._shards[clip.shard][clip.start : clip.start + clip.samples]
        if found.shape[0] != clip.samples:
            message = f"The file {clip.shard} of the corpus {self.name} ends too early."
            raise CorpusInvalid(message, "Make the corpus anew.")
        return found.astype(np.float32) / np.float32(32768)


class CorpusWriter:
    """Writes a corpus clip by clip; the manifest grows as it goes, so that what is there can be used.

    A clip's line is written when its shard is closed. Use it as a context manager.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "audio").mkdir(parents=True, exist_ok=True)
        self._manifest = (folder / MANIFEST).open("w", encoding="utf-8")
        self._number = 0
        self._sound: list[Samples] = []
        self._clips: list[Clip] = []
        self._start = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, clip: Clip, samples: Samples) -> None:
        """Adds a clip; its shard, start and number of samples are filled in."""
        shard = f"{self._number:04}.flac"
        self._clips.append(replace(clip, shard=shard, start=self._start, samples=samples.shape[0]))
        self._sound.append(samples)
        self._start += samples.shape[0]
        if self._start >= _SHARD_SECONDS * SAMPLE_RATE:
            self.flush()

    def flush(self) -> None:
        """Closes the shard and writes its lines."""
        if not self._clips:
            return
        path = self.folder / "audio" / f"{self._number:04}.flac"
        soundfile.write(path, np.concatenate(self._sound), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        for clip in self._clips:
            row = {key: value for key, value in asdict(clip).items() if value not in ("", ())}
            self._manifest.write(json.dumps(row | {"seconds": round(clip.seconds, 3)}, ensure_ascii=False) + "\n")
        self._manifest.flush()
        self._number, self._start, self._sound, self._clips = self._number + 1, 0, [], []

    def close(self) -> None:
        """Writes what is left."""
        self.flush()
        self._manifest.close()


def hours_by_source(clips: Iterable[Clip]) -> dict[str, float]:
    """``"language source split"`` → hours."""
    hours: dict[str, float] = {}
    for clip in clips:
        key = f"{clip.language} {clip.source} {clip.split}"
        hours[key] = hours.get(key, 0.0) + clip.seconds / 3600
    return {key: round(value, 3) for key, value in sorted(hours.items())}


def _read_manifest(path: Path) -> tuple[list[Clip], Problems]:
    clips: list[Clip] = []
    problems = Problems()
    ids: set[str] = set()
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, clip in enumerate(map(_clip, file), start=1):
            if clip is None or clip.id in ids:
                problems.lines.append(number)
            else:
                ids.add(clip.id)
                clips.append(clip)
    return clips, problems


def _clip(line: str) -> Clip | None:
    """A line of the manifest, or None where it is none."""
    try:
        row: dict[str, Any] = json.loads(line)
        text = {key: row[key] for key in ("id", "shard", "text", "language", "source", "voice")}
        optional = {"split": row.get("split", "train"), "english": row.get("english", "")}
        clip = Clip(
            **text, **optional, start=row["start"], samples=row["samples"], augmented=tuple(row.get("augmented", ()))
        )
    except (ValueError, KeyError, TypeError):
        return None
    plain = all(isinstance(value, str) for value in (*text.values(), *optional.values())) and clip.id and clip.text
    sized = type(clip.start) is int and type(clip.samples) is int and clip.start >= 0 and clip.samples > 0
    local = plain and "/" not in clip.shard and "\\" not in clip.shard and clip.split in SPLITS
    return clip if sized and local else None


def _length(path: Path) -> int:
    """Samples of a shard by its header; 0 where it cannot be read."""
    try:
        information = soundfile.info(path)
    except (OSError, soundfile.LibsndfileError):
        return 0
    return int(information.frames) if information.samplerate == SAMPLE_RATE and information.channels == 1 else 0


def clips_of(corpus: Corpus, split: Split) -> Iterator[Clip]:
    """The clips of a split."""
    return (clip for clip in corpus.clips if clip.split == split)
