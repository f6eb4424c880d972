"""Codecs of the telephone world to hold the product's own against: Opus (RFC 6716) and Codec 2.

Bit rates are those of the packets that were made, not those that were asked for; what a container adds is left out.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import BadInput

CODEC2_RATE: Final = 8000
CODEC2_MODES: Final = (3200, 2400, 1200)
"""Bits per second of Codec 2 that are near to those of one to six codebooks."""
_SECONDS: Final = 120
"""After which a program that does not end is ended."""
_REACH: Final = 1600
"""Samples by which what a codec gives may lie behind what it took."""


def opus(samples: Samples, bits_per_second: int) -> tuple[Samples, float]:
    """Through libopus, wideband, tuned for speech, frames of 20 ms at a variable rate.

    Args:
        samples: ``(n,)`` at 16 kHz.
        bits_per_second: asked for; from 6,000 on it can be met.

    Returns:
        what is heard ``(n,)`` at 16 kHz, and the bits per second that the packets took.
    """
    buffer = io.BytesIO()
    packets = 0
    with av.open(buffer, "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=SAMPLE_RATE, options={"application": "voip", "frame_duration": "20"})
        stream.bit_rate = bits_per_second
        stream.layout = "mono"
        for frame in (_frame(samples), None):
            for packet in stream.encode(frame):
                packets += packet.size
                out.mux(packet)
    buffer.seek(0)
    parts: list[NDArray[np.float32]] = []
    with av.open(buffer, "r") as file:
        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
        for frame in [*file.decode(audio=0), None]:
            parts += [found.to_ndarray()[0] for found in resampler.resample(frame)]
    return aligned(np.concatenate(parts), samples), 8 * packets * SAMPLE_RATE / samples.shape[0]


def has_codec2() -> bool:
    """Whether the programs of Codec 2 are installed (Debian: ``codec2``)."""
    return bool(shutil.which("c2enc") and shutil.which("c2dec"))


def codec2(samples: Samples, mode: int) -> tuple[Samples, float]:
    """Through the programs of Codec 2, at 8 kHz.

    Args:
        samples: ``(n,)`` at 16 kHz.
        mode: bits per second, one of :data:`CODEC2_MODES`.

    Returns:
        what is heard ``(n,)`` at 16 kHz, and the bits per second.

    Raises:
        BadInput: the programs are missing or fail.
    """
    narrow = np.clip(soxr.resample(samples, SAMPLE_RATE, CODEC2_RATE), -1, 1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            raw, bits, back = (Path(folder) / name for name in ("in.raw", "coded.bit", "out.raw"))
            np.asarray(np.round(narrow * 32767), "<i2").tofile(raw)
            for program, given, made in (("c2enc", raw, bits), ("c2dec", bits, back)):
                command = [program, str(mode), str(given), str(made)]
                subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
            size = bits.stat().st_size
            heard = np.fromfile(back, "<i2").astype(np.float32) / 32768
    except (OSError, subprocess.SubprocessError) as error:
        raise BadInput("The programs c2enc and c2dec do not work here.", "Install codec2, or leave it out.") from error
    wide = np.asarray(soxr.resample(heard, CODEC2_RATE, SAMPLE_RATE), np.float32)
    return aligned(wide, samples), 8 * size * SAMPLE_RATE / samples.shape[0]


def aligned(heard: Samples, reference: Samples) -> Samples:
    """What was heard, shifted by at most a tenth of a second so that it lies on the original, and as long."""
    size = 1 << int(np.ceil(np.log2(reference.shape[0] + heard.shape[0] + 1)))
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size))
    likeness = np.fft.irfft(product, size)
    shifts = np.arange(-_REACH, _REACH + 1)
    shift = int(shifts[np.argmax(likeness[shifts])])
    moved = heard[shift:] if shift > 0 else np.pad(heard, (-shift, 0))
    result = np.zeros(reference.shape[0], np.float32)
    count = min(moved.shape[0], result.shape[0])
    result[:count] = moved[:count]
    return result


def _frame(samples: Samples) -> av.AudioFrame:
    whole = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(whole[None], format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    return frame
