"""Any sound file becomes an :class:`~engines.contract.Utterance`.

The file is decoded in blocks, mixed down to the mean of its channels, resampled to 16 kHz with soxr (high quality) and
spooled to a raw float32 file that is mapped, so that hours of speech never lie in memory whole.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from engines.audio import spool
from engines.audio.cues import read_cues
from engines.audio.decoders import BLOCK_FRAMES, Block, NoSound, NotRecognised, open_audio
from engines.audio.synthetic import read_mark
from engines.contract import SAMPLE_RATE, Samples, Utterance
from engines.errors import AudioUnreadable, AudioUnusable, Cancelled

Progress: TypeAlias = Callable[[float, float | None], None]
"""Called with the seconds decoded so far and the seconds in all, None where they are not known."""

LOWEST_RATE = 4_000
HIGHEST_RATE = 1_536_000

_FORMATS = "WAV, FLAC, Ogg, Opus, MP3, M4A and videos with sound can be opened."


def load(
    path: str | Path,
    *,
    language: str | None = None,
    reference: str | None = None,
    reference_translation: str | None = None,
    source: str | None = None,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Utterance:
    """Reads a sound file or the sound of a video.

    Args:
        path: a regular file.
        language: ISO 639-1 code of the spoken language, if it is known.
        reference: its transcript, if there is one.
        reference_translation: its translation, if there is one.
        source: what to call it; the file's name if None.
        progress: told after every block.
        cancel: asked after every block; true stops the work.

    Returns:
        The utterance; what is odd about the file (it breaks off, it is damaged, it is synthetic) stands in its
        notes.

    Raises:
        AudioUnreadable: there is no such file, or it has no sound that can be read.
        AudioUnusable: it has no samples, samples that are no numbers, or an absurd rate.
        DiskFull: there is no room in the cache folder.
        Cancelled: ``cancel`` returned true.
    """
    path = Path(path)
    name = source or path.name
    _require_sound_file(path)
    try:
        decoding = open_audio(path)
    except NoSound as error:
        raise AudioUnreadable(
            f"{path.name} has no sound in it.", "Choose a recording, or a video with sound."
        ) from error
    except NotRecognised as error:
        what = "holds text, not sound" if _is_text(path) else "is not a sound file that can be read, or is broken"
        raise AudioUnreadable(f"{path.name} {what}.", _FORMATS) from error
    converter = _Converter(path.name, decoding.seconds, progress, cancel)
    file, digest = spool.write(converter.convert(decoding.blocks))
    if not converter.samples:
        file.unlink(missing_ok=True)
        if decoding.damage or decoding.seconds:
            raise AudioUnreadable(f"{path.name} is broken: no sound can be read from it.", _FORMATS)
        raise AudioUnusable(f"{path.name} holds no sound: it is 0 seconds long.", "Choose another recording.")
    mark = read_mark(path)
    notes: tuple[str, ...] = () if mark is None else (mark.sentence(path.name),)
    seconds = converter.samples / SAMPLE_RATE
    if decoding.seconds is not None and seconds < 0.99 * decoding.seconds - 0.05:
        notes += (
            f"{path.name} breaks off after {seconds:.1f} of {decoding.seconds:.1f} seconds; what is there was read.",
        )
    elif decoding.damage:
        notes += (f"{path.name} {decoding.damage}; {seconds:.1f} seconds of it were read.",)
    spool.tidy(keep=file)
    return Utterance(
        samples=spool.map_samples(file),
        digest=digest,
        source=name,
        path=str(file),
        language=language,
        reference=reference,
        reference_translation=reference_translation,
        notes=notes,
        gaps=read_cues(path),
    )


def from_samples(samples: NDArray[Any], rate: int, source: str, *, language: str | None = None) -> Utterance:
    """Makes an utterance of samples that are in memory.

    Args:
        samples: ``(n,)`` or ``(n, channels)``; integers are taken at their full scale, floats at ±1.
        rate: samples per second.
        source: what to call it.
        language: ISO 639-1 code of the spoken language, if it is known.

    Raises:
        AudioUnusable: there are no samples, samples that are no numbers, or an absurd rate.
        DiskFull: there is no room in the cache folder.
    """
    frames = samples[:, None] if samples.ndim == 1 else samples
    if np.issubdtype(frames.dtype, np.integer):
        frames = frames.astype(np.float32) / float(np.iinfo(samples.dtype).max + 1)
    blocks = (Block(frames[at : at + BLOCK_FRAMES], rate) for at in range(0, frames.shape[0], BLOCK_FRAMES))
    converter = _Converter(source, None, None, None)
    file, digest = spool.write(converter.convert(blocks))
    if not converter.samples:
        file.unlink(missing_ok=True)
        raise AudioUnusable(f"{source} holds no sound: it is 0 seconds long.", "Choose another recording.")
    spool.tidy(keep=file)
    return Utterance(spool.map_samples(file), digest, source, str(file), language)


def open_spooled(path: str | Path, digest: str, source: str = "", **fields: Any) -> Utterance:
    """Maps an utterance that another process loaded.

    Args:
        path: ``Utterance.path`` of the other process.
        digest: its digest; it is not computed again.
        source: its name.
        fields: the remaining fields of :class:`~engines.contract.Utterance`.

    Raises:
        AudioUnreadable: the file is gone or damaged.
    """
    return Utterance(spool.map_samples(Path(path)), digest, source, str(path), **fields)


def _require_sound_file(path: Path) -> None:
    """Refuses what cannot be read, without ever opening something that would block.

    Raises:
        AudioUnreadable: the path is missing, a folder, no regular file, empty, or forbidden.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioUnreadable(f"{path.name or path} is a folder, not a sound file.", "Choose a file inside it.")
        if not stat.S_ISREG(status.st_mode):
            hint = "Save the sound to a file first, then open that."
            raise AudioUnreadable(f"{path.name} is a pipe or a device, not a sound file.", hint)
        if not status.st_size:
            raise AudioUnreadable(f"{path.name} is empty.", "Choose another file.")
        with path.open("rb"):
            pass
    except PermissionError as error:
        hint = "Change the file's permissions, or copy it to a folder of yours."
        raise AudioUnreadable(f"You have no permission to read {path.name}.", hint) from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}:
            raise AudioUnreadable(f"{path.name} cannot be read: {error.strerror}.", "Choose another file.") from error
        raise AudioUnreadable(f"There is no file {path}.", "Check the name and the folder.") from error


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(512)
    return all(byte >= 0x20 or byte in b"\t\r\n\f" for byte in head)


