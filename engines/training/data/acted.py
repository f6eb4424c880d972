"""Acted lines of the game "Flight of the Amazon Queen", labelled by the recogniser: some thirty real voices.

The Debian package ``flight-of-the-amazon-queen`` carries ``queen.1c``: ``QTBL``, at 12 a compression byte (1: MP3), at
13 the number of entries as a big-endian u16, from 15 on entries of 21 bytes: name (12, NUL-padded), u8 bundle, u32
offset and u32 size, both big-endian. Speech is every name that ends in ``.SB``. Content © 1995 John Passfield and
Steven Stamatiadis; it may be used and changed freely, and nothing of it is shipped with the program.
"""

from __future__ import annotations

import io
import re
import shutil
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from engines.contract import SAMPLE_RATE, Recogniser, Samples
from engines.errors import CorpusInvalid, TriptychError
from engines.training.data.corpus import Clip, CorpusWriter
from engines.training.data.lines import speakable, tidy
from engines.training.data.real import copies_of
from engines.training.data.voices import finished

_ENTRY: Final = struct.Struct(">12sBII")
_SHORTEST, _LONGEST = 1.5, 20.0
_LIKELY: Final = -0.33
"""Least mean log-probability of a token: a mean probability of about .72."""
_SAME: Final = 3
_HINT: Final = "Unpack the Debian package flight-of-the-amazon-queen and name its queen.1c."


@dataclass
class Labelled:
    """How a corpus came out.

    Attributes:
        heard: lines that the recogniser was given.
        kept: lines whose reading was sure enough.
        hours: of the kept lines, without copies.
        broken: lines that could not be decoded.
    """

    heard: int = 0
    kept: int = 0
    hours: float = 0.0
    broken: int = 0


def entries(path: Path) -> list[tuple[str, int, int]]:
    """Name, offset and size of every spoken line in ``queen.1c``.

    Raises:
        CorpusInvalid: the file is missing, or is not that file with MP3 sound.
    """
    try:
        with path.open("rb") as file:
            head = file.read(15)
            if len(head) < 15 or head[:4] != b"QTBL" or head[12] != 1:
                raise CorpusInvalid(f"The file {path.name} is not a queen.1c with MP3 sound.", _HINT)
            table = file.read(_ENTRY.size * int.from_bytes(head[13:15], "big"))
    except OSError as error:
        raise CorpusInvalid(f"The file {path} cannot be read.", _HINT) from error
    whole = table[: len(table) // _ENTRY.size * _ENTRY.size]
    found = [
        (name.split(b"\0")[0].decode("ascii", "replace"), offset, size)
        for name, _, offset, size in _ENTRY.iter_unpack(whole)
    ]
    lines = [entry for entry in found if entry[0].upper().endswith(".SB")]
    if not lines:
        raise CorpusInvalid(f"The file {path.name} holds no spoken lines.", _HINT)
    return lines


def sounds(path: Path, random: Random) -> Iterator[tuple[str, Samples | None]]:
    """Name and sound (16 kHz, None where it cannot be decoded) of the spoken lines, in random order.

    Raises:
        CorpusInvalid: see :func:`entries`.
    """
    lines = entries(path)
    random.shuffle(lines)
    with path.open("rb") as file:
        for name, offset, size in lines:
            file.seek(offset)
            yield name, _decoded(file.read(size))


def acted(
    path: Path,
    folder: Path,
    recogniser: Recogniser,
    *,
    hours: float = 2.0,
    copies: int = 1,
    seed: int = 0,
    progress: Callable[[Labelled], None] | None = None,
) -> Labelled:
    """Makes a corpus of the lines that the recogniser reads surely.

    A text that was kept three times is not kept again. The corpus grows as it is made.

    Args:
        path: ``queen.1c``.
        folder: of the corpus; what is in it is replaced.
        recogniser: reads the lines greedily.
        hours: stops when so much was kept.
        copies: augmented copies of every line, beside the clean one.
        seed: decides the order and the augmentation.
        progress: is told after every line.

    Raises:
        CorpusInvalid: see :func:`entries`.
    """
    entries(path)
    shutil.rmtree(folder, ignore_errors=True)
    result = Labelled()
    same: Counter[str] = Counter()
    with CorpusWriter(folder) as writer:
        for number, (name, sound) in enumerate(sounds(path, Random(seed))):
            if result.hours >= hours:
                break
            if sound is None:
                result.broken += 1
                continue
            if not _SHORTEST <= sound.shape[0] / SAMPLE_RATE <= _LONGEST:
                continue
            result.heard += 1
            text = label(recogniser, sound)
            if text and same[text] < _SAME:
                same[text] += 1
                result.kept += 1
                result.hours += sound.shape[0] / SAMPLE_RATE / 3600
                clip = Clip(f"acted-{name[:-3].lower()}-{number}", "", 0, sound.shape[0], text, "en", "acted", "actor")
                writer.add(clip, sound)
                for copy, changed in copies_of(clip, sound, copies, [seed, number]):
                    writer.add(copy, changed)
            if progress:
                progress(result)
    return result


def label(recogniser: Recogniser, sound: Samples) -> str:
    """What the recogniser reads, or nothing where it is not sure or reads something implausible."""
    *_, read = recogniser.nbest(recogniser.encode(sound), language="en", beam=1)
    assert not isinstance(read, str)
    best = read.hypotheses[0]
    text = tidy(best.text)
    words, seconds = len(text.split()), sound.shape[0] / SAMPLE_RATE
    plausible = 0.6 * seconds <= words + 1 and words <= 5.5 * seconds
    sure = best.acoustic >= _LIKELY * max(best.tokens, 1)
    plain = bool(text) and speakable(text, "en", most_words=60) and not re.search(r"\b(\w+)(?:\W+\1\b){3}", text)
    return text if sure and plausible and plain else ""


def _decoded(data: bytes) -> Samples | None:
    import av
    import av.error

    try:
        with av.open(io.BytesIO(data), "r", format="mp3") as container:
            stream = container.streams.audio[0]
            frames = [frame.to_ndarray() for frame in container.decode(stream)]
            rate = stream.codec_context.sample_rate
        sound = np.concatenate([np.atleast_2d(frame).mean(axis=0) for frame in frames])
        if sound.dtype.kind == "i" or np.abs(sound).max() > 4:
            sound = sound / 32768.0
        return finished(np.asarray(sound, np.float32), rate)
    except (av.error.FFmpegError, ValueError, IndexError, TriptychError):
        return None
