"""Places in a WAV file where sound was lost while it was recorded: labelled cue points that other programs show, too.

The form is that of *Multimedia Programming Interface and Data Specifications 1.0* (IBM and Microsoft, 1991), ``cue``
with ``LIST adtl``. Cue points that somebody else set have other labels and mean something else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

MOST = 4096
"""Places that are written down, the first ones; a recording with more is beyond marking."""
LABEL = b"sound was lost\0\0"
_POINT = struct.Struct("<II4sIII")
_CHUNK = struct.Struct("<4sI")


def cue_chunks(places: Sequence[int]) -> bytes:
    """Chunks that mark samples, for :func:`engines.audio.wav.add_chunk`.

    Args:
        places: indices of samples, ascending.
    """
    kept = list(enumerate(places[:MOST], 1))
    points = b"".join(_POINT.pack(number, at, b"data", 0, 0, at) for number, at in kept)
    labels = b"".join(_chunk(b"labl", struct.pack("<I", number) + LABEL) for number, _ in kept)
    return _chunk(b"cue ", struct.pack("<I", len(kept)) + points) + _chunk(b"LIST", b"adtl" + labels)


def read_cues(path: Path) -> tuple[float, ...]:
    """Seconds at which sound was lost in a WAV file, ascending; none where none are marked, or it is no such file."""
    rate, places, lost = 0, dict[int, int](), set[int]()
    try:
        with path.open("rb") as file:
            kind, _, form = struct.unpack("<4sI4s", file.read(12))
            if (kind, form) != (b"RIFF", b"WAVE"):
                return ()
            while len(head := file.read(_CHUNK.size)) == _CHUNK.size:
                name, size = _CHUNK.unpack(head)
                end = file.tell() + size + size % 2
                if name in {b"fmt ", b"cue ", b"LIST"}:
                    body = file.read(min(size, 64 * MOST))
                    if name == b"fmt ":
                        rate = struct.unpack_from("<I", body, 4)[0]
                    elif name == b"cue ":
                        whole = (len(body) - 4) // _POINT.size * _POINT.size
                        places = {point[0]: point[5] for point in _POINT.iter_unpack(body[4 : 4 + whole])}
                    elif body[:4] == b"adtl":
                        lost |= set(_labelled(body[4:]))
                file.seek(end)
    except (OSError, struct.error):
        return ()
    return tuple(sorted({places[number] / rate for number in lost & places.keys()})) if rate else ()


def _chunk(name: bytes, body: bytes) -> bytes:
    return _CHUNK.pack(name, len(body)) + body


def _labelled(body: bytes) -> Iterator[int]:
    """Numbers of the cue points that are labelled as lost sound."""
    at = 0
    while at + _CHUNK.size + 4 <= len(body):
        name, size = _CHUNK.unpack_from(body, at)
        text = body[at + _CHUNK.size + 4 : at + _CHUNK.size + size]
        if name == b"labl" and text.rstrip(b"\0") == LABEL.rstrip(b"\0"):
            yield struct.unpack_from("<I", body, at + _CHUNK.size)[0]
        at += _CHUNK.size + size + size % 2