class _Converter:
    """Blocks of any rate and channel count become mono blocks at 16 kHz.

    Attributes:
        samples: how many 16 kHz samples came out so far.
    """

    def __init__(
        self, name: str, seconds: float | None, progress: Progress | None, cancel: Callable[[], bool] | None
    ) -> None:
        self.samples = 0
        self._name = name
        self._seconds = seconds
        self._progress = progress
        self._cancel = cancel

    def convert(self, blocks: Iterator[Block]) -> Iterator[Samples]:
        """Yields arrays ``(n,)`` of finite float32."""
        rate, resampler = 0, None
        for block in blocks:
            if self._cancel is not None and self._cancel():
                raise Cancelled(f"Opening {self._name} was cancelled.")
            if block.rate != rate:
                if resampler is not None:
                    yield self._counted(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
                self._require_rate(block.rate)
                rate = block.rate
                resampler = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, quality="HQ")
            mono = self._mono(block.frames)
            yield self._counted(mono if resampler is None else resampler.resample_chunk(mono))
            if self._progress is not None:
                self._progress(self.samples / SAMPLE_RATE, self._seconds)
        if resampler is not None:
            yield self._counted(resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    def _counted(self, samples: Samples) -> Samples:
        self.samples += samples.shape[0]
        return samples

    def _mono(self, frames: NDArray[np.floating[Any]]) -> Samples:
        if not np.isfinite(frames).all():
            what = "no numbers (NaN)" if np.isnan(frames).any() else "infinite"
            at = self.samples / SAMPLE_RATE
            hint = "Export the recording again from the program that made it."
            raise AudioUnusable(f"{self._name} has samples that are {what}, about {at:.1f} s from its start.", hint)
        mono = frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1)
        return np.ascontiguousarray(mono, dtype=np.float32)

    def _require_rate(self, rate: int) -> None:
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            message = f"{self._name} has {rate} samples per second, from which no speech can be made out."
            hint = f"Choose a recording between {LOWEST_RATE} and {HIGHEST_RATE} samples per second."
            raise AudioUnusable(message, hint)
