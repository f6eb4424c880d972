"""Marks speech that no person spoke, in a way that programs can read, and reads such marks.

WAV files carry them in a LIST chunk of type INFO before the sound (Microsoft & IBM, "Multimedia Programming Interface
and Data Specifications 1.0", 1991): ``ISFT`` names the program, ``ICMT`` holds one JSON object. FLAC and Ogg files
carry the same in their Vorbis comments. ``digitalSourceType`` is IPTC's term for media that a trained model made.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from engines.audio.wav import replacing, save_wav
from engines.errors import BadInput

SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
FORMATS: Final = {".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
"""Ending → libsndfile's format and subtype; every other ending is written as WAV."""

_BLOCK: Final = 1 << 15
"""Samples written at a time: libsndfile's Vorbis encoder puts a block on the stack."""
_LONGEST_COMMENT: Final = 4096
_LONGEST_LIST: Final = 1 << 16
_MOST_CHUNKS: Final = 64
_LONGEST_NAME: Final = 80


def _today() -> str:
    return dt.datetime.now(tz=dt.UTC).date().isoformat()


def program() -> str:
    """The program's name and version."""
    try:
        return f"Triptych {metadata.version('triptych')}"
    except metadata.PackageNotFoundError:
        return "Triptych"


@dataclass(frozen=True)
class Mark:
    """Says that speech is synthetic, and what made it.

    Attributes:
        engine: id of the engine, for example ``"cascade"``; where there is none, name of the synthesiser.
        voice: name of what made the sound, for example ``"Kokoro 82M"``; empty where that is the engine.
        date: the day on which it was made (UTC), ISO 8601.
        program: name and version of the program.
    """

    engine: str
    voice: str = ""
    date: str = field(default_factory=_today)
    program: str = field(default_factory=program)

    def comment(self) -> str:
        """The JSON object, ASCII on one line."""
        found: dict[str, Any] = {"synthetic": True, "engine": self.engine}
        if self.voice:
            found["voice"] = self.voice
        return json.dumps(found | {"date": self.date, "digitalSourceType": SOURCE_TYPE})

    def info(self) -> bytes:
        """The LIST chunk of a WAV file, of an even number of bytes."""
        parts = b"INFO"
        for name, text in ((b"ISFT", self.program), (b"ICMT", self.comment())):
            value = text.encode("ascii", "replace") + b"\0"
            parts += name + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
        return b"LIST" + struct.pack("<I", len(parts)) + parts

    def sentence(self, name: str) -> str:
        """What to tell of a file that carries it."""
        by = " with ".join(part for part in (self.engine, self.voice) if part)
        made = " ".join(part for part in (f"by {by}" if by else "", f"on {self.date}" if self.date else "") if part)
        said = f", made {made}" if made else ""
        return f"{name} is marked as synthetic speech, not a recording of a person{said}."


def write_speech(path: Path, samples: NDArray[np.floating[Any]], rate: int, mark: Mark) -> None:
    """Writes synthesised speech with its mark, in one step: a file that is there is whole.

    Args:
        path: where to; ``.flac`` and ``.ogg`` become what they say, all else 16-bit WAV.
        samples: ``(n,)`` with full scale ±1; louder ones are clipped.
        rate: samples per second.
        mark: what made it.

    Raises:
        BadInput: the file cannot be written.
    """
    try:
        if path.suffix.lower() in FORMATS:
            _write_tagged(path, samples, rate, mark)
        else:
            save_wav(path, samples, rate, mark.info())
    except (OSError, RuntimeError) as error:  # libsndfile's errors are RuntimeErrors
        raise BadInput(f"The file {path} cannot be written.", "Choose another place.") from error


def _write_tagged(path: Path, samples: NDArray[np.floating[Any]], rate: int, mark: Mark) -> None:
    import soundfile  # the library libsndfile may be missing

    kind, subtype = FORMATS[path.suffix.lower()]
    levels = np.clip(np.asarray(samples, np.float32), -1.0, 1.0)
    with (
        replacing(path) as part,
        soundfile.SoundFile(part, "w", samplerate=rate, channels=1, format=kind, subtype=subtype) as file,
    ):
        file.software = mark.program
        file.comment = mark.comment()
        for at in range(0, levels.shape[0], _BLOCK):
            file.write(levels[at : at + _BLOCK])


def read_mark(path: Path) -> Mark | None:
    """The mark of a sound file; None where there is none, or where it cannot be read.

    It never raises: a mark tells something about a file and keeps nobody from opening it.
    """
    with suppress(OSError, ValueError, struct.error):
        with path.open("rb") as file:
            head = file.read(12)
            if head[:4] == b"RIFF" and head[8:] == b"WAVE":
                fields = _info(file)
                return _parsed(fields.get(b"ICMT", ""), fields.get(b"ISFT", ""))
        if head[:4] in {b"fLaC", b"OggS"}:
            return _tagged(path)
    return None


def _info(file: BinaryIO) -> dict[bytes, str]:
    """What the INFO chunks of a WAV file say, as far as they are whole; the file stands behind its head."""
    found: dict[bytes, str] = {}
    size = os.fstat(file.fileno()).st_size
    for _ in range(_MOST_CHUNKS):
        name, length = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
        start = file.tell()
        if name == b"LIST" and length <= _LONGEST_LIST:
            found |= _fields(file.read(length))
        start += length + length % 2
        if start >= size:
            break
        file.seek(start)
    return found


def _fields(chunk: bytes) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    at = 4
    while chunk[:4] == b"INFO" and at + 8 <= len(chunk):
        name, length = struct.unpack_from("<4sI", chunk, at)
        value = chunk[at + 8 : at + 8 + length]
        found[name] = value.split(b"\0")[0].decode("utf-8", "replace")
        at += 8 + length + length % 2
    return found


def _tagged(path: Path) -> Mark | None:
    try:
        import soundfile  # the library libsndfile may be missing

        with soundfile.SoundFile(str(path)) as file:
            return _parsed(file.comment, file.software)
    except (ImportError, OSError, RuntimeError, UnicodeError):
        return None


def _parsed(comment: str, software: str) -> Mark | None:
    if not 0 < len(comment) <= _LONGEST_COMMENT:
        return None
    try:
        found = json.loads(comment)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("synthetic") is not True:
        return None
    engine, voice, date = (_clean(found.get(name)) for name in ("engine", "voice", "date"))
    return Mark(engine, voice, date, _clean(software))


def _clean(value: object) -> str:
    """Text from a file of unknown origin: one line, not long."""
    text = value if isinstance(value, str) else ""
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST_NAME].strip()
