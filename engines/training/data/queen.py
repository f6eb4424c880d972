"""Spoken lines of the game "Flight of the Amazon Queen": some thirty actors, MP3 at 11,025 Hz.

The Debian package ``flight-of-the-amazon-queen`` carries ``queen.1c``: ``QTBL``, at 12 a compression byte (1: MP3), at
13 the number of entries as a big-endian u16, from 15 on entries of 21 bytes: name (12, NUL-padded), u8 bundle, u32
offset and u32 size, both big-endian. Speech is every name that ends in ``.SB``. Content © 1995 John Passfield and
Steven Stamatiadis; it may be used and changed freely, and nothing of it is shipped with the program.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from engines.contract import Samples
from engines.errors import CorpusInvalid, TriptychError
from engines.training.data.voices import finished

_ENTRY: Final = struct.Struct(">12sBII")
_HINT: Final = "Unpack the Debian package flight-of-the-amazon-queen and name its queen.1c."


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
    return _read(path, lines)


def _read(path: Path, lines: list[tuple[str, int, int]]) -> Iterator[tuple[str, Samples | None]]:
    with path.open("rb") as file:
        for name, offset, size in lines:
            file.seek(offset)
            yield name[:-3].lower(), _decoded(file.read(size))


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
