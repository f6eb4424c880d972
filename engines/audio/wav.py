"""Writing WAV files: whole ones in one step, and growing ones that are playable at any moment."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES = 44
_LARGEST = 0xFFFF_FFFF - _HEADER_BYTES


def _header(rate: int, data_bytes: int, info: bytes = b"") -> bytes:
    """Header of a mono 16-bit PCM file, with a chunk ``info`` before the sound."""
    size = min(data_bytes, _LARGEST - len(info))
    chunk = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16) + info
    whole = size + _HEADER_BYTES - 8 + len(info)
    return struct.pack("<4sI4s", b"RIFF", whole, b"WAVE") + chunk + struct.pack("<4sI", b"data", size)


def to_pcm16(samples: NDArray[np.floating[Any]]) -> NDArray[np.int16]:
    """Floats with full scale ±1 as 16-bit integers, clipped, ``(n,)``."""
    integers: NDArray[np.int16] = np.clip(np.rint(samples * 32_767.0), -32_768, 32_767).astype("<i2")
    return integers


class GrowingWav:
    """A mono 16-bit WAV file whose header is true after every :meth:`append`.

    Nothing is buffered in the process, so that a killed process leaves a playable file.

    Args:
        path: created, or overwritten.
        rate: samples per second.
        info: a whole chunk that stands before the sound, of an even number of bytes.
        new: whether a file that is there already is an error (:class:`FileExistsError`).
    """

    def __init__(self, path: Path, rate: int, info: bytes = b"", *, new: bool = False) -> None:
        self.path = path
        self.rate = rate
        self.samples = 0
        self._info = info
        self._file = path.open("xb" if new else "wb", buffering=0)
        self._file.write(_header(rate, 0, info))

    @property
    def seconds(self) -> float:
        """Length of what was written."""
        return self.samples / self.rate

    def append(self, samples: NDArray[np.int16]) -> None:
        """Writes samples ``(n,)``, then the header.

        Raises:
            OSError: there is no room, or the folder went away; as much as could be written is counted and playable.
        """
        rest = np.ascontiguousarray(samples, dtype="<i2").data.cast("B")
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        finally:
            self.samples += samples.shape[0] - (len(rest) + 1) // 2
            self._write_header()

    def _write_header(self) -> None:
        self._file.seek(0)
        self._file.write(_header(self.rate, 2 * self.samples, self._info))
        self._file.seek(_HEADER_BYTES + len(self._info) + 2 * self.samples)

    def sync(self) -> None:
        """Waits until what was written is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file; it may be called again."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def add_chunk(path: Path, chunk: bytes) -> None:
    """Puts a whole chunk of an even number of bytes at the end of a finished file.

    Raises:
        OSError: there is no room; the file is what it was.
    """
    size = path.stat().st_size
    if size + len(chunk) > _LARGEST:
        return
    with path.open("r+b", buffering=0) as file:
        try:
            file.seek(size)
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) or 0 :]
        except OSError:
            file.truncate(size)
            raise
        file.seek(4)
        file.write(struct.pack("<I", size + len(chunk) - 8))


def repair(path: Path) -> float:
    """Makes the header of a :class:`GrowingWav` without ``info`` that a killed process left say all that is there.

    Returns:
        Its length in seconds; 0 if it holds nothing.
    """
    with path.open("r+b", buffering=0) as file:
        head = file.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES:
            return 0.0
        rate = int.from_bytes(head[24:28], "little")
        data_bytes = (path.stat().st_size - _HEADER_BYTES) // 2 * 2
        file.seek(0)
        file.write(_header(rate, data_bytes))
    return data_bytes / 2 / rate if rate else 0.0


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path beside ``path`` to write to, which takes its place when all went well and is gone otherwise.

    Raises:
        OSError: the folder cannot be written to.
    """
    handle, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with contextlib.suppress(OSError):
            part.chmod(0o644)  # mkstemp is stricter than a file that a person saves
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def save_wav(path: str | Path, samples: NDArray[np.floating[Any]], rate: int, info: bytes = b"") -> None:
    """Saves mono audio as 16-bit WAV, in one step: a file that is there is whole.

    Args:
        path: where to.
        samples: ``(n,)`` with full scale ±1; louder ones are clipped.
        rate: samples per second.
        info: a whole chunk that stands before the sound, of an even number of bytes.

    Raises:
        OSError: the folder cannot be written to, or there is no room.
    """
    with replacing(Path(path)) as part, GrowingWav(part, rate, info) as file:
        for at in range(0, samples.shape[0], 1 << 20):
            file.append(to_pcm16(samples[at : at + (1 << 20)]))
        file.sync()
