"""Spoken lines of the game "Beneath a Steel Sky" (on CD): a dozen British actors, 8 bits at 11,025 Hz.

The Debian package ``beneath-a-steel-sky`` carries a table and the files that it lists. ``sky.dnr``: the number of
entries (u32), then 8 bytes each: number of the file (u16), offset in ``sky.dsk`` (u24; with bit 23 the rest counts
units of 16 bytes) and size (the low 22 bits of a u24), all little-endian. The files 50000 to 55299 are what the texts
of the same numbers sound like: a header of 22 bytes, then unsigned samples, mostly packed (:mod:`.rnc`).

Content © Revolution Software Ltd; it may be given away and modified freely, but not sold by itself. Nothing of it
is shipped with the program.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from engines.contract import Samples
from engines.errors import CorpusInvalid, VoiceUnavailable
from engines.training.data import rnc
from engines.training.data.voices import finished

RATE: Final = 11_025
SPOKEN: Final = range(50_000, 55_300)
"""Numbers of the files that are speech."""
_ENTRY: Final = struct.Struct("<H3s3s")
_HEADER: Final = 22
_HINT: Final = "Unpack the Debian package beneath-a-steel-sky and name its sky.dnr; sky.dsk must lie beside it."


def entries(path: Path) -> list[tuple[int, int, int]]:
    """Number, offset and size of every spoken line in ``sky.dsk``.

    Args:
        path: ``sky.dnr``.

    Raises:
        CorpusInvalid: the file is missing, is not that table, or lists no speech, as that of the floppy disks.
    """
    try:
        table = path.read_bytes()
    except OSError as error:
        raise CorpusInvalid(f"The file {path} cannot be read.", _HINT) from error
    if len(table) != 4 + _ENTRY.size * int.from_bytes(table[:4], "little"):
        raise CorpusInvalid(f"The file {path.name} is not a sky.dnr.", _HINT)
    found = []
    for number, offset, size in _ENTRY.iter_unpack(table[4:]):
        place = int.from_bytes(offset, "little")
        start = place if place < 1 << 23 else (place - (1 << 23)) * 16
        if number in SPOKEN:
            found.append((number, start, int.from_bytes(size, "little") & (1 << 22) - 1))
    if not found:
        raise CorpusInvalid(f"The file {path.name} lists no spoken lines.", _HINT)
    return found


def sounds(path: Path, random: Random) -> Iterator[tuple[str, Samples | None]]:
    """Number and sound (16 kHz, None where it cannot be unpacked or is silent) of the spoken lines, in random order.

    Args:
        path: ``sky.dnr``.
        random: decides the order.

    Raises:
        CorpusInvalid: see :func:`entries`, or ``sky.dsk`` is missing.
    """
    lines = sorted(entries(path))
    random.shuffle(lines)
    if not path.with_name("sky.dsk").is_file():
        raise CorpusInvalid(f"There is no sky.dsk beside {path}.", _HINT)
    return _read(path.with_name("sky.dsk"), lines)


def _read(path: Path, lines: list[tuple[int, int, int]]) -> Iterator[tuple[str, Samples | None]]:
    with path.open("rb") as file:
        for number, offset, size in lines:
            file.seek(offset)
            yield str(number), _decoded(file.read(size), size)


def _decoded(data: bytes, size: int) -> Samples | None:
    body = data[_HEADER:]
    try:
        values = np.frombuffer(rnc.unpack(body) if body.startswith(rnc.MAGIC) else body, np.uint8)
        if len(data) < size or not values.size:
            return None
        return finished(values.astype(np.float32) / np.float32(128) - np.float32(1), RATE)
    except (ValueError, VoiceUnavailable):
        return None
