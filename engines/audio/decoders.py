"""Decoders of sound files: an ordered chain, each of which streams blocks and never holds a file whole.

soundfile comes first (WAV, FLAC, Ogg Vorbis, Opus, AIFF, …, exact lengths), then PyAV for everything else that FFmpeg
knows (M4A, the sound of a video, compressed WAV). MP3 goes to PyAV, because libsndfile's decoder writes to the terminal
whatever it dislikes about a file. A decoder that is not installed is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_FRAMES = 65_536

_CONTAINERS = (
    "3g2,3gp,aac,ac3,adts,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dff,dsf,dts,eac3,flac,flv,g722,gsm,m4a,matroska,mka,"
    "mkv,mlp,mov,mp2,mp3,mp4,mpc,mpc8,mpeg,mpegts,mpegvideo,mxf,nut,oga,ogg,opus,rm,sox,spx,tta,voc,w64,wav,webm,wma,wv"
)
"""What PyAV may open. Playlists and scripts that would make it read other files or the network are not among them."""


class NotRecognised(Exception):  # not an error: the next decoder is asked
    """This decoder cannot read the file."""


class NoSound(Exception):  # turned into a sentence by the caller
    """The file is a sound or video container without an audio stream."""


@dataclass(frozen=True)
class Block:
    """A stretch of decoded audio.

    Attributes:
        frames: ``(n, channels)``, floating point; full scale is ±1.
        rate: samples per second.
    """

    frames: NDArray[np.floating[Any]]
    rate: int


@dataclass
class Decoding:
    """A file that is being decoded.

    Attributes:
        blocks: the audio; ends early, without raising, where the file is broken.
        seconds: length that the file announces; None if it does not, or if the figure is a guess.
        damage: set while iterating: what was wrong, in a few words; empty if nothing was.
    """

    seconds: float | None
    blocks: Iterator[Block]
    damage: str = ""


def open_audio(path: Path) -> Decoding:
    """Finds the first decoder that can read a regular file.

    Raises:
        NotRecognised: none can.
        NoSound: the file is fine but has no audio stream.
    """
    for decoder in _CHAIN:
        try:
            return decoder(path)
        except NotRecognised:
            continue
    raise NotRecognised(path.name)


def announced(path: Path) -> float:
    """The length of a regular file in seconds by its header; a file whose header tells none is decoded.

    Raises:
        NotRecognised: no decoder can read it.
        NoSound: the file is fine but has no audio stream.
    """
    if not _is_mpeg(path):
        try:
            import soundfile  # the library libsndfile may be missing

            info = soundfile.info(str(path))
            return float(info.frames / info.samplerate)
        except (ImportError, OSError, RuntimeError, TypeError, ValueError):
            pass  # it may be a container that PyAV knows
    decoding = open_audio(path)
    if decoding.seconds is not None:
        return decoding.seconds
    return float(sum(block.frames.shape[0] / block.rate for block in decoding.blocks))


def _with_soundfile(path: Path) -> Decoding:
    if _is_mpeg(path) and find_spec("av") is not None:
        raise NotRecognised
    try:
        import soundfile  # the library libsndfile may be missing
    except (ImportError, OSError) as error:
        raise NotRecognised from error
    try:
        file = soundfile.SoundFile(str(path))
        first = file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, TypeError, ValueError, RuntimeError) as error:
        raise NotRecognised from error
    rate = int(file.samplerate)
    decoding = Decoding(seconds=_announced(path, file), blocks=iter(()))

    def blocks() -> Iterator[Block]:
        with file:
            frames = first
            while frames.shape[0]:
                yield Block(frames, rate)
                try:
                    frames = file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
                except (soundfile.SoundFileError, RuntimeError):
                    decoding.damage = "is damaged"
                    return

    decoding.blocks = blocks()
    return decoding


def _is_mpeg(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(3)
    named = path.suffix.lower() in {".mp3", ".mp2", ".mpga"}
    return named or head == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")


def _announced(path: Path, file: Any) -> float | None:
    """Length in seconds by the header.

    libsndfile silently shortens a WAV whose data breaks off, so the data chunk is asked itself.
    """
    seconds: float | None = float(file.frames / file.samplerate) if 0 < file.frames < 1 << 62 else None
    if file.format != "WAV" or seconds is None:
        return seconds
    size = _wav_data_bytes(path)
    # ``sections`` is no help: bytes per second follow from what libsndfile counted, if the data are complete
    present = path.stat().st_size
    if size is None or size[0] + size[1] <= present or size[1] >= 0xFFFF_FF00:
        return seconds
    return seconds * size[1] / max(present - size[0], 1)


def _wav_data_bytes(path: Path) -> tuple[int, int] | None:
    """Offset and announced size in bytes of a WAV's data chunk."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return None
        file.seek(12)
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                return file.tell(), size
            file.seek(size + size % 2, 1)
    return None


def _with_pyav(path: Path) -> Decoding:
    try:
        import av  # optional at run time
    except ImportError as error:
        raise NotRecognised from error
    av.logging.set_level(None)
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        container = av.open(f"file:{path.resolve()}", options=options)
    except (av.FFmpegError, ValueError) as error:
        raise NotRecognised from error
    if not container.streams.audio:
        container.close()
        raise NoSound(path.name)
    stream: Any = container.streams.audio[0]
    if stream.codec_context is None:  # FFmpeg knows the container but not the codec
        container.close()
        raise NotRecognised(path.name)
    seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
    decoding = Decoding(seconds=seconds, blocks=iter(()))

    def blocks() -> Iterator[Block]:
        with container:
            try:
                for packet in container.demux(stream):
                    try:
                        frames = packet.decode()
                    except av.InvalidDataError:
                        decoding.damage = "is damaged"
                        continue
                    for frame in frames:
                        yield Block(_to_float(frame), frame.sample_rate)
            except av.FFmpegError:
                decoding.damage = "is damaged"

    decoding.blocks = blocks()
    return decoding


def _to_float(frame: Any) -> NDArray[np.floating[Any]]:
    """A PyAV frame as ``(n, channels)`` with full scale ±1."""
    array: NDArray[Any] = frame.to_ndarray()
    channels = frame.layout.nb_channels
    array = array.T if frame.format.is_planar else array.reshape(-1, channels)
    if array.dtype == np.uint8:
        return (array.astype(np.float32) - 128.0) / 128.0
    if np.issubdtype(array.dtype, np.integer):
        return array.astype(np.float32) / float(-int(np.iinfo(array.dtype).min))
    return array


_CHAIN: tuple[Callable[[Path], Decoding], ...] = (_with_soundfile, _with_pyav)
