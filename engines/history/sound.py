"""Sound as FLAC: 16 bits where that is exact, 24 otherwise.

Recordings and most files have 16 bits at 16 kHz and come back bit for bit. What was resampled or synthesised is rounded
to 24 bits, which is 2⁻²⁴ of full scale at most (−144 dB), below what any loudspeaker gives.
"""

from __future__ import annotations

import errno
import io
import shutil
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines.audio.synthetic import Mark
from engines.audio.wav import replacing
from engines.contract import SAMPLE_RATE, Samples
from engines.errors import AudioUnreadable, DiskFull, HistoryUnavailable

_BLOCK: Final = 1 << 16
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def pack(samples: Samples, rate: int, mark: Mark | None = None) -> bytes:
    """FLAC of sound in memory; nothing where there is no sample.

    Args:
        samples: ``(n,)`` in [-1, 1].
        rate: samples per second.
        mark: of speech that is synthetic.
    """
    if not samples.size:
        return b""
    file = io.BytesIO()
    _write(file, samples, rate, mark)
    return file.getvalue()


def unpack(data: bytes) -> tuple[Samples, int]:
    """Samples ``(n,)`` and their rate in Hz.

    Raises:
        ValueError: it is no FLAC.
    """
    import soundfile  # the library libsndfile may be missing

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            samples = file.read(dtype="float32", always_2d=True)[:, 0]
            return np.ascontiguousarray(samples), int(file.samplerate)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise ValueError("not FLAC") from error


def keep(path: Path, samples: Samples) -> int:
    """Writes 16 kHz speech, unless it is there already; a file that is there is whole.

    Args:
        path: where to, ending in ``.flac``; its folder is made.
        samples: ``(n,)`` in [-1, 1]; may be mapped.

    Returns:
        the bytes of the file.

    Raises:
        DiskFull: there is no room.
        HistoryUnavailable: the folder cannot be written to.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as part:
                _write(str(part), samples, SAMPLE_RATE)
        return path.stat().st_size
    except (OSError, RuntimeError) as error:  # libsndfile's errors are RuntimeErrors
        raise _unkept(path, error) from error


def copy(source: Path, target: Path) -> None:
    """Copies a FLAC file in one step; its folder is made.

    Raises:
        OSError: there is no room, or the folder cannot be written to.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as part:
        shutil.copyfile(source, part)


def _unkept(path: Path, error: Exception) -> DiskFull | HistoryUnavailable:
    if getattr(error, "errno", None) in _NO_ROOM or _is_full(path.parent):
        message = "The disk is full: the run on screen could not be kept in the history."
        return DiskFull(message, "Free some space; it is tried again with the next run.")
    message = f"The history cannot be written: its folder {path.parent} refuses files."
    return HistoryUnavailable(message, "Change the folder's permissions.")


def _is_full(folder: Path) -> bool:
    """Whether no megabyte is left: libsndfile does not say why it could not write."""
    try:
        return shutil.disk_usage(folder).free < 1 << 20
    except OSError:
        return False


def require_flac(path: Path) -> float:
    """The length in seconds of a FLAC file of 16 kHz speech.

    Raises:
        AudioUnreadable: it is none.
    """
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            if (file.format, file.samplerate, file.channels) == ("FLAC", SAMPLE_RATE, 1) and file.frames > 0:
                return float(file.frames / SAMPLE_RATE)
    except (soundfile.SoundFileError, RuntimeError, OSError):
        pass
    raise AudioUnreadable(f"{path.name} is no sound as the history keeps it.", "Save the session again.")


def _write(file: str | io.BytesIO, samples: Samples, rate: int, mark: Mark | None = None) -> None:
    import soundfile

    exact = all(_is_exact(samples[at : at + _BLOCK]) for at in range(0, samples.shape[0], _BLOCK))
    subtype = "PCM_16" if exact else "PCM_24"
    with soundfile.SoundFile(file, "w", samplerate=rate, channels=1, format="FLAC", subtype=subtype) as out:
        if mark is not None:
            out.software, out.comment = mark.program, mark.comment()
        for at in range(0, samples.shape[0], _BLOCK):
            out.write(_whole(samples[at : at + _BLOCK], bits=16 if exact else 24))


def _is_exact(block: Samples) -> bool:
    levels = np.asarray(block, np.float64) * 32_768
    return bool(np.all(levels == np.rint(levels)) and np.all(levels < 32_768))


def _whole(block: Samples, bits: int) -> NDArray[np.int32]:
    """Whole numbers of so many bits in the upper bits of 32, as libsndfile takes them."""
    top = 2 ** (bits - 1)
    levels = np.clip(np.rint(np.asarray(block, np.float64) * top), -top, top - 1)
    return np.asarray(levels.astype(np.int64) << (32 - bits), np.int32)
